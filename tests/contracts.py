"""What exported files say of themselves in tests and trials; every toy's contract is made here."""

from typing import Any

import torch

from export.onnx import OPSET
from export.runtime.contract import Contract

TINY: dict[str, Any] = {
    "name": "tiny",
    "version": "0.0.1",
    "description": "A tiny network for tests.",
    "canvas": (64, 96),
    "licence": "Apache-2.0",
    "training": ("synthetic (CC0-1.0)",),
    "commit": "0" * 40,
    "opset": OPSET,
    "torch": torch.__version__,
}


def build(**fields: Any) -> Contract:
    """A contract of these fields, and for the others those of a tiny network."""
    return Contract(**(TINY | fields))


def contract(network: Any, **others: Any) -> Contract:
    """A contract that fits a saliency network, with what is told otherwise."""
    fitting = {
        "task": "saliency",
        "multiple": network.multiple,
        "conditions": network.conditions,
        "slices": tuple((float(s), float(s + 1)) for s in range(network.slices)),
        "scores": {"synthetic": {"cc": 0.5}},
    }
    return build(**(fitting | others))


def scanpath(network: Any, **others: Any) -> Contract:
    """A contract that fits an OAT, with what is told otherwise; nothing is known of its categories and looks."""
    heads = network.heads
    fitting = {
        "task": "scanpath",
        "multiple": network.multiple or 1,
        "conditions": network.conditions,
        "slices": (),
        "scores": {"synthetic": {"bits": 2.5}},
        "crop": network.crop,
        "past": (len(network.decoder), heads, network.start.numel() // heads),
    }
    return build(**(fitting | others))


def bright() -> Contract:
    """The contract of `tests.toy_model`, which looks at what is bright."""
    return build(
        name="toy",
        task="saliency",
        description="Looks at what is bright.",
        canvas=(96, 128),
        multiple=32,
        conditions=("any", "osie", "uniform"),
        slices=((0.0, 1.0), (1.0, 2.0)),
        licence="CC0-1.0",
        training=(),
        scores={"osie": {"cc": 0.1, "nss": 0.2}},
        opset=20,
        torch="none",
    )


def changed(contract: Contract, **fields: Any) -> Contract:
    """A contract with other values of these fields, checked."""
    return contract.model_copy(update=fields)


def glowing(**fields: Any) -> Contract:
    """That of the toy video model: it looks at what is bright, and at what was a little before."""
    own: dict[str, Any] = {"name": "toy-video", "task": "video", "slices": (), "memory": {"glow": (1, 1)}}
    return bright().model_copy(update=own | fields)
