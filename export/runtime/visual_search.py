"""Run an exported model of visual search: picture and target in, the places that are fixated out; no torch.

`VisualSearcher("eccnet").search(pixels, target)` runs two ONNX files: `eccnet.onnx` looks at the picture and at the
target once, `eccnet.step.onnx` tells from one fixation how much each place is like the target. Both carry their
`Contract`, whose `stride` is above 0.

    scene    picture (1, h, w, 3), target (1, y, x, 3), uint8 RGB of `pixels_per_degree`  -> what a step remembers
    step     gaze (1, 2) in pixels x, y of that picture, and what is remembered           -> attention (1, g, v)

A cell of the attention map is `stride` pixels wide; the next fixation is on the highest one that has not been fixated
(`scanpath.visual_search`). Pictures are brought to the model's pixels per degree by the width that they are seen at.
"""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from data.errors import GazeError, ModelError, PictureError
from data.gaze import Objects
from data.objects import check, window
from export.runtime import session as sessions
from export.runtime.registry import STEP, find_model, read_contract
from export.runtime.session import check_names, session
from scanpath import TASK, visual_search
from scanpath.visual_search import Search

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

    from export.runtime.session import Value

SCENE, GAZE, ATTENTION = ("picture", "target"), "gaze", "attention"
DEGREES = 20.0  # of visual angle: how wide a picture is seen if nobody says otherwise, as a screen is from 85 cm
NARROWEST, WIDEST = 1.0, 120.0  # degrees
FOVEA = 1.0  # degrees about a fixation in which a target is recognised
LIMIT = 20  # fixations after the first
MOST = 4_000_000  # pixels of a picture as the model is given it
LEAST = 8  # pixels of its sides, and
THINNEST = 2  # of the target's

Pixels = UInt8[np.ndarray, "h w 3"]
Crop = UInt8[np.ndarray, "y x 3"]
Box = tuple[float, float, float, float]  # x, y, width, height in pixels of the picture
Map = Float32[np.ndarray, "g v"]


