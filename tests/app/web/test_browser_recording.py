"""In a real browser: a picture and made recordings go up, the real map and scores are seen, the files come down."""

import csv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from data import picture as pictures
from data.table.validate import check_table
from tests import recorded
from tests import toy_model as toy
from tests.app.web import browser

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = browser.MARKS
SIZE = (640, 400)  # of `browser.spot`
SPOT, LEFT = (480.0, 100.0), (150.0, 300.0)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from browser.serve(tmp_path_factory.mktemp("weights"))


@pytest.fixture
def page(address: str) -> Iterator["Page"]:
    yield from browser.page(address)


def people(folder: Path, count: int) -> list[Path]:
    """EyeLink files of people who look at the spot in eight of ten looks."""
    random = np.random.default_rng(0)
    paths = []
    for number in range(count):
        xy = recorded.looks(random, [SPOT] * 4 + [LEFT], 12.0)
        paths.append(folder / f"p{number}.asc")
        paths[-1].write_bytes(recorded.asc([("spot.png", xy)], SIZE, number))
    return paths


def open_page(page: "Page", name: str) -> None:
    page.get_by_role("link", name=name, exact=True).click()


def test_recordings_go_up_and_are_seen_beside_the_prediction_and_a_data_set_comes_down(
    page: "Page", tmp_path: Path
) -> None:
    open_page(page, "Recording")
    page.get_by_text("Bring a picture").wait_for()
    page.locator("input[type=file]").set_input_files(browser.spot(tmp_path / "spot.png"))
    page.get_by_text("Bring recordings of people").wait_for()
    (tmp_path / "notes.txt").write_text("milk, bread, eggs", "utf-8")
    page.locator("input[type=file]").last.set_input_files([*people(tmp_path, 4), tmp_path / "notes.txt"])
    page.get_by_role("alert").get_by_text("notes.txt").wait_for()
    page.get_by_role("button", name="Read the recordings").click()
    page.get_by_text("The prediction agrees with these 4 people").wait_for()
    browser.settled(page)
    browser.look(page, "recording")
    assert page.locator("img[alt^='Heat map of what 4 people looked at']").is_visible()
    assert page.locator("[data-testid=stException]").count() == 0

    sheet = pictures.read(browser.fetch(page, "Maps, PNG", tmp_path))
    assert sheet.shape[1] > 2 * 640
    rows = list(csv.DictReader(browser.fetch(page, "Looks, CSV", tmp_path).read_text("utf-8").splitlines()))
    assert {row["subject"] for row in rows} == {"p0", "p1", "p2", "p3"}
    with zipfile.ZipFile(browser.fetch(page, "Data set, ZIP", tmp_path)) as archive:
        archive.extractall(tmp_path / "set")
    assert check_table(tmp_path / "set") == []
    browser.settled(page)
    page.wait_for_timeout(1000)  # what is old fades
    assert browser.serious(page) == []

    open_page(page, "Models")
    page.get_by_role("heading", name="Which models are there?").wait_for()
    open_page(page, "Recording")
    page.get_by_text("The prediction agrees with these 4 people").wait_for()


def test_a_model_of_ones_own_is_brought_after_it_is_trusted_and_can_be_chosen(page: "Page", tmp_path: Path) -> None:
    own = toy.write(tmp_path / "mine.onnx", toy.CONTRACT.model_copy(update={"name": "mine"}))
    open_page(page, "Models")
    page.get_by_text("What is installed here").wait_for()
    browser.settled(page)
    page.wait_for_timeout(1000)  # what is old fades
    assert browser.serious(page) == []
    page.get_by_text("I trust whoever made this file.").click()
    browser.settled(page)
    page.locator("input[type=file]").set_input_files(own)
    page.get_by_text("mine was tried on a sample picture").wait_for()
    page.get_by_role("button", name="Measure it here").last.click()
    page.get_by_text("on the CPU here").wait_for()
    browser.look(page, "models")
    page.get_by_role("button", name="Remove", exact=True).click()
    page.get_by_text("mine was tried on a sample picture").wait_for(state="detached")
    assert page.locator("[data-testid=stException]").count() == 0


def test_on_a_phone_nothing_is_cut_off(address: str, tmp_path: Path) -> None:
    with browser.window(address, browser.PHONE) as page:
        page.goto(f"{address}/recording")
        page.get_by_text("Bring a picture").wait_for()
        page.locator("input[type=file]").set_input_files(browser.spot(tmp_path / "spot.png"))
        page.get_by_text("Bring recordings of people").wait_for()
        page.locator("input[type=file]").last.set_input_files(people(tmp_path, 2))
        page.get_by_role("button", name="Read the recordings").click()
        page.get_by_text("The prediction agrees with these 2 people").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") == 390
