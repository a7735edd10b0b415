"""Forms of a model: each is checked before it is kept, what is up to date is left, what fails stops nothing else."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from data import checksums
from data.errors import ModelError
from data.picture import save
from export.forms import build
from export.forms.build import Outcome, Settings, make
from export.forms.form import Agreement, Form
from export.forms.manifest import FILE, Accuracy, forget, read_manifest
from export.runtime.registry import contract_in, find_weights
from export.runtime.saliency import Predictor
from tests.export.forms import toy_network as toy

EVERY = tuple(Form(precision, canvas) for canvas in (None, (32, 32)) for precision in ("fp32", "fp16", "int8"))


def made(folder: Path, settings: Settings, **others: object) -> list[Outcome]:
    return list(make(toy.exporter(**others), folder, settings))  # type: ignore[arg-type]


def files(folder: Path) -> set[str]:
    """What lies in a folder, but for locks."""
    return {path.name for path in folder.iterdir() if path.suffix != ".lock"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Outcome]]:
    """Every form of one network."""
    folder = tmp_path_factory.mktemp("dist")
    return folder, made(folder, Settings(EVERY))


def test_every_form_is_written_and_nothing_else(whole: tuple[Path, list[Outcome]]) -> None:
    folder, outcomes = whole
    names = {"toy", "toy.fp16", "toy.int8", "toy.32x32", "toy.fp16.32x32", "toy.int8.32x32"}
    assert {outcome.name for outcome in outcomes} == names
    assert [outcome.problem for outcome in outcomes if outcome.entry is None] == []
    assert files(folder) == {"manifest.json", *(f"{name}.onnx" for name in names)}
    assert [entry.name for entry in read_manifest(folder).models] == sorted(names)


def test_an_entry_says_what_the_file_is(whole: tuple[Path, list[Outcome]]) -> None:
    folder, outcomes = whole
    for outcome in outcomes:
        assert outcome.entry is not None
        (file,) = outcome.entry.files
        content = (folder / file.file).read_bytes()
        assert file.bytes == len(content)
        assert contract_in(folder / file.file).name == outcome.name
        graph = onnx.load(folder / file.file).graph
        assert [side.name for side in file.inputs] == [value.name for value in graph.input]
        assert file.inputs[0].type == "uint8"
        assert outcome.entry.parity.against == ("pytorch" if outcome.entry.precision == "fp32" else "fp32")
        assert outcome.entry.parity.pictures >= 32
        assert outcome.entry.parameters == sum(p.numel() for p in toy.Network().parameters())
        assert outcome.entry.speed is not None


def test_the_forms_of_one_canvas_refuse_another_and_the_others_take_any(whole: tuple[Path, list[Outcome]]) -> None:
    folder, _ = whole
    picture = np.zeros((40, 50, 3), np.uint8)
    fixed = Predictor(folder / "toy.int8.32x32.onnx", provider="cpu")
    assert fixed(picture).density.shape == (40, 50)
    with pytest.raises(Exception, match=r"64 x 64 does not suit .*, which was exported for 32 x 32 alone"):
        fixed(picture, canvas=(64, 64))
    assert Predictor(folder / "toy.int8.onnx", provider="cpu")(picture, canvas=(64, 96)).density.shape == (40, 50)


def test_all_agree_with_the_network(whole: tuple[Path, list[Outcome]]) -> None:
    folder, _ = whole
    given = toy.feeds(5, 3, (32, 32))
    (wanted,) = toy.run(folder / "toy.onnx", given)
    (same,) = toy.run(folder / "toy.32x32.onnx", given)
    assert np.abs(wanted - same).max() < 1e-5
    for name, least in (("toy.fp16", 0.9999), ("toy.int8", 0.99)):
        (got,) = toy.run(folder / f"{name}.onnx", given)
        assert np.abs(wanted - got).max() > 0, name  # it is another precision
        pairs = zip(wanted, got, strict=True)
        assert min(np.corrcoef(np.exp(one).ravel(), np.exp(other).ravel())[0, 1] for one, other in pairs) > least


@pytest.mark.slow
def test_what_is_up_to_date_is_left_and_what_was_changed_is_made_again(tmp_path: Path) -> None:
    settings = Settings((Form(), Form("fp16")))
    made(tmp_path, settings)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*.onnx")}
    assert all(outcome.kept for outcome in made(tmp_path, settings))
    (tmp_path / "toy.fp16.onnx").write_bytes(b"damaged")
    kept = {outcome.name: outcome.kept for outcome in made(tmp_path, settings)}
    assert kept == {"toy": True, "toy.fp16": False}
    assert (tmp_path / "toy.onnx").stat().st_mtime_ns == before["toy.onnx"]
    assert contract_in(tmp_path / "toy.fp16.onnx").precision == "fp16"


@pytest.mark.slow
@pytest.mark.parametrize("change", [{"seed": 1}, {"licence": "MIT"}, {"opset": 21}])
def test_other_weights_licences_and_opsets_are_made_anew(tmp_path: Path, change: dict[str, object]) -> None:
    made(tmp_path, Settings())
    (outcome,) = made(tmp_path, Settings(), **change)
    assert (outcome.kept, outcome.problem) == (False, "")
    assert outcome.entry is not None
    if "opset" in change:
        assert outcome.entry.opset == change["opset"]


def test_a_graph_that_differs_from_the_network_is_refused_and_so_is_all_that_follows_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = toy.model

    def wrong(network: toy.Network, opset: int) -> onnx.ModelProto:
        return real(toy.Network(seed=3), opset)

    monkeypatch.setattr(toy, "model", wrong)
    outcomes = made(tmp_path, Settings((Form(), Form("int8"))))
    assert [outcome.entry for outcome in outcomes] == [None, None]
    assert all("differs from PyTorch by" in outcome.problem for outcome in outcomes)
    assert files(tmp_path) == set()


@pytest.mark.slow
def test_a_form_that_loses_too_much_is_refused_unless_that_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "LIMIT", 1e-9)
    forms = (Form("int8"), Form())
    outcomes = {outcome.name: outcome for outcome in made(tmp_path, Settings(forms))}
    assert "and int8 may lose 1e-09 unless --allow-loss is given" in outcomes["toy.int8"].problem
    assert outcomes["toy"].entry is not None
    assert files(tmp_path) == {"toy.onnx", "manifest.json"}
    allowed = made(tmp_path, Settings(forms, allow_loss=True))
    assert all(outcome.entry is not None for outcome in allowed)


@pytest.mark.slow
def test_an_error_of_a_library_in_one_form_stops_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*given: object) -> onnx.ModelProto:
        raise RuntimeError("no kernel for this")

    monkeypatch.setattr(build, "to_half", fails)
    outcomes = {outcome.name: outcome for outcome in made(tmp_path, Settings((Form("fp16"), Form("int8"))))}
    assert outcomes["toy.fp16"].problem == "cannot be made (RuntimeError: no kernel for this)"
    assert outcomes["toy.int8"].entry is not None


def test_scanpath_models_are_not_told_to_read_another_form_s_features(whole: tuple[Path, list[Outcome]]) -> None:
    folder, _ = whole
    assert find_weights("0" * 64, folder) == folder / "toy.onnx"


@pytest.mark.slow
def test_own_pictures_are_calibrated_on_and_compared_in_turn(tmp_path: Path) -> None:
    paths = tuple(tmp_path / f"{number}.png" for number in range(4))
    for number, path in enumerate(paths):
        save(path, np.full((20, 30, 3), 40 * number, np.uint8))
    seen: dict[str, list[int]] = {}

    class Watched(toy.ToyExporter):
        def feeds(self, files, contract, pictures):  # type: ignore[no-untyped-def]
            seen["calibrated"] = [int(picture.mean()) for picture in pictures if picture.shape == (20, 30, 3)]
            return super().feeds(files, contract, pictures)

        def difference(self, files, contract, pictures):  # type: ignore[no-untyped-def]
            seen["compared"] = [int(picture.mean()) for picture in pictures if picture.shape == (20, 30, 3)]
            return super().difference(files, contract, pictures)

    settings = Settings((Form("int8"),), paths)
    (outcome,) = make(Watched(toy.Network(), toy.contract(), {}), tmp_path / "out", settings)
    assert outcome.entry is not None, outcome.problem
    assert seen == {"compared": [0, 80], "calibrated": [40, 120]}


def test_a_manifest_of_something_else_is_refused(tmp_path: Path) -> None:
    for content in ({"name": "my web app", "icons": []}, {}, [], {"schema": "gaze/manifest/1", "models": [{}]}):
        (tmp_path / FILE).write_text(json.dumps(content))
        with pytest.raises(ModelError, match=r"is no manifest of gaze \(.*\); export into another folder"):
            read_manifest(tmp_path)
    (tmp_path / FILE).write_text(json.dumps({"schema": "gaze/manifest/2", "models": [], "more": 1}))
    with pytest.raises(ModelError, match="was written by a newer gaze; update this one, or export into another folder"):
        read_manifest(tmp_path)


@pytest.mark.slow
def test_while_files_are_replaced_no_list_names_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(tmp_path, Settings())
    checksums.write(tmp_path, ["toy.onnx"])
    real, seen = build.manifest.os.replace, []

    def watched(source: Path, target: Path) -> None:
        if target.name == "toy.onnx":
            seen.append((checksums.read(tmp_path), checksums.read_manifest(tmp_path)))
        real(source, target)

    monkeypatch.setattr(build.manifest.os, "replace", watched)
    made(tmp_path, Settings(), seed=1)
    assert seen == [({}, {})]
    checksums.verify(tmp_path / "toy.onnx")
    assert [*checksums.read(tmp_path)] == ["toy.onnx"]


@pytest.mark.slow
def test_a_file_that_is_released_again_is_not_held_against_an_old_manifest(tmp_path: Path) -> None:
    made(tmp_path, Settings((Form(), Form("fp16"))))
    forget(tmp_path, ["toy.onnx", "toy.step.onnx"])
    assert [entry.name for entry in read_manifest(tmp_path).models] == ["toy.fp16"]
    (tmp_path / "toy.onnx").write_bytes(b"another")
    checksums.verify(tmp_path / "toy.onnx")


@pytest.mark.slow
def test_scores_of_the_original_are_not_said_of_another_precision_or_canvas(tmp_path: Path) -> None:
    scores = {"osie": {"cc": 0.8}}
    made(tmp_path, Settings((Form(), Form("int8"), Form("fp32", (32, 32)), Form("fp32", toy.CANVAS))), scores=scores)
    told = {path.stem: contract_in(path).scores for path in tmp_path.glob("*.onnx")}
    assert told == {"toy": scores, "toy.int8": {}, "toy.32x32": {}, "toy.32x64": scores}


def test_a_canvas_that_does_not_suit_the_model_is_one_sentence_and_stops_no_other(tmp_path: Path) -> None:
    outcomes = {one.name: one for one in made(tmp_path, Settings((Form("fp32", (100, 100)), Form())))}
    assert outcomes["toy.100x100"].problem == "its canvas needs sides that are multiples of 32"
    assert outcomes["toy"].entry is not None


@pytest.mark.slow
def test_accuracy_on_a_set_is_asked_for_anew_and_a_loss_on_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    settings = Settings((Form("int8"),), data=(tmp_path / "set",))
    made(tmp_path / "out", Settings((Form("int8"),)))
    worse = Accuracy(data="set", split="val", pictures=9, cc=0.3, change=-0.5)
    (outcome,) = make(toy.exporter(), tmp_path / "out", settings, lambda form, plain: [worse])
    assert outcome.problem == "loses 0.500 of CC on a data set, and may lose 0.01 unless --allow-loss is given"
    better = worse.model_copy(update={"change": 0.0})
    (outcome,) = make(toy.exporter(), tmp_path / "out", settings, lambda form, plain: [better])
    assert outcome.entry is not None
    assert outcome.entry.accuracy == (better,)
    assert [one.kept for one in make(toy.exporter(), tmp_path / "out", settings, lambda form, plain: [])] == [True]


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_a_form_whose_boxes_or_durations_are_lost_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    real = toy.ToyExporter.agreement

    def lossy(self: toy.ToyExporter, *given: object) -> Agreement:
        return real(self, *given)._replace(others={"boxes": 0.5})  # type: ignore[arg-type]

    monkeypatch.setattr(toy.ToyExporter, "agreement", lossy)
    (outcome,) = made(tmp_path, Settings((Form(precision),)))
    assert f"loses 0.5 of boxes, and {precision} may lose" in outcome.problem


@pytest.mark.slow
def test_a_folder_that_cannot_be_written_and_a_full_disk_are_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="cannot be written"):
        made(tmp_path / "file" / "out", Settings())

    def full(*given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(build.manifest.Manifest, "write", full)
    (outcome,) = made(tmp_path / "out", Settings())
    assert "No space left on device" in outcome.problem
    assert outcome.entry is None
