"""The pictures of the app in docs/ and README, remade: `make screenshots`.

    python -m tests.app.web.screenshots [FOLDER]        docs/ without one; every page, light, at a desk

With a folder all pages are kept there as PNG, whole, at a desk and on a phone, light and dark, without a picture and
with two, with a batch, a recording and a project of annotation, and the report as a PDF, for whoever wants to look.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import UInt8

from app.web.main import found
from data import picture as pictures
from data.areas import Area, rectangle, to_coco
from tests import recorded
from tests.app.web import browser
from tests.app.web.test_browser_accessibility import visit
from tests.app.web.test_browser_annotate import zipped

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
WEIGHTS = ROOT / "export" / "weights"
PHOTOGRAPH = DOCS / "osie-1068.jpg"  # of OSIE's val split, MIT (NOTICE)
SHOWN = ("look", "areas", "order", "compare")  # of README
WIDTH = 1200  # pixels of a picture in docs/
FACE = rectangle("Dog's face", (113, 184, 52, 42))
AREAS = (  # of the photograph, in its pixels
    FACE,
    Area("Flowers and candle", ((242, 93), (254, 93), (256, 142), (274, 148), (274, 178), (220, 178), (218, 138))),
    Area("Table", ((202, 174), (322, 172), (371, 304), (318, 311), (302, 306), (232, 309), (201, 291))),
    Area("Chair", ((386, 147), (402, 147), (393, 245), (402, 300), (386, 300), (374, 252), (346, 250), (340, 221))),
)
MOVED = 334  # pixels that the dog goes to the right in version B
ROWS = slice(168, 330)  # that the dog fills


@contextmanager
def app() -> Iterator[str]:
    """The app with the models that ship."""
    with tempfile.TemporaryDirectory() as folder:
        served = browser.serve(Path(folder), GAZE_MODELS=str(WEIGHTS))
        yield next(served)
        served.close()  # type: ignore[attr-defined]


def second_version(folder: Path) -> Path:
    """The photograph as a second version of a design: the dog sits at the chair, and beach lies where it sat."""
    pixels = pictures.read(PHOTOGRAPH)
    dog, beach = pixels[ROWS, 62:178], pixels[ROWS, :399:-1]
    changed = faded(faded(pixels, beach, 64), dog, 62 + MOVED)
    pictures.save(folder / "dog-at-the-chair.png", changed)
    return folder / "dog-at-the-chair.png"


def faded(
    pixels: UInt8[np.ndarray, "h w 3"], patch: UInt8[np.ndarray, "r c 3"], left: int
) -> UInt8[np.ndarray, "h w 3"]:
    """A picture with a patch in the dog's rows, whose edges fade into what is around it."""
    rows, columns = (np.minimum(np.arange(size), np.arange(size)[::-1]) / 13 for size in patch.shape[:2])
    part = np.outer(rows.clip(0, 1), columns.clip(0, 1))[..., None]
    made = pixels.copy()
    place = made[ROWS, left : left + patch.shape[1]]
    place[:] = np.rint(part * patch + (1 - part) * place)
    return made


def prepare(page: "browser.Page", folder: Path) -> None:
    """Two versions of a picture; four areas on the first, all but the dog's copied to the second."""
    height, width = pictures.read(PHOTOGRAPH).shape[:2]
    other = second_version(folder)
    page.locator("input[type=file]").first.set_input_files([other])  # the last one that is brought is looked at
    moved = Area(FACE.name, tuple((x + MOVED, y) for x, y in FACE.points), FACE.shape)
    load(page, folder, to_coco(other.name, width, height, [moved]))
    page.get_by_role("button", name="Pictures").click()
    page.locator("[data-testid=stPopoverBody] input[type=file]").set_input_files([PHOTOGRAPH])
    browser.settled(page)
    page.keyboard.press("Escape")
    load(page, folder, to_coco(PHOTOGRAPH.name, width, height, AREAS))
    visit(page, "compare")
    page.get_by_role("button", name=f"Copy {len(AREAS) - 1} areas to B").click()
    browser.settled(page)


def load(page: "browser.Page", folder: Path, coco: str) -> None:
    """Areas from a file, for the picture that is looked at."""
    (folder / "areas.json").write_text(coco, "utf-8")
    browser.settled(page)
    visit(page, "areas")
    page.get_by_text("Load, save or copy areas").click()
    page.locator("input[type=file]").last.set_input_files(folder / "areas.json")
    page.get_by_text("loaded in the place of those before").wait_for()
    browser.settled(page)


