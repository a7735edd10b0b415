"""What the canvas sends from the browser, checked: it is as trustworthy as anything that comes over a network.

A message is `{"serial": ..., "value": ..., "subject": ..., "revision": ...}`; each serial is taken once, so that
a message that Streamlit keeps for a later run is not taken for a new one.
"""

import math
from collections.abc import Mapping
from typing import Any, Literal

from data.areas import CORNERS, LONGEST, MOST, Area, checked
from data.errors import GazeError

NONSENSE = "The drawing sent what is no {}; reload the page and draw it again."
KINDS = ("", "face", "object", "text")  # as `Area.kind`; the browser invents none


def message(sent: Any, name: str, taken: dict[str, Any]) -> Mapping[str, Any] | None:
    """The message of a name if it is new; `taken` keeps which one was last.

    Raises:
        GazeError: It is no message.
    """
    found = sent.get(name) if isinstance(sent, Mapping) else None
    if found is None:
        return None
    if not isinstance(found, Mapping) or not isinstance(found.get("serial"), str) or len(found["serial"]) > 80:
        raise GazeError(NONSENSE.format("message"))
    if taken.get(name) == found["serial"]:
        return None
    taken[name] = found["serial"]
    return found


def moment(found: Mapping[str, Any], count: int) -> int:
    """The stop that was settled on, one of `count`.

    Raises:
        GazeError: It is no stop.
    """
    value = found.get("value")
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < count:
        raise GazeError(NONSENSE.format("stop"))
    return value


def areas(found: Mapping[str, Any], subject: str, revision: int, size: tuple[int, int]) -> tuple[Area, ...] | None:
    """The areas that were drawn; None where they belong to another picture or to a list that was replaced since.

    Raises:
        GazeError: They are none, or there are too many.
    """
    if found.get("subject") != subject or found.get("revision") != revision:
        return None
    value = found.get("value")
    if not isinstance(value, list):
        raise GazeError(NONSENSE.format("list of areas"))
    if len(value) > MOST:
        raise GazeError(f"The drawing sent {len(value)} areas; a picture may have {MOST}.")
    return checked((incoming(each) for each in value), *size)


def selected(sent: Any, subject: str) -> str | None:
    """The name of the selected area, if there is one on this picture."""
    found = sent.get("selected") if isinstance(sent, Mapping) else None
    if not isinstance(found, Mapping) or found.get("subject") != subject:
        return None
    value = found.get("value")
    return value if isinstance(value, str) and 0 < len(value) <= 2 * LONGEST else None


def incoming(found: Any) -> Area:
    """An area as the browser sends it.

    Raises:
        GazeError: It is none.
    """
    if not isinstance(found, Mapping) or not isinstance(found.get("name"), str):
        raise GazeError(NONSENSE.format("area"))
    points, shape, kind = found.get("points"), found.get("shape"), found.get("kind", "")
    if not isinstance(points, list) or not 3 <= len(points) <= CORNERS or not all(map(_is_point, points)):
        raise GazeError(NONSENSE.format("outline"))
    corners = tuple((float(x), float(y)) for x, y in points)
    form: Literal["rectangle", "polygon"] = "rectangle" if shape == "rectangle" else "polygon"
    if form == "rectangle":
        xs, ys = sorted({x for x, _ in corners}), sorted({y for _, y in corners})
        if len(corners) != 4 or len(xs) != 2 or len(ys) != 2:
            raise GazeError(NONSENSE.format("rectangle"))
        corners = ((xs[0], ys[0]), (xs[1], ys[0]), (xs[1], ys[1]), (xs[0], ys[1]))
    return Area(found["name"][: 4 * LONGEST], corners, form, kind if kind in KINDS else "")


def _is_point(found: Any) -> bool:
    return isinstance(found, list) and len(found) == 2 and all(map(_is_number, found))


def _is_number(found: Any) -> bool:
    return isinstance(found, int | float) and not isinstance(found, bool) and abs(found) < 1e9 and math.isfinite(found)


def outgoing(area: Area) -> dict[str, Any]:
    """An area as the browser takes it."""
    return {"name": area.name, "points": [list(p) for p in area.points], "shape": area.shape, "kind": area.kind}
