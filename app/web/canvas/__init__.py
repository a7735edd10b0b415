"""The picture with what lies over it: heat, contours and areas, a strip of its seconds, and tools to draw areas.

One Streamlit component for all pages. Going through the seconds, playing them and drawing happen in the browser; Python
is told the moment that was settled on, each finished change of the areas, and which area is selected.

    state = canvas("look", seen.webp, seen.size, heat=planes, stops=("Whole viewing", "1 s"), palette="plasma")
    state.moment, state.areas, state.selected

Coordinates are in pixels of the full picture, from its top-left corner. What comes from the browser is checked before
anybody sees it (`received`). Tests without a browser replace `_component` by a function that gives what one would send.
"""

import base64
import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import streamlit as st

from app.web.canvas import received
from app.web.media import address
from app.web.widgets import WHOLE, plain
from data.areas import Area, Point
from data.draw.palettes import DEFAULT, palette_table
from data.errors import GazeError

Each = TypeVar("Each")
HERE = Path(__file__).parent
SCRIPTS = (  # one module, in this order
    "geometry.js",
    "paint.js",
    "labels.js",
    "overlay.js",
    "grips.js",
    "editor.js",
    "pointer.js",
    "strip.js",
    "controls.js",
    "sender.js",
    "canvas.js",
)


@dataclass(frozen=True)
class Contour:
    """Lines with one label, as "50 %"; a path is drawn open and bolder."""

    label: str
    lines: tuple[tuple[Point, ...], ...]
    style: Literal["contour", "path"] = "contour"


@dataclass(frozen=True)
class Peak:
    """A place that is marked, with a short label as "31 %" or a number; `radius` in pixels of the picture, 0: a dot."""

    x: float
    y: float
    label: str = ""
    radius: float = 0.0


@dataclass(frozen=True)
class Layer:
    """What lies over the picture at one stop, besides its heat."""

    contours: Sequence[Contour] = ()
    peaks: Sequence[Peak] = ()
    labels: Mapping[str, str] = field(default_factory=dict)  # a short text of an area by its name, as "12 %"


@dataclass(frozen=True)
class CanvasState:
    """What a person did: the stop they are at, the areas where they changed them, and the name of the selected one."""

    moment: int
    areas: tuple[Area, ...] | None  # None: unchanged
    selected: str | None


def canvas(  # noqa: PLR0913 - what a picture can carry
    key: str,
    picture: bytes,
    size: tuple[int, int],
    *,
    areas: Sequence[Area] = (),
    revision: int = 0,
    heat: Sequence[bytes] = (),
    stops: Sequence[str] = (WHOLE,),
    moment: int = 0,
    palette: str = DEFAULT,
    opacity: float = 0.6,
    fog: bool = False,
    layers: Sequence[Layer] | Callable[[Sequence[Area]], Sequence[Layer]] = (),
    editable: bool = False,
    pickable: bool = False,
    alts: Sequence[str] | Callable[[Sequence[Area]], Sequence[str]] = (),
    height: int = 560,
    history: str = "",
    keep: Callable[[tuple[Area, ...]], None] | None = None,
) -> CanvasState:
    """Show a picture and what lies over it; the moment, and the areas where they were changed, come back.

    A new `revision`, or another picture, replaces the areas that the browser has; else it keeps what is drawn there.
    What can be undone stays with the picture, also over other pages. A `moment` that differs from the one of the last
    call moves the strip.

    Args:
        key: Of the component; what is drawn stays with it while it is on the page.
        picture: A file: WebP, JPEG or PNG.
        size: Width and height of the full picture in pixels; the file may be smaller.
        areas: What is drawn over the picture.
        revision: Rises whenever the areas change elsewhere (`Workspace.revisions`).
        heat: For each stop an 8-bit grey PNG of the density, relative to its maximum; may be small.
        stops: A caption for each stop; the first is the whole viewing. With fewer than two there is no strip.
        moment: The stop to be at.
        palette: One of `data.draw.palettes.PALETTES`.
        opacity: Of the heat, from 0 to 1.
        fog: Veil what is not looked at, instead of colours.
        layers: Contours, peaks and short labels of the areas, for each stop; one alone is for all stops. A function
            gets the areas as the browser has just sent them.
        editable: Whether areas can be drawn, changed and removed.
        pickable: Whether `selected` comes back as soon as another area is selected, also where none is editable.
        alts: What the picture says at each stop, for those who do not see it; one alone is for all stops. A function
            gets the areas as well.
        height: The most pixels of the page that picture and strip take, without the tools.
        keep: Takes changed areas before the page runs, so that none is lost where it is left or run anew just then.
        history: Canvases of one name share what can be undone of a picture's areas; by default the key.
    """
    memory = st.session_state.setdefault(f"canvas:{key}", {"given": moment, "moment": moment, "taken": {}})
    if memory["given"] != moment:
        memory.update(given=moment, moment=moment)
    subject = hashlib.sha256(picture).hexdigest()[:12]
    count = max(1, len(stops))
    memory["moment"] = min(max(0, memory["moment"]), count - 1)
    take = functools.partial(_state, memory=memory, subject=subject, revision=revision, size=size, count=count)
    sent: dict[str, Any] = {} if keep is None else {"on_areas_change": functools.partial(_keep, key, take, keep)}
    before = take(st.session_state.get(key))  # already here: the browser is given what it sent, should it begin anew
    drawn = areas if before.areas is None else before.areas
    over, words = layers(drawn) if callable(layers) else layers, alts(drawn) if callable(alts) else alts
    data = {
        "subject": subject,
        "picture": address(picture, f"{key}:picture"),
        "width": size[0],
        "height": size[1],
        "most": height,
        "palette": base64.b64encode(palette_table("fog" if fog else palette).tobytes()).decode(),
        "opacity": min(max(float(opacity), 0.0), 1.0),
        "moment": memory["moment"],
        "stops": [_stop(key, number, stops, heat, over, words) for number in range(count)],
        "areas": [received.outgoing(area) for area in drawn],
        "revision": revision,
        "history": history or key,
        "editable": editable,
        "pickable": pickable,
    }
    after = take(_component(key=key, data=data, **sent))
    return CanvasState(after.moment, before.areas if after.areas is None else after.areas, after.selected)


