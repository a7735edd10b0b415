"""Two graphs say what PyTorch says of every head, or there is no file."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from app.export_model import contract
from data.errors import ModelError
from export import following_onnx as exporter
from export.onnx import TOLERANCE
from export.runtime.heads.following import FollowingPredictor
from export.runtime.registry import STEP, read_contract
from following.models.vitgaze import ViTGaze
from training import weights

PICTURE = np.random.default_rng(0).integers(0, 255, (90, 120, 3), dtype=np.uint8)


class Small(nn.Module):
    """What a network of gaze following is like: a convolution is remembered, and weighed by where the head lies."""

    multiple, slices, canvas, conditions, memory = 32, 0, (64, 96), ("any",), ("seen",)

    def __init__(self) -> None:
        super().__init__()
        self.see, self.turn = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4, 4)

    def encode(self, picture: Tensor, content: Tensor) -> tuple[Tensor, ...]:
        return (torch.relu(self.see(picture.permute(0, 3, 1, 2).float() / 255)),)

    def decode(self, head: Tensor, content: Tensor, *features: Tensor) -> tuple[Tensor, Tensor]:
        turned = self.turn((head - content) / 96)
        logits = (turned[:, :, None, None] * features[0]).sum(1)
        return logits.flatten(1).log_softmax(1).reshape(logits.shape), turned.sum(1)


def small() -> Any:
    torch.manual_seed(0)
    return Small().eval()


def exported(folder: Path, network: Any, **options: Any) -> float:
    return exporter.export_network(network, folder / "a.onnx", contract(network, "a", "following"), options)


@pytest.mark.slow
def test_slow_because_graphs_are_traced_both_files_agree_with_pytorch_for_any_number_of_heads(tmp_path: Path) -> None:
    network = small()
    worst = exported(tmp_path, network)
    assert worst <= TOLERANCE
    assert {path.name for path in tmp_path.iterdir()} == {"a.onnx", "a.step.onnx"}
    promised = read_contract(tmp_path / "a.onnx")
    assert promised.fixed
    assert set(promised.outputs) == {"seen", "density", "in_frame"}
    predictor = FollowingPredictor(tmp_path / "a.onnx", provider="cpu", threads=1)
    picture = PICTURE
    boxes = np.array([[10.0, 10, 30, 30]] * 11) + np.arange(11)[:, None] * [1, 2, 0, 1]
    looked = predictor.look(picture)
    maps, inside = predictor.decode(looked, boxes)
    corners = np.hstack([looked.box.points(boxes[:, :2]), looked.box.points(boxes[:, :2] + boxes[:, 2:])])
    canvas, content = looked.box.apply(picture)[None], torch.from_numpy(looked.box.box[None])
    with torch.no_grad():
        memory = network.encode(torch.from_numpy(canvas), content)
        _, logits = network.decode(torch.from_numpy(corners.astype(np.float32)), content, *memory)
    np.testing.assert_allclose(inside, torch.sigmoid(logits).numpy(), atol=1e-5)
    np.testing.assert_allclose(np.exp(maps.astype(np.float64)).sum((1, 2)), 1, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("part", ["density", "logit", "nan"])
def test_slow_because_graphs_are_traced_files_that_differ_from_pytorch_are_not_kept(
    part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(self: Any, head: Tensor, content: Tensor, *memory: Tensor) -> tuple[Tensor, Tensor]:
        density, logit = self.network.decode(head, content, *memory)
        if torch.compiler.is_exporting():
            return (
                (density * 1.01, logit)
                if part == "density"
                else (density, logit * (1.01 if part == "logit" else torch.nan))
            )
        return density, logit

    monkeypatch.setattr(exporter._Heads, "forward", wrong)
    with pytest.raises(ModelError, match=r"a\.onnx differs from PyTorch by .*; nothing was kept"):
        exported(tmp_path, small())
    assert not list(tmp_path.iterdir())


def test_a_mirror_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="leave out --mirror"):
        exported(tmp_path, small(), mirror=True)


@pytest.mark.slow
def test_slow_because_two_graphs_of_vitgaze_are_traced_a_checkpoint_becomes_files_that_agree(tmp_path: Path) -> None:
    from app import export_model

    torch.manual_seed(0)
    network = ViTGaze(backbone="small", width=16, fine=8, blocks=1, interactions=1, heads=2, canvas=(64, 96))
    weights.save(network, tmp_path / "vitgaze.safetensors", False)
    sentence = export_model.export(str(tmp_path / "vitgaze.safetensors"), "vitgaze", tmp_path / "out")
    assert "agrees with PyTorch" in sentence
    assert (tmp_path / "out" / f"vitgaze{STEP}").is_file()
    predictor = FollowingPredictor(tmp_path / "out" / "vitgaze.onnx", provider="cpu", threads=1)
    (person,) = predictor.follow(PICTURE, np.array([[10.0, 10, 30, 30]]))
    assert 0 < person.in_frame < 1
    assert np.exp(person.density.astype(np.float64)).sum() == pytest.approx(1, abs=1e-5)
