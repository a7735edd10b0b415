"""Does the page Look say where people look in any picture, at any second, as it is set, and give the files of it?"""

import io
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.web import canvas as drawing
from app.web import measures, predictions, widgets
from app.web import workspace as desk
from app.web.look import overlays
from app.web.look.files import HeatFiles, Style
from app.web.picture_bar import SAMPLES
from app.web.workspace import StoredPicture
from data import picture as pictures
from data.areas import rectangle
from export.runtime.saliency import Predictor
from tests import toy_model as toy

PAGE = Path(widgets.__file__).parent / "pages" / "look.py"


class Canvas:
    """Takes what the page gives to the browser, and sends what somebody does there."""

    def __init__(self) -> None:
        self.data: dict[str, Any] = {}
        self.sent: dict[str, Any] = {}

    def __call__(self, *, key: str, data: dict[str, Any]) -> dict[str, Any]:
        self.data = data
        return self.sent

    def go(self, moment: int) -> None:
        self.sent = {"moment": {"serial": f"m{moment}", "value": moment, "subject": self.data["subject"]}}


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Canvas:
    stand_in = Canvas()
    monkeypatch.setattr(drawing, "_component", stand_in)
    return stand_in


def page() -> AppTest:
    return AppTest.from_file(PAGE, default_timeout=30).run()


def upload(*files: tuple[str, bytes]) -> AppTest:
    shown = page()
    uploader = shown.file_uploader[0]
    for name, content in files:
        uploader.upload(name, content, "image/png")
    shown.run()
    assert not shown.exception
    return shown


def downloads(shown: AppTest) -> list[str]:
    return [str(button.proto.label) for button in shown.get("download_button")]


def told(shown: AppTest) -> str:
    return "\n".join(each.value for each in shown.main.markdown).replace("\u00a0", " ")


@pytest.mark.slow
def test_the_empty_page_asks_for_a_picture_and_shows_the_samples(models: Path, seen: Canvas) -> None:
    shown = page()
    assert not shown.exception
    assert shown.title[0].value == "Where do people look?"
    assert "to see where people look" in told(shown)
    assert not shown.get("download_button")
    shown.button(key="sample-street").click().run()
    assert not shown.exception
    assert shown.selectbox(key="picture").options == ["street.jpg"]
    assert (seen.data["width"], seen.data["height"]) == (1024, 768)


def test_an_upload_gives_a_map_its_seconds_sentences_and_downloads(models: Path, png: bytes, seen: Canvas) -> None:
    shown = upload(("spot.png", png))
    assert not shown.error
    assert [stop["caption"] for stop in seen.data["stops"]] == ["Whole viewing", "0–1 s", "1–2 s"]
    assert all(stop["heat"].endswith(".png") for stop in seen.data["stops"])
    assert "spot.png, whole viewing: people look most at the top right" in seen.data["stops"][0]["alt"]
    assert "from 0 to 1 s" in seen.data["stops"][1]["alt"]
    assert "**Half of all looks fall on" in told(shown)
    assert [metric.label for metric in shown.metric] == ["Focus", "Clarity"]
    assert all(0 <= float(metric.value) <= 100 for metric in shown.metric)
    assert downloads(shown) == [
        "Heat map with legend, PNG",
        "All seconds, PNG",
        "Log density, NPY",
        "Facts, JSON",
    ]
    assert "bits" not in told(shown)


