"""An exported file agrees with PyTorch on pictures, batches and canvases that are new to it, or there is no file."""

import copy
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from data.errors import ModelError
from data.gaze import condition_names
from data.picture import Letterbox
from data.synthetic import scenes as synthetic_scenes
from export import onnx as exporter
from export.onnx import TOLERANCE, export, inputs
from export.runtime.contract import KEY, Contract
from export.runtime.saliency import Predictor
from saliency import MODELS
from saliency.layers.finalizer import Finalizer
from saliency.models.tempsal import TempSAL
from tests.contracts import contract

CANVAS = (64, 96)
TINY: dict[str, Any] = {"width": 16, "fine": 8, "blocks": 1, "heads": 2}
SMALLER: dict[str, dict[str, Any]] = {
    "tempsal": TINY,
    "msinet": {"backbone": "lite0", "width": 16},
    "juntingnet": {"width": 1 / 8},
}


def pictures(count: int, seed: int, size: tuple[int, int] = (48, 64)) -> list[np.ndarray]:
    return [picture for picture, *_ in synthetic_scenes.pictures(count, seed, size, viewers=1)]


def sharpened(network: nn.Module) -> nn.Module:
    """Not as it starts: norms that have seen pictures, and weights large enough for densities with peaks."""
    torch.manual_seed(1)
    with torch.no_grad():
        network.train()
        for _ in range(3):
            feeds = inputs(pictures(4, 7), CANVAS, 4)
            network(*(torch.from_numpy(v) for v in feeds.values()))
        for name, parameter in network.named_parameters():
            if name.startswith("finish."):
                parameter += 0.3 * torch.randn_like(parameter)
    return network.eval()


class Small(nn.Module):
    """A network that takes a fifth of TempSAL's time to be exported: two convolutions before the same finisher."""

    multiple = 32

    def __init__(self, conditions: Sequence[str], slices: int) -> None:
        super().__init__()
        self.conditions, self.slices = condition_names(conditions), slices
        self.see = nn.Conv2d(3, 8, 5, stride=4, padding=2)
        self.norm, self.read = nn.BatchNorm2d(8), nn.Conv2d(8, 1 + slices, 3, padding=1)
        self.finish = Finalizer(1 + slices, len(self.conditions))

    def forward(self, picture: Tensor, content: Tensor, condition: Tensor, stride: int = 1) -> tuple[Tensor, Tensor]:
        seen = torch.relu(self.norm(self.see(picture.permute(0, 3, 1, 2).float() / 255)))
        density, slices = self.finish(self.read(seen) * 4, content, condition, stride)
        return density, slices


NETWORKS = [Small, pytest.param(functools.partial(TempSAL, **TINY), marks=pytest.mark.slow)]


