"""Many pictures at once in a real browser: ten with a broken one among them, an archive, another page, the report."""

import csv
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from data import picture as pictures
from tests.app.web import browser

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = browser.MARKS


def test_a_server_that_is_ended_leaves_no_pictures_behind(files: list[Path], tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    serving = browser.serve(tmp_path, TMPDIR=str(tmp_path / "tmp"))
    with browser.window(f"{next(serving)}/batch") as page:
        page.locator("input[type=file]").first.set_input_files(files[:2])
        page.get_by_text("2 of 2 pictures. Done.").wait_for()
        assert list((tmp_path / "tmp").rglob("gaze-batch-*"))
        assert next(serving, None) is None
    assert not list((tmp_path / "tmp").rglob("gaze-*"))


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from browser.serve(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Ten pictures with a bright spot, and one that is cut off."""
    folder = tmp_path_factory.mktemp("pictures")
    rows, columns = np.mgrid[:400, :640]
    for number in range(10):
        light = 220 * np.exp(-((columns - 60 * number - 40) ** 2 + (rows - 100) ** 2) / (2 * 40**2))
        pictures.save(folder / f"draft {number}.png", np.repeat(light.astype(np.uint8)[..., None], 3, 2))
    (folder / "broken.png").write_bytes((folder / "draft 3.png").read_bytes()[:900])
    return sorted(folder.iterdir())


def archive(page: "Page", address: str) -> list[str]:
    """What the archive holds that the page offers."""
    link = page.get_by_role("link", name="Everything (zip)").get_attribute("href")
    with page.expect_popup() as popup:
        page.get_by_role("link", name="Everything (zip)").click()
    popup.value.close()
    answer = page.request.get(f"{address}/{link}")
    assert answer.status == 200
    with zipfile.ZipFile(io.BytesIO(answer.body())) as made:
        assert made.testzip() is None
        table = list(csv.DictReader(io.StringIO(made.read("table.csv").decode("utf-8-sig"))))
        assert all(float(row["focus"]) >= 0 for row in table)
        return made.namelist()


def test_ten_pictures_with_a_broken_one_among_them(address: str, files: list[Path], tmp_path: Path) -> None:
    with browser.window(f"{address}/batch", browser.DESK) as page:
        page.locator("input[type=file]").first.set_input_files(files)
        page.get_by_text("11 of 11 pictures. Done.").wait_for()
        page.get_by_role("heading", name="10 pictures").wait_for()
        page.get_by_text("broken.png: the picture is damaged").wait_for()
        browser.settled(page)
        assert page.get_by_text("Lowest focus").count() == 1
        assert browser.serious(page) == []
        names = archive(page, address)
        assert sum(name.endswith(".heat.jpg") for name in names) == 10
        report = browser.fetch(page, "Report (HTML)", tmp_path)
        assert "draft 9.png" in report.read_text("utf-8")
        page.get_by_role("link", name="Report", exact=True).first.click()
        page.get_by_role("heading", name="Report").wait_for()
        page.get_by_role("link", name="Batch").first.click()
        page.get_by_role("heading", name="10 pictures").wait_for()  # everything is still there
        page.get_by_role("button", name="Clear").click()
        page.get_by_role("heading", name="10 pictures").wait_for(state="detached")
        browser.settled(page)
        page.locator("input[type=file]").first.set_input_files(files[:3])
        page.get_by_text("3 of 3 pictures. Done.").wait_for()
        browser.settled(page)
        page.locator("input[type=file]").first.set_input_files(files[3:5])
        page.get_by_text("5 of 5 pictures. Done.").wait_for()


def test_an_archive_on_a_phone(address: str, files: list[Path], tmp_path: Path) -> None:
    packed = tmp_path / "shop.zip"
    with zipfile.ZipFile(packed, "w") as made:
        for path in files[:4]:
            made.write(path, f"spring/{path.name}")
        made.writestr("../up.png", b"x")
        made.writestr("notes.txt", b"x")
    with browser.window(f"{address}/batch", browser.PHONE, color_scheme="dark") as page:
        page.locator("input[type=file]").first.set_input_files(packed)
        page.get_by_text("5 of 5 pictures. Done.").wait_for()
        page.get_by_text("its name leads out of the archive").wait_for()
        page.get_by_text("shop.zip: 1 file (.txt) is no picture.").wait_for()
        browser.settled(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert browser.serious(page) == []
        assert sum(name.endswith(".json") for name in archive(page, address)) == 3


def test_a_report_reads_and_prints_as_it_should(address: str, files: list[Path], tmp_path: Path) -> None:
    with browser.window(f"{address}/report", browser.DESK) as page:
        page.locator("input[type=file]").first.set_input_files(files[1:3])
        page.get_by_role("button", name="Make the report of 2 pictures").wait_for()
        page.get_by_label("Title").fill("Two drafts")
        page.get_by_label("Title").blur()
        browser.settled(page)
        assert browser.serious(page) == []
        report = browser.fetch(page, "Make the report of 2 pictures", tmp_path)
    for size in (browser.DESK, browser.PHONE):
        with browser.window(report.as_uri(), size, color_scheme="dark") as page:
            page.get_by_role("heading", name="Two drafts").wait_for()
            assert page.evaluate("document.documentElement.scrollWidth") <= size["viewport"]["width"]
            assert page.evaluate("[...document.images].every(image => image.naturalWidth > 0)")
            assert browser.serious(page) == []
            assert page.pdf(format="A4").count(b"/Type /Page\n") in (0, 3)  # a page a picture, and the method
