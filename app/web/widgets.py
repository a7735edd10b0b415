"""What the pages share: the model picker, the cached Predictor, and predictions at the size of a screen.

Never loads torch. A prediction of a large picture takes hundreds of megabytes, so the app keeps it at the size it is
shown (`View`) and predicts anew, in full, when someone downloads.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import streamlit as st
from jaxtyping import Float32, UInt8
from streamlit.runtime.uploaded_file_manager import UploadedFile

import saliency
import scanpath
from app.predict.scanpath import source
from app.predict.simulate import SceneModel, Settings, SimulatedPaths, Target, scene_model, simulate
from app.web.gate import MB, MOST_BYTES, MOST_FILES
from data import picture
from data.errors import ModelError
from data.gaze import Objects
from export.runtime import registry
from export.runtime.contract import Contract
from export.runtime.saliency import Prediction, Predictor
from export.runtime.scene_objects import FOUND
from training import Task

LIMITS = f"{MOST_FILES} files and {MOST_BYTES // MB} MB at a time"
NOTE = "A prediction by a model, not an eye-tracking measurement."
SIDE = 1200  # pixels: the longest side of a picture on the screen
WHOLE = "Whole viewing"
SAMPLES = {path.stem: path for path in sorted(Path(picture.__file__).with_name("samples").glob("*.jpg"))}
CONDITIONS = {
    "any": ("Any viewing", "The default for new pictures: what all training sets have in common."),
    "osie": ("Everyday scenes, 3 s", "As in the OSIE set: free viewing of scenes with several objects, for 3 seconds."),
    "crowd": ("Crowds, 5 s", "As in the Crowd set: free viewing of pictures full of people, for 5 seconds."),
    "scene": ("Places, 3 s", "As in the Scene set: free viewing of mostly outdoor places, for 3 seconds."),
    "uniform": (
        "No centre bias",
        "Leaves out that people look at the middle of a screen anyway: for parts of a page, crops and banners.",
    ),
}


Things = str | tuple[tuple[str, tuple[float, float, float, float]], ...]  # where objects are from; or names and boxes


@dataclass(frozen=True)
class View:
    """A picture and its prediction, no larger than a screen; `record` tells of the full size."""

    image: UInt8[np.ndarray, "h w 3"]
    maps: Float32[np.ndarray, "t+1 h w"]  # log densities: the whole viewing, then each slice
    record: dict[str, Any]  # what `Prediction.record` says, and the picture's name
    text: str  # the same as JSON: what `gaze predict` writes
    times: tuple[tuple[float, float], ...]  # seconds: start and end of each slice


def medium_badge(record: Mapping[str, Any]) -> None:
    """What the picture is like, where the model tells, and a word where it was not trained on such pictures."""
    medium = record.get("medium")
    if not medium:
        return
    if record["familiar"]:
        st.badge(plain(medium.capitalize()), icon=":material/check:", color="green")
    else:
        words = f"{medium.capitalize()}: outside of what was trained on"
        st.badge(plain(words), icon=":material/warning:", color="orange")


def invite(words: str, label: str, key: str) -> None:
    """The empty page: what to do, and the samples to see; a click on "LABEL the NAME" puts its name under `key`."""
    st.info(words, icon=":material/upload:")
    for column, (name, path) in zip(st.columns(len(SAMPLES) or 1), SAMPLES.items(), strict=False):
        column.image(path.read_bytes(), width="stretch")
        column.button(f"{label} the {name}", key=f"{key}-{name}", on_click=_take, args=(key, name), width="stretch")


def _take(key: str, name: str) -> None:
    st.session_state[key] = name


def model_picker(label: str = "Model") -> Predictor | None:
    """Choose in the sidebar one of the models of where people look; None, with a word on what to do, if none can be."""
    names = models_of(saliency.TASK)
    if not names:
        for error in readable()[1]:
            st.error(plain(str(error)), icon=":material/error:")
        no_model()
        return None
    usual = saliency.TASK.default_models[0]
    first = list(names).index(usual) if usual in names else 0
    name = st.sidebar.selectbox(label, list(names), first, key="model")
    try:
        return open_model(names[name])
    except ModelError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return None


def readable() -> tuple[dict[Path, Contract], list[ModelError]]:
    """What the models promise, by file, and what is wrong with those that are broken."""
    everything = registry.contracts()
    sound = {path: contract for path, contract in everything.items() if isinstance(contract, Contract)}
    return sound, [error for error in everything.values() if isinstance(error, ModelError)]


def models_of(task: Task) -> dict[str, Path]:
    """The exported models of a task that are sound, by name."""
    return {path.stem: path for path, contract in readable()[0].items() if contract.task == task.name}


def walker_picker() -> SceneModel | None:
    """Choose in the sidebar who looks: one of the exported models of scanpaths, or the walk that needs none."""
    names = models_of(scanpath.TASK)
    name = st.sidebar.selectbox(
        "Who looks",
        [*names, "walk"],
        key="walker",
        format_func=lambda name: "A walk from peak to peak" if name == "walk" else name,
        help="A trained model, or a simple walk from what is looked at most to what is looked at less.",
    )
    try:
        return _walker(str(names.get(name, name)), names[name].stat().st_mtime_ns if name in names else 0)
    except ModelError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return None


@st.cache_resource(max_entries=4, show_spinner="Opening the model ...")
def _walker(path: str, changed: int) -> SceneModel:
    del changed  # only part of the key
    return scene_model(path)


def no_model() -> None:
    """Say that there is no model, and what to do."""
    st.info("No exported model found. Make one with `gaze export`, then reload this page.", icon=":material/info:")


def plain(text: str) -> str:
    r"""Text with file names in it, so that Streamlit's Markdown shows it as it is; `code` stays code.

    >>> plain("a*b*.png")
    'a\\*b\\*.png'
    """
    return re.sub(r"([\\*_\[\]$~<>#])", r"\\\1", text)


def within_limits(uploads: Sequence[UploadedFile]) -> list[UploadedFile]:
    """The first of a session's files, as many as it may have; a word on the others."""
    kept: list[UploadedFile] = []
    room = MOST_BYTES
    for upload in uploads:
        room -= upload.size
        if len(kept) == MOST_FILES or room < 0:
            st.error(
                f"At most {LIMITS}: {len(uploads) - len(kept)} are left out; remove some.", icon=":material/error:"
            )
            break
        kept.append(upload)
    return kept