def take(address: str, folder: Path, size: Any, name: str, pages: tuple[str, ...], scheme: str = "light") -> None:
    """A screenshot of each page: what fits the screen."""
    with browser.window(address, size, color_scheme=scheme) as page:
        prepare(page, folder)
        for each in pages:
            visit(page, each)
            page.wait_for_timeout(2500)
            page.screenshot(path=folder / f"{each}-{name}.png")


def take_all(address: str, folder: Path, size: Any, name: str, scheme: str) -> None:
    """Every page whole: empty, with two versions, with a batch and a recording."""
    with browser.window(address, size, color_scheme=scheme) as page, tempfile.TemporaryDirectory() as private:
        for each in found():
            visit(page, each)
            whole(page, folder / f"{each}-empty-{name}.png")
        visit(page, "look")
        prepare(page, Path(private))
        for each in found():
            visit(page, each)
            if each == "batch":
                bring_batch(page)
            if each == "recording":
                bring_recording(page, Path(private))
            if each == "annotate":
                bring_project(page, Path(private))
            whole(page, folder / f"{each}-{name}.png")
        if name == "desk-light":
            print_report(page, folder)


def whole(page: "browser.Page", path: Path) -> None:
    """A screenshot of all of a page: in a window that is as high as the page, which scrolls within itself."""
    page.wait_for_timeout(1500)
    before = page.viewport_size
    assert before is not None
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": before["width"], "height": max(before["height"], min(int(height) + 60, 8000))})
    page.wait_for_timeout(1500)
    page.screenshot(path=path)
    page.set_viewport_size(before)


def bring_batch(page: "browser.Page") -> None:
    """Five pictures at once."""
    samples = sorted(Path(pictures.__file__).with_name("samples").glob("*.jpg"))
    files = [*samples, PHOTOGRAPH, DOCS / "street.jpg", DOCS / "photograph.jpg", DOCS / "path.jpg"][:5]
    page.locator("input[type=file]").first.set_input_files(files)
    page.get_by_text("5 of 5 pictures. Done.").wait_for()
    browser.settled(page)


def bring_recording(page: "browser.Page", folder: Path) -> None:
    """Four people who look at the dog, the flowers and the chair."""
    height, width = pictures.read(PHOTOGRAPH).shape[:2]
    spots = [(139.0, 205.0), (245.0, 150.0), (139.0, 205.0), (390.0, 200.0)]
    files = [folder / f"p{number}.asc" for number in range(4)]
    for number, path in enumerate(files):
        looks = recorded.looks(np.random.default_rng(number), spots, 9.0)
        path.write_bytes(recorded.asc([(PHOTOGRAPH.name, looks)], (width, height), number))
    page.locator("input[type=file]").last.set_input_files(files)
    page.get_by_role("button", name="Read the recordings").click()
    page.get_by_text("The prediction agrees with these").wait_for()
    browser.settled(page)


def bring_project(page: "browser.Page", folder: Path) -> None:
    """A project of three squares, with labels."""
    page.locator("input[type=file]").last.set_input_files(zipped(folder))
    page.get_by_role("heading", name="What is this?").wait_for()
    for number in range(5):
        page.get_by_label("A new name").fill(("left", "right", "middle")[number % 3])
        page.get_by_role("button", name="Name it").click()
        browser.settled(page)


def print_report(page: "browser.Page", folder: Path) -> None:
    """The report, and how it is printed."""
    visit(page, "report")
    report = browser.fetch(page, "Make the report of 2 pictures", folder)
    page.goto(report.as_uri())
    page.wait_for_timeout(1000)
    page.screenshot(path=folder / "report-file.png", full_page=True)
    page.pdf(path=folder / "report.pdf", format="A4")


def main() -> None:
    """Remake docs/app-*.jpg, or fill a folder."""
    with app() as address, tempfile.TemporaryDirectory() as private:
        if len(sys.argv) > 1:
            folder = Path(sys.argv[1])
            folder.mkdir(parents=True, exist_ok=True)
            for name, size in (("desk", browser.DESK), ("phone", browser.PHONE)):
                for scheme in ("light", "dark"):
                    take_all(address, folder, size, f"{name}-{scheme}", scheme)
            return
        take(address, Path(private), browser.DESK, "desk", SHOWN)
        for each in SHOWN:
            pixels = pictures.read(Path(private) / f"{each}-desk.png")
            height = round(pixels.shape[0] * WIDTH / pixels.shape[1])
            small = cv2.resize(pixels, (WIDTH, height), interpolation=cv2.INTER_AREA)
            (DOCS / f"app-{each}.jpg").write_bytes(
                cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 82])[1].tobytes()
            )


if __name__ == "__main__":
    main()