class VisualSearcher:
    """An exported model of visual search, ready to run.

    `model` is a name in `export.runtime.registry.folder()` or the path of an .onnx file; `provider` is one of
    `export.runtime.providers.NAMES`; `threads` is the number of CPU threads for one run (None: every core this process
    has).

    Raises:
        ModelError: There is no such model, its files do not belong together, or it does not search places.
    """

    def __init__(self, model: str | Path = "eccnet", *, provider: str = "auto", threads: int | None = None) -> None:
        self.path = find_model(model)
        self.contract = read_contract(self.path)
        if self.contract.task != TASK.name or not self.contract.searches_places:
            raise ModelError(f"{self.contract.name} does not search a picture place by place; use a model as eccnet.")
        second = self.path.with_name(self.path.stem + STEP)
        if not second.is_file():
            raise ModelError(f"{second} is missing beside {self.path.name}; export the model again.")
        if read_contract(second) != self.contract:
            raise ModelError(f"{second.name} was exported with another {self.path.name}; export the model again.")
        if provider == "tensorrt":
            raise ModelError(
                "TensorRT would have to compile a search anew for every picture; take the provider 'cuda'."
            )
        self.files = self.path, second
        self._scene, self._step = session(self.path, provider, threads), session(second, provider, threads)
        self._memory = tuple(node.name for node in self._scene.get_outputs())
        check_names(self._scene, self.path, SCENE)
        check_names(self._step, second, (GAZE, *self._memory, ATTENTION))

    @property
    def provider(self) -> str:
        """What the model runs on, such as "cuda" or "cpu"."""
        return sessions.provider(self._scene)

    def look(self, pixels: Pixels, target: Crop, degrees: float = DEGREES) -> "Sight":
        """The picture and the target as the model sees them, computed once for all fixations and starts.

        Args:
            pixels: The picture.
            target: How what is looked for looks, at the picture's scale.
            degrees: Of visual angle, how wide the picture is seen.

        Raises:
            GazeError: The target is larger than the picture, or either is too large or too small at this angle.
            ModelError: The model gives numbers that are not finite.
        """
        size, seen = self._sizes(pixels.shape[:2], target.shape[:2], degrees)
        arrays = {"picture": resized(pixels, size)[None], "target": resized(target, seen)[None]}
        memory = sessions.run(self._scene, self._memory, arrays)
        if not all(np.isfinite(values).all() for values in memory):
            raise ModelError(f"{self.path.name} gave numbers that are not finite; export the model again.")
        held = sessions.hold(self._step, dict(zip(self._memory, memory, strict=True)))
        original = pixels.shape[0], pixels.shape[1]
        fovea = FOVEA * self.contract.pixels_per_degree
        return Sight(self._step, held, self.contract.stride, size, original, seen, fovea, self.path.name)

    def search(
        self,
        pixels: Pixels,
        target: Crop,
        target_box: Box | None = None,
        *,
        degrees: float = DEGREES,
        limit: int = LIMIT,
        start: tuple[float, float] | None = None,
    ) -> Search:
        """One search, as `Sight.search` does it; `pixels`, `target`, `degrees` and what is raised as in `look`."""
        return self.look(pixels, target, degrees).search(target_box, limit=limit, start=start)

    def warm_up(self) -> None:
        """Search a grey picture: the first run of a graph takes longer than the next."""
        grey = np.full((96, 128, 3), 127, np.uint8)
        self.search(grey, grey[:24, :24], limit=1, degrees=NARROWEST)

    def graph_inputs(self, pixels: Pixels) -> dict[str, np.ndarray]:
        """What the graph of the picture is given for pixels that are at its scale already, and their first eighth."""
        height, width = pixels.shape[0] // 8, pixels.shape[1] // 8
        return {"picture": pixels[None], "target": pixels[None, :height, :width].copy()}

    def _sizes(
        self, size: tuple[int, ...], target: tuple[int, ...], degrees: float
    ) -> tuple[tuple[int, int], tuple[int, int]]:
        """Heights and widths of the picture and the target as the model is given them."""
        if not NARROWEST <= degrees <= WIDEST:
            limits = f"{NARROWEST:g} to {WIDEST:g}"
            raise GazeError(f"The picture is {degrees:g} degrees wide; give a width from {limits} (--degrees).")
        (height, width), (tall, wide) = size, target
        if tall > height or wide > width:
            told = f"The target of {wide} x {tall} pixels is larger than the picture of {width} x {height}"
            raise PictureError(f"{told}; give what is looked for as large as it is in the picture.")
        scale = self.contract.pixels_per_degree * degrees / width
        rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
        seen = max(1, round(tall * scale)), max(1, round(wide * scale))
        told = f"A picture of {width} x {height} pixels that is seen {degrees:g} degrees wide"
        if rows * columns > MOST:
            raise PictureError(
                f"{told} has {rows * columns:,} of the model's pixels, more than {MOST:,}; see it narrower (--degrees)."
            )
        if min(rows, columns) < LEAST:
            raise PictureError(
                f"{told} has sides of {columns} x {rows} of the model's pixels; see it wider (--degrees)."
            )
        if min(seen) < THINNEST:
            small = f"{wide * scale:.2g} x {tall * scale:.2g} of the model's pixels, which is too small to see"
            problem = f"{told} shows a target of {small}"
            raise PictureError(f"{problem}; see it wider (--degrees), or take a larger target.")
        return (rows, columns), seen


