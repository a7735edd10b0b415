"""Does every page survive a real upload, an empty start, a missing model and each bad file?"""

import io
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from app.web import canvas as drawing
from app.web import predictions, widgets
from app.web.main import found
from app.web.picture_bar import SAMPLES
from app.web.workspace import SLOT, StoredPicture, Workspace
from data import picture as pictures
from tests import contracts
from tests import toy_model as toy

APP = Path(widgets.__file__).parent
PAGES = sorted(path for path in (APP / "pages").glob("*.py") if path.stem != "__init__")


def page(name: str) -> AppTest:
    return AppTest.from_file(APP / "pages" / f"{name}.py", default_timeout=30).run()


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """The canvas without a browser: nobody does anything there."""
    monkeypatch.setattr(drawing, "_component", lambda **given: {})


def with_picture(path: Path, png: bytes) -> AppTest:
    """A page of somebody who has a picture."""
    shown = AppTest.from_file(path, default_timeout=30)
    kept = Workspace()
    kept.add("spot.png", png)
    shown.session_state[SLOT] = kept
    return shown.run()


def asks_for_a_model(path: Path) -> bool:
    return "model_picker(" in path.read_text("utf-8")


def test_pages_are_found_by_folder_and_differ_in_title_and_address() -> None:
    pages = found()
    assert next(iter(pages)) == "look"
    assert {path.stem for path in PAGES} == set(pages)
    assert len({module.TITLE for module in pages.values()}) == len(pages)
    assert all(module.ICON.startswith(":material/") for module in pages.values())


def test_every_page_opens_from_the_navigation(models: Path, still: None) -> None:
    shown = AppTest.from_file(APP / "main.py", default_timeout=30).run()
    assert not shown.exception
    assert shown.title[0].value == "Where do people look?"
    titles = set()
    for path in PAGES:
        shown.switch_page(f"pages/{path.name}").run()
        assert not shown.exception, path.stem
        titles.add(shown.title[0].value)
    assert len(titles) == len(PAGES)


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_without_a_model_a_page_says_how_to_make_one(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, still: None
) -> None:
    monkeypatch.setenv("GAZE_MODELS", str(tmp_path))
    shown = page(path.stem)
    assert not shown.exception
    if asks_for_a_model(path):
        assert [each.value for each in shown.info] == [
            "No exported model found. Make one with `gaze export`, then reload this page."
        ]


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_broken_model_is_named_in_one_sentence(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, still: None
) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"not a model")
    monkeypatch.setenv("GAZE_MODELS", str(tmp_path))
    shown = page(path.stem)
    assert not shown.exception
    if asks_for_a_model(path):
        assert "broken.onnx is not a model" in shown.error[0].value


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_broken_models_cannot_be_chosen_and_leave_a_page_as_it_is(path: Path, models: Path, still: None) -> None:
    toy.spoil(models)
    toy.write(models / "later.onnx", toy.CONTRACT.model_copy(update={"task": "video"}))
    shown = page(path.stem)
    assert not shown.exception
    if asks_for_a_model(path):
        assert not shown.error
        assert shown.selectbox(key="model").options == ["toy"]


@pytest.mark.slow
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_what_a_models_file_says_is_shown_as_it_is(path: Path, models: Path, png: bytes, still: None) -> None:
    words = "[x](y)*z*_$t$"
    fields = ("name", "version", "licence", "commit", "description", "torch")
    contract = contracts.changed(
        toy.CONTRACT, **dict.fromkeys(fields, words), training=(words,), scores={words: {"cc": 0.5}}
    )
    (models / "toy.onnx").unlink()
    toy.write(models / "*toy*_[x].onnx", contract)
    shown = with_picture(path, png)
    assert not shown.exception
    texts = [each.value for kind in (shown.markdown, shown.caption, shown.subheader) for each in kind]
    texts += [str(text) for table in shown.table for text in [*table.value.columns, *table.value.to_numpy().ravel()]]
    assert not [text for text in texts if "[x]" in text or "*z*" in text or "*toy*" in text]


def test_a_view_is_no_larger_than_a_screen_but_its_record_is_of_the_full_size(models: Path) -> None:
    model = predictions.open_model(models / "toy.onnx")
    pixels = np.zeros((1000, 2400, 3), np.uint8)
    pixels[100:300, 2000:2200] = 255
    stored = StoredPicture("k" * 12, "large.png", pictures.encode(pixels), (2400, 1000))
    view = predictions.view(model, stored)
    assert view.image.shape == (500, 1200, 3)
    assert max(view.maps.shape[1:]) <= 1200
    assert len(view.maps) == 3
    np.testing.assert_allclose(np.exp(view.maps, dtype=np.float64).sum((1, 2)), 1, atol=1e-5)
    assert (view.record["width"], view.record["height"]) == (2400, 1000)
    assert json.loads(view.text) == json.loads(json.dumps(view.record))
    assert view.record["picture"] == "large.png"
    _, prediction = predictions.full(model, stored, "any")
    assert prediction.density.shape == (1000, 2400)
    assert prediction.peak == (view.record["peak"]["x"], view.record["peak"]["y"])


def test_every_condition_that_the_project_knows_has_its_words() -> None:
    assert set(widgets.CONDITIONS) == {"any", "osie", "crowd", "scene", "uniform"}
    assert all(title and text.endswith(".") for title, text in widgets.CONDITIONS.values())


def test_no_page_loads_torch() -> None:
    code = (
        "import sys, runpy\n"
        "import app.web.main\n"
        f"[runpy.run_path(path, run_name='page') for path in {[str(path) for path in PAGES]!r}]\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=APP.parent, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_sample_pictures_can_be_read() -> None:
    for path in SAMPLES.values():
        assert pictures.read(path).shape == (768, 1024, 3)
        assert Image.open(io.BytesIO(path.read_bytes())).format == "JPEG"
        assert cv2.imread(str(path)) is not None