@pytest.mark.slow
def test_a_step_of_the_seconds_changes_the_sentence_and_makes_nothing_anew(
    models: Path, png: bytes, seen: Canvas, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = upload(("spot.png", png))

    shown.pills(key="marks").set_value(["Contours", "Peaks"]).run()

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("made anew")

    for module, name in ((overlays, "contour_lines"), (overlays, "peaks"), (pictures, "encode")):
        monkeypatch.setattr(module, name, never)
    monkeypatch.setattr(Predictor, "__call__", never)
    seen.go(2)
    shown.run()
    assert not shown.exception
    assert "From 1 to 2 s, half of all looks fall on" in told(shown)
    seen.sent = {}
    shown.run()
    assert seen.data["moment"] == 2, "the second stays while nobody moves it"


@pytest.mark.slow
def test_settings_change_what_is_drawn_and_stay_with_another_picture(models: Path, png: bytes, seen: Canvas) -> None:
    shown = upload(("spot.png", png))
    before = seen.data["palette"]
    assert not seen.data["stops"][0]["contours"]
    shown.selectbox(key="palette").set_value("viridis").run()
    viridis = seen.data["palette"]
    assert viridis != before
    shown.slider(key="opacity-Heat").set_value(30).run()
    assert seen.data["opacity"] == pytest.approx(0.3)
    shown.pills(key="marks").set_value(["Contours", "Peaks"]).run()
    stop = seen.data["stops"][1]
    assert [each["label"] for each in stop["contours"]] == ["25 %", "50 %", "75 %"]
    assert [peak["label"] for peak in stop["peaks"]] == [f"1: {stop['peaks'][0]['label'][3:]}"]
    shown.segmented_control(key="style").set_value("Fog").run()
    assert seen.data["palette"] not in (before, viridis)
    assert seen.data["opacity"] == pytest.approx(0.85)
    shown.button(key="sample-street").click().run()
    assert not shown.exception
    assert seen.data["opacity"] == pytest.approx(0.85)
    assert seen.data["stops"][0]["contours"]


@pytest.mark.slow
def test_the_viewing_condition_is_explained_and_used(models: Path, png: bytes, seen: Canvas) -> None:
    shown = upload(("spot.png", png))
    shown.selectbox(key="condition").set_value("uniform").run()
    assert not shown.exception
    assert "middle of a screen" in shown.sidebar.caption[0].value
    assert widgets.NOTE in [each.value for each in shown.sidebar.caption]


@pytest.mark.slow
def test_names_that_look_like_markdown_are_shown_as_they_are(models: Path, png: bytes, seen: Canvas) -> None:
    shown = upload(("a*b*_$1$.png", png), ("$x$[y].txt", b"no picture"))
    assert shown.error[0].value.startswith(r"\$x\$\[y\].txt")
    assert len(shown.error) == 1
    assert seen.data["stops"][0]["alt"].startswith("a*b*_$1$.png")
    assert r"a\*b\*\_\$1\$" in shown.button(key="remove-picture").label


@pytest.mark.slow
def test_several_pictures_are_looked_at_one_at_a_time(models: Path, png: bytes, seen: Canvas) -> None:
    other = pictures.encode(np.zeros((300, 900, 3), np.uint8))
    shown = upload(("one.png", png), ("two.png", other))
    assert (seen.data["width"], seen.data["height"]) == (60, 40)
    chooser = shown.selectbox(key="picture")
    assert chooser.options == ["one.png", "two.png"]
    chooser.set_value(list(shown.session_state["workspace"].pictures)[1]).run()
    assert (seen.data["width"], seen.data["height"]) == (900, 300)


def claim(width: int, height: int) -> bytes:
    """A PNG of a hundred bytes that claims to hold width x height pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def test_each_bad_file_is_named_in_one_sentence_and_the_others_are_shown(
    models: Path, png: bytes, seen: Canvas
) -> None:
    bad = {
        "notes.txt": b"milk, bread, eggs",
        "empty.png": b"",
        "bomb.png": claim(20_000, 20_000),
        "cut.jpg": SAMPLES["street"].read_bytes()[:9000],
    }
    shown = upload(*bad.items(), ("spot.png", png))
    assert len(shown.error) == len(bad)
    for error, name in zip(shown.error, bad, strict=True):
        assert error.value.startswith(name)
        assert len(error.value) < 300
        assert "\n" not in error.value
    assert shown.selectbox(key="picture").options == ["spot.png"]


@pytest.mark.slow
def test_more_than_a_session_keeps_is_said(
    models: Path, png: bytes, seen: Canvas, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "MOST_PICTURES", 1)
    shown = upload(("one.png", png), ("two.png", encoded("RGB")))
    assert [each.value for each in shown.error] == [
        "There is no room for two.png: a session keeps 1 pictures and 200 MB; remove some."
    ]
    shown.button(key="remove-picture").click().run()
    assert not shown.exception
    assert "to see where people look" in told(shown)


@pytest.mark.slow
def test_a_model_without_seconds_has_no_strip(models: Path, png: bytes, seen: Canvas) -> None:
    toy.write(models / "toy.onnx", toy.CONTRACT.model_copy(update={"slices": ()}))
    shown = upload(("spot.png", png))
    assert len(seen.data["stops"]) == 1
    assert "All seconds, PNG" not in downloads(shown)


@pytest.mark.slow
def test_of_two_models_the_chosen_one_looks(models: Path, png: bytes, seen: Canvas) -> None:
    toy.write(models / "other.onnx", toy.CONTRACT.model_copy(update={"name": "other", "slices": ()}))
    shown = upload(("spot.png", png))
    assert shown.selectbox(key="model").options == ["other", "toy"]
    shown.selectbox(key="model").set_value("toy").run()
    assert not shown.exception
    assert len(seen.data["stops"]) == 3


def encoded(mode: str) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.new(mode, (50, 40 + (mode == "RGBA"))).save(file, "PNG")
    return file.getvalue()


@pytest.mark.slow
def test_pictures_of_all_kinds_are_looked_at(models: Path, seen: Canvas) -> None:
    kinds = {
        "tiny.png": (pictures.encode(np.zeros((20, 20, 3), np.uint8)), (20, 20)),
        "wide.png": (pictures.encode(np.zeros((200, 8000, 3), np.uint8)), (8000, 200)),
        "tall.png": (pictures.encode(np.zeros((900, 300, 3), np.uint8)), (300, 900)),
        "grey.png": (encoded("L"), (50, 40)),
        "clear.png": (encoded("RGBA"), (50, 41)),
    }
    shown = upload(*((name, content) for name, (content, _) in kinds.items()))
    shown.pills(key="marks").set_value(["Contours", "Peaks"])
    for key, (_, size) in zip(list(shown.session_state["workspace"].pictures), kinds.values(), strict=True):
        shown.selectbox(key="picture").set_value(key).run()
        assert not shown.exception
        assert not shown.error
        assert (seen.data["width"], seen.data["height"]) == size
        assert "Half of all looks fall on" in told(shown)


@pytest.mark.slow
def test_areas_that_were_drawn_are_what_sentences_speak_of(
    models: Path, png: bytes, seen: Canvas, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = upload(("spot.png", png))
    asked: list[Any] = []

    def measured(*given: Any) -> tuple[()]:
        asked.append(given[-1])
        return ()

    monkeypatch.setattr(measures, "measures", measured)
    kept = shown.session_state["workspace"]
    kept.set_areas(kept.current, [rectangle("button", (40, 5, 12, 10))])
    shown.run()
    assert not shown.exception
    assert [area.name for area in asked[-1]] == ["button"]


@pytest.fixture
def files(models: Path, png: bytes) -> HeatFiles:
    model = predictions.open_model(models / "toy.onnx")
    wide = pictures.encode(np.kron(pictures.read(png, "spot.png"), np.ones((6, 6, 1), np.uint8)))
    stored = StoredPicture("k" * 12, "spot.png", wide, (360, 240))
    return HeatFiles(model, stored, predictions.view(model, stored), 0, Style("plasma", 0.6, False, False))


def test_the_downloaded_picture_is_of_full_size_with_a_legend_and_changes_with_the_settings(files: HeatFiles) -> None:
    made = {}
    for palette, contours, peaks, moment in (
        ("plasma", False, False, 0),
        ("viridis", False, False, 0),
        ("fog", False, False, 0),
        ("plasma", True, False, 0),
        ("plasma", False, True, 0),
        ("plasma", False, False, 1),
    ):
        style = Style(palette, 0.6, contours, peaks)
        content = HeatFiles(files.model, files.stored, files.seen, moment, style).heat()
        made[content] = pictures.read(content, "made")
    assert len(made) == 6
    assert all(each.shape[1] > 360 and each.shape[0] > 300 for each in made.values())
    first = next(iter(made.values()))
    assert (first[[0, -1]] == 255).all()


def test_the_density_and_the_seconds_come_as_they_are_set(files: HeatFiles) -> None:
    second = HeatFiles(files.model, files.stored, files.seen, 2, files.style)
    density = np.load(io.BytesIO(second.density()))
    assert density.shape == (240, 360)
    assert density.dtype == np.float32
    assert np.exp(density, dtype=np.float64).sum() == pytest.approx(1, abs=1e-3)
    assert (files.slug, second.slug) == ("", "1-2s")
    assert pictures.read(files.strip(), "strip").shape[1] > 2 * 340
    facts = json.loads(files.seen.text)
    assert (facts["width"], facts["height"]) == (360, 240)
