"""Does every page survive a real upload, an empty start, a missing model and each bad file?"""

import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from app.predict.simulate import Baseline
from app.web import canvas as drawing
from app.web import predictions, widgets
from app.web.main import found
from app.web.picture_bar import SAMPLES
from app.web.workspace import SLOT, StoredPicture, Workspace
from data import picture as pictures
from scanpath.decode import Rollouts
from tests import contracts
from tests import toy_model as toy

APP = Path(widgets.__file__).parent
PAGES = sorted(path for path in (APP / "pages").glob("*.py") if path.stem != "__init__")


def page(name: str) -> AppTest:
    return AppTest.from_file(APP / "pages" / f"{name}.py", default_timeout=30).run()


def images(shown: AppTest) -> int:
    return len(shown.main.image)


def heat(shown: AppTest) -> str:
    """The address of the first image: Streamlit makes it of the content."""
    return str(shown.main.image[0].proto.imgs[0].url)


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


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_broken_models_cannot_be_chosen_and_leave_a_page_as_it_is(path: Path, models: Path, still: None) -> None:
    toy.spoil(models)
    toy.write(models / "later.onnx", toy.CONTRACT.model_copy(update={"task": "video"}))
    shown = page(path.stem)
    assert not shown.exception
    if asks_for_a_model(path):
        assert not shown.error
        assert shown.selectbox(key="model").options == ["toy"]


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


def follow(png: bytes, *files: tuple[str, str, bytes]) -> AppTest:
    """The page of scanpaths with a picture, and other files by the keys of their places."""
    shown = page("order")
    shown.file_uploader(key="path-picture").upload("spot.png", png, "image/png").run()
    for key, name, content in files:
        shown.file_uploader(key=key).upload(name, content, "image/png" if key == "target" else "application/json")
    return shown.run()


def column(shown: AppTest, name: str) -> list[str]:
    return [str(value) for value in shown.table[0].value[name]]


def charts(shown: AppTest) -> list[Any]:
    """The page's charts as they are sent to the browser."""
    return [each.proto for each in shown.get("vega_lite_chart")]


def layers(chart: Any) -> list[dict[str, Any]]:
    """The axes and tooltips of a chart, which may lie in several layers."""
    spec = json.loads(chart.spec)
    return [each["encoding"] for each in spec.get("layer", [spec])]


def told(chart: Any) -> list[dict[str, Any]]:
    """What a chart draws."""
    [rows] = chart.datasets
    return list(pa.ipc.open_stream(rows.data.data).read_all().to_pylist())


def has_units_tips_and_no_address(chart: Any) -> bool:
    titles = [each["x"]["title"] for each in layers(chart)]
    return (
        '"url"' not in chart.spec and all("(" in title for title in titles) and all(e["tooltip"] for e in layers(chart))
    )


def test_the_empty_page_of_scanpaths_says_what_to_do_and_a_sample_is_one_click_away(models: Path) -> None:
    shown = page("order")
    assert not shown.exception
    assert "Upload a picture, or take a sample" in shown.info[0].value
    assert images(shown) == 3
    shown.button(key="path-sample-street").click().run()
    assert not shown.exception
    assert shown.subheader[0].value == "street.jpg"


def test_an_upload_gives_a_path_a_table_in_order_and_downloads(models: Path, png: bytes) -> None:
    shown = follow(png)
    assert not shown.exception
    assert not shown.error
    assert images(shown) == 1
    assert shown.markdown[-1].value.startswith("First **A** (upper right, seen by ")
    assert column(shown, "Object") == [chr(ord("A") + i) for i in range(len(column(shown, "Object")))]
    assert column(shown, "First look after")[-1] == "–"
    labels = [button.label for button in shown.get("download_button")]
    assert labels == ["Path, PNG", "Fixations, CSV", "Objects, CSV", "Everything, JSON"]


