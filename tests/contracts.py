"""What the file of a fresh saliency network says of itself, in tests and in trials."""

from dataclasses import replace
from typing import Any

import torch

from export.onnx import OPSET
from export.runtime.contract import Contract


def contract(network: Any, **others: Any) -> Contract:
    """A contract that fits the network, with what is told otherwise."""
    plain = Contract(
        name="tiny",
        version="0.0.1",
        task="saliency",
        description="A tiny network for tests.",
        canvas=(64, 96),
        multiple=network.multiple,
        conditions=network.conditions,
        slices=tuple((float(s), float(s + 1)) for s in range(network.slices)),
        licence="Apache-2.0",
        training=("synthetic (CC0-1.0)",),
        scores={"synthetic": {"cc": 0.5}},
        commit="0" * 40,
        opset=OPSET,
        torch=torch.__version__,
    )
    return replace(plain, **others)
