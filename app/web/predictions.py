"""Predictions as the pages keep them: made once for everyone, small in memory, and exact enough to measure areas on.

A `View` holds the maps as the model made them, without the grey bars, and the picture as a file no longer than
a screen; what is larger is made anew when someone downloads it. Views are kept by model, content and viewing condition
and are shared by all sessions. Never loads torch. Shapes: `h w` picture on the screen, `g v` cells of a map, `t`
seconds, `n` areas.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import streamlit as st
from jaxtyping import Float32, UInt8

from app.predict.picture_maps import coverage, on_cells
from app.web.workspace import StoredPicture, looking
from data import picture
from data.areas import Area
from data.gaze import Objects
from export.runtime.saliency import Prediction, Predictor

SIDE = 1200  # pixels: the longest side of a picture on the screen
KEPT = 60  # views: 20 sessions with three pictures each; about 3 MB a view


@dataclass(frozen=True)
class View:
    """A picture and where people look in it; `maps` are log densities over cells that each sum to one."""

    name: str
    size: tuple[int, int]  # width, height of the picture in pixels
    webp: bytes  # the picture as a file, no longer than a screen
    shown: tuple[int, int]  # width and height in that file
    maps: Float32[np.ndarray, "t+1 g v"]  # the whole viewing, then each second
    times: tuple[tuple[float, float], ...]  # seconds: start and end of each slice
    record: dict[str, Any]  # what `Prediction.record` says, and the picture's name
    text: str  # the same as JSON: what `gaze predict` writes
    objects: Objects | None  # what the model found, in pixels of the picture; None: it does not look for any
    model: str
    version: str
    condition: str

    @property
    def image(self) -> UInt8[np.ndarray, "h w 3"]:
        """The pixels as they are shown."""
        return picture.read(self.webp, self.name)

    def map_at(self, moment: int) -> Float32[np.ndarray, "h w"]:
        """The log density of a moment (0: the whole viewing, 1: the first second) over the pixels of `image`."""
        wide = cv2.resize(self.maps[moment], self.shown, interpolation=cv2.INTER_LINEAR)
        wide -= wide.max()
        return np.asarray(wide - np.log(np.exp(wide).sum(dtype=np.float64)), np.float32)

    def coverage(self, areas: Sequence[Area]) -> Float32[np.ndarray, "n g v"]:
        """Which part of each cell each area covers, from 0 to 1: `(exp(maps) * coverage).sum()` is its share."""
        return coverage(self, areas)


def open_model(path: Path) -> Predictor:
    """The model in a file, opened once for everyone and again only when the file changes."""
    return _predictor(str(path), path.stat().st_mtime_ns)


@st.cache_resource(max_entries=4, show_spinner="Opening the model …")
def _predictor(path: str, changed: int) -> Predictor:
    del changed  # only part of the key
    return Predictor(path, look=None)


def view(model: Predictor, stored: StoredPicture, condition: str = "any") -> View:
    """Where people look in a picture.

    Raises:
        GazeError: The picture cannot be read.
    """
    return _view(model, stored, view_key(model, stored, condition))


def view_key(model: Predictor, stored: StoredPicture, condition: str) -> tuple[Any, ...]:
    """What tells views apart, and whatever is made of one: the model's file, the picture's content and name, how."""
    return str(model.path), model.path.stat().st_mtime_ns, stored.key, stored.name, condition


@st.cache_resource(max_entries=KEPT, show_spinner="Looking …")
def _view(_model: Predictor, _stored: StoredPicture, key: tuple[Any, ...]) -> View:
    with looking:
        return _made(_model, _stored, str(key[-1]))


def _made(model: Predictor, stored: StoredPicture, condition: str) -> View:
    image = picture.read(stored.content, stored.name)
    prediction = model(image, condition)
    text = prediction.to_json(stored.name)
    shown = small(image)
    return View(
        stored.name,
        stored.size,
        picture.encode(shown, ".webp"),
        (shown.shape[1], shown.shape[0]),
        on_cells(prediction),
        prediction.times,
        json.loads(text),
        text,
        prediction.objects,
        prediction.model,
        prediction.version,
        condition,
    )


def small(image: UInt8[np.ndarray, "h w 3"], side: int = SIDE) -> UInt8[np.ndarray, "sh sw 3"]:
    """A picture whose longest side is no longer than `side`."""
    scale = min(1.0, side / max(image.shape[:2]))
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def full(model: Predictor, stored: StoredPicture, condition: str) -> tuple[UInt8[np.ndarray, "h w 3"], Prediction]:
    """The picture and its prediction at the picture's own size, made anew: for downloads."""
    with looking:
        image = picture.read(stored.content, stored.name)
        return image, model(image, condition)
