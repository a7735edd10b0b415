"""Can everyone use the pages? What axe-core says of each, light and dark, at a desk and on a phone."""

import re
from collections.abc import Iterator

import pytest

from app.web.main import found
from tests.app.web import browser

pytestmark = browser.MARKS
PAGES = list(found())
WAYS = {
    "desk, light": (browser.DESK, "light"),
    "desk, dark": (browser.DESK, "dark"),
    "phone, light": (browser.PHONE, "light"),
}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from browser.serve(tmp_path_factory.mktemp("weights"))


def visit(page: "browser.Page", name: str) -> None:
    """Go to a page as a person does: by the navigation, which a phone has in the drawer."""
    title = found()[name].TITLE
    if is_phone(page):
        page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_role("link", name=re.compile(rf"{re.escape(title)}$")).first.click()
    page.wait_for_url(re.compile(rf"/{name}$|127\.0\.0\.1:\d+/(\?.*)?$"))
    browser.settled(page)
    if is_phone(page):
        page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()
        browser.settled(page)


def is_phone(page: "browser.Page") -> bool:
    """Whether the page is as narrow as a phone's, where the navigation is in a drawer."""
    return bool(page.evaluate("window.innerWidth") < 600)


@pytest.mark.parametrize("way", WAYS)
def test_no_page_has_a_serious_violation_or_is_wider_than_the_screen(address: str, way: str) -> None:
    size, scheme = WAYS[way]
    wrong: list[str] = []
    titles: list[str] = []
    with browser.window(address, size, color_scheme=scheme) as page:
        wrong += [f"empty: {each}" for each in browser.serious(page)]
        page.get_by_role("button", name="Take the street").click()
        browser.settled(page)
        for name in PAGES:
            visit(page, name)
            browser.look(page, f"{name}-{way.replace(', ', '-')}")
            wrong += [f"{name}: {each}" for each in browser.serious(page)]
            across = page.evaluate("document.scrollingElement.scrollWidth - window.innerWidth")
            wrong += [f"{name}: {across} pixels wider than the screen"] if across > 0 else []
            assert page.get_by_test_id("stException").count() == 0
            titles.append(page.title())
    assert wrong == []
    assert len(set(titles)) == len(PAGES)


def test_an_address_opens_its_page_and_going_back_keeps_the_picture(address: str) -> None:
    with browser.window(address, browser.DESK) as page:
        page.get_by_role("button", name="Take the shelf").click()
        browser.settled(page)
        visit(page, "models")
        page.go_back()
        browser.settled(page)
        assert "shelf.jpg" in page.get_by_label("Picture", exact=True).first.input_value()
        for name in PAGES:
            page.goto(f"{address}/{name if name != 'look' else ''}")
            page.get_by_test_id("stHeading").first.wait_for()
            assert page.title().startswith(found()[name].TITLE)