@pytest.fixture(scope="module", params=NETWORKS, ids=["small", "tempsal"])
def network(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(0)
    return sharpened(request.param(("one", "two"), slices=2))


@pytest.fixture(scope="module")
def made(network: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """The one export of these tests, and the difference that it reported."""
    path = tmp_path_factory.mktemp("export") / "new" / "tiny.onnx"
    return path, export(network, path, contract(network), [*pictures(2, 3), *pictures(1, 3, (40, 90))])


def differ(network: nn.Module, path: Path, feeds: dict[str, np.ndarray]) -> list[float]:
    with torch.no_grad():
        wanted = network(*(torch.from_numpy(value) for value in feeds.values()))
    got = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, feeds)
    assert [g.shape for g in got] == [tuple(w.shape) for w in wanted]
    return [float(np.abs(w.numpy() - g).max()) for w, g in zip(wanted, got, strict=True)]


def test_only_the_finished_file_is_there(made: tuple[Path, float]) -> None:
    path, worst = made
    assert [file.name for file in path.parent.iterdir()] == ["tiny.onnx"]
    assert 0 <= worst <= TOLERANCE


@pytest.mark.parametrize(("count", "canvas"), [(1, CANVAS), (5, CANVAS), (2, (32, 32)), (3, (96, 64)), (1, (160, 224))])
def test_other_pictures_batches_and_canvases_agree_with_torch(
    network: nn.Module, made: tuple[Path, float], count: int, canvas: tuple[int, int]
) -> None:
    shown = [*pictures(count - 1, 11, (61, 37)), *pictures(1, 12, (40, 120))]
    assert max(differ(network, made[0], inputs(shown, canvas, len(network.conditions)))) < TOLERANCE


def test_every_condition_agrees_with_torch(network: nn.Module, made: tuple[Path, float]) -> None:
    for index in range(len(network.conditions)):
        feeds = inputs(pictures(2, 13), CANVAS, 1) | {"condition": np.full(2, index, np.int64)}
        assert max(differ(network, made[0], feeds)) < TOLERANCE


def test_black_white_and_noise_agree_with_torch(network: nn.Module, made: tuple[Path, float]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    shown = [np.zeros_like(noise), np.full_like(noise, 255), noise]
    assert max(differ(network, made[0], inputs(shown, CANVAS, 4))) < TOLERANCE


def test_the_file_carries_its_contract(network: nn.Module, made: tuple[Path, float]) -> None:
    model = onnx.load(made[0])
    entries = {entry.key: entry.value for entry in model.metadata_props}
    assert Contract.of_json(entries[KEY], "tiny.onnx") == contract(network)


def test_no_file_says_where_the_network_s_code_lay(made: tuple[Path, float]) -> None:
    shipped = sorted((Path(__file__).parents[2] / "export" / "weights").glob("*.onnx"))
    assert shipped
    for file in (made[0], *shipped):
        content = file.read_bytes()
        assert not any(
            word in content for word in (b"stack_trace", b'.py", line', str(Path(__file__).parents[2]).encode())
        )


def test_the_graph_holds_standard_operators_of_opset_20_only(made: tuple[Path, float]) -> None:
    model = onnx.load(made[0])
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 20)]
    assert {node.domain for node in model.graph.node} <= {"", "ai.onnx"}
    assert not model.functions
    onnx.checker.check_model(model, full_check=True)


def test_inputs_and_outputs_are_named_typed_and_of_any_size(made: tuple[Path, float]) -> None:
    session = onnxruntime.InferenceSession(made[0], providers=["CPUExecutionProvider"])
    known = {node.name: (node.type, node.shape) for node in (*session.get_inputs(), *session.get_outputs())}
    assert {name: kind for name, (kind, _) in known.items()} == {
        "picture": "tensor(uint8)",
        "content": "tensor(float)",
        "condition": "tensor(int64)",
        "density": "tensor(float)",
        "slices": "tensor(float)",
    }
    assert known["picture"][1][3] == 3
    assert not any(isinstance(side, int) for side in known["picture"][1][:3])
    assert not any(isinstance(side, int) for side in known["density"][1])
    assert known["slices"][1][1] == 2


def test_the_predictor_gives_what_torch_gives(network: nn.Module, made: tuple[Path, float]) -> None:
    picture = pictures(1, 21, (50, 60))[0]
    got = Predictor(made[0], provider="cpu", threads=1)(picture, "two")
    box = Letterbox.fit((50, 60), CANVAS)
    with torch.no_grad():
        feeds = box.apply(picture)[None], box.box[None], np.array([2])
        density, slices = network(*(torch.from_numpy(value) for value in feeds))
    np.testing.assert_allclose(got.density, box.back(density[0].numpy()), atol=2 * TOLERANCE)
    np.testing.assert_allclose(got.slices, box.back(slices[0].numpy()), atol=2 * TOLERANCE)
    assert got.times == ((0.0, 1.0), (1.0, 2.0))
    assert got.density.shape == (50, 60)


def convert_to(made: Path) -> Any:
    """Instead of the exporter, which takes half a minute: it always gives the graph of the file."""
    return lambda *_: (lambda model: (model.ClearField("metadata_props"), model)[1])(onnx.load(made))