def test_charts_show_what_the_table_of_objects_says(models: Path, png: bytes) -> None:
    shown = follow(png)
    seen, when = charts(shown)
    assert has_units_tips_and_no_address(seen)
    assert has_units_tips_and_no_address(when)
    assert [row["object"] for row in told(seen)] == column(shown, "Object")
    for axis in (each["y"] for chart in (seen, when) for each in layers(chart)):
        assert axis["scale"]["domain"] == column(shown, "Object")
    assert [f"{row['seen']:.0f}%" for row in told(seen)] == column(shown, "Seen by")
    ranks = [words.split(" ± ")[0] for words in column(shown, "Rank of the first look")]
    assert [f"{row['rank']:.1f}" if row["rank"] else "–" for row in told(when)] == ranks
    assert not any("after" in row for row in told(when))  # the walk tells no times
    assert {each["x"]["field"] for each in layers(when)} == {"earlier", "rank"}
    assert all(row["earlier"] <= row["rank"] <= row["later"] for row in told(when) if row["rank"])
    assert "First look after (s)" not in [tip["title"] for tip in layers(seen)[0]["tooltip"]]


def test_charts_of_one_observer_leave_out_when_the_unseen_is_seen(models: Path, png: bytes) -> None:
    shown = follow(png)
    shown.slider(key="observers").set_value(1).run()
    assert not shown.exception
    seen, when = charts(shown)
    assert {row["seen"] for row in told(seen)} <= {0, 100}
    assert [row["rank"] is None for row in told(when)] == [row["seen"] == 0 for row in told(when)]


def test_observers_seed_and_whose_path_change_what_is_drawn(models: Path, png: bytes) -> None:
    shown = follow(png)
    shown.segmented_control(key="objects").set_value("A grid").run()
    assert len(column(shown, "Object")) == 12
    seen = [heat(shown)]
    first = column(shown, "Seen by")
    shown.number_input(key="seed").set_value(9).run()
    seen.append(heat(shown))
    assert column(shown, "Seen by") != first
    other = next(each for each in range(20) if each != shown.selectbox(key="observer").value)
    shown.selectbox(key="observer").set_value(other).run()
    seen.append(heat(shown))
    shown.toggle(key="outlines").set_value(False).run()
    seen.append(heat(shown))
    assert len(set(seen)) == 4
    shown.slider(key="observers").set_value(1).run()
    assert not shown.exception
    assert set(column(shown, "Seen by")) <= {"0%", "100%"}


def test_boxes_of_a_coco_file_are_named_and_a_bad_one_is_answered(models: Path, png: bytes) -> None:
    shown = follow(png)
    shown.segmented_control(key="objects").set_value("From a COCO file").run()
    assert "Upload a COCO file" in shown.info[0].value
    entry = {"image_id": 1, "category_id": 1, "bbox": [40, 4, 16, 12]}
    coco = {
        "images": [{"id": 1, "file_name": "x.png"}],
        "annotations": [entry],
        "categories": [{"id": 1, "name": "lamp"}],
    }
    uploader = shown.file_uploader(key="coco")
    uploader.upload("boxes.json", json.dumps(coco).encode(), "application/json").run()
    assert not shown.exception
    assert column(shown, "Object") == ["A lamp"]
    shown.file_uploader(key="coco").set_value([("boxes.json", b"{}", "application/json")]).run()
    assert not shown.exception
    assert shown.error[0].value.startswith("boxes.json: there is no list 'annotations'")
    coco["annotations"].append(entry | {"bbox": [40, 4, 16, 0]})
    shown.file_uploader(key="coco").set_value([("boxes.json", json.dumps(coco).encode(), "application/json")]).run()
    assert not shown.error
    assert shown.warning[0].value.startswith("boxes.json: left out: 1 box without area (annotations\\[1\\])")
    assert column(shown, "Object") == ["A lamp"]