@dataclass(frozen=True)
class Sight:
    """A picture and a target, as a model sees them."""

    _opened: "InferenceSession"
    _memory: "dict[str, Value]"
    stride: int  # pixels of the model a cell
    size: tuple[int, int]  # height and width in pixels of the model
    original: tuple[int, int]  # in pixels of the picture
    seen: tuple[int, int]  # height and width of the target in pixels of the model
    fovea: float  # the same, about a fixation
    name: str  # of the model's file

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of an attention map."""
        return math.ceil(self.size[0] / self.stride), math.ceil(self.size[1] / self.stride)

    @property
    def scale(self) -> Float[np.ndarray, " 2"]:
        """Pixels of the model in a pixel of the picture, across and down."""
        return np.array([self.size[1] / self.original[1], self.size[0] / self.original[0]])

    def attention(self, gaze: Float[np.ndarray, " 2"]) -> Map:
        """How much each cell is like the target, seen from a fixation in the model's pixels.

        Raises:
            ModelError: The model gives a map of another size, or numbers that are not finite.
        """
        feeds = {GAZE: np.asarray(gaze, np.float32)[None], **self._memory}
        (found,) = sessions.run(self._opened, (ATTENTION,), feeds)
        rows, columns = self.grid
        if found.ndim != 3 or found.shape[1] < rows or found.shape[2] < columns or not np.isfinite(found).all():
            raise ModelError(f"{self.name} gave an attention map that is none; export the model again.")
        return np.asarray(found[0, :rows, :columns], np.float32)  # beyond the picture there is nothing

    def search(
        self, target: Box | None = None, *, limit: int = LIMIT, start: tuple[float, float] | None = None
    ) -> Search:
        """The fixations until the target is found, in pixels of the picture, and the attention at each of them.

        The target is recognised within `FOVEA` of a fixation. The gaze does not return to where it was: to a rectangle
        as large as the target, or as twice `FOVEA` where that is larger, so that it passes by no target.

        Args:
            target: Where it is, which the model is not told: the search ends there. None: nobody knows, and the search
                goes on to its limit.
            limit: Fixations after the first, at most.
            start: Where the first one is, in pixels of the picture; by default the middle.

        Raises:
            GazeError: The target's box is none, or it or the start lies outside of the picture.
        """
        scale = self.scale
        box = None if target is None else (checked(target, self.original) * np.tile(scale, 2)).tolist()
        at = None if start is None else np.minimum(np.asarray(self._inside(start)) * scale, self.size[::-1]).tolist()
        found = visual_search.search(
            self.attention,
            self.size,
            self.stride,
            target=box,
            limit=limit,
            start=at,
            window=(max(2 * self.fovea, self.seen[1]), max(2 * self.fovea, self.seen[0])),
            within=self.fovea,
        )
        return replace(found, xy=found.xy / scale)

    def _inside(self, start: tuple[float, float]) -> tuple[float, float]:
        height, width = self.original
        if not (0 <= start[0] <= width and 0 <= start[1] <= height):
            place = f"The search starts at {start[0]:g}, {start[1]:g}"
            raise GazeError(f"{place}, outside of the picture of {width} x {height} pixels; give a place in it.")
        return start


def checked(box: Box, size: tuple[int, int]) -> Float[np.ndarray, " 4"]:
    """A target's box, without what sticks out of a picture of this height and width.

    Raises:
        GazeError: It is no box, lies outside of the picture, or is larger than it.
    """
    if any(side > most for side, most in zip(box[2:], size[::-1], strict=True) if np.isfinite(side)):
        told = f"its box of {box[2]:g} x {box[3]:g} pixels is larger than the picture of {size[1]} x {size[0]}"
        raise GazeError(f"The target cannot be looked for: {told}; give a smaller one.")
    try:
        return np.asarray(check(Objects(np.array([box], np.float64)), size[1], size[0]).boxes[0])
    except GazeError as error:
        raise GazeError(f"The target cannot be looked for: {error}") from error


def cut(pixels: Pixels, box: Box) -> Crop:
    """What is in a target's box.

    Raises:
        GazeError: As `checked`.
    """
    return pixels[window(checked(box, pixels.shape[:2]), pixels.shape[1], pixels.shape[0])]


def resized(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """A picture at another height and width, shrunk by area."""
    if pixels.shape[:2] == size:
        return pixels
    shrinks = size[0] * size[1] < pixels.shape[0] * pixels.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, size[::-1], interpolation=how), np.uint8)
