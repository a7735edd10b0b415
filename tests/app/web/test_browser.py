"""Does the app do its work in a real browser: a picture up, the heat map seen, the files down?"""

import csv
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from data import picture as pictures
from data.draw.timeline import PANEL
from export.runtime.saliency import Predictor
from tests import toy_model as toy

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
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


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy.write(tmp_path_factory.mktemp("weights") / "toy.onnx")


@pytest.fixture(scope="module")
def address(model: Path) -> Iterator[str]:
    """The app, served to this machine only, from another folder than the repository's."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "app.cli.main", "app", "--server.headless", "true"]
    command += ["--server.port", str(port), "--server.fileWatcherType", "none"]
    environment = os.environ | {"GAZE_MODELS": str(model.parent), "PYTHONPATH": str(ROOT)}
    server = subprocess.Popen(command, cwd=model.parent, env=environment)
    try:
        wait(f"http://127.0.0.1:{port}/_stcore/health", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


def wait(url: str, server: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < until:
        assert server.poll() is None, "Streamlit ended"
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"no answer from {url}")


@pytest.fixture
def page(address: str) -> Iterator["playwright.Page"]:
    """The app in a window of a laptop's size; it may talk to nothing but its own server."""
    elsewhere: list[str] = []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        window = browser.new_page(viewport={"width": 1366, "height": 768}, accept_downloads=True)
        window.on("request", lambda request: None if _local(request.url) else elsewhere.append(request.url))
        window.set_default_timeout(PATIENCE)
        window.goto(address)
        yield window
        look(window, f"end-{time.monotonic_ns()}")
        browser.close()
    assert elsewhere == []


def _local(url: str) -> bool:
    return urlsplit(url).hostname in ("127.0.0.1", None)


def look(page: "playwright.Page", name: str) -> None:
    """Keep a screenshot where $GAZE_SHOTS says, for whoever wants to see the app."""
    if folder := os.environ.get("GAZE_SHOTS"):
        page.wait_for_timeout(1500)
        page.screenshot(path=Path(folder) / f"{name}.png")


def spot(path: Path) -> Path:
    """A dark picture, 640 x 400, with a bright spot about (480, 100)."""
    rows, columns = np.mgrid[:400, :640]
    light = 220 * np.exp(-((columns - 480) ** 2 + (rows - 100) ** 2) / (2 * 40**2))
    pictures.save(path, np.repeat(light.astype(np.uint8)[..., None], 3, 2))
    return path


def fetch(page: "playwright.Page", label: str, folder: Path) -> Path:
    with page.expect_download() as waiting:
        page.get_by_role("button", name=label).click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def test_a_picture_goes_up_and_the_map_the_seconds_the_density_and_the_facts_come_down(
    page: "playwright.Page", model: Path, tmp_path: Path
) -> None:
    file = spot(tmp_path / "spot.png")
    page.get_by_text("Upload one or several pictures").wait_for()
    look(page, "empty")
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_text("people look most at the").wait_for()
    look(page, "spot")
    before, prediction = pictures.read(file), Predictor(model)(pictures.read(file))

    heat = fetch(page, "Heat map, PNG", tmp_path)
    assert heat.name == "spot.heat.png"
    drawn = pictures.read(heat)
    assert drawn.shape == before.shape
    x, y = (int(value) for value in prediction.peak)
    assert np.abs(drawn[y, x].astype(int) - before[y, x]).max() > 50
    np.testing.assert_array_equal(drawn[-1, 0], before[-1, 0])

    strip = pictures.read(fetch(page, "All seconds, PNG", tmp_path))
    assert strip.shape[1] > 2 * PANEL  # two slices

    density = np.load(fetch(page, "Log density, NPY", tmp_path))
    assert density.dtype == np.float32
    np.testing.assert_allclose(density, prediction.density, atol=1e-4)

    facts = json.loads(fetch(page, "Facts, JSON", tmp_path).read_text("utf-8"))
    assert facts["model"] == "toy"
    assert (facts["width"], facts["height"]) == (640, 400)
    assert facts["peak"] == prediction.record()["peak"]
    assert [each["start_s"] for each in facts["slices"]] == [0, 1]


def test_a_bad_upload_is_answered_and_the_sample_beside_it_is_shown(page: "playwright.Page", tmp_path: Path) -> None:
    notes = tmp_path / "notes.png"
    notes.write_text("milk, bread, eggs", "utf-8")
    page.get_by_role("button", name="Look at the advert").click()
    page.get_by_text("people look most at the").wait_for()
    look(page, "sample")
    page.locator("input[type=file]").set_input_files(notes)
    page.get_by_role("alert").get_by_text("notes.png").wait_for()
    look(page, "bad")
    assert page.get_by_text("people look most at the").is_visible()
    page.get_by_role("link", name="Which models are there?").click()
    page.get_by_role("heading", name="Which models are there?").wait_for()
    page.get_by_text("CC0-1.0").first.wait_for()
    assert page.locator("[data-testid=stException]").count() == 0


def test_a_path_over_the_objects_of_a_picture_is_seen_and_its_tables_come_down(
    page: "playwright.Page", tmp_path: Path
) -> None:
    file = spot(tmp_path / "spot.png")
    page.get_by_role("link", name="In which order?").click()
    page.get_by_text("Upload a picture, or take a sample").wait_for()
    page.locator("input[type=file]").first.set_input_files(file)
    page.get_by_text("A grid").click()
    page.get_by_text("seen by").first.wait_for()
    look(page, "path")
    drawn = pictures.read(fetch(page, "Path, PNG", tmp_path))
    assert drawn.shape == (400, 640, 3)
    assert (drawn != pictures.read(file)).any()
    rows = list(csv.DictReader(fetch(page, "Fixations, CSV", tmp_path).read_text("utf-8").splitlines()))
    assert {row["observer"] for row in rows} == {str(number) for number in range(20)}
    assert all(0 <= float(row["x"]) <= 640 and 0 <= float(row["y"]) <= 400 for row in rows)
    things = list(csv.DictReader(fetch(page, "Objects, CSV", tmp_path).read_text("utf-8").splitlines()))
    most = max(things, key=lambda row: float(row["seen"]))
    left, top, width, height = (float(most[side]) for side in ("x", "y", "width", "height"))
    assert left <= 480 <= left + width  # the spot
    assert top <= 100 <= top + height
    record = json.loads(fetch(page, "Everything, JSON", tmp_path).read_text("utf-8"))
    assert record["schema"] == "gaze/scanpath/3"
    assert page.locator("[data-testid=stException]").count() == 0
