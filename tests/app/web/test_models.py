"""The page Models: cards in plain words, choices for all pages, measuring, and a file of one's own that is verified."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
import pytest
from onnx import TensorProto, helper
from streamlit import config
from streamlit.testing.v1 import AppTest

from app.predict import model_check
from app.web import widgets
from app.web.models.charts import AXES
from app.web.models.desk import EXTRAS
from app.web.own_models import OwnModels
from app.web.score_words import SCORES, sentence, told
from data import picture as pictures
from data.errors import ModelError
from evaluation.model_card import BEGIN, END, card_scores
from export.runtime.contract import HEADLINES
from export.runtime.registry import WEIGHTS
from tests import contracts, toy_searcher
from tests import toy_model as toy

PAGE = Path(widgets.__file__).with_name("pages") / "models.py"
CARD = f"""# The toy
Looks at what is bright.

{BEGIN}

**osie, test: whole viewing** (70 pictures)

| | cc | nss | auc |
|---|---|---|---|
| uniform | 0.000 [0.00, 0.00] | 0.000 [0.00, 0.00] | 0.500 [0.50, 0.50] |
| centre bias | 0.313 [0.28, 0.34] | 0.898 [0.81, 0.99] | 0.746 [0.73, 0.76] |
| toy | 0.812 [0.80, 0.83] | 2.900 [2.70, 3.10] | 0.830 [0.82, 0.84] |
| half of the observers | 0.892 [0.88, 0.90] |  |  |
| leave one observer out |  | 3.781 [3.60, 3.97] | 0.870 [0.86, 0.88] |

**osie, test: 0-1 s** (70 pictures)

| | cc |
|---|---|
| toy | 0.100 [0.00, 0.20] |

