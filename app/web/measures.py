"""What pages measure on a picture's areas, made once for everyone: observers, paths and measures of areas.

Kept by model, content, condition, areas and settings; small, because a view's maps are not kept again.
"""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from app.predict.area_paths import AreaPaths, observers_over
from app.predict.areas import AreaMeasures, measure
from app.predict.observers import Observers, observe
from app.predict.simulate import SceneModel, Settings
from app.web.predictions import View
from app.web.workspace import StoredPicture
from data.areas import Area
from export.runtime.saliency import Predictor

KEPT = 120  # observers, paths and measures, of each
USUAL = Settings(observers=100)


def observers(
    walker: SceneModel | None, model: Predictor, stored: StoredPicture, view: View, settings: Settings = USUAL
) -> Observers:
    """The observers of a picture: the same for every question that is asked of them."""
    return _observers(view, _key(walker, model, stored, view, settings))


def paths(
    walker: SceneModel | None,
    model: Predictor,
    stored: StoredPicture,
    view: View,
    areas: Sequence[Area],
    settings: Settings = USUAL,
) -> AreaPaths:
    """The same observers as paths over areas."""
    return _paths(
        view,
        observers(walker, model, stored, view, settings),
        _key(walker, model, stored, view, settings),
        tuple(areas),
    )


def measures(
    walker: SceneModel | None,
    model: Predictor,
    stored: StoredPicture,
    view: View,
    areas: Sequence[Area],
    settings: Settings = USUAL,
) -> tuple[AreaMeasures, ...]:
    """What each area gets from the same observers."""
    return _measures(
        view,
        observers(walker, model, stored, view, settings),
        _key(walker, model, stored, view, settings),
        tuple(areas),
    )


def _key(
    walker: SceneModel | None, model: Predictor, stored: StoredPicture, view: View, settings: Settings
) -> tuple[Any, ...]:
    who = ("",) if walker is None else (walker.model, walker.version)
    file = (str(model.path), model.path.stat().st_mtime_ns)
    return (*who, *file, stored.key, stored.name, view.condition, settings.model_dump_json())


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _observers(_view: View, key: tuple[Any, ...]) -> Observers:
    settings = Settings.model_validate_json(key[-1])
    return observe(_view, settings.observers, settings.seed)


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _paths(_view: View, _seen: Observers, key: tuple[Any, ...], areas: tuple[Area, ...]) -> AreaPaths:
    return observers_over(_view, areas, _seen, name=_view.name, settings=Settings.model_validate_json(key[-1]))


@st.cache_resource(max_entries=KEPT, show_spinner=False)
def _measures(_view: View, _seen: Observers, key: tuple[Any, ...], areas: tuple[Area, ...]) -> tuple[AreaMeasures, ...]:
    return measure(_view, areas, _seen)
