"""Are areas drawn to the pixel, by mouse, finger and keyboard, and are they still there after another page?"""

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.app.web import browser

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = browser.MARKS
SIZE = (640, 400)  # of the picture
EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from browser.serve(tmp_path_factory.mktemp("weights"))


@contextmanager
def areas(address: str, folder: Path, size: Any = browser.DESK, **options: Any) -> Iterator["Page"]:
    """The page Areas with a picture of 640 x 400 pixels."""
    with browser.window(f"{address}/areas", size, **options) as page:
        page.locator("input[type=file]").set_input_files(browser.spot(folder / "spot.png"))
        page.locator(".gz-over").wait_for()
        page.locator(".gz-stop canvas").first.wait_for()
        browser.settled(page)
        yield page


def at(page: "Page", x: float, y: float) -> tuple[float, float]:
    """Where a pixel of the picture is in the window."""
    box = page.locator(".gz-over").bounding_box()
    assert box is not None
    return box["x"] + x / SIZE[0] * box["width"], box["y"] + y / SIZE[1] * box["height"]


def drag(page: "Page", start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*at(page, *start))
    page.mouse.down()
    page.mouse.move(*at(page, (start[0] + end[0]) / 2, (start[1] + end[1]) / 2), steps=3)
    page.mouse.move(*at(page, *end), steps=3)
    page.mouse.up()
    browser.settled(page)


def touch(page: "Page", start: tuple[float, float], end: tuple[float, float]) -> None:
    """As `drag`, with a finger."""
    finger = page.context.new_cdp_session(page)
    places = [
        at(page, start[0] + (end[0] - start[0]) * k / 6, start[1] + (end[1] - start[1]) * k / 6) for k in range(7)
    ]
    for number, (x, y) in enumerate(places):
        kind = "touchMove" if number else "touchStart"
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    browser.settled(page)


def saved(page: "Page", folder: Path) -> dict[str, list[float]]:
    """Names and boxes in the file of areas that comes down."""
    if not page.get_by_role("button", name="Areas, JSON").is_visible():
        page.get_by_text("Load, save or copy areas").click()
    document = json.loads(browser.fetch(page, "Areas, JSON", folder).read_text("utf-8"))
    names = {category["id"]: category["name"] for category in document["categories"]}
    return {names[each["category_id"]]: each["bbox"] for each in document["annotations"]}


def close(box: list[float], wanted: tuple[float, float, float, float]) -> bool:
    """Whether all edges are where they should be, within one pixel of the full picture."""
    edges = (box[0], box[1], box[0] + box[2], box[1] + box[3])
    return all(abs(edge - goal) <= 1 for edge, goal in zip(edges, wanted, strict=True))


def test_with_a_mouse_areas_are_drawn_resized_moved_named_undone_and_stay(address: str, tmp_path: Path) -> None:
    with areas(address, tmp_path) as page:
        drag(page, (420, 40), (540, 160))
        assert close(saved(page, tmp_path)["Area 1"], (420, 40, 540, 160))
        drag(page, (540, 160), (560, 200))  # the handle at the lower right
        assert close(saved(page, tmp_path)["Area 1"], (420, 40, 560, 200))
        page.locator(".gz-area").focus()
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("Shift+ArrowDown")
        page.keyboard.press("Alt+ArrowUp")
        browser.settled(page)
        assert close(saved(page, tmp_path)["Area 1"], (419, 50, 559, 209))
        page.get_by_label("Name").fill(EVIL)
        page.get_by_label("Name").press("Enter")
        browser.settled(page)
        page.get_by_role("button", name="Polygon").click()
        for corner in ((40, 60), (200, 50), (180, 200), (60, 180), (40, 60)):
            page.mouse.click(*at(page, *corner))
        browser.settled(page)
        boxes = saved(page, tmp_path)
        assert list(boxes) == [EVIL, "Area 1"]
        assert close(boxes["Area 1"], (40, 50, 200, 200))
        assert page.locator(".gz img").count() == 1  # the name is no markup
        page.locator(".gz-area").nth(1).focus()
        page.keyboard.press("Delete")
        browser.settled(page)
        assert list(saved(page, tmp_path)) == [EVIL]
        page.locator(".gz-over").press("Control+z")
        browser.settled(page)
        browser.look(page, "areas-desk")
        page.get_by_role("link", name="Look").click()
        page.get_by_role("heading", name="Where do people look?").wait_for()
        page.get_by_role("link", name="Areas").click()
        page.locator(".gz-area").nth(1).wait_for()
        browser.settled(page)
        assert saved(page, tmp_path) == boxes
        rows = list(csv.DictReader(browser.fetch(page, "Table, CSV", tmp_path).read_text("utf-8").splitlines()))
        assert [row["area"] for row in rows] == [EVIL, "Area 1"]
        assert float(rows[0]["share"]) > 0.9
        assert page.get_by_test_id("stException").count() == 0


def test_what_was_drawn_last_is_kept_where_the_page_is_left_at_once_and_can_be_undone_later(
    address: str, tmp_path: Path
) -> None:
    with areas(address, tmp_path) as page:
        page.get_by_role("link", name="Look").click()
        page.get_by_role("heading", name="Where do people look?").wait_for()
        page.get_by_role("link", name="Areas").click()
        page.locator(".gz-over").wait_for()
        browser.settled(page)
        for number in range(5):
            page.mouse.move(*at(page, 30 + 120 * number, 40))
            page.mouse.down()
            page.mouse.move(*at(page, 100 + 120 * number, 160), steps=2)
            page.mouse.up()
        page.go_back()  # before the browser has told Python
        page.get_by_role("heading", name="Where do people look?").wait_for()
        browser.settled(page)
        page.get_by_role("link", name="Areas").click()
        page.locator(".gz-area").nth(4).wait_for()
        browser.settled(page)
        assert len(saved(page, tmp_path)) == 5
        page.get_by_role("button", name="Undo").click()
        browser.settled(page)
        assert list(saved(page, tmp_path)) == [f"Area {number}" for number in range(1, 5)]


