"""Does the page Order show paths over areas, found things, grids and files, free and in search, and say the truth?"""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from app.predict.simulate import Baseline, SceneModel
from app.web import measures, path_player, widgets
from app.web.order import numbers, observers, search, things, words
from app.web.order.numbers import Row, Search
from app.web.predictions import open_model, view
from app.web.workspace import Workspace
from data import picture as pictures
from data.areas import Area, rectangle
from data.gaze import Objects
from scanpath.decode import Rollouts
from tests import toy_model as toy
from tests import toy_searcher

PAGE = Path(widgets.__file__).parent / "pages" / "order.py"


def page(content: bytes, *areas: Area, name: str = "spot.png") -> AppTest:
    """The page with a picture in the workspace, and areas drawn on it."""
    shown = AppTest.from_file(PAGE, default_timeout=30)
    kept = Workspace()
    kept.set_areas(kept.add(name, content).key, areas)
    shown.session_state["workspace"] = kept
    return shown.run()


def film(shown: AppTest) -> dict[str, Any]:
    """What the player gets."""
    [player] = [each for each in shown.get("bidi_component") if "path_player" in each.proto.component_name]
    return dict(json.loads(player.proto.json))


def column(shown: AppTest, name: str) -> list[Any]:
    return list(shown.dataframe[0].value[name])


def told(shown: AppTest) -> str:
    return " ".join(each.value for each in shown.markdown).replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.slow
def test_without_a_picture_the_page_invites_to_bring_one(models: Path, samples: None) -> None:
    shown = AppTest.from_file(PAGE, default_timeout=30).run()
    assert not shown.exception
    assert "to see in which order people look" in told(shown)
    shown.button(key="sample-street").click().run()
    assert not shown.exception
    assert film(shown)["looks"]


def test_a_picture_gives_a_path_sentences_a_table_charts_and_downloads(models: Path, png: bytes) -> None:
    shown = page(png)
    assert not shown.exception
    assert not shown.error
    made = film(shown)
    assert made["mode"] == "one"
    assert made["end"] <= 2000  # the toy model tells of two seconds
    assert made["alt"].startswith("The path of person ")
    assert made["timed"]
    assert "is seen first" in told(shown)
    first = column(shown, "What")[0]
    assert first in told(shown)
    assert column(shown, "Order")[0] == 1
    assert [button.label for button in shown.get("download_button")] == [
        *("Path, PNG", "Looks, CSV", "Things, CSV", "Everything, JSON")
    ]
    assert widgets.NOTE in [each.value for each in shown.caption]


@pytest.mark.slow
def test_charts_say_what_the_table_says_and_have_alternative_texts(models: Path, png: bytes) -> None:
    shown = page(png, rectangle("lamp", (40, 4, 16, 12)), rectangle("corner", (0, 30, 10, 10)))
    seen, when = [each.proto for each in shown.get("vega_lite_chart")]
    rows = list(pa.ipc.open_stream(seen.datasets[0].data.data).read_all().to_pylist())
    assert [row["thing"] for row in rows] == column(shown, "What")
    assert [row["seen"] for row in rows] == column(shown, "Seen by")
    assert column(shown, "What")[0] == "lamp"
    assert "lamp" in seen.alt
    assert "lamp" in when.alt
    assert '"url"' not in seen.spec + when.spec


@pytest.mark.slow
def test_areas_come_first_and_found_things_that_they_cover_are_left_out(models: Path, png: bytes) -> None:
    shown = page(png, rectangle("lamp", (40, 4, 16, 12)))
    source = shown.segmented_control[1]
    assert source.options == [things.AREAS, things.FOUND, things.GRID, things.FILE]
    assert source.value == things.AREAS
    names = column(shown, "What")
    assert "lamp" in names
    shown.toggle(key="order-others").set_value(False).run()
    assert not shown.exception
    assert column(shown, "What") == ["lamp"]
    assert film(shown)["objects"][0]["outlined"]