def open_model(path: Path) -> Predictor:
    """The model in a file, opened once for everyone and again only when the file changes."""
    return _predictor(str(path), path.stat().st_mtime_ns)


@st.cache_resource(max_entries=4, show_spinner="Opening the model ...")
def _predictor(path: str, changed: int) -> Predictor:
    del changed  # only part of the key
    return Predictor(path, look=None)


def condition_picker(conditions: tuple[str, ...]) -> str:
    """Choose in the sidebar for which way of viewing the prediction is made."""
    condition = st.sidebar.selectbox(
        "Viewing condition",
        conditions,
        format_func=lambda name: CONDITIONS.get(name, (name, ""))[0],
        key="condition",
        help="People look differently at different kinds of pictures, and in different experiments. "
        "The model has learned a habit of looking for each set it was trained on.",
    )
    st.sidebar.caption(CONDITIONS.get(condition, ("", ""))[1])
    return condition


def look(model: Predictor, content: bytes, name: str, condition: str) -> View:
    """Where people look in a picture file, for the screen; remembered by the file's bytes."""
    return _view(str(model.path), model.path.stat().st_mtime_ns, content, name, condition)


@st.cache_data(max_entries=16, show_spinner="Looking ...")
def _view(path: str, changed: int, content: bytes, name: str, condition: str) -> View:
    image = picture.read(content, name)
    prediction = _predictor(path, changed)(image, condition)
    shown = small(image)
    size = shown.shape[1], shown.shape[0]
    maps = np.stack([_shrink(plane, size) for plane in (prediction.density, *prediction.slices)])
    text = prediction.to_json(name)
    return View(shown, maps, json.loads(text), text, prediction.times)


def small(image: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "sh sw 3"]:
    """A picture no larger than a screen."""
    scale = min(1.0, SIDE / max(image.shape[:2]))
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


@st.cache_data(max_entries=16, show_spinner="Looking ...")
def follow(
    _who: SceneModel,
    _model: Predictor,
    content: bytes,
    name: str,
    things: Things,
    target: bytes | None,
    settings: Settings,
    key: tuple[str, ...],
) -> tuple[UInt8[np.ndarray, "h w 3"], SimulatedPaths]:
    """A picture no larger than a screen, and the paths over it in pixels of its full size; remembered by the bytes.

    `things` say where the objects come from as `app.predict.scanpath.source` takes it, or are the objects' boxes and
    names. `target` is a picture of what is looked for. `key` tells the models apart, which are too large to compare.
    """
    del key
    image = picture.read(content, name)
    prediction = _model(image)
    if isinstance(things, str):
        found = source(things)(image, name, prediction)
    else:
        boxes = np.array([box for _, box in things], np.float64).reshape(-1, 4)
        found = Objects(boxes, tuple(label for label, _ in things))
    aim = None if target is None else Target(crop=picture.read(target, "The picture of the target"))
    trace = simulate(_who, name, image, found, prediction, aim, settings)
    return small(image), trace


@st.cache_data(max_entries=16, show_spinner="Looking ...")
def found(
    _model: Predictor, content: bytes, name: str, key: tuple[str, ...]
) -> list[tuple[float, float, float, float]]:
    """Boxes of the objects that stand out in a picture; `key` as in `follow`."""
    del key
    image = picture.read(content, name)
    return [(x, y, w, h) for x, y, w, h in source(FOUND)(image, name, _model(image)).boxes.tolist()]


def full(model: Predictor, content: bytes, condition: str) -> tuple[UInt8[np.ndarray, "h w 3"], Prediction]:
    """The picture and its prediction at the picture's own size."""
    image = picture.read(content)
    return image, model(image, condition)


def _shrink(density: Float32[np.ndarray, "h w"], size: tuple[int, int]) -> Float32[np.ndarray, "sh sw"]:
    """A log density with fewer pixels, `size` (width, height): its exponential sums to one again."""
    if density.shape == size[::-1]:
        return density
    small = cv2.resize(density, size, interpolation=cv2.INTER_AREA)
    small -= small.max()
    return np.asarray(small - np.log(np.exp(small).sum(dtype=np.float64)), np.float32)
