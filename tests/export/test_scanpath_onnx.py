"""Two files that agree with PyTorch on scenes of any size along whole paths, or no file."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from data.errors import ModelError
from export import scanpath_onnx
from export.onnx import OPSET, TOLERANCE
from export.runtime.contract import KEY, Contract
from export.runtime.scanpath import MEMORY, NEXT, STATE, ScanpathPredictor
from export.scanpath_onnx import difference, export
from scanpath.models.oat import OAT
from tests import scanpath_toy as toy

NAMES = ["tiny.onnx", "tiny.step.onnx"]
SIZES = (1, 5, 60)


def fed(kind: str, count: int, seed: int = 0, targets: tuple[int, ...] = (0,), target_known: bool = False) -> Any:
    scene, look = toy.scene(count, seed, targets), toy.look(seed)
    return toy.input_spec(kind).inputs(scene, 1 + seed % 2, target_known, toy.pixels(seed), look=look)


@pytest.fixture(scope="module")
def network() -> OAT:
    return toy.network()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """The one quick export of these tests, and the difference that it reported."""
    return toy.exported(tmp_path_factory.getbasetemp())


def both(path: Path) -> tuple[Path, Path]:
    return path, path.with_name(NAMES[1])


def agrees(network: OAT, path: Path, kind: str) -> None:
    for count in SIZES:
        for targets, target_known in (((), False), ((0,), False), ((count - 1,), True)):
            for seed in (1, 2):
                arrays = fed(kind, count, seed, targets, target_known)
                worst = difference(network, both(path), arrays, toy.contract(network, kind), steps=8)
                assert worst < TOLERANCE, (count, targets, target_known)


def test_only_the_two_finished_files_are_there(made: tuple[Path, float]) -> None:
    assert sorted(file.name for file in made[0].parent.iterdir()) == NAMES
    assert 0 <= made[1] <= TOLERANCE


def test_scenes_of_1_5_and_60_objects_agree_with_torch(network: OAT, made: tuple[Path, float]) -> None:
    agrees(network, made[0], "none")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["crops", "saliency", "crops+saliency"])
def test_models_that_look_at_the_picture_agree_with_torch(kind: str, tmp_path: Path) -> None:
    network = toy.network(kind)
    path = tmp_path / "tiny.onnx"
    assert export(network, path, toy.contract(network, kind), toy.examples(kind)) <= TOLERANCE
    agrees(network, path, kind)
    scene = toy.scene(7)
    finder = ScanpathPredictor(path, provider="cpu", threads=1)
    shown = {"pixels": toy.pixels(), "look": toy.look()}
    found = finder.sample(scene, 5, **shown)
    assert found.order.max() < 7
    rows = finder.likelihood(scene, np.array([3, 1, 4]), **shown)
    with torch.no_grad():
        logits, _ = network(toy.batch(toy.input_spec(kind).inputs(scene, **shown)), torch.tensor([[[3, 1, 4]]]))
    np.testing.assert_allclose(rows[1:], logits[0, 0, 1:].log_softmax(-1).numpy(), atol=2 * TOLERANCE)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [{"before": False, "pointers": 2}, {"relation": False, "trace": False}, {"position": "grid", "sigma": 2.0}],
)
def test_every_option_of_the_network_can_be_exported(options: dict[str, Any], tmp_path: Path) -> None:
    network = toy.network(**options)
    assert export(network, tmp_path / "tiny.onnx", toy.contract(network), toy.examples()) <= TOLERANCE


def test_a_path_as_long_as_the_model_allows_agrees_with_torch(network: OAT, made: tuple[Path, float]) -> None:
    assert difference(network, both(made[0]), fed("none", 3, 1), toy.contract(network), steps=255) < TOLERANCE


def test_both_files_carry_the_contract(network: OAT, made: tuple[Path, float]) -> None:
    for path in both(made[0]):
        entries = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
        assert Contract.of_json(entries[KEY], path.name) == toy.contract(network)


def test_the_graphs_hold_standard_operators_of_opset_20_and_named_inputs(made: tuple[Path, float]) -> None:
    scene, step = (onnx.load(path) for path in both(made[0]))
    for model in (scene, step):
        assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", OPSET)]
        assert not model.functions
    assert tuple(node.name for node in scene.graph.output) == MEMORY
    assert tuple(node.name for node in step.graph.output) == NEXT
    given = {node.name for node in step.graph.input}
    assert set(STATE) <= given <= {*STATE, *MEMORY}
    assert {node.name for node in scene.graph.input} <= set(fed("none", 2))


def unchanged(made: Path) -> Any:
    """Instead of the exporter, which takes long: it always gives the graphs of these files."""
    left = iter([*both(made)] * 9)

    def convert(*_: Any) -> Any:
        model = onnx.load(next(left))
        model.ClearField("metadata_props")
        return model

    return convert


@pytest.mark.slow
def test_files_that_differ_from_torch_are_not_kept(
    network: OAT, made: tuple[Path, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network is changed after its graphs were made: only the comparison can notice."""
    monkeypatch.setattr(scanpath_onnx, "convert", unchanged(made[0]))
    export(network, tmp_path / NAMES[0], toy.contract(network), toy.examples())
    before = [(tmp_path / name).read_bytes() for name in NAMES]
    for amount in (1e-3, float("nan")):
        for parameter in ("mix.bias", "pace.bias", "category.weight"):
            other = copy.deepcopy(network)
            with torch.no_grad():
                other.get_parameter(parameter).add_(amount)
            with pytest.raises(ModelError, match=r"^tiny.onnx differs from PyTorch by .*, allowed 1e-04; nothing was"):
                export(other, tmp_path / NAMES[0], toy.contract(network), toy.examples())
    assert sorted(path.name for path in tmp_path.iterdir()) == NAMES
    assert [(tmp_path / name).read_bytes() for name in NAMES] == before


def test_no_number_on_any_scene_is_a_difference(
    network: OAT, made: tuple[Path, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for found in ([0.0, float("nan")], [float("nan"), 0.0]):
        differences = iter(found)
        monkeypatch.setattr(scanpath_onnx, "convert", unchanged(made[0]))
        monkeypatch.setattr(scanpath_onnx, "difference", lambda *_, left=differences: next(left))
        with pytest.raises(ModelError, match="differs from PyTorch by nan"):
            export(network, tmp_path / NAMES[0], toy.contract(network), toy.examples()[:2])
    assert not list(tmp_path.iterdir())
