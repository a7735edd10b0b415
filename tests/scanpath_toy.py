"""A tiny OAT whose weights mean nothing, random scenes for it, and a walk over one of them with torch."""

import functools
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor

from data.gaze import Objects, Picture, Scene
from export.runtime.contract import Contract
from export.scanpath_onnx import export, random_look
from scanpath.datamodule import collate
from scanpath.inputs import InputSpec
from scanpath.models.oat import OAT, Memory
from scanpath.object_features import FeatureSizes, Look
from tests import contracts

CATEGORIES = ("cup", "book", "lamp")
CANVAS = (64, 96)  # height, width
SIZE = np.array([150, 110])  # width, height of every picture
TINY: dict[str, Any] = {"width": 16, "heads": 2, "encoder": 1, "decoder": 2, "hidden": 16, "crop": 12}
SIZES = (2, 2, 8, 16)  # of a look: maps, kinds, fine and coarse features
WEIGHTS = "c0ffee"  # of the saliency model whose outputs are read


def network(appearance: str = "none", seed: int = 0, **options: Any) -> OAT:
    """Not as it starts: every weight of its own is noise, so that whatever it is told changes what it says."""
    torch.manual_seed(seed)
    reads = {"saliency": WEIGHTS, "features": SIZES} if "saliency" in appearance else {}
    made = OAT(("one", "two"), CATEGORIES, appearance, **(TINY | reads | options))
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.15 * torch.randn_like(parameter)
    return made.eval()


def input_spec(appearance: str = "none") -> InputSpec:
    """What the network reads of a scene."""
    return InputSpec(CATEGORIES, appearance, TINY["crop"], FeatureSizes(*SIZES).total)


def scene(count: int, seed: int = 0, targets: tuple[int, ...] = (0,)) -> Scene:
    """Boxes anywhere on a picture, with categories, one of them unknown; without targets it is free viewing."""
    chance = np.random.default_rng((seed, count))
    boxes = np.hstack([chance.random((count, 2)) * SIZE * 0.8, 2 + chance.random((count, 2)) * SIZE * 0.18])
    names = tuple(str(name) for name in chance.choice((*CATEGORIES, "yeti"), count))
    picture = Picture(f"{seed}.png", int(SIZE[0]), int(SIZE[1]))
    if not targets:
        return Scene(picture, Objects(boxes, names))
    x, y, width, height = boxes[targets[0]].tolist()
    return Scene(picture, Objects(boxes, names), targets, (names[targets[0]],), "search", (x, y, width, height))


def pixels(seed: int = 0) -> np.ndarray:
    """A picture for a scene."""
    return np.random.default_rng(seed).integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)


def look(seed: int = 0) -> Look:
    """What a saliency model could give for a picture."""
    return random_look(SIZES, seed)


def batch(*fed: dict[str, np.ndarray]) -> dict[str, Tensor]:
    """Scenes as the network takes them."""
    return collate(fed)


class Walk:
    """A `scanpath.decode.StepModel` that asks torch."""

    def __init__(self, network: OAT, fed: dict[str, np.ndarray]) -> None:
        self.network, self.count = network, len(fed["boxes"])
        with torch.no_grad():
            self.memory: Memory = network.encode(batch(fed))

    def start(self, observers: int) -> tuple[Tensor, Tensor]:
        layers, heads, width = past(self.network)
        return torch.zeros(observers, self.count, 2), torch.zeros(layers, 2, observers, heads, 0, width)

    def step(self, last: np.ndarray, state: tuple[Tensor, Tensor]) -> tuple[np.ndarray, np.ndarray, Any]:
        with torch.no_grad():
            logits, log_duration, *state_ = self.network.step(self.memory, torch.from_numpy(last), *state)
        return logits.numpy(), log_duration.numpy(), tuple(state_)


def past(network: OAT) -> tuple[int, ...]:
    """Layers, heads and the width of a head of what a step remembers."""
    return contract(network).past


def contract(network: OAT, appearance: str = "none", name: str = "tiny") -> Contract:
    """Of an exported toy."""
    reads = {"saliency": WEIGHTS, "features": SIZES} if "saliency" in appearance else {}
    return contracts.scanpath(network, name=name, canvas=CANVAS, categories=CATEGORIES, appearance=appearance, **reads)


def examples(appearance: str = "none") -> list[dict[str, np.ndarray]]:
    """What an export is made and checked with: two things looked for in the first, one told, and free viewing."""
    two = replace(scene(4), memory_set=("cup", "lamp"))
    shown = [(two, 1, False), (scene(9, 1, (2, 3)), 2, True), (scene(2, 2, ()), 0, False)]
    return [input_spec(appearance).inputs(*given, pixels(i), look=look(i)) for i, given in enumerate(shown)]


@functools.cache
def exported(folder: Path) -> tuple[Path, float]:
    """`network()` as files in `folder`, and how far from torch they are; made once for all processes of a test run."""
    common = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    path, worst = common / "exported" / "tiny.onnx", common / "exported.worst"
    with FileLock(common / "exported.lock"):
        if not worst.is_file():
            path.parent.mkdir()
            worst.write_text(repr(export(network(), path, contract(network()), examples())))
    return path, float(worst.read_text())
