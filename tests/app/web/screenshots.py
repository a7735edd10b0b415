"""The pictures of the app in docs/ and README, remade: `make screenshots`.

    python -m tests.app.web.screenshots [FOLDER]        docs/ without one; every page, light, at a desk

With a folder all pages are kept there as PNG at a desk and on a phone, light and dark, for whoever wants to look.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2

from app.web.main import found
from data import picture as pictures
from tests.app.web import browser
from tests.app.web.test_browser_accessibility import visit

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
WEIGHTS = ROOT / "export" / "weights"
PHOTOGRAPH = DOCS / "osie-1068.jpg"  # of OSIE's val split, MIT (NOTICE)
SHOWN = ("look", "areas", "order", "compare")  # of README
WIDTH = 1200  # pixels of a picture in docs/


@contextmanager
def app() -> Iterator[str]:
    """The app with the models that ship."""
    with tempfile.TemporaryDirectory() as folder:
        served = browser.serve(Path(folder), GAZE_MODELS=str(WEIGHTS))
        yield next(served)
        served.close()  # type: ignore[attr-defined]


def second_version(folder: Path) -> Path:
    """The photograph as a second version of a design: its left third out of focus."""
    pixels = pictures.read(PHOTOGRAPH)
    changed = pixels.copy()
    width = pixels.shape[1]
    changed[:, : width // 3] = cv2.GaussianBlur(pixels[:, : width // 3], (0, 0), 12)
    pictures.save(folder / "version-b.jpg", changed)
    return folder / "version-b.jpg"


def prepare(page: "browser.Page", folder: Path) -> None:
    """Two pictures up, with the areas that are suggested for the first."""
    page.locator("input[type=file]").first.set_input_files([PHOTOGRAPH, second_version(folder)])
    browser.settled(page)
    visit(page, "areas")
    page.get_by_role("button", name="Accept all").first.click()
    browser.settled(page)


def take(address: str, folder: Path, size: Any, name: str, pages: tuple[str, ...], scheme: str = "light") -> None:
    """A screenshot of each page: what fits the screen at a desk, all of it on a phone."""
    with browser.window(address, size, color_scheme=scheme) as page:
        prepare(page, folder)
        for each in pages:
            visit(page, each)
            page.wait_for_timeout(2500)
            page.screenshot(path=folder / f"{each}-{name}.png", full_page=size is browser.PHONE)


def main() -> None:
    """Remake docs/app-*.jpg, or fill a folder."""
    with app() as address, tempfile.TemporaryDirectory() as private:
        if len(sys.argv) > 1:
            folder = Path(sys.argv[1])
            folder.mkdir(parents=True, exist_ok=True)
            for name, size in (("desk", browser.DESK), ("phone", browser.PHONE)):
                for scheme in ("light", "dark"):
                    take(address, folder, size, f"{name}-{scheme}", tuple(found()), scheme)
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
