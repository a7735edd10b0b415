"""Where heads face, from head-pose models in ONNX files that somebody else made; no torch.

`export.runtime.heads.pose_layouts` lists the layouts; which one a file has is read off its answer to a grey picture,
and what fits none is refused. Each head is shown to each file as it is and mirrored, and the noses are averaged. By how
much they differ tells how well the head could be seen: on 400 heads of Saliency in Crowd, at least 28 pixels high, the
two FSA-Net files differ by 5 degrees on frontal faces (median), 15 on profiles, and 27 on the backs of heads, of which
they know nothing and believe to know something of 70 % (`tests/bench/head_pose.py`). It widens the cone.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from data.errors import ModelError
from data.picture import FILL
from export.runtime.heads.pose_layouts import LAYOUTS, Layout, layout_of, nose, sound
from export.runtime.session import session
from following.baselines.cone import angles

logger = logging.getLogger(__name__)

SIDE = 224  # pixels: of the input, where its shape does not tell
LARGEST = 1024  # pixels of an input's side
AGREE = 40.0  # degrees: noses that lie farther apart tell no direction
FILES = 4  # that are averaged at most


class Pose(NamedTuple):
    """Where a head faces, in degrees as in `following.baselines.cone`."""

    yaw: float
    pitch: float
    roll: float
    apart: float  # the largest angle between the mean nose and that of a file, or of the mirror image

    @property
    def known(self) -> bool:
        """Whether files and mirror images agree well enough for a direction."""
        return self.apart <= AGREE


class HeadPose:
    """One or several head-pose models whose answers are averaged, ready to run (`provider` as in `Predictor`).

    Raises:
        ModelError: There is no such file, it cannot be opened, or it is no head-pose model of a known layout.
    """

    def __init__(self, *paths: Path | str, provider: str = "auto", threads: int | None = None) -> None:
        if not 1 <= len(paths) <= FILES:
            raise ModelError(f"{len(paths)} head-pose models were given; give 1 to {FILES}.")
        self.models = [_Model(Path(path), provider, threads) for path in paths]

    def __call__(self, pixels: UInt8[np.ndarray, "h w 3"], head: Float[np.ndarray, "4"]) -> Pose:
        """Where the head in this box (x, y, width, height in pixels) faces.

        Raises:
            ModelError: A model's answer holds what is no angle.
        """
        found, axes = [], []
        for model in self.models:
            for mirrored in (False, True):
                each = model(pixels, head, mirrored)
                found.append(each * (-1.0, 1.0, -1.0) if mirrored else each)
                axes.append(nose(each, mirrored))
        mean = np.mean(axes, axis=0)
        length = float(np.linalg.norm(mean))
        mean = mean / length if length > 1e-6 else np.array([0.0, 0.0, 1.0])
        apart = float(np.degrees(np.arccos(np.clip(np.array(axes) @ mean, -1, 1))).max())
        turns = np.radians([each[2] for each in found])
        roll = float(np.degrees(np.arctan2(np.sin(turns).mean(), np.cos(turns).mean())))
        return Pose(*angles(*mean.tolist()), roll, apart)


class _Model:
    """One file."""

    def __init__(self, path: Path, provider: str, threads: int | None) -> None:
        self.path = path
        if not path.is_file():
            raise ModelError(f"{path}: there is no such file; give a head-pose model as an .onnx file.")
        self._session = session(path, provider, threads)
        self.size, self._last = self._input()
        grey = np.full((*self.size, 3), FILL, np.uint8)
        found = self._run(LAYOUTS["angles"].prepare(grey, self._last))
        self.layout = layout_of(found, min(self.size))
        if not self.layout:
            told = ", ".join(f"{name} {answer.shape}" for name, answer in [*found.items()][:4])
            raise self._refusal(f"answers with {told}", "give one that answers with yaw, pitch and roll")

    def __call__(self, pixels: UInt8[np.ndarray, "h w 3"], head: Float[np.ndarray, "4"], mirrored: bool) -> np.ndarray:
        """Yaw, pitch and roll of a head as the model sees it, or its mirror image."""
        layout = LAYOUTS[self.layout]
        crop = cut(pixels, head, layout, self.size)
        found = self._run(layout.prepare(crop[:, ::-1] if mirrored else crop, self._last))
        finite = all(np.isfinite(answer).all() for answer in found.values())
        told = layout.decode(found) if finite else np.full(3, np.nan)
        if not sound(told):
            raise self._refusal("answers with what are no angles of a head", "give another head-pose model")
        return told

    def _refusal(self, problem: str, remedy: str) -> ModelError:
        return ModelError(f"{self.path} is no head-pose model that is known here: it {problem}; {remedy}.")

    def _input(self) -> tuple[tuple[int, int], bool]:
        """Height and width of the input, and whether its channels come last."""
        inputs = self._session.get_inputs()
        shape = list(inputs[0].shape)
        kinds = ("tensor(float)", "tensor(float16)")
        wanted = "give one that takes one float picture of shape (1, 3, height, width) or (1, height, width, 3)"
        if len(inputs) != 1 or inputs[0].type not in kinds or len(shape) != 4 or 3 not in (shape[1], shape[3]):
            told = ", ".join(f"{each.name} {each.type} {each.shape}" for each in inputs[:4])
            raise self._refusal(f"takes {told}", wanted)
        last = shape[1] != 3
        sides = [side if isinstance(side, int) else SIDE for side in (shape[1:3] if last else shape[2:])]
        if (isinstance(shape[0], int) and shape[0] != 1) or not all(8 <= side <= LARGEST for side in sides):
            raise self._refusal(f"takes pictures of shape {shape}", wanted)
        return (sides[0], sides[1]), last

    def _run(self, picture: Float32[np.ndarray, "1 _a _b _c"]) -> dict[str, np.ndarray]:
        """The outputs by name."""
        first = self._session.get_inputs()[0]
        kind = np.float16 if first.type == "tensor(float16)" else np.float32
        try:
            answers: Sequence[np.ndarray] = self._session.run(None, {first.name: picture.astype(kind)})
        except Exception as error:  # ONNX Runtime's errors share no other parent
            logger.debug("%s: cannot be run", self.path, exc_info=True)
            raise self._refusal("cannot be run on a picture", "export it again") from error
        named = zip((output.name for output in self._session.get_outputs()), answers, strict=True)
        return {name: np.asarray(answer) for name, answer in named}


def cut(
    pixels: UInt8[np.ndarray, "h w 3"], head: Float[np.ndarray, "4"], layout: Layout, size: tuple[int, int]
) -> UInt8[np.ndarray, "_h _w 3"]:
    """What a model is shown of a head, at its input's size; what lies outside of the picture is its edge repeated."""
    x, y, width, height = (float(value) for value in head)
    left, top, right, bottom = layout.crop
    low = np.array([x + left * width, y + top * height])
    room = np.maximum([(right - left) * width, (bottom - top) * height], 1.0)
    start = np.clip(np.floor(low).astype(int), 0, np.array(pixels.shape[1::-1]) - 1)
    end = np.clip(np.ceil(low + room).astype(int), start + 1, pixels.shape[1::-1])
    part = pixels[start[1] : end[1], start[0] : end[0]]
    shrink = min(1.0, 2 * max(size) / max(part.shape[:2]))  # first by area, as a warp skips pixels
    if shrink < 1:
        sides = (max(1, round(part.shape[1] * shrink)), max(1, round(part.shape[0] * shrink)))
        part = np.asarray(cv2.resize(part, sides, interpolation=cv2.INTER_AREA), np.uint8)
    known = np.array(part.shape[1::-1]) / (end - start)  # pixels of the part a pixel of the picture
    scale = np.array(size[::-1]) / room / known
    shift = scale * ((start - low) * known + 0.5) - 0.5
    where = np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]]])
    return np.asarray(
        cv2.warpAffine(part, where, size[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )
