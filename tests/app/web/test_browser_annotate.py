"""In a real browser: a project is labelled by keys and clicks, tells what was looked at, and is taken home."""

import csv
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from annotation.clicks import FILE as CLICKS
from annotation.project import Project
from app.web.annotate import archive
from app.web.annotate.desk import Desk
from data.archives.writing import streamed
from data.table.validate import check_table
from tests import annotated, videos
from tests.app.web import browser

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = browser.MARKS
WEIGHTS = Path(__file__).parents[3] / "export" / "weights"


def zipped(folder: Path) -> Path:
    """A project without labels as it comes down."""
    path = folder / "squares.zip"
    if not path.exists():
        annotated.write(folder / "squares", gaze=annotated.gaze(folder / "gaze.csv"))
        with Project.open(folder / "squares") as project:
            path.write_bytes(b"".join(streamed(archive.files(Desk(project)))))
    return path


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that is named when the app is started."""
    folder = tmp_path_factory.mktemp("projects")
    return annotated.write(folder / "shop", gaze=annotated.gaze(folder / "gaze.csv"))


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, project: Path) -> Iterator[str]:
    models = {"GAZE_MODELS": str(WEIGHTS)} if (WEIGHTS / "tempsal.onnx").is_file() else {}
    yield from browser.serve(tmp_path_factory.mktemp("weights"), ["--annotate", str(project)], **models)


@pytest.fixture
def page(address: str) -> Iterator["Page"]:
    yield from browser.page(f"{address}/annotate")


def clicks(project: Path) -> list[dict[str, object]]:
    """What is on the disk now."""
    path = project / CLICKS
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def asked(page: "Page") -> str:
    """Where in its frame the thing lies that is asked: the app draws it."""
    return str(page.get_by_alt_text(re.compile("^The thing at")).get_attribute("src"))


def name(page: "Page", word: str) -> None:
    """Type a new name as a person does, key by key."""
    before = asked(page)
    page.get_by_label("A new name").press_sequentially(word)
    page.get_by_label("A new name").press("Enter")
    changed(page, before)


def changed(page: "Page", before: str) -> None:
    """Wait for another question."""
    page.wait_for_function(
        "before => document.querySelector('img[alt^=\"The thing at\"]')?.getAttribute('src') !== before", arg=before
    )
    browser.settled(page)


def test_keys_and_clicks_label_and_are_saved_and_the_results_come_down(
    page: "Page", project: Path, tmp_path: Path
) -> None:
    page.get_by_role("button", name="shop").click()
    page.get_by_role("heading", name="What is this?").wait_for()
    browser.settled(page)
    name(page, "zebras skip")  # its letters are keys of buttons, but not in a field
    assert [click.get("class") for click in clicks(project)] == ["zebras skip"]
    for key, last in (("1", {"class": "zebras skip"}), ("0", {"class": ""})):
        before = asked(page)
        page.locator("h1").click()
        page.keyboard.press(key)
        changed(page, before)
        assert last.items() <= clicks(project)[-1].items()
    before = asked(page)
    page.keyboard.press("z")
    changed(page, before)
    assert clicks(project)[-1] == {"undo": True}
    page.keyboard.press("s")
    browser.settled(page)
    assert len(clicks(project)) == 4
    name(page, "cup")
    page.get_by_role("button", name="Learn now").click()
    page.get_by_text("fixations, ").first.wait_for()
    browser.settled(page)
    browser.look(page, "annotate")
    assert page.get_by_test_id("stException").count() == 0

    rows = list(csv.DictReader(browser.fetch(page, "Fixations, CSV", tmp_path).read_text("utf-8").splitlines()))
    assert len(rows) == 3
    with zipfile.ZipFile(browser.fetch(page, "Data set, ZIP", tmp_path)) as packed:
        packed.extractall(tmp_path / "got")
    assert check_table(tmp_path / "got" / "set") == []
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Project (zip)").click()
    waiting.value.save_as(tmp_path / "project.zip")

    page.reload()
    page.get_by_role("heading", name="What is this?").wait_for()
    browser.settled(page)
    page.get_by_test_id("stPopover").get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Close the project").click()
    page.get_by_text("Bring the video of eye-tracking glasses").wait_for()
    browser.settled(page)
    page.locator("input[type=file]").last.set_input_files(tmp_path / "project.zip")
    page.get_by_role("heading", name="What is this?").wait_for()
    assert page.get_by_text("zebras skip").first.is_visible()


@pytest.mark.skipif(not (WEIGHTS / "tempsal.onnx").is_file(), reason="needs the model tempsal: export/weights")
def test_a_video_is_looked_through_with_a_table_of_boxes_while_other_pages_work(page: "Page", tmp_path: Path) -> None:
    frames = [annotated.frame(number) for number in range(20)]
    rows = ["time_ms,x,y,width,height"]
    rows += [f"{200 * n},{x},{annotated.TOP},30,30" for n in range(10) for x in annotated.LEFTS.values()]
    (tmp_path / "boxes.csv").write_text("\n".join(rows) + "\n", "utf-8")
    page.locator("input[type=file]").nth(0).set_input_files(videos.write(tmp_path / "walk.mp4", frames))
    page.get_by_text("walk.mp4, 0.0 MB").wait_for()
    page.locator("input[type=file]").nth(1).set_input_files(annotated.gaze(tmp_path / "gaze.csv", 1.9))
    page.get_by_text("gaze.csv", exact=True).last.wait_for()
    browser.settled(page)
    page.get_by_text("Details", exact=True).click()
    page.get_by_test_id("stExpander").locator("input[type=file]").set_input_files(tmp_path / "boxes.csv")
    page.get_by_text("Boxes are taken from your table").wait_for()
    browser.settled(page)
    page.get_by_role("button", name="Find the things in the video").click()
    page.get_by_text("The things in the video are found and followed.").wait_for()
    page.get_by_role("link", name="Models", exact=True).click()
    page.get_by_role("heading", name="Which models are there?").wait_for()
    page.get_by_role("link", name="Annotate", exact=True).click()
    page.get_by_role("heading", name="What is this?").wait_for()
    assert page.get_by_text("10 pictures of 0:01.8, 30 things.").is_visible()
    for word in ("one", "two"):
        name(page, word)
    page.get_by_role("button", name="Learn now").click()
    page.get_by_text("3 fixations, ").wait_for()
    page.reload()  # the address of the page finds it again
    page.get_by_text("10 pictures of 0:01.8, 30 things.").wait_for()
    page.get_by_text("3 fixations, ").wait_for()
