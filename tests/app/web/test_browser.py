"""Does the app do its work in a real browser: a picture up, the heat map seen, the files down?"""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from data import picture as pictures
from data.draw.timeline import PANEL
from export.runtime.saliency import Predictor
from tests import toy_model as toy
from tests.app.web import browser
from tests.app.web.browser import fetch, look, playwright, spot

pytestmark = browser.MARKS


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy.write(tmp_path_factory.mktemp("weights") / "toy.onnx")


@pytest.fixture(scope="module")
def address(model: Path) -> Iterator[str]:
    yield from browser.serve(model.parent)


@pytest.fixture
def page(address: str) -> Iterator["playwright.Page"]:
    yield from browser.page(address)


def test_a_picture_goes_up_and_the_map_the_seconds_the_density_and_the_facts_come_down(
    page: "playwright.Page", model: Path, tmp_path: Path
) -> None:
    file = spot(tmp_path / "spot.png")
    page.get_by_text("Upload one or several pictures").wait_for()
    look(page, "empty")
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_text("people look most at the").wait_for()
    look(page, "spot")
    before, prediction = pictures.read(file), Predictor(model)(pictures.read(file))

    heat = fetch(page, "Heat map, PNG", tmp_path)
    assert heat.name == "spot.heat.png"
    drawn = pictures.read(heat)
    assert drawn.shape == before.shape
    x, y = (int(value) for value in prediction.peak)
    assert np.abs(drawn[y, x].astype(int) - before[y, x]).max() > 50
    np.testing.assert_array_equal(drawn[-1, 0], before[-1, 0])

    strip = pictures.read(fetch(page, "All seconds, PNG", tmp_path))
    assert strip.shape[1] > 2 * PANEL  # two slices

    density = np.load(fetch(page, "Log density, NPY", tmp_path))
    assert density.dtype == np.float32
    np.testing.assert_allclose(density, prediction.density, atol=1e-4)

    facts = json.loads(fetch(page, "Facts, JSON", tmp_path).read_text("utf-8"))
    assert facts["model"] == "toy"
    assert (facts["width"], facts["height"]) == (640, 400)
    assert facts["peak"] == prediction.record()["peak"]
    assert [each["start_s"] for each in facts["slices"]] == [0, 1]


def test_a_bad_upload_is_answered_and_the_sample_beside_it_is_shown(page: "playwright.Page", tmp_path: Path) -> None:
    notes = tmp_path / "notes.png"
    notes.write_text("milk, bread, eggs", "utf-8")
    page.get_by_role("button", name="Look at the advert").click()
    page.get_by_text("people look most at the").wait_for()
    look(page, "sample")
    page.locator("input[type=file]").set_input_files(notes)
    page.get_by_role("alert").get_by_text("notes.png").wait_for()
    look(page, "bad")
    assert page.get_by_text("people look most at the").is_visible()
    page.get_by_role("link", name="Which models are there?").click()
    page.get_by_role("heading", name="Which models are there?").wait_for()
    page.get_by_text("CC0-1.0").first.wait_for()
    assert page.locator("[data-testid=stException]").count() == 0


def test_a_path_over_the_objects_of_a_picture_is_seen_and_its_tables_come_down(
    page: "playwright.Page", tmp_path: Path
) -> None:
    file = spot(tmp_path / "spot.png")
    page.get_by_role("link", name="In which order?").click()
    page.get_by_text("Upload a picture, or take a sample").wait_for()
    page.locator("input[type=file]").first.set_input_files(file)
    page.get_by_text("A grid").click()
    page.get_by_text("seen by").first.wait_for()
    look(page, "path")
    drawn = pictures.read(fetch(page, "Path, PNG", tmp_path))
    assert drawn.shape == (400, 640, 3)
    assert (drawn != pictures.read(file)).any()
    rows = list(csv.DictReader(fetch(page, "Fixations, CSV", tmp_path).read_text("utf-8").splitlines()))
    assert {row["observer"] for row in rows} == {str(number) for number in range(20)}
    assert all(0 <= float(row["x"]) <= 640 and 0 <= float(row["y"]) <= 400 for row in rows)
    things = list(csv.DictReader(fetch(page, "Objects, CSV", tmp_path).read_text("utf-8").splitlines()))
    most = max(things, key=lambda row: float(row["seen"]))
    left, top, width, height = (float(most[side]) for side in ("x", "y", "width", "height"))
    assert left <= 480 <= left + width  # the spot
    assert top <= 100 <= top + height
    record = json.loads(fetch(page, "Everything, JSON", tmp_path).read_text("utf-8"))
    assert record["schema"] == "gaze/scanpath/3"
    assert page.locator("[data-testid=stException]").count() == 0