def test_a_file_that_differs_from_torch_is_not_kept(
    network: nn.Module, made: tuple[Path, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network is changed after its graph was made: only the comparison can notice."""
    monkeypatch.setattr(exporter, "_convert", convert_to(made[0]))
    target = tmp_path / "tiny.onnx"
    assert export(network, target, contract(network), pictures(3, 5)) <= TOLERANCE
    before = target.read_bytes()
    for amount in (1e-3, 1.0, float("nan")):
        other = copy.deepcopy(network)
        with torch.no_grad():
            other.finish.log_gain += amount
        with pytest.raises(
            ModelError, match=r"^tiny.onnx differs from PyTorch by .*, allowed 1e-04; nothing was kept\.$"
        ):
            export(other, target, contract(network), pictures(3, 5))
        assert target.read_bytes() == before  # the file of before is still whole
        assert [path.name for path in tmp_path.iterdir()] == ["tiny.onnx"]


def test_the_tolerance_is_what_decides(
    network: nn.Module, made: tuple[Path, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporter, "_convert", convert_to(made[0]))
    monkeypatch.setattr(exporter, "TOLERANCE", -1.0)
    with pytest.raises(ModelError, match="differs from PyTorch"):
        export(network, tmp_path / "deep" / "tiny.onnx", contract(network), pictures(3, 5))
    assert not list((tmp_path / "deep").iterdir())


def test_a_graph_with_operators_of_its_own_is_refused(
    network: nn.Module, made: tuple[Path, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Program:
        model_proto = onnx.load(made[0])

    Program.model_proto.graph.node[0].domain = "com.microsoft"
    monkeypatch.setattr(torch.onnx, "export", lambda *_, **__: Program)
    with pytest.raises(ModelError, match=r"outside the ONNX standard \(com.microsoft\)"):
        exporter._convert(network, inputs(pictures(2, 1), CANVAS, 4), contract(network))


def test_the_bundled_samples_are_what_a_file_is_checked_on(
    network: nn.Module, made: tuple[Path, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Sequence[np.ndarray]] = []
    monkeypatch.setattr(exporter, "_convert", convert_to(made[0]))
    monkeypatch.setattr(exporter, "difference", lambda graph, path, shown, given: seen.append(shown) or 0.0)
    export(network, tmp_path / "tiny.onnx", contract(network))
    assert len(seen[0]) >= 3
    assert all(picture.dtype == np.uint8 and picture.ndim == 3 for picture in seen[0])


def test_a_graph_is_fed_letterboxed_pictures_each_under_another_condition() -> None:
    feeds = inputs([*pictures(2, 0), *pictures(3, 1, (90, 40))], CANVAS, 4)
    assert {key: (value.shape, str(value.dtype)) for key, value in feeds.items()} == {
        "picture": ((5, 64, 96, 3), "uint8"),
        "content": ((5, 4), "float32"),
        "condition": ((5,), "int64"),
    }
    assert feeds["condition"].tolist() == [0, 1, 2, 3, 0]
    assert feeds["content"][0].tolist() == [5, 0, 90, 64]


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_a_model_of_the_table_exports_or_says_why_not(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    arguments = {"slices": 2, **SMALLER.get(name, {})}
    made = MODELS[name].load()(conditions=("one", "two"), **arguments).eval()
    path = tmp_path / f"{name}.onnx"
    terms = contract(made, name=name)
    if not MODELS[name].trainable:  # the classical models work on each picture's own content: no fixed graph
        with pytest.raises(ModelError, match="cannot be exported"):
            export(made, path, terms, pictures(3, 2))
        assert not list(tmp_path.iterdir())
        return
    assert export(made, path, terms, pictures(3, 2)) <= TOLERANCE
    assert max(differ(made, path, inputs(pictures(2, 9), (96, 32), 4))) < TOLERANCE
    assert Predictor(path, provider="cpu")(pictures(1, 4)[0]).density.shape == (48, 64)