@pytest.mark.parametrize(
    ("names", "box", "error"),
    [
        (("a/spot.png", "other.png"), (40, 4, 16, 12), ""),
        (("a/spot.png", "b/spot.png"), (40, 4, 16, 12), "boxes.json: 2 of its pictures are called 'spot.png'"),
        (("a/other.png",), (40, 4, 0, 12), "boxes.json: annotations\\[0\\]: the box 40, 4, 0, 12 has no area"),
    ],
    ids=["one of the name", "two of the name", "a box without area"],
)
def test_a_coco_file_is_asked_for_the_picture_by_its_name(
    names: tuple[str, ...], box: tuple[int, ...], error: str, models: Path, png: bytes
) -> None:
    shown = follow(png)
    shown.segmented_control(key="objects").set_value("From a COCO file").run()
    images = [{"id": number, "file_name": name} for number, name in enumerate(names)]
    content = json.dumps({"images": images, "annotations": [{"image_id": 0, "bbox": box}]}).encode()
    shown.file_uploader(key="coco").upload("boxes.json", content, "application/json").run()
    assert not shown.exception
    assert len(shown.error) == bool(error)
    assert not error or shown.error[0].value.startswith(error)


def test_a_category_that_looks_like_markdown_is_shown_as_it_is(models: Path, png: bytes) -> None:
    shown = follow(png)
    shown.segmented_control(key="objects").set_value("From a COCO file").run()
    coco = {
        "images": [{"id": 1, "file_name": "x.png"}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": [40, 4, 16, 12]}],
        "categories": [{"id": 1, "name": "[a](b)*c*_$d$"}],
    }
    shown.file_uploader(key="coco").upload("boxes.json", json.dumps(coco).encode(), "application/json").run()
    assert not shown.exception
    assert column(shown, "Object") == [r"A \[a\](b)\*c\*\_\$d\$"]
    sentence = shown.markdown[-1].value
    assert sentence.count(r"A \[a\](b)\*c\*\_\$d\$") == sentence.count("[a") == 2


def test_boxes_can_be_drawn_and_begin_with_what_is_found(models: Path, png: bytes) -> None:
    shown = follow(png)
    count = len(column(shown, "Object"))
    shown.segmented_control(key="objects").set_value("Drawn by hand").run()
    assert not shown.exception
    assert not shown.error
    assert len(column(shown, "Object")) == count


def test_who_looks_for_nothing_is_not_asked_for_what(models: Path, png: bytes) -> None:
    assert "target" not in {uploader.key for uploader in follow(png).file_uploader}


def test_a_target_is_looked_for_and_what_is_no_picture_is_answered(
    models: Path, png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.predict.simulate.Baseline.searches", True)
    shown = follow(png, ("target", "crop.png", png))
    assert not shown.exception
    assert not shown.error
    shown = follow(png, ("target", "crop.png", b"notes"))
    assert not shown.exception
    assert shown.error[0].value.startswith("The picture of the target: this is not a picture")


def test_a_picture_in_which_nothing_stands_out_is_answered(models: Path) -> None:
    shown = follow(pictures.encode(np.full((40, 60, 3), 90, np.uint8)))
    assert not shown.exception
    assert "Nothing stands out" in shown.info[0].value


def test_a_trained_model_tells_times(models: Path, png: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    toy.write(models / "oat-toy.onnx", toy.CONTRACT.model_copy(update={"name": "oat-toy", "task": "scanpath"}))
    monkeypatch.setattr("app.predict.simulate.Trained", lambda path, provider: Slow())
    shown = follow(png)
    assert shown.selectbox(key="walker").options == ["oat-toy", "A walk from peak to peak"]
    assert shown.selectbox(key="model").options == ["toy"]
    assert not shown.exception
    assert column(shown, "First look after")[0] == "0.0 s"
    assert column(shown, "Time on it")[0] == "0.4 s"
    seen, when = charts(shown)
    assert [each["x"]["field"] for each in layers(when)] == ["after"]
    assert has_units_tips_and_no_address(when)
    assert (told(when)[0]["after"], told(when)[0]["dwell"]) == (0.0, 0.4)
    assert "Time on it (s)" in [tip["title"] for tip in layers(seen)[0]["tooltip"]]


class Slow(Baseline):
    """A walk of one look at the first object, for 400 ms."""

    model = "oat-toy"

    def __call__(self, *given: Any) -> Rollouts:
        paths = super().__call__(*given)
        return replace(paths, order=paths.order[:, :1] * 0, duration=np.full_like(paths.duration[:, :1], 400))


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
