"""A real browser for the journeys: the app on a port of its own, a page that talks to nothing else, what comes down.

A journey's file has
    from tests.app.web import browser
    pytestmark = browser.MARKS

    @pytest.fixture(scope="module")
    def address(tmp_path_factory): yield from browser.serve(tmp_path_factory.mktemp("weights"))

    @pytest.fixture
    def page(address): yield from browser.page(address)
and may open further windows of other sizes with `with browser.window(address, PHONE) as page`.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from data import picture as pictures
from tests import toy_model as toy

if TYPE_CHECKING:
    from playwright.sync_api import Page

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
MARKS = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium on the PATH: apt-get install chromium"),
]
ROOT = Path(__file__).parents[3]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
PATIENCE = 60_000  # milliseconds
LAPTOP: Mapping[str, Any] = MappingProxyType({"viewport": {"width": 1366, "height": 768}})
DESK: Mapping[str, Any] = MappingProxyType({"viewport": {"width": 1440, "height": 900}})
PHONE: Mapping[str, Any] = MappingProxyType(
    {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
)


def serve(folder: Path, flags: Sequence[str] = (), **environment: str) -> Iterator[str]:
    """The address of the app, served to this machine only from `folder`, with a toy model if it has none."""
    if not any(folder.glob("*.onnx")):
        toy.write(folder / "toy.onnx")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "app.cli.main", "app", "--server.headless", "true"]
    command += ["--server.port", str(port), "--server.fileWatcherType", "none", *flags]
    known = os.environ | {"GAZE_MODELS": str(folder), "PYTHONPATH": str(ROOT)} | environment
    server = subprocess.Popen(command, cwd=folder, env=known)
    try:
        wait(f"http://127.0.0.1:{port}/_stcore/health", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


def wait(url: str, server: "subprocess.Popen[bytes]") -> None:
    """Until the server answers."""
    until = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < until:
        assert server.poll() is None, "Streamlit ended"
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"no answer from {url}")


def page(address: str) -> Iterator["Page"]:
    """The app in a window of a laptop's size; it may talk to nothing but its own server."""
    with window(address) as opened:
        yield opened


@contextmanager
def window(address: str, size: Mapping[str, Any] = LAPTOP, **options: Any) -> Iterator["Page"]:
    """The app in a window of a size; `options` as of Playwright's contexts, as `color_scheme="dark"`."""
    elsewhere: list[str] = []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        opened = browser.new_context(accept_downloads=True, **{**size, **options}).new_page()
        opened.on("request", lambda request: None if is_local(request.url) else elsewhere.append(request.url))
        opened.set_default_timeout(PATIENCE)
        opened.goto(address)
        yield opened
        look(opened, f"end-{time.monotonic_ns()}")
        browser.close()
    assert elsewhere == [], elsewhere


def is_local(url: str) -> bool:
    """Whether an address is on this machine, or in the page itself."""
    return urlsplit(url).hostname in ("127.0.0.1", None) or url.startswith("blob:http://127.0.0.1")


def look(page: "Page", name: str) -> None:
    """Keep a screenshot where $GAZE_SHOTS says, for whoever wants to see the app."""
    if folder := os.environ.get("GAZE_SHOTS"):
        page.wait_for_timeout(1500)
        page.screenshot(path=Path(folder) / f"{name}.png")


def fetch(page: "Page", label: str, folder: Path) -> Path:
    """Click a download button and keep what comes, under the name that it comes with."""
    with page.expect_download() as waiting:
        page.get_by_role("button", name=label).click()
    path = folder / str(waiting.value.suggested_filename)
    waiting.value.save_as(path)
    return path


def spot(path: Path) -> Path:
    """A dark picture, 640 x 400, with a bright spot about (480, 100)."""
    rows, columns = np.mgrid[:400, :640]
    light = 220 * np.exp(-((columns - 480) ** 2 + (rows - 100) ** 2) / (2 * 40**2))
    pictures.save(path, np.repeat(light.astype(np.uint8)[..., None], 3, 2))
    return path


def settled(page: "Page") -> None:
    """Wait until the app has answered what was done last: nothing waits to be sent, and no script runs."""
    page.wait_for_timeout(100)
    page.locator(".gz[data-waiting]").first.wait_for(state="detached")  # what the canvas gathers before it sends it
    page.wait_for_timeout(150)
    page.locator('.stApp[data-test-script-state="notRunning"]').wait_for()
    page.wait_for_timeout(50)


def serious(page: "Page") -> list[str]:
    """What axe-core finds that is serious or critical, one line each."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
    found = axe.Axe().run(page).response["violations"]
    return [
        f"{rule['id']}: {node['html'][:200]}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]
