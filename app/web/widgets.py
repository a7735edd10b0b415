"""What the pages share: which model looks, for which way of viewing, and words that stand on several pages.

Settings stand in the sidebar and stay for the whole session, whichever page shows them. Never loads torch.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

import saliency
import scanpath
from app.predict.simulate import SceneModel, scene_model
from app.web.own_models import own_models
from app.web.predictions import open_model
from data.errors import ModelError
from export.runtime import registry
from export.runtime.contract import Contract
from export.runtime.saliency import Predictor
from training import Task

NOTE = "A prediction by a model, not an eye-tracking measurement."
WHOLE = "Whole viewing"
UNFAMILIAR = (
    "This does not look like the photographs that the model learned from. It predicts where people look here as well, "
    "but less surely: take it as a hint, and compare versions rather than trust single numbers."
)
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


def medium_badge(record: Mapping[str, Any]) -> None:
    """What the picture is like, where the model tells, and a word where it was not trained on such pictures."""
    medium = record.get("medium")
    if not medium:
        return
    if record["familiar"]:
        st.badge(plain(medium.capitalize()), icon=":material/check:", color="green")
    else:
        words = f"{medium.capitalize()}: the model learned from photographs"
        st.badge(plain(words), icon=":material/warning:", color="orange", help=UNFAMILIAR)


def model_picker(label: str = "Model", at: DeltaGenerator | None = None) -> Predictor | None:
    """Choose one of the models of where people look; None, with a word on what to do, if none can be.

    `at` is where the choice stands: by default in the sidebar.
    """
    names = models_of(saliency.TASK)
    if not names:
        for error in readable()[1]:
            st.error(plain(str(error)), icon=":material/error:")
        no_model()
        return None
    usual = saliency.TASK.default_models[0]
    first = list(names).index(usual) if usual in names else 0
    name = (at or st.sidebar).selectbox(label, list(names), first, key="model", persist_state="session")
    try:
        return open_model(names[name])
    except ModelError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return None


def readable() -> tuple[dict[Path, Contract], list[ModelError]]:
    """What the models promise, by file, those of this session among them, and what is wrong with broken ones."""
    everything = {**registry.contracts(), **own_models().contracts()}
    sound = {path: contract for path, contract in everything.items() if isinstance(contract, Contract)}
    return sound, [error for error in everything.values() if isinstance(error, ModelError)]


def models_of(task: Task) -> dict[str, Path]:
    """The exported models of a task that are sound, by name."""
    return {path.stem: path for path, contract in readable()[0].items() if contract.task == task.name}


def walkers() -> dict[str, Path]:
    """The exported models that look at the objects of a picture one after another, by name."""
    return _of_scanpaths(searches_places=False)


def searchers() -> dict[str, Path]:
    """The exported models that look for a target place by place, by name."""
    return _of_scanpaths(searches_places=True)


def _of_scanpaths(searches_places: bool) -> dict[str, Path]:
    sound = readable()[0]
    return {
        name: path for name, path in models_of(scanpath.TASK).items() if sound[path].searches_places == searches_places
    }


def open_walker(name: str, path: Path | None) -> SceneModel:
    """The model of paths in a file, opened once for everyone; the walk where there is no file.

    Raises:
        ModelError: The file is broken.
    """
    return _walker(name if path is None else str(path), 0 if path is None else path.stat().st_mtime_ns)


@st.cache_resource(max_entries=4, show_spinner="Opening the model …")
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


def time_left(seconds: float) -> str:
    """How long something will still take, roughly.

    >>> time_left(95.0), time_left(40.2)
    ('2 minutes', '40 s')
    """
    return f"{round(seconds / 60)} minutes" if seconds >= 90 else f"{max(1, round(seconds))} s"


def condition_picker(conditions: tuple[str, ...], at: DeltaGenerator | None = None) -> str:
    """Choose for which way of viewing the prediction is made; `at` as in `model_picker`."""
    condition = (at or st.sidebar).selectbox(
        "Viewing condition",
        conditions,
        format_func=lambda name: CONDITIONS.get(name, (name, ""))[0],
        key="condition",
        persist_state="session",
        help="People look differently at different kinds of pictures, and in different experiments. "
        "The model has learned a habit of looking for each set it was trained on.",
    )
    (at or st.sidebar).caption(CONDITIONS.get(condition, ("", ""))[1])
    return condition