def _keep(key: str, take: Callable[[Any], CanvasState], keep: Callable[[tuple[Area, ...]], None]) -> None:
    """Hand on what was drawn as soon as it has come."""
    areas = take(st.session_state.get(key)).areas
    if areas is not None:
        keep(areas)


def _state(
    sent: Any, memory: dict[str, Any], subject: str, revision: int, size: tuple[int, int], count: int
) -> CanvasState:
    """What the browser sent, each message taken once; nonsense is told in one sentence."""
    areas = None
    try:
        if (found := received.message(sent, "areas", memory["taken"])) is not None:
            areas = received.areas(found, subject, revision, size)
        if (found := received.message(sent, "moment", memory["taken"])) is not None:
            memory["moment"] = received.moment(found, count)
    except GazeError as error:
        st.error(plain(str(error)), icon=":material/error:")
    return CanvasState(memory["moment"], areas, received.selected(sent, subject))


def _stop(
    key: str, number: int, stops: Sequence[str], heat: Sequence[bytes], layers: Sequence[Layer], alts: Sequence[str]
) -> dict[str, Any]:
    """One stop, as the browser takes it."""
    layer = _of(layers, number) or Layer()
    caption = str(_of(stops, number) or WHOLE)
    return {
        "caption": caption,
        "heat": address(heat[number], f"{key}:{number}") if number < len(heat) and heat[number] else None,
        "alt": str(_of(alts, number) or caption),
        "contours": [
            {"label": c.label, "style": c.style, "lines": [[_round(point) for point in line] for line in c.lines]}
            for c in layer.contours
        ],
        "peaks": [
            {"at": _round((p.x, p.y)), "label": p.label, "radius": round(float(p.radius), 1)} for p in layer.peaks
        ],
        "labels": {str(name): str(label) for name, label in layer.labels.items()},
    }


def _of(each: Sequence[Each], number: int) -> Each | None:
    """What belongs to a stop; where there is one for all, that."""
    return each[number] if number < len(each) else each[0] if len(each) == 1 else None


def _round(point: Sequence[float]) -> tuple[float, float]:
    return round(float(point[0]), 1), round(float(point[1]), 1)


def _read(*names: str) -> str:
    return "\n".join((HERE / name).read_text("utf-8") for name in names if (HERE / name).is_file())


_component = st.components.v2.component(
    "gaze_canvas", html=_read("canvas.html"), css=_read("canvas.css"), js=_read(*SCRIPTS)
)
