"""In a real browser: a path is played, scrubbed and stepped through, by mouse, touch and keyboard; its files come down."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from data import picture as pictures
from tests.app.web import browser

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = browser.MARKS


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from browser.serve(tmp_path_factory.mktemp("weights"))


def follow(page: "Page", address: str, folder: Path) -> Path:
    """The page Order with a picture of one bright spot, over a grid."""
    file = browser.spot(folder / "spot.png")
    page.goto(f"{address}/order")
    page.get_by_text("to see in which order people look").wait_for()
    page.locator("input[type=file]").first.set_input_files(file)
    page.get_by_role("radio", name="A grid").click()
    page.get_by_text("is seen first").first.wait_for()
    browser.settled(page)
    return file


def badges(page: "Page") -> int:
    """How many numbers are to be seen."""
    return int(page.locator(".badge").evaluate_all("all => all.filter(one => one.style.display !== 'none').length"))


def time(page: "Page") -> "Locator":
    return page.get_by_role("slider", name="Time in seconds")


def test_a_path_is_played_and_scrubbed_and_its_files_come_down(address: str, tmp_path: Path) -> None:
    with browser.window(address, browser.DESK) as page:
        file = follow(page, address, tmp_path)
        every = badges(page)
        assert every > 1
        browser.look(page, "order")
        box = page.locator(".stage").bounding_box()
        assert box is not None
        assert box["y"] + box["height"] < 900  # the picture fits on the screen

        page.get_by_role("button", name="Play").click()
        page.get_by_role("button", name="Pause").click()
        assert badges(page) < every
        time(page).fill("0")
        assert badges(page) == 0
        page.locator(".stage").press("ArrowRight")
        assert badges(page) == 1
        assert "look 1" in (page.locator(".told").text_content() or "")
        page.locator(".stage").press("End")
        assert badges(page) == every
        page.locator(".stage").press("Home")
        page.locator(".stage").press(" ")
        page.wait_for_function("() => true")
        page.get_by_role("button", name="Play").wait_for()  # it ends by itself
        assert badges(page) == every

        page.get_by_role("button", name="Download").click()
        drawn = pictures.read(browser.fetch(page, "Path, PNG", tmp_path))
        assert drawn.shape == (400, 640, 3)
        assert (drawn != pictures.read(file)).any()
        rows = list(csv.DictReader(browser.fetch(page, "Looks, CSV", tmp_path).read_text("utf-8").splitlines()))
        assert {row["person"] for row in rows} == {str(number) for number in range(1, 101)}
        assert all(0 <= float(row["x"]) <= 640 and 0 <= float(row["y"]) <= 400 for row in rows)
        things = list(csv.DictReader(browser.fetch(page, "Things, CSV", tmp_path).read_text("utf-8").splitlines()))
        assert things[0]["object"] == "C1"  # the spot
        record = json.loads(browser.fetch(page, "Everything, JSON", tmp_path).read_text("utf-8"))
        assert record["schema"].startswith("gaze/scanpath/")
        assert page.locator("[data-testid=stException]").count() == 0
        assert browser.serious(page) == []


def test_everyone_and_first_looks_are_shown_on_a_phone_and_nothing_is_cut(address: str, tmp_path: Path) -> None:
    with browser.window(address, browser.PHONE, color_scheme="dark") as page:
        follow(page, address, tmp_path)
        for mode, marks in (("Everyone", "circle"), ("First looks", ".badge")):
            page.get_by_role("radio", name=mode).tap()
            browser.settled(page)
            page.wait_for_timeout(500)
            assert page.locator(f".overlay {marks}").count() >= 1
            browser.look(page, f"order-{mode}")
            box = page.locator(".stage").bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 390
        page.get_by_text("Two people begin at the same thing").wait_for()
        wide = page.evaluate("() => document.querySelector('[data-testid=stMain]').scrollWidth")
        assert wide <= 390
        assert browser.serious(page) == []


def test_whoever_wants_no_motion_gets_one_look_after_another(address: str, tmp_path: Path) -> None:
    with browser.window(address, browser.LAPTOP, reduced_motion="reduce") as page:
        follow(page, address, tmp_path)
        every = badges(page)
        time(page).fill("0")
        page.get_by_role("button", name="Play").click()
        seen = []
        for _ in range(6):
            page.wait_for_timeout(350)
            seen.append(badges(page))
        assert seen == sorted(seen)
        assert 0 < seen[-1] <= every
        radius = page.locator(".overlay circle").first.get_attribute("r")
        page.wait_for_timeout(300)
        assert page.locator(".overlay circle").first.get_attribute("r") == radius  # halos do not grow
        page.get_by_role("button", name="Pause").click()


def test_numbers_stand_beside_things_and_inside_the_picture(address: str, tmp_path: Path) -> None:
    with browser.window(address, browser.DESK) as page:
        follow(page, address, tmp_path)
        stage = page.locator(".overlay").bounding_box()
        assert stage is not None
        places = page.locator(".badge circle").evaluate_all(
            "all => all.map(one => ['cx', 'cy', 'r'].map(name => Number(one.getAttribute(name))))"
        )
        x, y, r = np.array(places).T
        assert (x - r >= 0).all()
        assert (y - r >= 0).all()
        assert (x + r <= stage["width"] + 1).all()
        assert (y + r <= stage["height"] + 1).all()
        apart = np.hypot(x[:, None] - x, y[:, None] - y) + np.eye(len(x)) * 99
        assert apart.min() > r[0]  # no number hides another
