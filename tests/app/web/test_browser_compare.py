"""In a real browser: an area is drawn on A and copied to B, the verdict says which does better, and files come down."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from data import picture as pictures
from tests.app.web import browser

pytestmark = browser.MARKS


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from browser.serve(tmp_path_factory.mktemp("weights"))


def versions(folder: Path) -> tuple[Path, Path]:
    """A picture with a bright spot at the right, and one where it lies at the left."""
    one = browser.spot(folder / "before.png")
    other = folder / "after.png"
    pictures.save(other, np.ascontiguousarray(pictures.read(one)[:, ::-1]))
    return one, other


def test_two_versions_are_compared_area_by_area(address: str, tmp_path: Path) -> None:
    one, other = versions(tmp_path)
    with browser.window(address, browser.DESK) as page:
        page.goto(f"{address}/compare")
        page.get_by_text("to compare two versions of it").wait_for()
        page.locator("input[type=file]").first.set_input_files(one)
        page.get_by_text("Bring another version of before.png").wait_for()
        page.locator("input[type=file]").first.set_input_files(other)
        page.get_by_text("of looks go elsewhere").wait_for()
        browser.settled(page)
        shown = page.locator(".gz canvas").first.bounding_box()
        assert shown is not None
        corners = [(0.65, 0.05), (0.7, 0.2), (0.85, 0.45)]  # around the spot of A
        points = [(shown["x"] + shown["width"] * x, shown["y"] + shown["height"] * y) for x, y in corners]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point)
        page.mouse.up()
        page.get_by_role("button", name="Copy the area to B").click()
        page.get_by_text("of looks and is seen").first.wait_for()
        browser.look(page, "compare")

        page.get_by_role("button", name="Download", exact=True).click()
        beside = pictures.read(browser.fetch(page, "Side by side, PNG", tmp_path))
        assert beside.shape[1] > 2 * 640
        changed = pictures.read(browser.fetch(page, "What changes, PNG", tmp_path))
        assert changed.shape[1] >= 640
        [line] = csv.DictReader(browser.fetch(page, "Areas, CSV", tmp_path).read_text("utf-8").splitlines())
        assert float(line["share_a"]) > float(line["share_b"])
        assert line["share_noticed"] == "yes"
        assert page.locator("[data-testid=stException]").count() == 0
        assert browser.serious(page) == []


def test_versions_lie_below_each_other_on_a_phone(address: str, tmp_path: Path) -> None:
    one, other = versions(tmp_path)
    with browser.window(address, browser.PHONE) as page:
        page.goto(f"{address}/compare")
        page.locator("input[type=file]").first.set_input_files([one, other])
        page.get_by_text("of looks go elsewhere").wait_for()
        browser.settled(page)
        boxes = [each.bounding_box() for each in page.locator(".gz").all()]
        assert len(boxes) == 2
        assert boxes[0] is not None
        assert boxes[1] is not None
        assert boxes[1]["y"] >= boxes[0]["y"] + boxes[0]["height"]
        assert all(box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in boxes)
        assert page.evaluate("() => document.querySelector('[data-testid=stMain]').scrollWidth") <= 390
        browser.look(page, "compare-phone")
        assert browser.serious(page) == []
