"""Forms of a model: each is checked before it is kept, what is up to date is left, what fails stops nothing else."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from data.picture import save
from export.forms import build
from export.forms.build import Outcome, Settings, make
from export.forms.form import Form
from export.forms.manifest import Manifest, read_manifest
from export.runtime.registry import contract_in, find_weights
from export.runtime.saliency import Predictor
from tests.export.forms import toy_network as toy

EVERY = tuple(Form(precision, canvas) for canvas in (None, (32, 32)) for precision in ("fp32", "fp16", "int8"))


def made(folder: Path, settings: Settings, manifest: Manifest | None = None, **others: object) -> list[Outcome]:
    return list(make(toy.exporter(**others), folder, manifest or Manifest(), settings))  # type: ignore[arg-type]


def written(folder: Path, outcomes: list[Outcome]) -> Manifest:
    manifest = Manifest()
    for outcome in outcomes:
        assert outcome.entry is not None, outcome.problem
        manifest = manifest.with_entry(outcome.entry)
    manifest.write(folder)
    return read_manifest(folder)


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
    assert {path.name for path in folder.iterdir()} == {f"{name}.onnx" for name in names}


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


def test_what_is_up_to_date_is_left_and_what_was_changed_is_made_again(tmp_path: Path) -> None:
    settings = Settings((Form(), Form("fp16")))
    manifest = written(tmp_path, made(tmp_path, settings))
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*.onnx")}
    assert all(outcome.kept for outcome in made(tmp_path, settings, manifest))
    (tmp_path / "toy.fp16.onnx").write_bytes(b"damaged")
    kept = {outcome.name: outcome.kept for outcome in made(tmp_path, settings, manifest)}
    assert kept == {"toy": True, "toy.fp16": False}
    assert (tmp_path / "toy.onnx").stat().st_mtime_ns == before["toy.onnx"]
    assert contract_in(tmp_path / "toy.fp16.onnx").precision == "fp16"


@pytest.mark.parametrize("change", [{"seed": 1}, {"licence": "MIT"}, {"opset": 21}])
def test_other_weights_licences_and_opsets_are_made_anew(tmp_path: Path, change: dict[str, object]) -> None:
    manifest = written(tmp_path, made(tmp_path, Settings()))
    (outcome,) = made(tmp_path, Settings(), manifest, **change)
    assert not outcome.kept


def test_a_graph_that_differs_from_the_network_is_refused_and_so_is_all_that_follows_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = toy.model

    def wrong(network: toy.Network) -> onnx.ModelProto:
        return real(toy.Network(seed=3))

    monkeypatch.setattr(toy, "model", wrong)
    outcomes = made(tmp_path, Settings((Form(), Form("int8"))))
    assert [outcome.entry for outcome in outcomes] == [None, None]
    assert all("differs from PyTorch by" in outcome.problem for outcome in outcomes)
    assert list(tmp_path.iterdir()) == []


def test_a_form_that_loses_too_much_is_refused_unless_that_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "LIMIT", 1e-9)
    forms = (Form("int8"), Form())
    outcomes = {outcome.name: outcome for outcome in made(tmp_path, Settings(forms))}
    assert "and int8 may lose 1e-09 unless --allow-loss is given" in outcomes["toy.int8"].problem
    assert outcomes["toy"].entry is not None
    assert {path.name for path in tmp_path.iterdir()} == {"toy.onnx"}
    allowed = made(tmp_path, Settings(forms, allow_loss=True))
    assert all(outcome.entry is not None for outcome in allowed)


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
    (outcome,) = make(Watched(toy.Network(), toy.contract(), {}), tmp_path / "out", Manifest(), settings)
    assert outcome.entry is not None, outcome.problem
    assert seen == {"compared": [0, 80], "calibrated": [40, 120]}


def test_a_manifest_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"name": "my web app", "icons": []}))
    with pytest.raises(Exception, match=r"manifest.json is no manifest of gaze \(.*\); export into another folder"):
        read_manifest(tmp_path)
