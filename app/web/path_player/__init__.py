"""The player of paths: a picture over which looks appear as time goes by; our own Streamlit component.

It is HTML, CSS and JavaScript beside this file, read as text; whatever comes from a person (a picture, names) passes
through `data` and is set as text, never as HTML. Playing and scrubbing happen in the browser and rerun nothing.
"""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import streamlit as st

from app.web.media import address

FOLDER = Path(__file__).parent
TALLEST = 470  # pixels of the page: the picture is no taller, so that its controls stay on a laptop's screen
STEP = 50  # milliseconds: of the time that can be chosen
UNTIMED = 300.0  # milliseconds a look takes in the player where nobody knows how long it lasts
Mode = Literal["one", "all", "first"]
Look = tuple[
    int, int, float, float, float, float, int
]  # observer, number, x, y (pixels), start and duration (ms), thing

_component = st.components.v2.component(
    "gaze_path_player",
    html=(FOLDER / "player.html").read_text("utf-8"),
    css=(FOLDER / "player.css").read_text("utf-8"),
    js=(FOLDER / "player.js").read_text("utf-8"),
)


@dataclass(frozen=True)
class Thing:
    """What can be looked at, as the player draws it."""

    name: str
    box: tuple[float, float, float, float]  # x, y, width, height in pixels of the picture
    points: tuple[tuple[float, float], ...]  # its outline
    centre: tuple[float, float]
    seen: float = 1.0  # share of observers who see it: how strongly its outline shows
    outlined: bool = True  # whether its outline shows where outlines do
    first: float = 0.0  # share of observers who look at it first
    share: str = ""  # that, as it stands beside it; "" for no ring
    colour: str = "#ffffff"
    label: str = ""  # what stands beside its outline; "" for nothing


@dataclass(frozen=True)
class Film:
    """What the player shows."""

    mode: Mode  # one: a numbered path; all: a dot a look; first: where everyone looks first
    picture: bytes  # an image file, as it is shown
    size: tuple[int, int]  # width and height of the picture that the looks are in pixels of
    alt: str
    looks: Sequence[Look]
    things: Sequence[Thing] = ()
    colours: Sequence[str] = ()  # "#rrggbb" of the first, second ... look
    timed: bool = True  # whether starts and durations are known
    outlines: bool = False
    legend: Sequence[tuple[str, str]] = field(default=())  # colours and what they mean


def path_player(key: str, film: Film, height: int = TALLEST) -> None:
    """Shows a film; it stays where it was when only its picture's size on the page changes."""
    _component(key=key, data=data_of(film, height, key))


def data_of(film: Film, height: int = TALLEST, key: str = "") -> dict[str, Any]:
    """What the component of this key gets."""
    looks = [_rounded(look, film.timed) for look in film.looks]
    end = STEP * math.ceil(max([look[4] + max(look[5], 0) for look in looks], default=1) / STEP)
    things = [asdict(thing) | {"points": [list(point) for point in thing.points]} for thing in film.things]
    told = {"mode": film.mode, "looks": looks, "size": film.size, "timed": film.timed}
    return told | {
        "id": hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16],
        "picture": address(film.picture, f"{key}:picture"),
        "alt": film.alt,
        "objects": things,
        "colours": list(film.colours),
        "outlines": film.outlines,
        "legend": [list(each) for each in film.legend],
        "end": end,
        "ticks": ticks(end, film.timed),
        "height": height,
        "words": WORDS | ({} if film.timed else {"time": "Look"}),
    }


WORDS = {
    "play": "Play",
    "pause": "Pause",
    "time": "Time in seconds",
    "look": "look",
    "stage": "The path over the picture. Space plays and pauses; the arrow keys go from look to look.",
}


def _rounded(look: Look, timed: bool) -> Look:
    """Tenths of a pixel and whole milliseconds; a duration of -1 is unknown."""
    person, number, x, y, start, lasts, thing = look
    when = round(start) if timed else round(number * UNTIMED)
    return person, number, round(x, 1), round(y, 1), when, -1 if math.isnan(lasts) else round(lasts), thing


def ticks(end: float, timed: bool) -> list[tuple[float, str]]:
    """Where marks stand under the time, and their words: whole seconds, or the number of each look.

    >>> ticks(2300, True)
    [(0, '0'), (1000, '1 s'), (2000, '2 s')]
    """
    if not timed:
        step = UNTIMED * max(1, round(end / UNTIMED / 10))
        return [(at, f"{1 + round(at / UNTIMED)}") for at in _steps(end, step)]
    step = 1000.0 * max(1, round(end / 10_000))
    return [(round(at), f"{at / 1000:g}{' s' * (at > 0)}") for at in _steps(end, step)]


def _steps(end: float, step: float) -> list[float]:
    return [number * step for number in range(int(end // step) + 1)]
