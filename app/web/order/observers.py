"""Who looks, and their paths over a picture: those whom the map predicts, or those whom a model of paths simulates.

Whoever looks freely is by default drawn from the map itself, so that what is seen first agrees with it and with the
page Areas. Whoever searches is simulated by a model that searches, which is taken by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

import scanpath
from app.predict.simulate import SceneModel, Settings, SimulatedPaths, simulate
from app.web import measures, predictions, widgets
from app.web.order.search import Aim
from app.web.predictions import View
from app.web.workspace import StoredPicture
from data.areas import Area, as_objects
from export.runtime.saliency import Predictor

MAP, WALK = "the map", "walk"
CALLED = {MAP: "People as the map predicts them", WALK: "A walk from peak to peak", "oat-free": "The path model"}
MOST_OBSERVERS = 100


@dataclass(frozen=True)
class Who:
    """Who looks: a model of paths, or None for those whom the map predicts."""

    walker: SceneModel | None
    settings: Settings

    @property
    def drawn(self) -> str:
        """How people look, for the small print."""
        return "who look as the map says" if self.walker is None else f"who look as {self.words} has them look"

    @property
    def words(self) -> str:
        """Which model that is, for the small print."""
        return "the map predicts" if self.walker is None else f"{self.walker.model} {self.walker.version} predicts"


def ask(box: DeltaGenerator, searching: bool) -> Who | None:
    """Ask in the sidebar's details who looks; None, with a word on what to do, where nobody can search.

    Raises:
        ModelError: The model's file is broken.
    """
    names = choices(searching)
    if not names:
        st.info(
            "Searching needs a model that searches, and none is here. Make one with `gaze export`, then reload.",
            icon=":material/info:",
        )
        return None
    name = box.selectbox(
        "Who looks",
        names,
        format_func=lambda name: CALLED.get(name, name),
        key=f"order-who-{'search' if searching else 'free'}",
        persist_state="session",
        help="Whom the map predicts looks as the pages Look and Areas say; the others are simulated step by step.",
    )
    walker = None if name == MAP else open_walker(name)
    observers = box.slider(
        "People", 1, MOST_OBSERVERS, MOST_OBSERVERS, key="order-people", persist_state="session", help="How many look."
    )
    variety = None
    condition = "any"
    if walker is not None:
        variety = box.slider(
            "Variety",
            0.2,
            2.0,
            float(walker.temperature),
            0.1,
            key=f"order-variety-{walker.model}",
            persist_state="session",
            help="Low: they agree more.",
        )
        if len(walker.conditions) > 1:
            condition = box.selectbox(
                "Way of looking", walker.conditions, key=f"order-condition-{walker.model}", persist_state="session"
            )
    seed = box.number_input(
        "Seed", 0, None, 0, key="order-seed", persist_state="session", help="Another seed is another group of people."
    )
    return Who(walker, Settings(observers=observers, temperature=variety, seed=int(seed or 0), condition=condition))


def choices(searching: bool) -> list[str]:
    """Who can look: the usual one first."""
    free, search = scanpath.TASK.default_models
    sound = widgets.readable()[0]
    searches = {name: sound[path].searches for name, path in widgets.walkers().items()}
    if searching:
        return sorted((name for name, can in searches.items() if can), key=lambda name: (name != search, name))
    walkers = sorted((name for name, can in searches.items() if not can), key=lambda name: (name != free, name))
    return [MAP, *walkers, WALK]


def open_walker(name: str) -> SceneModel:
    """The model of paths of this name, opened once for everyone."""
    return widgets.open_walker(name, widgets.walkers().get(name))


def follow(
    who: Who, model: Predictor, stored: StoredPicture, view: View, things: tuple[Area, ...], aim: Aim | None
) -> SimulatedPaths:
    """The paths of everyone over the things, remembered for all who ask the same.

    Raises:
        GazeError: A thing or the target is none, or a model does not suit what is asked of it.
    """
    if who.walker is None or aim is not None:
        target = None if aim is None else aim.target
        return measures.paths(who.walker, model, stored, view, things, who.settings, target)
    about = predictions.view_key(model, stored, view.condition)
    key = (who.walker.model, who.walker.version, *about, who.settings.model_dump_json(), things)

    def make() -> SimulatedPaths:
        image, prediction = predictions.full(model, stored, view.condition)
        assert who.walker is not None
        return simulate(who.walker, stored.name, image, as_objects(things), prediction, None, who.settings)

    return _kept(make, key)


@st.cache_resource(max_entries=60, show_spinner="Following …")
def _kept(_make: Callable[[], SimulatedPaths], key: tuple[Any, ...]) -> SimulatedPaths:
    del key
    return _make()
