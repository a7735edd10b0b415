"""Does the page Compare say truly which of two versions does better, and where a picture stands among others?"""

import csv
import io
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from app.predict.areas import AreaDifference, AreaMeasures
from app.web import widgets
from app.web.compare import areas, maps, others
from app.web.compare.areas import Pair
from app.web.compare.others import Standing
from app.web.predictions import View, open_model, view
from app.web.workspace import StoredPicture, Workspace
from data import picture as pictures
from data.areas import Area, rectangle

PAGE = Path(widgets.__file__).parent / "pages" / "compare.py"
LAMP = rectangle("lamp", (40, 4, 16, 12))


def dark(x: int, y: int = 8, width: int = 60, height: int = 40, light: int = 255) -> bytes:
    """A dark picture with a bright spot."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[y : y + 4, x : x + 6] = light
    return pictures.encode(pixels)


def desk(*contents: bytes, drawn: tuple[Area, ...] = ()) -> Workspace:
    """A workspace with pictures A.png, B.png ..., the first of them looked at, with areas drawn on it."""
    kept = Workspace()
    kept.take((f"{chr(65 + n)}.png", content) for n, content in enumerate(contents))
    kept.set_areas(kept.current, drawn)
    return kept


def page(kept: Workspace) -> AppTest:
    shown = AppTest.from_file(PAGE, default_timeout=30)
    shown.session_state["workspace"] = kept
    return shown.run()


def told(shown: AppTest) -> str:
    return " ".join(each.value for kind in (shown.markdown, shown.info, shown.caption) for each in kind)


def canvases(shown: AppTest) -> list[dict[str, Any]]:
    return [json.loads(each.proto.json) for each in shown.get("bidi_component")]


@pytest.mark.slow
def test_without_pictures_two_samples_are_one_click_away(models: Path, samples: None) -> None:
    shown = page(Workspace())
    assert not shown.exception
    assert "to compare two versions" in told(shown)
    shown.button(key="compare-samples").click().run()
    assert not shown.exception
    assert len(canvases(shown)) == 2
    assert "of looks go elsewhere" in told(shown)


@pytest.mark.slow
def test_one_picture_asks_for_its_other_version_and_stays_a(models: Path) -> None:
    shown = page(desk(dark(44)))
    assert "Bring another version of A.png" in told(shown)
    shown.file_uploader(key="compare-upload-0").upload("new.png", dark(4), "image/png").run()
    assert not shown.exception
    kept = shown.session_state["workspace"]
    assert kept.picture.name == "A.png"
    assert kept.pictures[shown.selectbox(key="compare-b").value].name == "new.png"


def test_areas_are_copied_by_name_and_the_headline_says_what_changes(models: Path) -> None:
    shown = page(desk(dark(44), dark(4), drawn=(LAMP,)))
    assert "Copy the area of A to B" in told(shown)
    shown.button(key="compare-copy-b").click().run()
    assert not shown.exception
    kept = shown.session_state["workspace"]
    assert [area.name for areas in kept.drawn.values() for area in areas] == ["lamp", "lamp"]
    assert any(each.value.startswith("**B's lamp gets ") for each in shown.markdown)
    assert "a study with 20 people would notice" in told(shown)
    [line] = shown.dataframe[0].value.to_dict("records")
    assert line["Area"] == "lamp"
    assert line["Change"] < 0
    assert line["Noticed?"].startswith("Yes")
    labels = [button.label for button in shown.get("download_button")]
    assert labels == ["Side by side, PNG", "What changes, PNG", "Areas, CSV"]


@pytest.mark.slow
def test_areas_that_only_one_version_has_are_listed(models: Path) -> None:
    kept = desk(dark(44), dark(4), drawn=(LAMP, rectangle("*only* A", (0, 20, 9, 9))))
    other = list(kept.pictures)[1]
    kept.set_areas(other, (LAMP, rectangle("only B", (0, 20, 9, 9))))
    shown = page(kept)
    assert not shown.exception
    assert r"Only in A: \*only\* A." in told(shown)
    assert "Only in B: only B." in told(shown)
    assert len(shown.dataframe[0].value) == 1
    shown.button(key="compare-copy-a").click().run()
    assert {area.name for area in shown.session_state["workspace"].areas()} == {"lamp", "*only* A", "only B"}


@pytest.mark.slow
def test_areas_are_compared_whether_their_names_have_capitals_or_not(models: Path) -> None:
    kept = desk(dark(44), dark(4), drawn=(rectangle("Lamp", LAMP.box),))
    kept.set_areas(list(kept.pictures)[1], (LAMP,))
    shown = page(kept)
    assert not shown.exception
    assert any(each.value.startswith("**B's lamp gets ") for each in shown.markdown)
    assert "Only in" not in told(shown)
    assert not [button for button in shown.button if str(button.key).startswith("compare-copy")]


def test_it_is_said_what_is_missing_to_compare_areas() -> None:
    other = rectangle("logo", (0, 0, 9, 9))
    assert areas.advice((), ()).startswith("Draw an area on A")
    assert areas.advice((LAMP,), ()) == "Copy the area of A to B with the button below A, and move it."
    assert areas.advice((), (LAMP, other)) == "Copy the areas of B to A with the button below B, and move them."
    assert "rename one" in areas.advice((LAMP,), (other,))


@pytest.mark.slow
def test_versions_that_are_looked_at_alike_have_no_difference(models: Path) -> None:
    again = io.BytesIO()
    Image.fromarray(pictures.read(dark(44))).save(again, "png", compress_level=0)
    shown = page(desk(dark(44), again.getvalue(), drawn=(LAMP,)))
    assert "There is no difference: people look at the same places in A and B." in told(shown)
    shown.button(key="compare-copy-b").click().run()
    assert "There is no difference: every area gets the same in A and B." in told(shown)


@pytest.mark.slow
def test_versions_of_different_shapes_have_no_map_of_changes_and_that_is_said(models: Path) -> None:
    shown = page(desk(dark(44), dark(4, width=40, height=60), drawn=(LAMP,)))
    assert not shown.exception
    assert "A and B have different shapes (60 × 40 and 40 × 60 pixels)" in told(shown)
    assert "go elsewhere" not in told(shown)
    assert "What changes, PNG" not in [button.label for button in shown.get("download_button")]
    shown.button(key="compare-copy-b").click().run()
    kept = shown.session_state["workspace"]
    assert kept.areas(list(kept.pictures)[1])[0].box == pytest.approx((40 * 2 / 3, 6, 16 * 2 / 3, 18), abs=0.02)


@pytest.mark.slow
def test_a_moment_is_chosen_for_both(models: Path) -> None:
    shown = page(desk(dark(44), dark(4)))
    assert shown.segmented_control(key="compare-moment").options == ["Whole viewing", "0–1 s", "1–2 s"]
    shown.segmented_control(key="compare-moment").set_value("1–2 s").run()
    assert not shown.exception
    assert "of looks go elsewhere at 1–2 s" in told(shown)
    assert [each["stops"][0]["caption"] for each in canvases(shown)] == ["1–2 s", "1–2 s"]


@pytest.mark.slow
def test_pictures_have_alternative_texts_that_say_what_they_say(models: Path) -> None:
    shown = page(desk(dark(44), dark(4), drawn=(LAMP,)))
    alts = [each["stops"][0]["alt"] for each in canvases(shown)]
    assert alts[0].startswith("Version A, A.png: where people look")
    assert "lamp" in alts[0]
    [change] = shown.main.image
    assert "fewer" in change.proto.imgs[0].alt or "more" in change.proto.imgs[0].alt


@pytest.mark.slow
def test_few_pictures_are_no_standard_and_that_is_said(models: Path) -> None:
    shown = page(desk(dark(44), dark(4)))
    shown.segmented_control(key="compare-with").set_value("My pictures").run()
    assert not shown.exception
    assert "This needs at least 5 other pictures, and there is 1." in told(shown)


@pytest.mark.slow
def test_a_picture_stands_among_a_persons_others(models: Path) -> None:
    kept = desk(dark(44), *(dark(4 + n, light=90 + 20 * n) for n in range(5)), drawn=(LAMP,))
    for key in list(kept.pictures)[1:]:
        kept.set_areas(key, (rectangle("lamp", (20, 20, 16, 12)),))
    shown = page(kept)
    shown.segmented_control(key="compare-with").set_value("My pictures").run()
    assert not shown.exception
    assert list(shown.dataframe[0].value["Measure"]) == ["Share of lamp", "Focus", "Clarity"]
    assert "The share of lamp is " in told(shown)
    assert "higher than in all of your 5 other pictures" in told(shown)
    [chart] = shown.get("vega_lite_chart")
    assert "lamp" in chart.proto.alt
    assert [button.label for button in shown.get("download_button")] == ["Measures, CSV"]


@pytest.fixture
def both(models: Path) -> tuple[tuple[StoredPicture, StoredPicture], tuple[View, View]]:
    kept = desk(dark(44), dark(4, light=120))
    a, b = kept.pictures.values()
    model = open_model(models / "toy.onnx")
    return (a, b), (view(model, a), view(model, b))


Two = tuple[tuple[StoredPicture, StoredPicture], tuple[View, View]]


def test_both_maps_have_one_scale(both: Two) -> None:
    _, views = both
    top = maps.scale(views, 0)
    peaks = [pictures.read(maps.heat(each, 0, top)).max() for each in views]
    assert max(peaks) == 255
    assert min(peaks) < 255
    assert maps.scale(views, 1) == pytest.approx(top, abs=0.5)


def test_looks_that_go_elsewhere_are_none_or_up_to_all(both: Two) -> None:
    (a, b), (one, other) = both
    assert maps.moved(one, one, 0) == 0
    assert 0 < maps.moved(one, other, 0) <= 1
    assert maps.moved(one, other, 0) == pytest.approx(maps.moved(other, one, 0))
    assert maps.same_shape(a, b)
    assert not maps.same_shape(a, replace(b, size=(40, 60)))


def test_downloads_are_drawn_at_full_size(models: Path, both: Two) -> None:
    stored, views = both
    model = open_model(models / "toy.onnx")
    beside = maps.side_by_side_full(model, stored, views, 1)
    assert beside.shape[0] > 240  # small pictures are made larger
    assert beside.shape[1] > 2 * 360
    assert maps.changed_full(*views, stored[1], 0).shape[0] > 240


def measures(**known: float) -> AreaMeasures:
    usual: dict[str, Any] = dict.fromkeys(AreaMeasures.__dataclass_fields__, 0.0)
    usual |= {
        "name": "button",
        "kind": "",
        "observers": 100,
        "middle": (0.5, 0.5),
        "share": 0.016,
        "seen": 0.3,
        "first_s": 2.0,
        "studies": np.zeros((2, 5)),
    }
    return AreaMeasures(**(usual | known))


def change(**known: float) -> AreaDifference:
    usual: dict[str, Any] = dict.fromkeys(AreaDifference.__dataclass_fields__, 0.0)
    usual |= {
        f"{name}_{end}": sign for name in ("share", "seen", "first_s") for end, sign in (("low", -1), ("high", 1))
    }
    return AreaDifference(**(usual | {"name": "button"} | known))


def test_the_headline_is_one_plain_sentence_and_the_strongest_difference() -> None:
    a, b = measures(), measures(share=0.031, first_s=1.6)
    pair = Pair(a, b, change(share=0.015, share_low=0.002, share_high=0.03, first_s=-0.4))
    [said] = areas.verdict([pair])
    assert said.startswith("B's button gets 3.1 % instead of 1.6 % of looks and is seen 0.4 s earlier; a study with")
    weak = Pair(a, b, change(share=0.015, first_s=-0.4))
    assert areas.verdict([weak, pair])[0] == said
    assert areas.verdict([weak, pair])[1].startswith(
        "A study with 20 people would notice a difference in 1 of 2 areas: button."
    )
    assert areas.verdict([weak, weak])[1].endswith("no difference in any of the 2 areas.")
    assert areas.verdict([]) == []


def test_the_tables_file_has_a_line_an_area_and_leaves_empty_what_is_unknown() -> None:
    pair = Pair(measures(), measures(first_s=math.nan), change(first_s=math.nan, first_s_low=math.nan))
    [line] = csv.DictReader(areas.to_table_csv([pair]).splitlines())
    assert (line["area"], line["share_a"], line["first_look_b_s"]) == ("button", "0.016", "")
    assert line["share_noticed"] == "no"


def test_a_standing_is_told_in_words_and_as_a_percentile() -> None:
    some = Standing("Focus", "", 40.0, (10.0, 20.0, 40.0, 50.0, 60.0))
    assert (some.lower, some.percentile) == (2, 50)
    assert others.sentence(some) == "Focus is 40: higher than in 2 of your 5 other pictures."
    least = replace(some, value=1.0)
    assert others.sentence(least) == "Focus is 1: lower than in all of your 5 other pictures."
    [line] = csv.DictReader(others.to_table_csv([some]).splitlines())
    assert (line["measure"], line["percentile"]) == ("Focus", "50")