@pytest.mark.slow
def test_what_is_shown_who_is_shown_and_outlines_change_the_film(models: Path, png: bytes) -> None:
    shown = page(png)
    seen = [film(shown)["id"]]
    person = shown.selectbox[1]
    other = next(each for each in range(100) if each != person.value)
    person.set_value(other).run()
    assert film(shown)["alt"].startswith(f"The path of person {other + 1} ")
    for mode, kind in (("Everyone", "all"), ("First looks", "first")):
        shown.segmented_control(key="order-mode").set_value(mode).run()
        assert not shown.exception
        assert film(shown)["mode"] == kind
        seen.append(film(shown)["id"])
    assert "begin" in told(shown)
    assert len(set(seen)) == 3
    shown.toggle(key="order-outlines").set_value(False).run()
    assert not film(shown)["outlines"]


@pytest.mark.slow
def test_details_change_who_looks_how_many_and_what_comes_of_it(models: Path, png: bytes) -> None:
    shown = page(png)
    first = film(shown)["id"]
    shown.number_input(key="order-seed").set_value(9).run()
    assert film(shown)["id"] != first
    shown.slider(key="order-people").set_value(1).run()
    assert not shown.exception
    assert set(column(shown, "Seen by")) <= {0, 100}
    shown.selectbox(key="order-who-free").set_value("walk").run()
    assert not shown.exception
    assert not film(shown)["timed"]
    assert set(column(shown, "First look")) == {None}
    assert "tells no times" in " ".join(each.value for each in shown.caption)
    shown.slider(key="order-variety-walk").set_value(0.2).run()
    assert not shown.exception


@pytest.mark.slow
def test_a_grid_has_cells_with_names(models: Path, png: bytes) -> None:
    shown = page(png)
    shown.segmented_control[1].set_value(things.GRID).run()
    assert len(column(shown, "What")) == 12
    assert column(shown, "What")[0] == "D1"  # the bright spot
    shown.number_input(key="order-rows").set_value(1).run()
    shown.number_input(key="order-columns").set_value(1).run()
    assert not shown.exception
    assert column(shown, "What") == ["A1"]
    assert column(shown, "Seen by") == [100]


def coco(**changed: Any) -> bytes:
    entry = {"image_id": 1, "category_id": 1, "bbox": [40, 4, 16, 12]} | changed
    images = [{"id": 1, "file_name": "x.png"}]
    kinds = [{"id": 1, "name": "[a](b)*c*_$d$"}]
    return json.dumps({"images": images, "annotations": [entry], "categories": kinds}).encode()


@pytest.mark.slow
def test_boxes_of_a_coco_file_keep_their_names_and_a_bad_file_is_answered(models: Path, png: bytes) -> None:
    shown = page(png)
    shown.segmented_control[1].set_value(things.FILE).run()
    assert "Upload a COCO file" in shown.info[0].value
    shown.file_uploader(key="order-coco-0").upload("boxes.json", coco(), "application/json").run()
    assert not shown.exception
    assert column(shown, "What") == ["[a](b)*c*_$d$"]
    assert r"\[a\](b)\*c\*\_\$d\$” is seen first" in told(shown)
    assert film(shown)["objects"][0]["name"] == "[a](b)*c*_$d$"  # set as text
    bad = ((b"{}", "boxes.json: there is no list"), (coco(bbox=[40, 4, 0, 12]), "boxes.json: anno"))
    for number, (content, said) in enumerate(bad, 1):
        shown.file_uploader(key=f"order-coco-{number}").upload("boxes.json", content, "application/json").run()
        assert not shown.exception
        assert shown.error[0].value.startswith(said)


@pytest.mark.slow
def test_a_picture_in_which_nothing_stands_out_is_answered(models: Path) -> None:
    shown = page(pictures.encode(np.full((40, 60, 3), 90, np.uint8)))
    assert not shown.exception
    assert "Nothing stands out" in shown.info[0].value


