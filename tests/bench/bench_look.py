"""How long the page Look takes: python -m tests.bench.bench_look [ADDRESS], with the app running there.

server    AppTest, tempsal on this machine: an upload of 1 MP until the page is whole, a step of the seconds until the
          page has answered; medians
browser   Chromium: from the file that is chosen to the heat map that is drawn, and from the key that is pressed to
          the picture that has changed (the browser alone) and the sentence that has (the server as well)
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from data import picture

PAGE = Path(__file__).parents[2] / "app" / "web" / "pages" / "look.py"
TRIES = 7


def megapixel(seed: int) -> bytes:
    """A picture of 1 MP that no cache knows: a sample with one pixel of noise in each block."""
    sample = picture.read(PAGE.parents[3] / "data" / "samples" / "street.jpg")
    noise = np.random.default_rng(seed).integers(0, 8, sample.shape, np.uint8)
    wide = np.minimum(sample, 247) + noise
    return picture.encode(np.pad(wide, ((0, 112), (0, 113), (0, 0)), mode="edge"), ".jpg")  # 880 x 1137


def server() -> None:
    """Times of the script itself."""
    from streamlit.testing.v1 import AppTest

    from app.web import canvas as drawing

    sent: dict[str, Any] = {}
    setattr(drawing, "_component", lambda **given: sent)  # noqa: B010 - no browser here
    shown = AppTest.from_file(PAGE, default_timeout=60).run()
    uploads, steps = [], []
    for number in range(TRIES):
        shown.file_uploader[0].upload(f"{number}.jpg", megapixel(number), "image/jpeg")
        start = time.perf_counter()
        shown.run()
        uploads.append(time.perf_counter() - start)
    for number in range(3 * TRIES):
        sent["moment"] = {"serial": str(number), "value": number % 6}
        start = time.perf_counter()
        shown.run()
        steps.append(time.perf_counter() - start)
    print(f"server: upload {_median(uploads)}, first {1000 * uploads[0]:.0f} ms; step {_median(steps)}")


def _median(times: list[float]) -> str:
    return f"{1000 * statistics.median(times):.0f} ms (worst {1000 * max(times):.0f} ms of {len(times)})"


def browser(address: str) -> None:
    """Times of what a person sees."""
    from tests.app.web import browser as real

    with tempfile.TemporaryDirectory() as folder, real.window(address, real.DESK) as page:
        uploads, drawn, said = [], [], []
        for number in range(TRIES):
            file = Path(folder) / f"{number}.jpg"
            file.write_bytes(megapixel(100 + number))
            if number:
                page.get_by_role("button", name="Pictures").click()
            start = time.perf_counter()
            page.locator("input[type=file]").first.set_input_files(file)
            page.wait_for_function(f"document.querySelector('img[alt^=\"{number}.jpg\"]') || {_deep(number)}")
            uploads.append(time.perf_counter() - start)
            page.keyboard.press("Escape")
            real.settled(page)
        stops = page.get_by_role("radiogroup", name="Moment").get_by_role("radio")
        stops.first.click()
        page.get_by_text("Half of all looks").first.wait_for()
        for number in range(1, 6):
            start = time.perf_counter()
            page.keyboard.press("ArrowRight")
            page.wait_for_function(f"document.activeElement && {_checked(number)}", polling=10)
            drawn.append(time.perf_counter() - start)
            page.get_by_text(f"From {number - 1} to {number} s, half").wait_for()
            said.append(time.perf_counter() - start)
        print(f"browser: upload to heat map {_median(uploads)}; step drawn {_median(drawn)}, told {_median(said)}")


def _deep(number: int) -> str:
    """Whether a picture of this name is described anywhere, also in the canvas's own tree."""
    return (
        "[...document.querySelectorAll('*')].some(e => e.shadowRoot && "
        "[...e.shadowRoot.querySelectorAll('[alt],[aria-label]')]"
        f".some(i => (i.alt || i.ariaLabel || '').startsWith('{number}.jpg')))"
    )


def _checked(number: int) -> str:
    return (
        "[document, ...[...document.querySelectorAll('*')].filter(e => e.shadowRoot).map(e => e.shadowRoot)]"
        f".some(r => [...r.querySelectorAll('[role=radio]')].filter(e => e.closest('.gz-stops'))[{number}]"
        "?.getAttribute('aria-checked') === 'true')"
    )


if __name__ == "__main__":
    server()
    if len(sys.argv) > 1:
        browser(sys.argv[1])