def test_on_a_phone_a_small_area_can_be_held_and_the_sidebar_closes_on_the_chosen_page(
    address: str, tmp_path: Path
) -> None:
    with areas(address, tmp_path, browser.PHONE) as page:
        tools = page.locator(".gz-tools")
        tools.get_by_role("button", name="Rectangle").tap()
        page.locator(".gz-stage").scroll_into_view_if_needed()
        touch(page, (300, 100), (340, 120))
        tools.get_by_role("button", name="Select").tap()
        page.locator(".gz-stage").scroll_into_view_if_needed()
        grips = page.locator(".gz-handle").evaluate_all("all => all.map(each => each.getBoundingClientRect().width)")
        assert len(grips) == 4
        assert min(grips) >= 43.5
        touch(page, (320, 110), (400, 210))
        assert close(saved(page, tmp_path)["Area 1"], (380, 200, 420, 220))
        page.get_by_test_id("stExpandSidebarButton").click()
        page.get_by_test_id("stSidebarNavLink").filter(has_text="Order").click()
        page.get_by_role("heading", name="In which order do people look?").wait_for()
        browser.settled(page)
        page.wait_for_timeout(600)
        sidebar = page.get_by_test_id("stSidebar").bounding_box()
        assert sidebar is None or sidebar["x"] + sidebar["width"] <= 1


def test_with_a_finger_on_a_phone_areas_are_drawn_moved_and_resized_to_the_pixel(address: str, tmp_path: Path) -> None:
    with areas(address, tmp_path, browser.PHONE) as page:
        tools = page.locator(".gz-tools")
        tools.get_by_role("button", name="Rectangle").tap()
        page.locator(".gz-stage").scroll_into_view_if_needed()
        touch(page, (420, 40), (540, 160))
        assert close(saved(page, tmp_path)["Area 1"], (420, 40, 540, 160))
        page.locator(".gz-stage").scroll_into_view_if_needed()
        touch(page, (540, 160), (600, 240))
        tools.get_by_role("button", name="Select").tap()
        page.locator(".gz-stage").scroll_into_view_if_needed()
        touch(page, (500, 100), (400, 120))
        browser.look(page, "areas-phone")
        assert close(saved(page, tmp_path)["Area 1"], (320, 60, 500, 260))
        assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
        right = page.evaluate(
            "Math.max(...[...document.querySelectorAll('.stApp *')].map(e => e.shadowRoot)"
            ".filter(Boolean).flatMap(r => [...r.querySelectorAll('.gz-stage, .gz-strip, .gz-tools button')])"
            ".map(e => e.getBoundingClientRect().right))"
        )
        assert right <= 390


def test_by_keyboard_alone_an_area_is_added_named_resized_removed_and_the_seconds_are_played(
    address: str, tmp_path: Path
) -> None:
    with areas(address, tmp_path, browser.LAPTOP) as page:
        page.get_by_role("button", name="Add in the middle").focus()
        page.keyboard.press("Enter")
        browser.settled(page)
        assert saved(page, tmp_path)["Area 1"] == [240, 150, 160, 100]
        area = page.locator(".gz-area")
        area.focus()
        for key in ("+", "+", "-", "Shift+Alt+ArrowRight", "Alt+ArrowDown"):
            page.keyboard.press(key)
        browser.settled(page)
        assert saved(page, tmp_path)["Area 1"] == [239, 149, 172, 103]
        area.focus()
        page.keyboard.press("Delete")
        page.keyboard.press("Control+z")
        page.keyboard.press("Control+z")
        page.keyboard.press("Control+Shift+z")
        page.keyboard.press("n")
        browser.settled(page)
        assert len(saved(page, tmp_path)) == 2
        moments = page.get_by_role("radiogroup", name="Moment")
        whole = moments.get_by_role("radio").first
        whole.focus()
        page.keyboard.press("ArrowRight")
        assert moments.get_by_role("radio").nth(1).get_attribute("aria-checked") == "true"
        page.keyboard.press("Home")
        page.keyboard.press(" ")
        moments.get_by_role("radio", name="1–2 s", checked=True).wait_for()
        browser.settled(page)
        page.get_by_role("button", name="Play the seconds").wait_for()
        assert page.get_by_test_id("stException").count() == 0


def test_a_column_of_another_width_and_the_dark_theme_cut_nothing_and_say_everything(
    address: str, tmp_path: Path
) -> None:
    with areas(address, tmp_path, color_scheme="dark") as page:
        drag(page, (420, 40), (540, 160))
        for width in (1440, 900, 600):
            page.set_viewport_size({"width": width, "height": 900})
            browser.settled(page)
            box, column = (page.locator(name).bounding_box() for name in (".gz-stage", ".gz"))
            assert box is not None
            assert column is not None
            assert column["x"] - 1 <= box["x"]
            assert box["x"] + box["width"] <= column["x"] + column["width"] + 1
            assert box["width"] / box["height"] == pytest.approx(SIZE[0] / SIZE[1], rel=0.01)
        assert "Area 1" in str(page.locator(".gz-picture").get_attribute("alt"))
        assert browser.serious(page) == []