@pytest.mark.slow
def test_a_tiny_picture_and_two_hundred_things_are_fine(models: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)
    many = [rectangle(f"n{n}", (n % 20, n // 20, 1, 1)) for n in range(200)]
    shown = page(pictures.encode(noise), *many)
    assert not shown.exception
    assert len(shown.dataframe[0].value) == 200
    assert len(film(shown)["objects"]) == 200


@pytest.mark.slow
def test_nobody_can_search_without_a_model_that_searches(models: Path, png: bytes) -> None:
    shown = page(png)
    shown.segmented_control(key="order-task").set_value("Looking for something").run()
    assert not shown.exception
    assert "Searching needs a model" in shown.info[0].value


class Finder(Baseline):
    """Everyone looks at the first thing for 400 ms, and half of them then at the second, for 200."""

    model, searches = "oat-search", True

    def __call__(self, *given: Any) -> Rollouts:
        paths = super().__call__(*given)
        count = len(paths.order)
        order = np.zeros((count, 2), np.int64)
        order[:, 1] = np.where(np.arange(count) % 2, 1, -1)
        lasting = np.where(order >= 0, [400.0, 200.0], np.nan)
        return Rollouts(order, lasting, np.zeros(count), np.ones(count, bool))


@pytest.fixture
def finder(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that searches is installed."""
    toy.write(models / "oat-search.onnx", toy.CONTRACT.model_copy(update={"name": "oat-search", "task": "scanpath"}))
    monkeypatch.setattr(
        "export.runtime.contract.Contract.searches", property(lambda contract: contract.task != "saliency")
    )
    opened: Callable[..., SceneModel] = lambda name, path: Finder() if path else Baseline()  # noqa: E731
    monkeypatch.setattr(widgets, "open_walker", opened)


@pytest.mark.usefixtures("finder")
def test_a_target_is_picked_and_who_searches_is_chosen_by_itself(png: bytes) -> None:
    areas = rectangle("lamp", (40, 4, 16, 12)), rectangle("corner", (0, 30, 10, 10))
    shown = page(png, *areas)
    assert shown.selectbox(key="order-who-free").options[0] == "People as the map predicts them"
    shown.toggle(key="order-others").set_value(False).run()
    shown.segmented_control(key="order-task").set_value("Looking for something").run()
    assert not shown.exception
    assert shown.selectbox(key="order-who-search").options == ["oat-search"]
    assert "100 % of people find the lamp, half of them at once." in told(shown)
    target = next(each for each in shown.selectbox if each.label == "What they look for")
    assert target.options == ["lamp", "corner", search.DRAW, search.PICTURE, search.ABSENT]
    target.set_value(1).run()
    assert "50 % of people find the corner, half of them within 0.5 s." in told(shown)
    assert "50 % give up, half of them within 0.4 s." in told(shown)
    assert "On the way, 100 % look at the lamp." in told(shown)
    assert column(shown, "Time on it") == pytest.approx([0.4, 0.1])
    assert "simulated by oat-search 1.0.0" in " ".join(each.value for each in shown.caption)


@pytest.mark.slow
@pytest.mark.usefixtures("finder")
def test_what_is_not_there_is_not_found(png: bytes) -> None:
    shown = page(png, rectangle("lamp", (40, 4, 16, 12)), rectangle("corner", (0, 30, 10, 10)))
    shown.segmented_control(key="order-task").set_value("Looking for something").run()
    next(each for each in shown.selectbox if each.label == "What they look for").set_value(search.ABSENT).run()
    assert not shown.exception
    assert "Nobody can find something that is not there: 100 % give up" in told(shown)


@pytest.mark.slow
@pytest.mark.usefixtures("finder")
def test_a_target_can_be_drawn_or_uploaded(png: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = page(png, rectangle("corner", (0, 30, 10, 10)))
    shown.segmented_control(key="order-task").set_value("Looking for something").run()
    target = next(each for each in shown.selectbox if each.label == "What they look for")
    target.set_value(search.DRAW).run()
    assert not shown.exception
    assert "Draw one rectangle" in " ".join(each.value for each in shown.caption)
    key = next(iter(shown.session_state["workspace"].pictures))
    shown.session_state[f"order-drawn-{key}"] = (rectangle("it", (20, 20, 8, 8)),)
    shown.run()
    assert not shown.exception
    assert "What you have drawn" in column(shown, "What")
    next(each for each in shown.selectbox if each.label == "What they look for").set_value(search.PICTURE).run()
    assert "Upload a picture of what people look for" in shown.info[0].value
    crop = shown.file_uploader(key="order-crop-0")
    crop.upload("note.png", b"notes", "image/png").run()
    assert not shown.exception
    assert shown.error[0].value.startswith("note.png")
    shown.file_uploader(key="order-crop-1").upload("crop.png", png, "image/png").run()
    assert not shown.exception
    assert "find" in told(shown)


def test_a_searcher_of_places_is_no_choice_of_who_looks(models: Path) -> None:
    toy_searcher.write(models / "toy-search.onnx")
    assert "toy-search" not in observers.choices(searching=False)
    assert "toy-search" not in observers.choices(searching=True)


def test_numbers_are_those_of_the_page_areas(models: Path, png: bytes) -> None:
    stored = Workspace().add("spot.png", png)
    model = open_model(models / "toy.onnx")
    areas = rectangle("lamp", (40, 4, 16, 12)), rectangle("left", (0, 0, 30, 40))
    seen = view(model, stored)
    trace = measures.paths(None, model, stored, seen, areas)
    known = {each.name: each for each in measures.measures(model, stored, seen, areas)}
    for row in numbers.rows(trace, areas):
        same = known[row.name]
        mine = row.seen, row.after, row.low, row.high, row.dwell, row.rank if row.seen else math.nan
        np.testing.assert_allclose(
            mine, (same.seen, same.first_s, same.first_low, same.first_high, same.dwell_s, same.rank), rtol=1e-6
        )


def test_found_things_stand_apart_and_faces_win() -> None:
    boxes = np.array([[0.0, 0, 100, 100], [10, 10, 20, 20], [200, 0, 10, 10], [12, 12, 20, 20]])
    kinds = ({"kind": "object"}, {"kind": "face"}, {"kind": "object"}, {"kind": "object"})
    found = things.apart(Objects(boxes, ("a", "b", "c", "d"), kinds, np.array([0.9, 0.2, 0.5, 0.95])))
    assert found.categories == ("b", "c")


def row(number: int, **known: float) -> Row:
    usual: dict[str, Any] = {"seen": 0.5, "first": 0.2, "after": 1.0, "low": 0.5, "high": 2.0, "look": 3.0}
    usual |= {"dwell": 0.4, "looks": 1.0} | known
    return Row(number, f"thing {number}", "", "in the middle", rank=number + 1, **usual)


def test_sentences_say_what_is_seen_first_second_and_third() -> None:
    said = words.free([row(0, first=0.55), row(1), row(2, after=math.nan), row(3, seen=0.02)], str)
    assert said == [
        "The area “thing 0” is seen first: 55 % of people begin there.",
        "Then the area “thing 1” (seen by 50 %, half of them within 1.0 s) and the area “thing 2” (seen by 50 %).",
        "The area “thing 3” is missed by nine in ten people.",
    ]
    assert words.free([row(0, seen=0.0)], str) == [words.NOBODY]
    [first, *_] = words.free([row(0), row(1, first=0.6)], str)
    assert first == "The area “thing 1” is seen first: 60 % of people begin there."


def test_sentences_say_how_a_search_went() -> None:
    lost = words.sought(Search(math.nan, math.nan, 0.7, 4.2), [row(0)], "it", str, None, 20)
    assert lost[:2] == [
        "Nobody can find it: 70 % give up, half of them within 4.2 s.",
        "30 % are still looking after 20 looks.",
    ]
    assert words.sought(Search(0.0, math.nan, 1.0, math.nan), [], "it", str, 0, 20) == [
        "Nobody finds it.",
        "100 % give up.",
    ]


@pytest.mark.parametrize(
    ("agreement", "begin"), [(0.7, "People agree"), (0.3, "People are divided"), (0.1, "People differ")]
)
def test_agreement_is_told_in_words(agreement: float, begin: str) -> None:
    assert words.agreed(agreement, [row(0, first=0.6)], str).startswith(begin)
    assert words.agreed(math.nan, [row(0, first=0.0)], str) == words.NOBODY


def test_the_players_times_have_marks_and_unknown_times_are_counted() -> None:
    assert path_player.ticks(600, False) == [(0.0, "1"), (300.0, "2"), (600.0, "3")]
    shown = path_player.Film("one", b"x", (4, 3), "alt", [(0, 0, 1.0, 1.0, math.nan, math.nan, -1)], timed=False)
    made = path_player.data_of(shown)
    assert made["looks"] == [(0, 0, 1.0, 1.0, 0, -1, -1)]
    assert made["words"]["time"] == "Look"
    assert path_player.data_of(replace(shown, looks=[]))["end"] > 0
