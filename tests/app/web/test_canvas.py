"""Is what the browser sends checked, and is what it gets complete?"""

import base64
import functools
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

import app.web.canvas as package
from app.web.canvas import SCRIPTS, CanvasState, received
from data import picture as pictures
from data.areas import CORNERS, MOST, Area, checked, rectangle
from data.draw.palettes import palette_table
from data.errors import GazeError

SIZE = (60, 40)
BOX = {"name": "Face", "shape": "rectangle", "kind": "face", "points": [[1, 2], [11, 2], [11, 22], [1, 22]]}


def sent(value: Any, serial: str = "a-1", subject: str = "s", revision: Any = 0) -> dict[str, Any]:
    return {"serial": serial, "value": value, "subject": subject, "revision": revision}


def test_areas_come_back_as_they_were_given() -> None:
    areas = (rectangle("Face", (1, 2, 10, 20), "face"), Area("Sign", ((0.0, 0.0), (9.5, 0.0), (3.0, 7.0))))
    there = json.loads(json.dumps([received.outgoing(area) for area in areas]))
    assert received.areas(sent(there), "s", 0, SIZE) == areas


def test_what_belongs_to_another_picture_or_to_a_replaced_list_is_left_alone() -> None:
    assert received.areas(sent([BOX], subject="t"), "s", 0, SIZE) is None
    assert received.areas(sent([BOX], revision=1), "s", 0, SIZE) is None
    assert received.areas(sent([BOX]), "s", 0, SIZE) == (rectangle("Face", (1, 2, 10, 20), "face"),)


def test_a_message_is_taken_once() -> None:
    taken: dict[str, Any] = {}
    state = {"moment": sent(2)}
    assert received.message(state, "moment", taken) == state["moment"]
    assert received.message(state, "moment", taken) is None
    assert received.message({"moment": sent(2, "a-2")}, "moment", taken) is not None
    assert received.message(None, "moment", taken) is None
    assert received.message({}, "areas", taken) is None


@pytest.mark.parametrize("found", [5, "text", [], {"value": 1}, {"serial": 3}, {"serial": "x" * 100}])
def test_what_is_no_message_ends_in_one_sentence(found: Any) -> None:
    with pytest.raises(GazeError, match="reload the page"):
        received.message({"moment": found}, "moment", {})


@pytest.mark.parametrize("value", [None, True, -1, 6, 1.0, "1", [1], math.nan])
def test_what_is_no_stop_ends_in_one_sentence(value: Any) -> None:
    with pytest.raises(GazeError, match="no stop"):
        received.moment(sent(value), 6)
    assert received.moment(sent(5), 6) == 5


@pytest.mark.parametrize(
    "change",
    [
        {"name": None},
        {"name": 7},
        {"points": None},
        {"points": [[1, 2], [3, 4]]},
        {"points": [[1, 2]] * (CORNERS + 1)},
        {"points": [[1, 2], [11, 2], [11, "22"], [1, 22]]},
        {"points": [[1, 2], [11, 2], [11, math.inf], [1, 22]]},
        {"points": [[1, 2], [11, 2], [11, math.nan], [1, 22]]},
        {"points": [[1, 2], [11, 2], [11, True], [1, 22]]},
        {"points": [[1, 2], [11, 2, 3], [11, 22], [1, 22]]},
        {"points": [[1, 2], [12, 2], [11, 22], [1, 22]]},  # no rectangle
        {"points": [[1, 2], [1, 2], [1, 2], [1, 2]]},
        {"points": [[100, 2], [110, 2], [110, 22], [100, 22]]},  # beside the picture
        {"points": [[1, 2], [1e300, 2], [1e300, 22], [1, 22]]},
    ],
    ids=str,
)
def test_what_is_no_area_ends_in_one_sentence(change: dict[str, Any]) -> None:
    with pytest.raises(GazeError, match=r"draw it again|outside of the picture"):
        received.areas(sent([BOX | change]), "s", 0, SIZE)


def test_there_are_no_more_areas_than_a_picture_may_have() -> None:
    many = [BOX | {"name": f"{number}"} for number in range(MOST)]
    assert len(received.areas(sent(many), "s", 0, SIZE) or ()) == MOST
    with pytest.raises(GazeError, match="may have 200"):
        received.areas(sent([*many, BOX]), "s", 0, SIZE)


def test_names_become_plain_short_and_different() -> None:
    names = ["a\x1b[2J", "a" * 500, "", "  two \n lines ", "Face", "Face", "🙂 " * 40]
    areas = received.areas(sent([BOX | {"name": name} for name in names]), "s", 0, SIZE)
    assert areas is not None
    assert [area.name for area in areas][:6] == ["a\\x1b[2J", "a" * 60, "Area 3", "two lines", "Face", "Face 2"]
    assert len(areas[6].name) <= 60


def test_a_kind_that_nothing_finds_is_none() -> None:
    areas = received.areas(sent([BOX | {"kind": "<b>"}, BOX | {"kind": ["x"], "name": "b"}]), "s", 0, SIZE)
    assert areas is not None
    assert [area.kind for area in areas] == ["", ""]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda each: st.lists(each, max_size=5) | st.dictionaries(st.sampled_from([*BOX, "x"]), each, max_size=5),
    max_leaves=12,
)


@given(value=anything, change=st.dictionaries(st.sampled_from(list(BOX)), anything, min_size=1))
def test_whatever_comes_ends_in_areas_or_one_sentence(value: Any, change: dict[str, Any]) -> None:
    for each in (value, [value], [BOX | change]):
        try:
            areas = received.areas(sent(each), "s", 0, SIZE)
        except GazeError:
            continue
        assert areas is not None
        assert checked(areas, *SIZE) == areas


