"""What pages measure on a picture, made once for everyone: its observers, their paths and what areas get.

Kept by model, content, condition, areas and settings, never by bytes; small: 100 observers are 70 kB, the measures of
an area 10 kB. All pages ask the same observers, so that they show the same numbers.
"""

import hashlib
import math
from collections.abc import Sequence
from typing import Any

import streamlit as st

from app.predict.area_paths import observers_over
from app.predict.areas import AreaMeasures, measure
from app.predict.attention_measures import AttentionMeasures, attention_measures
from app.predict.observers import Observers, observe
from app.predict.simulate import SceneModel, Settings, SimulatedPaths, Target, simulate
from app.web.predictions import View, full, view_key
from app.web.workspace import StoredPicture
from data.areas import Area, as_objects
from export.runtime.saliency import Predictor

KEPT = 120  # of each: 20 sessions with some pictures, areas and settings each
USUAL = Settings(observers=100)
Key = tuple[Any, ...]


def observers(model: Predictor, stored: StoredPicture, view: View, settings: Settings = USUAL) -> Observers:
    """The observers of a picture, who are asked whatever is asked of it."""
    return _observers(view, _key(model, stored, view, settings))


def paths(
    walker: SceneModel | None,
    model: Predictor,
    stored: StoredPicture,
    view: View,
    areas: Sequence[Area],
    settings: Settings = USUAL,
    target: Target | None = None,
) -> SimulatedPaths:
    """The same observers as paths over areas; those of the `walker` where it searches: it knows areas and no maps.

    Raises:
        GazeError: The walker cannot look for the target.
    """
    key = _key(model, stored, view, settings)
    if walker is None or not (walker.searches or target):
        return _paths(view, _observers(view, key), tuple(areas), (*key, _digest(areas)))
    crop = None if target is None or target.crop is None else hash(target.crop.tobytes())
    sought = () if target is None else (target.box, crop)
    more = walker.model, walker.version, sought, _digest(areas)
    return _searches(walker, model, stored, target, tuple(areas), (*key, *more))


def measures(
    model: Predictor,
    stored: StoredPicture,
    view: View,
    areas: Sequence[Area],
    settings: Settings = USUAL,
    seconds: float = math.inf,
) -> tuple[AreaMeasures, ...]:
    """What each area gets from the same observers: measures are of people who look freely, for so many seconds."""
    key = _key(model, stored, view, settings)
    seen = _observers(view, key)
    return _measures(view, seen.until(seconds), tuple(areas), (*key, _digest(areas), min(seconds, seen.viewing)))


def attention(model: Predictor, stored: StoredPicture, view: View) -> AttentionMeasures:
    """Focus and clarity of a picture."""
    return _attention(view, _key(model, stored, view, USUAL))


def _key(model: Predictor, stored: StoredPicture, view: View, settings: Settings) -> Key:
    return (settings.model_dump_json(), *view_key(model, stored, view.condition))


def _digest(areas: Sequence[Area]) -> str:
    """Tells lists of areas apart: Streamlit takes longer to look through one than to measure it."""
    return hashlib.sha256(repr(tuple(areas)).encode()).hexdigest()


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _observers(_view: View, key: Key) -> Observers:
    settings = Settings.model_validate_json(key[0])
    return observe(_view, settings.observers, settings.seed, settings.temperature or 1.0)


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _paths(_view: View, _seen: Observers, _areas: tuple[Area, ...], key: Key) -> SimulatedPaths:
    settings = Settings.model_validate_json(key[0]).model_copy(update={"condition": _view.condition})
    about = {"model": _view.model, "version": _view.version, "provider": str(_view.record["provider"])}
    return observers_over(_view, _areas, _seen, name=_view.name, settings=settings, **about)


@st.cache_resource(max_entries=KEPT, show_spinner="Looking for it …")
def _searches(
    _walker: SceneModel,
    _model: Predictor,
    _stored: StoredPicture,
    _target: Target | None,
    _areas: tuple[Area, ...],
    key: Key,
) -> SimulatedPaths:
    pixels, prediction = full(_model, _stored, "any")
    settings = Settings.model_validate_json(key[0])
    return simulate(_walker, _stored.name, pixels, as_objects(_areas), prediction, _target, settings)


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _measures(_view: View, _seen: Observers, _areas: tuple[Area, ...], key: Key) -> tuple[AreaMeasures, ...]:
    return measure(_view, _areas, _seen)


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _attention(_view: View, key: Key) -> AttentionMeasures:
    return attention_measures(_view.maps[0], _view.size, _view.model)
