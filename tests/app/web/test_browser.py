"""Does the app do its work in a real browser: a picture up, the seconds seen and played, the files down?"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from data import picture as pictures
from data.draw.timeline import PANEL
from export.runtime.saliency import Predictor
from tests.app.web import browser

if TYPE_CHECKING:
    from playwright.sync_api import FloatRect, Locator, Page

pytestmark = browser.MARKS


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("weights")


@pytest.fixture(scope="module")
def address(weights: Path) -> Iterator[str]:
    yield from browser.serve(weights)


@pytest.fixture
def page(address: str) -> Iterator["Page"]:
    yield from browser.page(address)


def bring(page: "Page", file: Path) -> None:
    """Upload a picture and wait for what is said of it."""
    page.locator("input[type=file]").first.set_input_files(file)
    page.get_by_text("of the picture.").first.wait_for()
    browser.settled(page)


def box(found: "Locator") -> "FloatRect":
    """Where something is on the screen, in pixels."""
    place = found.bounding_box()
    assert place is not None
    return place


def shown(page: "Page") -> str:
    """The caption of the stop that is shown."""
    return str(
        page.get_by_role("radiogroup", name="Moment").get_by_role("radio", checked=True).get_attribute("aria-label")
    )


def download(page: "Page", label: str, folder: Path) -> Path:
    """A file of the popover, which is opened if it is not."""
    if not page.get_by_role("button", name=label).is_visible():
        page.get_by_role("button", name="Download", exact=True).first.click()
    path = browser.fetch(page, label, folder)
    page.keyboard.press("Escape")
    return path


def test_a_picture_goes_up_and_its_files_come_down(page: "Page", weights: Path, tmp_path: Path) -> None:
    file = browser.spot(tmp_path / "spot.png")
    page.get_by_text("to see where people look").first.wait_for()
    bring(page, file)
    browser.look(page, "spot")
    before, prediction = pictures.read(file), Predictor(weights / "toy.onnx")(pictures.read(file))

    heat = download(page, "Heat map with legend, PNG", tmp_path)
    assert heat.name == "spot.heat.png"
    framed = pictures.read(heat)
    assert framed.shape[0] > 400
    top = int(np.flatnonzero((framed < 250).any((1, 2)))[0])
    drawn = framed[top : top + 400, (framed.shape[1] - 640) // 2 :][:, :640]
    x, y = (int(value) for value in prediction.peak)
    assert np.abs(drawn[y, x].astype(int) - before[y, x]).max() > 50
    np.testing.assert_array_equal(drawn[-1, 0], before[-1, 0])

    strip = pictures.read(download(page, "All seconds, PNG", tmp_path))
    assert strip.shape[1] > 2 * PANEL  # two slices
    density = np.load(download(page, "Log density, NPY", tmp_path))
    assert density.dtype == np.float32
    np.testing.assert_allclose(density, prediction.density, atol=1e-4)
    facts = json.loads(download(page, "Facts, JSON", tmp_path).read_text("utf-8"))
    assert (facts["model"], facts["width"], facts["height"]) == ("toy", 640, 400)
    assert facts["peak"] == prediction.record()["peak"]
    assert [each["start_s"] for each in facts["slices"]] == [0, 1]


def test_seconds_are_gone_through_by_click_by_key_and_by_play(page: "Page", tmp_path: Path) -> None:
    bring(page, browser.spot(tmp_path / "spot.png"))
    assert shown(page) == "Whole viewing"
    page.get_by_role("radio", name="1–2 s").click()
    page.get_by_text("From 1 to 2 s, half").wait_for()
    assert shown(page) == "1–2 s"
    page.keyboard.press("ArrowLeft")
    page.get_by_text("From 0 to 1 s, half").wait_for()
    assert shown(page) == "0–1 s"
    assert page.evaluate("document.activeElement.getAttribute('aria-label') || 'shadow'") in ("0–1 s", "shadow")
    page.keyboard.press("Home")
    page.get_by_text("Half of all looks").first.wait_for()
    page.get_by_role("button", name="Play the seconds").click()
    page.get_by_text("From 1 to 2 s, half").wait_for()
    assert page.locator("[data-testid=stException]").count() == 0


def test_the_downloaded_picture_is_as_it_is_set(page: "Page", tmp_path: Path) -> None:
    bring(page, browser.spot(tmp_path / "spot.png"))
    plain = pictures.read(download(page, "Heat map with legend, PNG", tmp_path))
    page.get_by_text("Contours", exact=True).click()
    browser.settled(page)
    lines = pictures.read(download(page, "Heat map with legend, PNG", tmp_path))
    page.get_by_role("radio", name="Fog").click()
    browser.settled(page)
    fog = pictures.read(download(page, "Heat map with legend, PNG", tmp_path))
    assert plain.shape == lines.shape == fog.shape
    assert 0.001 < (plain != lines).any(2).mean() < 0.2
    assert (lines != fog).any(2).mean() > 0.3
    page.get_by_role("radio", name="1–2 s").click()
    page.get_by_text("From 1 to 2 s, half").wait_for()
    assert download(page, "Heat map with legend, PNG", tmp_path).name == "spot.1-2s.png"


def test_a_bad_file_is_answered_and_what_was_there_stays(page: "Page", tmp_path: Path) -> None:
    notes = tmp_path / "notes.png"
    notes.write_text("milk, bread, eggs", "utf-8")
    page.get_by_role("button", name="Take the advert").click()
    page.get_by_text("of the picture.").first.wait_for()
    page.get_by_role("button", name="Pictures").click()
    page.locator("input[type=file]").first.set_input_files(notes)
    page.get_by_role("alert").get_by_text("notes.png").wait_for()
    browser.look(page, "bad")
    assert page.get_by_text("of the picture.").first.is_visible()
    assert page.locator("[data-testid=stException]").count() == 0


@pytest.mark.parametrize(("size", "room"), [(browser.DESK, 900), (browser.PHONE, 844)], ids=["desk", "phone"])
def test_picture_and_seconds_are_on_one_screen_and_nothing_scrolls_sideways(
    address: str, size: dict[str, object], room: int
) -> None:
    with browser.window(address, size) as page:
        page.get_by_role("button", name="Take the street").click()
        page.get_by_text("of the picture.").first.wait_for()
        browser.settled(page)
        page.evaluate("document.querySelector('[data-testid=stMain]').scrollTo(0, 0)")
        assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("window.innerWidth")
        for name in ("Whole viewing", "4–5 s") if page.get_by_role("radio", name="4–5 s").count() else ("1–2 s",):
            place = box(page.get_by_role("radio", name=name))
            assert place["x"] >= 0
            assert place["y"] + place["height"] <= room
        assert box(page.get_by_role("heading", name="Where do people look?"))["y"] > 0


def test_two_sessions_with_different_pictures_do_not_mix(address: str, tmp_path: Path) -> None:
    with browser.window(address) as first:
        bring(first, browser.spot(tmp_path / "ours.png"))
        assert first.context.browser is not None
        other = first.context.browser.new_context(accept_downloads=True).new_page()
        other.set_default_timeout(browser.PATIENCE)
        other.goto(address)
        other.get_by_role("button", name="Take the shelf").click()
        other.get_by_text("of the picture.").first.wait_for()
        first.get_by_role("radio", name="0–1 s").click()
        first.get_by_text("From 0 to 1 s, half").wait_for()
        browser.settled(other)
        assert other.get_by_text("From 0 to 1 s").count() == 0
        assert download(first, "Facts, JSON", tmp_path).name == "ours.json"
        assert download(other, "Facts, JSON", tmp_path).name == "shelf.json"
        assert "ours.png" not in other.content()
        assert "shelf.jpg" not in first.content()
