"""Does the page Areas do what its controls say, with whatever names, files and areas there are?"""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

import app.web.canvas as canvases
from app.web import predictions, widgets
from app.web.areas import results as area_results
from app.web.measures import measures
from app.web.workspace import SLOT, StoredPicture, Workspace
from data import picture as pictures
from data.areas import Area, rectangle, to_coco
from data.gaze import Objects
from export.runtime import text

PAGE = Path(widgets.__file__).parent / "pages" / "areas.py"
FOUND = Objects(
    np.array([[40.0, 4, 14, 12], [0, 0, 10, 10], [20, 20, 10, 10]]),
    ("face 1", "object 1", "object 2"),
    ({"kind": "face"}, {"kind": "object"}, {"kind": "object"}),
)
Draw = dict[str, Any]


@pytest.fixture
def drawing(monkeypatch: pytest.MonkeyPatch) -> Draw:
    """What the picture on the page is given; `send` is what it sends next."""
    seen: Draw = {"send": None, "count": 0}

    def component(key: str, data: Draw, **_: Any) -> Draw:
        seen.update(json.loads(json.dumps(data)), key=key)
        if seen["send"] is None:
            return {}
        seen["count"] += 1
        message = {"serial": str(seen["count"]), "value": seen.pop("send")}
        seen["send"] = None
        return {"areas": message | {"subject": data["subject"], "revision": data["revision"]}}

    monkeypatch.setattr(canvases, "_component", component)
    return seen


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that finds a face and two objects in every picture."""
    real = predictions.view
    monkeypatch.setattr(predictions, "view", lambda *given: replace(real(*given), objects=FOUND))


def opened(png: bytes, *areas: Area, name: str = "spot.png") -> AppTest:
    """The page with a picture that has areas."""
    kept = Workspace()
    key = kept.add(name, png).key
    kept.set_areas(key, areas)
    page = AppTest.from_file(PAGE, default_timeout=30)
    page.session_state[SLOT] = kept
    return page.run()


def kept(page: AppTest) -> tuple[Area, ...]:
    workspace: Workspace = page.session_state[SLOT]
    return workspace.areas()


def table(page: AppTest) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = page.dataframe[0].value.to_dict("list")
    return columns


def button(page: AppTest, key: str) -> Any:
    return page.button(key=key)


def drawn(name: str, left: float, top: float, right: float, bottom: float) -> Draw:
    points = [[left, top], [right, top], [right, bottom], [left, bottom]]
    return {"name": name, "shape": "rectangle", "kind": "", "points": points}


@pytest.mark.slow
def test_without_areas_the_page_says_how_to_make_one(models: Path, png: bytes, drawing: Draw) -> None:
    page = opened(png)
    assert not page.exception
    assert page.title[0].value == "How much does each area get?"
    assert "Draw a rectangle on the picture" in "".join(each.value for each in page.markdown)
    assert not page.dataframe
    assert drawing["editable"]
    assert len(drawing["stops"]) == 3
    assert any(widgets.NOTE in each.value for each in page.markdown)


def test_what_is_drawn_is_kept_measured_and_labelled(models: Path, png: bytes, drawing: Draw) -> None:
    page = opened(png)
    drawing["send"] = [drawn("Spot", 40, 4, 54, 16), drawn("Dark", 0, 20, 20, 40)]
    page.run()
    assert not page.exception
    assert [area.name for area in kept(page)] == ["Spot", "Dark"]
    page.run()
    shares = dict(zip(*(table(page)[column] for column in ("Area", "Share of looks")), strict=True))
    assert shares["Spot"] > 90 > shares["Dark"]
    assert drawing["stops"][1]["labels"]["Spot"].endswith("%")
    assert "Shares of looks: Spot more than 99.9 %, Dark" in drawing["stops"][0]["alt"]
    assert drawing["revision"] == 1  # what the picture itself sent does not come back as a new list


@pytest.mark.slow
def test_the_heat_map_can_be_hidden(models: Path, png: bytes, drawing: Draw) -> None:
    page = opened(png)
    assert drawing["stops"][0]["heat"].endswith(".png")
    page.toggle(key="areas-heat").set_value(False).run()
    assert not page.exception
    assert drawing["stops"][0]["heat"] is None


@pytest.mark.slow
@pytest.mark.usefixtures("found")
def test_suggestions_are_accepted_rejected_and_brought_back(models: Path, png: bytes, drawing: Draw) -> None:
    page = opened(png)
    pills = page.button_group(key="areas-suggested")
    assert pills.options == ["Face 1", "Object 1", "Object 2"]
    assert button(page, "areas-accept").disabled
    pills.set_value(["Object 2"]).run()
    assert [line["label"] for line in drawing["stops"][0]["contours"]] == ["Object 2"]
    button(page, "areas-reject").click().run()
    assert page.button_group(key="areas-suggested").options == ["Face 1", "Object 1"]
    page.button_group(key="areas-suggested").set_value(["Face 1"]).run()
    button(page, "areas-accept").click().run()
    assert kept(page) == (rectangle("Face 1", (40, 4, 14, 12), "face"),)
    assert drawing["revision"] == 2
    button(page, "areas-bring-back").click().run()
    button(page, "areas-accept-all").click().run()
    assert [area.name for area in kept(page)] == ["Face 1", "Object 1", "Object 2"]
    assert "There is nothing more to suggest." in [each.value for each in page.caption]
    assert not page.exception


@pytest.mark.slow
def test_blocks_of_text_are_suggested_by_their_words(
    models: Path, png: bytes, drawing: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = Objects(np.array([[5.0, 5, 20, 6]]), ("*Buy* now",), ({"kind": "text"},))
    monkeypatch.setattr(text, "installed", lambda: True)
    monkeypatch.setattr(text, "text_blocks", lambda pixels: blocks)
    page = opened(pictures.encode(pictures.read(png, "a")[::-1]))
    page.toggle(key="areas-text").set_value(True).run()
    assert page.button_group(key="areas-suggested").options == [r"\*Buy\* now"]
    button(page, "areas-accept-all").click().run()
    assert kept(page) == (rectangle("*Buy* now", (5, 5, 20, 6), "text"),)


@pytest.mark.slow
def test_without_the_extra_text_the_page_says_how_to_get_it(
    models: Path, png: bytes, drawing: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "installed", lambda: False)
    page = opened(png)
    assert any("pip install" in each.value for each in page.caption)
    assert not [each for each in page.toggle if each.key == "areas-text"]


def test_areas_are_saved_and_loaded(models: Path, png: bytes, drawing: Draw) -> None:
    areas = (rectangle("Face", (1, 2, 10, 20)), Area("Sign", ((0.0, 0.0), (9.0, 0.0), (3.0, 7.0))))
    page = opened(png)
    page.file_uploader(key="areas-file-0").upload("mine.json", to_coco("spot.png", 60, 40, areas).encode()).run()
    assert not page.exception
    assert kept(page) == areas
    assert page.success[0].value.startswith("2 areas loaded")
    page.run()
    assert not page.success
    assert page.get("download_button")[0].proto.label == "Areas, JSON"


@pytest.mark.slow
def test_a_bad_file_of_areas_ends_in_one_sentence(models: Path, png: bytes, drawing: Draw) -> None:
    page = opened(png, rectangle("Face", (1, 2, 10, 20)))
    other_size = to_coco("x", 7, 9, [rectangle("a", (0, 0, 5, 5))]).encode()
    for number, content in enumerate([b"", b"[]", b"{", b"\xff\xfe", b'{"images": 3}', other_size]):
        page.file_uploader(key=f"areas-file-{number}").upload("*mine*.json", content, "application/json").run()
        assert not page.exception
        assert len(page.warning) == 1
        assert "\n" not in page.warning[0].value
        assert [area.name for area in kept(page)] == ["Face"]


@pytest.mark.slow
def test_areas_are_copied_from_another_picture_at_its_scale(models: Path, png: bytes, drawing: Draw) -> None:
    page = opened(png, rectangle("Face", (6, 4, 12, 8)))
    workspace: Workspace = page.session_state[SLOT]
    workspace.add("b.png", pictures.encode(np.zeros((80, 120, 3), np.uint8)))
    workspace.set_areas(workspace.current, [rectangle("Face", (0, 0, 5, 5)), rectangle("Mine", (0, 0, 9, 9))])
    page.run()
    button(page, "areas-copy").click().run()
    assert not page.exception
    assert [(area.name, area.box) for area in kept(page)] == [("Mine", (0, 0, 9, 9)), ("Face", (12, 8, 24, 16))]
    assert page.success[0].value == "1 areas copied from spot.png."


NAMES = ["a" * 60, "🙂" * 20, "*bold* [link](http://x) $x$ `c`", "<img src=x onerror=alert(1)>", "=1+1"]


@pytest.mark.slow
def test_names_that_look_like_something_else_are_shown_as_they_are(models: Path, png: bytes, drawing: Draw) -> None:
    areas = [rectangle(name, (10 * number, 0, 10, 40)) for number, name in enumerate(NAMES)]
    page = opened(png, *areas)
    assert not page.exception
    assert table(page)["Area"] == NAMES
    for each in page.markdown:
        assert "[link](http" not in each.value.replace("\\[link\\](http", "")
    assert [area["name"] for area in drawing["areas"]] == NAMES


@pytest.mark.slow
def test_the_table_comes_as_csv_that_no_spreadsheet_runs(models: Path, png: bytes, drawing: Draw) -> None:
    page = opened(png, rectangle("=1+1", (40, 4, 14, 12)), rectangle("dot", (0, 0, 1, 1)))
    assert [each.proto.label for each in page.get("download_button")] == ["Areas, JSON", "Table, CSV"]
    model, stored = predictions.open_model(models / "toy.onnx"), page.session_state[SLOT].picture
    seen = predictions.view(model, stored)
    measured = measures(model, stored, seen, kept(page))
    rows = list(csv.DictReader(io.StringIO(area_results.csv(measured, seen.times))))
    assert [row["area"] for row in rows] == ["'=1+1", "dot"]
    assert float(rows[0]["share"]) == pytest.approx(table(page)["Share of looks"][0] / 100, abs=1e-4)
    assert float(rows[0]["share_low"]) <= float(rows[0]["share"]) <= float(rows[0]["share_high"])
    assert all(row[f"share_{second}_{second + 1}_s"] for row in rows for second in range(2))


@pytest.mark.slow
def test_an_area_that_nobody_looks_at_and_one_of_a_pixel_are_measured(models: Path, png: bytes, drawing: Draw) -> None:
    page = opened(png, rectangle("nothing", (0, 38, 2, 2)), rectangle("pixel", (45, 9, 1, 1)))
    assert not page.exception
    columns = table(page)
    assert columns["First look, range"][0] == "nobody looks"
    assert columns["Share of looks"][0] < 0.1 < columns["Share of looks"][1]


@pytest.mark.slow
def test_two_hundred_areas_that_overlap_are_shown(models: Path, png: bytes, drawing: Draw) -> None:
    page = opened(png, *(rectangle(f"{n}", (n % 50, n % 30, 8, 8)) for n in range(200)))
    assert not page.exception
    assert len(table(page)["Area"]) == 200
    assert any("40 areas with the largest shares" in each.value for each in page.caption)


@pytest.mark.slow
def test_rubbish_from_the_browser_is_told_in_one_sentence(models: Path, png: bytes, drawing: Draw) -> None:
    page = opened(png, rectangle("Face", (1, 2, 10, 20)))
    drawing["send"] = [drawn("x", 0, 0, 0, 0)]
    page.run()
    assert not page.exception
    assert len(page.error) == 1
    assert [area.name for area in kept(page)] == ["Face"]


@pytest.mark.slow
def test_a_removed_picture_takes_its_areas_along(models: Path, png: bytes, drawing: Draw) -> None:
    page = opened(png, rectangle("Face", (1, 2, 10, 20)))
    button(page, "remove-picture").click().run()
    assert not page.exception
    stored: StoredPicture | None = page.session_state[SLOT].picture
    assert stored is None
    assert kept(page) == ()
