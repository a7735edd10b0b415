"""Does a searcher become two files that agree with PyTorch, for pictures and targets of every size?"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from app import export_model
from data.errors import ModelError
from data.picture import read
from export import search_onnx
from export.onnx import SAMPLES
from export.runtime.registry import STEP, WEIGHTS, read_contract
from export.runtime.visual_search import VisualSearcher, resized
from export.search_onnx import SIZES, difference, examples, export_network
from tests import contracts


class Tiny(nn.Module):
    """Eight channels of a convolution, weighed by those of the target, and nearer to the gaze the more."""

    memory, stride, pixels_per_degree, conditions = ("features", "kernel"), 8, 10.0, ("any",)

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.convolution = nn.Conv2d(3, 8, 8, 8)

    def encode(self, picture: Tensor, target: Tensor) -> tuple[Tensor, ...]:
        found = []
        for pixels in (picture, target):
            rows, columns = (pixels.shape[axis] + 7 for axis in (1, 2))
            down, across = (torch.arange(n // 8 * 8) for n in (rows, columns))
            pixels = pixels.index_select(1, down.clamp(max=pixels.shape[1] - 1))
            pixels = pixels.index_select(2, across.clamp(max=pixels.shape[2] - 1))
            found.append(self.convolution(pixels.permute(0, 3, 1, 2) / 255))
        return found[0], found[1]

    def step(self, gaze: Tensor, *memory: Tensor) -> Tensor:
        features, kernel = memory
        y, x = (torch.arange(features.shape[axis]) * 8.0 for axis in (2, 3))
        far = (y[:, None] - gaze[0, 1]).abs() + (x - gaze[0, 0]).abs()
        return (features * kernel.mean((2, 3), keepdim=True)).sum(1) - far / 1000


def contract(**fields: Any) -> Any:
    own: dict[str, Any] = {
        "task": "scanpath",
        "multiple": 8,
        "conditions": ("any",),
        "slices": (),
        "scores": {"interiors": {"tfp_auc": 3.0}},
    }
    return contracts.build(**(own | fields))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "tiny.onnx"
    assert export_network(Tiny(), path, contract(), {}) < 1e-5
    return path


def test_both_files_carry_what_the_runtime_needs(made: Path) -> None:
    promised = read_contract(made)
    assert promised == read_contract(made.with_name(f"tiny{STEP}"))
    assert promised.searches_places
    assert (promised.stride, promised.pixels_per_degree, promised.multiple) == (8, 10.0, 0)
    assert promised.outputs["scene"] == "features, kernel"
    assert not list(made.parent.glob(".*"))


@pytest.mark.parametrize(("size", "target"), [((61, 47), (9, 47)), ((8, 300), (3, 2)), ((400, 90), (64, 64))])
def test_the_runtime_gives_what_pytorch_gives_at_sizes_that_were_not_traced(
    made: Path, size: tuple[int, int], target: tuple[int, int]
) -> None:
    pixels = resized(read(next(iter(sorted(SAMPLES.glob("*.jpg"))))), size)
    crop = pixels[: target[0], : target[1]]
    sight = VisualSearcher(made, threads=1).look(pixels, crop, size[1] / 10)
    gaze, network = np.array([20.0, 3.0]), Tiny()
    with torch.no_grad():
        memory = network.encode(torch.from_numpy(pixels[None]), torch.from_numpy(crop[None].copy()))
        wanted = network.step(torch.from_numpy(gaze[None]).float(), *memory)[0].numpy()
    np.testing.assert_allclose(sight.attention(gaze), wanted, atol=1e-5)


def test_nothing_is_kept_that_differs_from_pytorch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_onnx, "converted", lambda *_: (None, None))
    monkeypatch.setattr(search_onnx, "write", lambda _, path, __: path.write_bytes(b"graph"))
    monkeypatch.setattr(search_onnx, "difference", lambda *_: 0.02)
    with pytest.raises(ModelError, match=r"tiny\.onnx differs from PyTorch by 2\.0e-02"):
        export_network(Tiny(), tmp_path / "tiny.onnx", contract(), {})
    assert not list(tmp_path.iterdir())


def test_a_difference_that_is_no_number_is_none_that_is_small(made: Path) -> None:
    network = Tiny()
    with torch.no_grad():
        network.convolution.weight[0, 0, 0, 0] = torch.nan
    files = [made, made.with_name(f"tiny{STEP}")]
    assert not difference(network, files, examples()) <= 1e-4


def test_the_first_two_examples_differ_in_all_sides() -> None:
    (first, crop), (second, other) = SIZES[:2]
    assert all(a != b for a, b in zip((*first, *crop), (*second, *other), strict=True))
    for picture, target in examples():
        assert target.shape[1] <= picture.shape[1]
        assert target.shape[2] <= picture.shape[2]


@pytest.mark.parametrize(
    ("source", "options", "sentence"),
    [
        ("eccnet", {"half": True}, "eccnet has no weights of its own that could be rounded; leave out --half."),
        ("chance", {}, "chance needs no training and has no exportable form"),
    ],
    ids=["half", "chance"],
)
def test_what_cannot_be_exported_is_one_sentence(
    tmp_path: Path, source: str, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ModelError) as told:
        export_model.export(source, output=tmp_path, **options)
    assert str(told.value).startswith(sentence)
    assert not list(tmp_path.iterdir())


def eccnet() -> Any:
    """The searcher with the features of its package; skips where that is not installed."""
    from scanpath.models.eccnet import EccNet

    network = EccNet().eval()
    try:
        network.load_pretrained()
    except ModelError as error:
        pytest.skip(f"no ImageNet features: {error}")
    return network


@pytest.mark.slow
def test_the_files_that_ship_are_those_of_the_network_which_takes_seconds_to_load() -> None:
    files = [WEIGHTS / "eccnet.onnx", WEIGHTS / f"eccnet{STEP}"]
    assert difference(eccnet(), files, examples()) < 1e-4


@pytest.mark.slow
def test_eccnet_is_exported_by_its_name_which_traces_a_large_network(tmp_path: Path) -> None:
    eccnet()
    said = export_model.export("eccnet", output=tmp_path, licence="Apache-2.0", training=("ImageNet",))
    assert "agrees with PyTorch to" in said
    assert "weights in" not in said
    assert {path.name for path in tmp_path.iterdir()} == {"eccnet.onnx", "eccnet.step.onnx"}
    assert VisualSearcher(tmp_path / "eccnet.onnx").contract.name == "eccnet"