def test_the_selected_area_is_a_name_of_this_picture() -> None:
    assert received.selected({"selected": sent("Face")}, "s") == "Face"
    for wrong in ({"selected": sent("Face", subject="t")}, {"selected": "Face"}, {"selected": sent(5)}, {}, None):
        assert received.selected(wrong, "s") is None


def script(picture: bytes, heat: bytes, most: int) -> None:
    """A page with nothing but a canvas."""
    import streamlit as st

    from app.web.canvas import Contour, Layer, Peak, canvas
    from data.areas import rectangle

    layer = Layer([Contour("50 %", (((0, 0), (9.04, 0), (3, 7)),))], [Peak(1.5, 2, "31 %")], {"<b>": "12 %"})
    stops = ["Whole viewing", *(f"{second} s" for second in range(most))]
    moment = st.session_state.get("to", 0)
    state = canvas(
        "one", picture, (60, 40), areas=[rectangle("<b>", (1, 2, 3, 4))], revision=3, heat=[heat] * len(stops),
        stops=stops, layers=[layer], editable=True, moment=moment, alts=["words"],
    )  # fmt: skip
    st.session_state["state"] = state


@pytest.fixture
def given_data(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the component is given; `answer` is what it sends."""
    seen: dict[str, Any] = {"answer": {}}

    def component(key: str, data: dict[str, Any], **_: Any) -> Any:
        seen.update(json.loads(json.dumps(data)), key=key)
        return seen["answer"]

    monkeypatch.setattr(package, "_component", component)
    return seen


def shown(png: bytes, most: int = 2) -> AppTest:
    heat = pictures.encode(np.zeros((4, 6, 3), np.uint8))
    return AppTest.from_function(script, default_timeout=10, kwargs={"picture": png, "heat": heat, "most": most}).run()


@pytest.mark.slow
def test_the_browser_gets_everything_through_data(png: bytes, given_data: dict[str, Any]) -> None:
    page = shown(png)
    assert not page.exception
    assert page.session_state["state"] == CanvasState(0, None, None)
    assert given_data["picture"].endswith(".png")  # an address of the server's
    assert [stop["caption"] for stop in given_data["stops"]] == ["Whole viewing", "0 s", "1 s"]
    assert given_data["stops"][2]["contours"][0]["lines"] == [[[0, 0], [9, 0], [3, 7]]]
    assert given_data["stops"][2]["peaks"] == [{"at": [1.5, 2], "label": "31 %", "radius": 0}]
    assert given_data["stops"][1]["labels"] == {"<b>": "12 %"}
    assert given_data["stops"][1]["alt"] == "words"
    assert base64.b64decode(given_data["palette"]) == palette_table().tobytes()
    for text in (package._read("canvas.html", "canvas.css", *SCRIPTS),):
        assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
        assert "innerHTML" not in text


@pytest.mark.slow
def test_what_is_sent_is_returned_once_and_the_moment_stays(png: bytes, given_data: dict[str, Any]) -> None:
    page = shown(png)
    subject = given_data["subject"]
    given_data["answer"] = {"moment": sent(2), "areas": sent([BOX], "a-2", subject, 3)}
    page.run()
    assert page.session_state["state"] == CanvasState(2, (rectangle("Face", (1, 2, 10, 20), "face"),), None)
    page.run()
    assert page.session_state["state"] == CanvasState(2, None, None)
    assert given_data["moment"] == 2
    page.session_state["to"] = 1  # the page itself moves on
    page.run()
    assert page.session_state["state"].moment == given_data["moment"] == 1


def test_what_was_drawn_is_handed_on_before_the_page_runs(png: bytes, given_data: dict[str, Any]) -> None:
    page = shown(png)
    kept: list[tuple[Area, ...]] = []
    state = {"one": {"areas": sent([BOX], "a-7", given_data["subject"], 3)}}
    memory: dict[str, Any] = {"given": 0, "moment": 0, "taken": {}}
    about = {"memory": memory, "subject": given_data["subject"], "revision": 3, "size": (60, 40), "count": 3}
    take = functools.partial(package._state, **about)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("streamlit.session_state", state)
        package._keep("one", take, kept.append)
        package._keep("one", take, kept.append)  # the same message is no news
    assert kept == [(rectangle("Face", (1, 2, 10, 20), "face"),)]
    assert not page.exception


@pytest.mark.slow
def test_nonsense_is_told_and_leaves_the_page_standing(png: bytes, given_data: dict[str, Any]) -> None:
    page = shown(png)
    given_data["answer"] = {"moment": sent(99), "areas": sent([BOX], "a-2", given_data["subject"], 3)}
    page.run()
    assert not page.exception
    told = "The drawing sent what is no stop; reload the page and draw it again."
    assert [each.value for each in page.error] == [told]
    assert page.session_state["state"].areas == (rectangle("Face", (1, 2, 10, 20), "face"),)
    assert page.session_state["state"].moment == 0


@pytest.mark.slow
def test_a_moment_that_another_picture_does_not_have_is_its_last(png: bytes, given_data: dict[str, Any]) -> None:
    page = shown(png)
    page.session_state["to"] = 9
    page.run()
    assert page.session_state["state"].moment == 2


def test_without_a_browser_the_real_component_sends_nothing(png: bytes) -> None:
    page = shown(png)
    assert not page.exception
    assert page.session_state["state"] == CanvasState(0, None, None)