{END}
"""
SCORED = {"osie": {"cc": 0.812, "nss": 2.9, "auc": 0.83}}


@pytest.fixture(autouse=True)
def options() -> Iterator[dict[str, Any]]:
    """The options of a server that serves this machine alone; a test may change them."""
    given = {"server.address": "127.0.0.1", "server.allowedHosts": [], "server.corsAllowedOrigins": []}
    with pytest.MonkeyPatch.context() as patch:
        known = config.get_option
        patch.setattr(config, "get_option", lambda name: given[name] if name in given else known(name))
        yield given


def page(**state: Any) -> AppTest:
    shown = AppTest.from_file(PAGE, default_timeout=30)
    for key, value in state.items():
        shown.session_state[key] = value
    return shown.run()


def charts(shown: AppTest) -> list[Any]:
    return [each.proto for each in shown.get("vega_lite_chart")]


def drawn(chart: Any) -> list[dict[str, Any]]:
    [rows] = chart.datasets
    return list(pa.ipc.open_stream(rows.data.data).read_all().to_pylist())


def column(shown: AppTest, name: str) -> list[str]:
    return next([str(cell) for cell in each.value[name]] for each in shown.table if name in each.value.columns)


@pytest.mark.slow
def test_a_card_says_in_plain_words_what_a_score_means_with_chance_and_people_beside_it(models: Path) -> None:
    toy.write(models / "toy.onnx", contracts.changed(toy.CONTRACT, scores=SCORED, training=("osie (MIT)",)))
    (models / "toy.md").write_text(CARD, "utf-8")
    shown = page()
    assert not shown.exception
    said = (
        "How often a place that was looked at is rated above any other place: **83 of 100 times** (chance 50, people "
        "themselves 87), on 70 pictures of OSIE that it had not seen."
    )
    assert any(each.value == said for each in shown.markdown)
    assert column(shown, "This model") == ["83", "2.90", "0.81"]
    assert column(shown, "Chance") == ["50", "0.00", "0.00"]
    assert column(shown, "Habits alone") == ["75", "0.90", "0.31"]
    assert column(shown, "People") == ["87", "3.78", "0.89"]
    assert column(shown, "Licence") == ["CC0-1.0"]
    assert column(shown, "Trained on") == ["osie (MIT)"]
    assert column(shown, "cc") == ["0.812"]
    more = next(each for each in shown.expander if each.label == "More")
    assert any("Looks at what is bright." in each.value for each in more.markdown)


@pytest.mark.slow
def test_without_a_card_nothing_is_made_up(models: Path) -> None:
    toy.write(models / "toy.onnx", contracts.changed(toy.CONTRACT, scores=SCORED))
    shown = page()
    assert not shown.exception
    assert any("**83 of 100 times** (chance 50), on OSIE." in each.value for each in shown.markdown)
    assert set(column(shown, "People")) == {"–"}
    toy.write(models / "toy.onnx", contracts.changed(toy.CONTRACT, scores={}))
    shown = page()
    assert any("does not say" in each.value for each in shown.markdown)
    assert charts(shown) == []


def test_the_numbers_of_the_models_that_ship_are_those_of_their_cards() -> None:
    for name in ("tempsal", "oat-free", "oat-search"):
        cards = card_scores((WEIGHTS / f"{name}.md").read_text("utf-8"))
        assert cards
        for data, card in cards.items():
            lines = told(card.rows[name], card)
            assert lines
            assert all(np.isfinite([line.model, line.chance, line.people]).all() for line in lines)
            assert "people themselves" in sentence(data, lines[0], card)


@pytest.mark.slow
def test_scores_of_models_are_compared_task_by_task(models: Path) -> None:
    scored = {"<b>osie": {"cc": 0.8, "nss": 2.9}, "crowd": {"cc": 0.7}}
    toy.write(models / "toy.onnx", contracts.changed(toy.CONTRACT, scores=scored))
    toy.write(models / "other.onnx", contracts.changed(toy.CONTRACT, name="other", scores={"crowd": {"cc": 0.6}}))
    toy.write(
        models / "oat.onnx", contracts.changed(toy.CONTRACT, name="oat", task="scanpath", scores={"crowd": {"ss": 0.4}})
    )
    shown = page()
    assert not shown.exception
    where, order = charts(shown)
    assert {(row["model"], row["set"], row["value"]) for row in drawn(where)} == {
        ("toy", "<b>osie", 0.8),
        ("toy", "crowd", 0.7),
        ("other", "crowd", 0.6),
    }
    assert [(row["model"], row["value"]) for row in drawn(order)] == [("oat", 0.4)]
    for chart in (where, order):
        encoding = json.loads(chart.spec)["encoding"]
        assert '"url"' not in chart.spec
        assert "(" in encoding["x"]["title"]
        assert encoding["tooltip"]
    shown.selectbox(key="score-saliency").set_value("nss").run()
    assert not shown.exception
    assert [(row["model"], row["value"]) for row in drawn(charts(shown)[0])] == [("toy", 2.9)]


def test_every_score_that_a_page_shows_has_an_axis_with_its_unit() -> None:
    assert set(AXES) == set(HEADLINES)
    assert all(score.question and score.unit for score in SCORES.values())


def test_the_sound_models_are_shown_and_what_is_wrong_with_the_others(models: Path) -> None:
    broken = toy.spoil(models)
    toy.write(models / "toy.onnx", toy.CONTRACT.model_copy(update={"description": "*Looks* at [what](is) bright."}))
    (models / "toy.md").write_bytes(b"# A card \xff that is no Unicode")
    shown = page()
    assert not shown.exception
    assert column(shown, "Model") == ["toy"]
    assert any(each.value == widgets.plain("*Looks* at [what](is) bright.") for each in shown.caption)
    said = [each.value for each in shown.error]
    assert len(said) == len(broken)
    assert all(any(widgets.plain(words) in each for each in said) for words in broken.values())


@pytest.mark.slow
def test_without_a_model_the_page_says_how_to_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAZE_MODELS", str(tmp_path))
    shown = page()
    assert not shown.exception
    assert "No exported model found" in shown.info[0].value


@pytest.mark.slow
def test_the_usual_models_are_chosen_for_all_pages_and_measured_on_demand(models: Path) -> None:
    toy.write(models / "other.onnx", toy.CONTRACT.model_copy(update={"name": "other"}))
    shown = page()
    shown.selectbox(key="model").set_value("toy").run()
    assert shown.session_state["model"] == "toy"
    assert shown.selectbox(key="walker").value == "walk"
    shown.button(key="measure-toy").click().run()
    assert not shown.exception
    assert any("on the CPU here" in each.value for each in shown.markdown)


@pytest.mark.slow
def test_a_model_of_videos_is_shown_and_measured_but_is_no_model_of_pictures(models: Path) -> None:
    toy.write(models / "toy-video.onnx", contracts.glowing())
    shown = page()
    assert "toy-video" not in shown.selectbox(key="model").options
    assert "toy-video" not in shown.selectbox(key="walker").options
    assert "toy-video" in column(shown, "Model")
    shown.button(key="measure-toy-video").click().run()
    assert not shown.exception
    assert any(each.value.startswith("A frame takes ") for each in shown.markdown)


def test_a_searcher_of_places_is_shown_and_measured_but_walks_over_no_objects(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy_searcher.write(models / "toy-search.onnx")
    monkeypatch.setattr("app.web.models.bench.SECONDS", 0.0)
    shown = page()
    assert "toy-search" not in shown.selectbox(key="walker").options
    assert "toy-search" in column(shown, "Model")
    shown.button(key="measure-toy-search").click().run()
    assert not shown.exception
    assert any(each.value.startswith("A search of 20 fixations takes ") for each in shown.markdown)


def test_a_searcher_of_ones_own_is_tried(tmp_path: Path, png: bytes) -> None:
    path, image = toy_searcher.write(tmp_path / "mine.onnx"), pictures.read(png)
    trial = model_check.tried(path, image)
    assert trial.kept == ("its attention maps cover the picture", "two searches of one picture agree")
    for spoilt in ("nan", "small"):
        broken = toy_searcher.write(tmp_path / spoilt / "mine.onnx", spoilt=spoilt)
        with pytest.raises(ModelError, match="gave an attention map that is none"):
            model_check.tried(broken, image)


@pytest.mark.slow
def test_what_is_installed_is_told(models: Path) -> None:
    shown = page()
    assert column(shown, "Part") == list(EXTRAS)
    assert all(each.startswith(("yes", "no: pip install")) for each in column(shown, "Installed"))


def brought(path: Path) -> tuple[str, bytes]:
    return path.name, path.read_bytes()


@pytest.mark.slow
def test_a_file_of_ones_own_is_taken_after_it_is_trusted_tried_and_listed_and_removed(
    models: Path, tmp_path: Path
) -> None:
    own = toy.write(tmp_path / "mine.onnx", toy.CONTRACT.model_copy(update={"name": "mine"}))
    shown = page()
    assert shown.file_uploader(key="model-upload-0").proto.disabled
    assert any("native code" in each.value for each in shown.warning)
    shown.checkbox(key="model-trusted").check().run()
    shown.file_uploader(key="model-upload-0").upload("mine.onnx", own.read_bytes(), "application/octet-stream").run()
    assert not shown.exception
    assert [each.value for each in shown.error] == []
    assert "mine was tried on a sample picture: its 3 maps are shares of looks that sum to 1" in shown.success[0].value
    assert "its map is 1.00 like the usual model's" in shown.success[0].value
    assert shown.selectbox(key="model").options == ["toy", "mine"]
    kept = shown.session_state["own-models"]
    assert kept.folder.stat().st_mode & 0o777 == 0o700
    file = kept.files["mine"]
    shown.selectbox(key="model").set_value("mine").run()
    shown.button(key="drop-mine").click().run()
    assert not shown.exception
    assert shown.selectbox(key="model").options == ["toy"]
    assert not file.exists()


def test_nothing_is_opened_without_trust(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = toy.sessions(monkeypatch)
    own = toy.write(tmp_path / "mine.onnx")
    shown = page()
    shown.checkbox(key="model-trusted").check().run()
    shown.checkbox(key="model-trusted").uncheck()
    shown.file_uploader(key="model-upload-0").upload("mine.onnx", own.read_bytes(), "application/octet-stream").run()
    assert opened == []
    assert not shown.success


@pytest.mark.slow
@pytest.mark.parametrize(
    "option",
    [
        {"server.address": "0.0.0.0"},
        {"server.address": None},  # Streamlit's own meaning: everywhere
        {"server.address": "192.168.1.2"},
        {"server.allowedHosts": ["app.example.org"]},  # a proxy stands before it
        {"server.corsAllowedOrigins": ["https://app.example.org"]},
    ],
)
def test_models_are_brought_only_where_the_app_serves_this_machine_alone(
    models: Path, tmp_path: Path, options: dict[str, Any], option: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = page()
    shown.checkbox(key="model-trusted").check().run()
    options |= option
    opened = toy.sessions(monkeypatch)
    own = toy.write(tmp_path / "mine.onnx")
    shown.file_uploader(key="model-upload-0").upload("mine.onnx", own.read_bytes(), "application/octet-stream").run()
    assert not shown.exception
    assert opened == []
    assert "$GAZE_MODELS" in next(each.value for each in shown.info if "bring a model" in each.value)
    assert not shown.get("file_uploader")
    assert not [each for each in shown.checkbox if each.key == "model-trusted"]


def test_the_folder_of_own_models_is_gone_with_the_session(tmp_path: Path, png: bytes) -> None:
    kept = OwnModels()
    assert kept.add([brought(toy.write(tmp_path / "mine.onnx"))], pictures.read(png, "x.png"), None) == ["mine"]
    folder = kept.folder
    assert (folder / "0" / "mine.onnx").is_file()
    del kept
    assert not folder.exists()


def test_what_is_no_model_breaks_its_promises_or_is_too_many_ends_in_a_sentence(tmp_path: Path, png: bytes) -> None:
    image = pictures.read(png, "x.png")
    kept = OwnModels()
    beside = toy.write(tmp_path / "beside.onnx")
    model = onnx.load(beside)
    model.graph.initializer.append(_elsewhere())
    onnx.save(model, beside)
    task = toy.write(tmp_path / "video.onnx", toy.CONTRACT.model_copy(update={"task": "video"}))
    lacks = toy.write(tmp_path / "lacks.onnx", toy.CONTRACT.model_copy(update={"kinds": ("object",)}))
    files = [("text.onnx", b"no model"), brought(beside), brought(task), brought(lacks), ("x.step.onnx", b"1")]
    assert kept.add(files, image, None) == []
    said = kept.problems
    assert len(said) == 5
    words = ["not a model that ONNX", "keeps its weights in", "has no page for", "the graph lacks objects", "together"]
    assert all(any(part in each for each in said) for part in words), said
    assert all(str(kept.folder) not in each for each in said)
    assert list(kept.folder.iterdir()) == []
    for number in range(5):
        kept.add([(f"m{number}.onnx", toy.write(tmp_path / "t.onnx").read_bytes())], image, None)
    assert list(kept.files) == ["m0", "m1", "m2", "m3"]
    assert "a session keeps 4 models" in kept.problems[0]
    shutil.rmtree(kept.folder)


def _elsewhere() -> onnx.TensorProto:
    tensor = helper.make_tensor("far", TensorProto.FLOAT, [1], [1.0])
    tensor.ClearField("float_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../etc/passwd"
    return tensor


def test_a_map_that_does_not_sum_to_one_is_refused(tmp_path: Path, png: bytes) -> None:
    path = toy.write(tmp_path / "odd.onnx")
    model = onnx.load(path)
    [sub] = [node for node in model.graph.node if node.output[0] == "density"]
    sub.input[1] = "half"  # no normalisation any more
    onnx.save(model, path)
    with pytest.raises(ModelError, match="its map of the whole viewing sums to"):
        model_check.tried(path, pictures.read(png, "x.png"))
