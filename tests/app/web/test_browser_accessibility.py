"""Can everyone use the pages? What axe-core says of each, light and dark, at a desk and on a phone."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.web.main import found
from tests.app.web import browser
from tests.app.web.test_browser_annotate import zipped
from tests.app.web.test_browser_recording import people

pytestmark = browser.MARKS
PAGES = list(found())
WAYS = {
    "desk, light": (browser.DESK, "light"),
    "desk, dark": (browser.DESK, "dark"),
    "phone, light": (browser.PHONE, "light"),
}


CHECKS = """() => {  // what axe does not tell, or calls moderate
  const wrong = [], main = document.querySelector('[data-testid=stMain]'), shown = (each) => each.offsetParent !== null;
  const all = (what) => [...main.querySelectorAll(what)].filter(shown), start = (each) => each.outerHTML.slice(0, 160);
  const across = Math.max(main.scrollWidth - main.clientWidth, document.scrollingElement.scrollWidth - innerWidth);
  if (across > 0) wrong.push(`${across} pixels wider than the screen`);
  const levels = all('h1, h2, h3, h4, h5, h6').map((each) => Number(each.tagName[1]));
  const jumps = levels.some((level, n) => level > (levels[n - 1] ?? 0) + 1);
  if (jumps || levels.filter((level) => level === 1).length !== 1) wrong.push(`headings: ${levels}`);
  const spoken = '[aria-hidden=true], [role=radio], [role=img]';
  for (const each of all('img')) if (!each.alt && !each.closest(spoken)) wrong.push(`no alt: ${start(each)}`);
  for (const each of all('[data-testid=stVegaLiteChart]'))
    if (!each.closest('[aria-label]') && !each.querySelector('[aria-label]')) wrong.push('a chart says nothing');
  const streamlits = '[aria-hidden=true], [data-testid=stHeadingWithActionElements], [data-testid=stTooltipIcon]';
  for (const each of all('button, a[href], input:not([type=file], [type=range]), [role=radio]')) {
    const {width, height} = (each.closest('label') || each).getBoundingClientRect();
    const small = width > 2 && Math.min(width, height) < 24;  // WCAG 2.5.8; links within sentences may be smaller
    if (small && !each.closest(`p, ${streamlits}`)) wrong.push(`${width} x ${height}: ${start(each)}`);
  }
  return wrong;
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from browser.serve(tmp_path_factory.mktemp("weights"))


def visit(page: "browser.Page", name: str) -> None:
    """Go to a page as a person does: by the navigation, for which a phone has a button."""
    link = re.compile(rf"{re.escape(found()[name].TITLE)}$")
    if is_phone(page):
        page.locator(".st-key-pages button:visible").click()
        page.get_by_test_id("stPopoverBody").get_by_role("link", name=link).click()
    else:
        page.get_by_role("link", name=link).first.click()
    page.wait_for_url(re.compile(rf"/{name}$|127\.0\.0\.1:\d+/(\?.*)?$"))
    browser.settled(page)
    page.keyboard.press("Escape")  # the list of pages stays open on the page that it was opened on
    browser.settled(page)


Check = Callable[[str], None]


def look(page: "browser.Page", folder: Path, check: Check) -> None:
    page.locator("input[type=file]").first.set_input_files(browser.spot(folder / "spot.png"))
    browser.settled(page)
    page.get_by_text("Contours", exact=True).click()
    page.get_by_text("Peaks", exact=True).click()
    check("contours and peaks")
    page.get_by_role("button", name="Download").click()
    check("downloads")


def areas(page: "browser.Page", folder: Path, check: Check) -> None:
    del folder
    page.locator("[data-do=add]").click()
    page.get_by_text("Each area in numbers").wait_for()
    page.get_by_text("Load, save or copy areas").click()
    check("an area")


def order(page: "browser.Page", folder: Path, check: Check) -> None:
    del folder
    check("a path")
    page.get_by_text("First looks", exact=True).click()
    check("first looks")


def compare(page: "browser.Page", folder: Path, check: Check) -> None:
    del folder
    page.get_by_role("button", name="Compare two samples").click()
    page.get_by_text("of looks go elsewhere").wait_for()
    check("two versions")
    page.get_by_role("button", name="Pictures").click()
    check("pictures")
    page.keyboard.press("Escape")
    page.get_by_label("Picture", exact=True).first.click()
    page.get_by_role("option", name="spot.png").click()
    browser.settled(page)


def batch(page: "browser.Page", folder: Path, check: Check) -> None:
    (folder / "broken.png").write_bytes((folder / "spot.png").read_bytes()[:900])
    page.locator("input[type=file]").first.set_input_files([folder / "spot.png", folder / "broken.png"])
    page.get_by_text("2 of 2 pictures. Done.").wait_for()
    check("a batch")


def recording(page: "browser.Page", folder: Path, check: Check) -> None:
    page.locator("input[type=file]").last.set_input_files(people(folder, 2))
    page.get_by_role("button", name="Read the recordings").click()
    page.get_by_text("The prediction agrees with these 2 people").wait_for()
    check("a recording")


def annotate(page: "browser.Page", folder: Path, check: Check) -> None:
    check("no project")
    page.locator("input[type=file]").last.set_input_files(zipped(folder))
    page.get_by_role("heading", name="What is this?").wait_for()
    for number in range(5):
        page.get_by_label("A new name").fill(("left", "right", "middle")[number % 3])
        page.get_by_role("button", name="Name it").click()
        browser.settled(page)
    page.get_by_text("fixations").first.wait_for()
    page.get_by_text("Rename or merge").click()
    check("a project")
    page.get_by_test_id("stPopover").get_by_role("button", name="Gaze").click()
    check("its gaze")


def models(page: "browser.Page", folder: Path, check: Check) -> None:
    del folder
    page.get_by_text("More", exact=True).first.click()
    check("a model's card")


STATES = {
    "look": look,
    "areas": areas,
    "order": order,
    "compare": compare,
    "batch": batch,
    "recording": recording,
    "annotate": annotate,
    "models": models,
}


def is_phone(page: "browser.Page") -> bool:
    """Whether the page is as narrow as a phone's, where the navigation is in a drawer."""
    return bool(page.evaluate("window.innerWidth") < 600)


@pytest.mark.parametrize("way", ["desk, light", "phone, light"])  # dark is tried below
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
    assert wrong == [], "\n".join(wrong)
    assert len(set(titles)) == len(PAGES)


@pytest.mark.parametrize("way", ["desk, dark", "phone, light"])
def test_what_pages_show_after_work_is_as_accessible(address: str, tmp_path: Path, way: str) -> None:
    size, scheme = WAYS[way]
    wrong: list[str] = []
    with browser.window(address, size, color_scheme=scheme) as page:

        def check(state: str) -> None:
            browser.settled(page)
            page.wait_for_timeout(400)  # what opens fades in
            browser.look(page, f"{state}-{way.replace(', ', '-')}")
            wrong.extend(f"{state}: {each}" for each in [*browser.serious(page), *page.evaluate(CHECKS)])

        for name, states in STATES.items():
            visit(page, name)
            states(page, tmp_path, check)
            page.keyboard.press("Escape")
            assert page.get_by_test_id("stException").count() == 0
        if is_phone(page):
            page.locator(".st-key-pages").get_by_role("button").click()
            check("other pages")
            page.get_by_test_id("stPopoverBody").get_by_role("link", name="Areas").click()
            page.get_by_role("heading", name="How much does each area get?").wait_for()
        else:
            assert not page.locator(".st-key-pages").is_visible()
    assert wrong == [], "\n".join(wrong)


def test_a_page_at_twice_its_size_lies_within_the_screen(address: str) -> None:
    zoom = 2
    width, height = (browser.DESK["viewport"][side] // zoom for side in ("width", "height"))
    size = {"viewport": {"width": width, "height": height}, "device_scale_factor": zoom}
    with browser.window(address, size) as page:
        page.get_by_role("button", name="Take the street").click()
        browser.settled(page)
        page.locator(".st-key-pages").get_by_role("button").click()
        page.get_by_test_id("stPopoverBody").get_by_role("link", name="Areas").click()
        page.get_by_role("heading", name="How much does each area get?").wait_for()
        browser.settled(page)
        assert [each for each in page.evaluate(CHECKS) if "wider" in each] == []


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
