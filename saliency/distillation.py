"""What better models together say of pictures, for a smaller or faster one to learn from.

    p(picture) = mean over networks, canvases and mirror images of their densities

Knowledge distillation (Hinton, Vinyals & Dean 2015, https://arxiv.org/abs/1503.02531): some twelve people on a picture
are a noisy truth, several networks that were trained on all pictures are a smoother one. `gaze distill` writes the
densities, `gaze train tempsal --data.teacher FOLDER` mixes them into people's. What teachers say of pictures that they
learned by heart is little news: changed copies (`write_variants`) are where they teach what they know otherwise.
"""

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch import nn

from data.atomic import atomic_write
from data.errors import GazeError, TableError
from data.picture import Letterbox, read, save
from saliency.datamodule import letterboxed, training_pictures
from saliency.flip_ensemble import FlipEnsemble
from saliency.models.tempsal import CANVAS
from saliency.teacher import VARIANTS
from training.augment import Natural
from training.weights import fingerprint

ZOOM = (0.6, 1.8)  # least and greatest size of a changed copy
Viewer = tuple[nn.Module, tuple[int, int]]  # a network, and the canvas on which it sees a picture
NOBODY = np.zeros((0, 2))  # a changed copy has no fixations
GRID = 4  # canvas pixels of the largest canvas per cell of what is written


@torch.inference_mode()
def densities(
    viewers: Sequence[Viewer], picture: UInt8[np.ndarray, "h w 3"], condition: str, mirror: bool = True
) -> Float32[np.ndarray, "m g v"]:
    """The mean log densities of all viewers, whole viewing first, on a grid as wide as a quarter of the largest canvas.

    A viewer is a network and the canvas on which it sees the picture and, unless `mirror` is false, its mirror image. A
    network that does not know the viewing condition is asked under `any`.
    """
    _, _, height, width = Letterbox.fit(picture.shape[:2], max(canvas for _, canvas in viewers)).content
    grid = (max(1, height // GRID), max(1, width // GRID))
    total: Any = 0.0
    for network, canvas in viewers:
        known: Sequence[str] = network.conditions  # type: ignore[assignment]
        index = torch.tensor([known.index(condition) if condition in known else 0])
        box, shown, content = letterboxed(picture, canvas)
        density, slices, *_ = (FlipEnsemble(network) if mirror else network)(shown, content, index)
        maps = torch.cat([density[:, None], slices], 1)[0].numpy()
        total = total + np.exp(replace(box, size=grid).back(maps))
    mean: np.ndarray = total / len(viewers)
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
    name = root.resolve().name
    _begin(networks, folder / name, canvases, root)
    files = _files(root)
    for picture, path in files.items():
        target = folder / name / f"{picture}.npy"
        if not target.exists():
            _save(target, densities(list(itertools.product(networks, canvases)), read(path), name))
        yield target, len(files)


def write_variants(networks: Sequence[nn.Module], root: Path, folder: Path, count: int) -> Iterator[tuple[Path, int]]:
    """Writes `count` changed copies of every training picture of a set, and what the networks say of each.

    A copy is zoomed to 0.6 to 1.8 of its size, turned, sheared, shifted, mirrored and in other light; every other one
    is blended with a copy of another picture (mixup, https://arxiv.org/abs/1710.09412). Each network sees it once, on
    the canvas that it was trained on. Yields and keeps what is there as `write` does.

    Raises:
        GazeError: Networks tell other numbers of seconds apart, or the folder holds the densities of others.
        TableError: A picture of the table is missing, or the set is no set.
    """
    name = root.resolve().name
    target = folder / name / VARIANTS
    viewers: list[Viewer] = [(network, getattr(network, "canvas", CANVAS)) for network in networks]
    canvases = [canvas for _, canvas in viewers]
    _begin(networks, target, canvases, root)
    files = _files(root)
    paths = list(files.values())
    for (index, picture), number in itertools.product(enumerate(files), range(count)):
        path = target / f"{picture}.{number}.npy"
        if not path.exists():
            copy = variant(paths, index, number, max(canvases))
            path.parent.mkdir(parents=True, exist_ok=True)
            save(path.with_suffix(".jpg"), copy)
            _save(path, densities(viewers, copy, name, mirror=False))
        yield path, len(files) * count


def variant(paths: Sequence[Path], index: int, number: int, canvas: tuple[int, int]) -> UInt8[np.ndarray, "h w 3"]:
    """A picture's changed copy of this number, as large as on the canvas."""
    rng = np.random.default_rng((index, number))
    change = Natural(motion=1.5, colour=1.2, zoom=ZOOM)
    copy = None
    for which in (index, int(rng.integers(len(paths)))) if number % 2 else (index,):
        pixels = read(paths[which])
        _, _, height, width = Letterbox.fit(pixels.shape[:2], canvas).content
        size = (width, height) if copy is None else copy.shape[1::-1]
        pixels = change(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), NOBODY, int(rng.integers(2**31))).image
        share = float(rng.uniform(0.5, 1))
        copy = pixels if copy is None else cv2.addWeighted(copy, share, pixels, 1 - share, 0)
    assert copy is not None
    return copy


def _begin(networks: Sequence[nn.Module], folder: Path, canvases: Sequence[tuple[int, int]], root: Path) -> None:
    """Makes sure that these networks fit each other, and what the folder holds already."""
    for network in networks:
        network.eval()
    if len({network.slices for network in networks}) > 1:
        raise GazeError("These networks tell different numbers of seconds apart; distill some that agree.")
    _sign(folder, [fingerprint(network) for network in networks], canvases, root)


def _files(root: Path) -> dict[str, Path]:
    """The files of a set's training pictures, by the pictures' names."""
    files = {}
    for picture in training_pictures(root):
        if picture.path is None:
            raise TableError(
                f"{picture.name}: there is no such picture in images/; add it, or take it out of the table."
            )
        files[picture.name] = picture.path
    return files


def _save(path: Path, log_densities: Float32[np.ndarray, "m g v"]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        np.save(file, log_densities.astype(np.float16))


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
