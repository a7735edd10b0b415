"""What better models together say of pictures, for a smaller or faster one to learn from.

    p(picture) = mean over networks, canvases and mirror images of their densities

Knowledge distillation (Hinton, Vinyals & Dean 2015, https://arxiv.org/abs/1503.02531): some twelve people on a picture
are a noisy truth, several networks that were trained on all pictures are a smoother one. `gaze distill` writes the
densities, `gaze train tempsal --data.teacher FOLDER` mixes them into people's.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import nn

from data.atomic import atomic_write
from data.errors import GazeError, TableError
from data.picture import Letterbox, read
from saliency.datamodule import letterboxed, training_pictures
from saliency.flip_ensemble import FlipEnsemble
from training.weights import fingerprint

GRID = 4  # canvas pixels of the largest canvas per cell of what is written


@torch.inference_mode()
def densities(
    networks: Sequence[nn.Module],
    picture: UInt8[np.ndarray, "h w 3"],
    condition: str,
    canvases: Sequence[tuple[int, int]],
) -> Float32[np.ndarray, "m g v"]:
    """The networks' mean log densities of a picture, whole viewing first, on a grid as wide as a quarter of its canvas.

    A network that does not know the viewing condition is asked under `any`.
    """
    _, _, height, width = Letterbox.fit(picture.shape[:2], max(canvases)).content
    grid = (max(1, height // GRID), max(1, width // GRID))
    total: Any = 0.0
    for network in networks:
        known: Sequence[str] = network.conditions  # type: ignore[assignment]
        index = torch.tensor([known.index(condition) if condition in known else 0])
        for canvas in canvases:
            box, shown, content = letterboxed(picture, canvas)
            density, slices, *_ = FlipEnsemble(network)(shown, content, index)
            maps = torch.cat([density[:, None], slices], 1)[0].numpy()
            total = total + np.exp(replace(box, size=grid).back(maps))
    mean: np.ndarray = total / (len(networks) * len(canvases))
    return np.asarray(np.log(np.maximum(mean, np.finfo(np.float32).tiny)), np.float32)


def write(
    networks: Sequence[nn.Module], root: Path, folder: Path, canvases: Sequence[tuple[int, int]]
) -> Iterator[tuple[Path, int]]:
    """Writes `folder/SET/NAME.npy` (float16) for every training picture of a set; yields each, and how many there are.

    What is there already stays, so that the same command goes on where it was stopped; `teacher.json` says what
    made it.

    Raises:
        GazeError: A canvas does not suit a network, networks tell other numbers of seconds apart, or the folder holds
            the densities of others.
        TableError: A picture of the table is missing, or the set is no set.
    """
    for network in networks:
        multiple = int(network.multiple)  # type: ignore[arg-type]
        wrong = [canvas for canvas in canvases if any(side < 1 or side % multiple for side in canvas)]
        if wrong:
            raise GazeError(f"The canvas {wrong[0][0]}x{wrong[0][1]} must have sides that are multiples of {multiple}.")
        network.eval()
    if len({network.slices for network in networks}) > 1:
        raise GazeError("These networks tell different numbers of seconds apart; distill some that agree.")
    name = root.resolve().name
    _sign(folder / name, [fingerprint(network) for network in networks], canvases, root)
    chosen = training_pictures(root)
    for picture in chosen:
        if picture.path is None:
            raise TableError(
                f"{picture.name}: there is no such picture in images/; add it, or take it out of the table."
            )
        target = folder / name / f"{picture.name}.npy"
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            told = densities(networks, read(picture.path), name, canvases)
            with atomic_write(target) as file:
                np.save(file, told.astype(np.float16))
        yield target, len(chosen)


def _sign(folder: Path, networks: list[str], canvases: Sequence[tuple[int, int]], root: Path) -> None:
    """Writes down what the densities in a folder are made of, or refuses to add others."""
    told = {"networks": sorted(networks), "canvases": sorted(map(list, canvases)), "data": str(root.resolve())}
    path = folder / "teacher.json"
    if path.exists():
        try:
            known = json.loads(path.read_text("utf-8"))
        except ValueError:
            known = None
        if known != told:
            raise GazeError(f"{folder} holds densities of other networks, canvases or data; give another folder.")
        return
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        file.write(json.dumps(told, indent=2).encode())
