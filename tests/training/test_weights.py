"""Weights on disk: what is written is read back, what is foreign is refused, a new set begins from a known one."""

import json
import pickle
import stat
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Trainer
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from app import tasks
from data.errors import ModelError
from export.runtime import registry
from saliency.models.center_bias import CenterBias
from saliency.models.spectral_residual import SpectralResidual
from saliency.models.tempsal import TempSAL
from saliency.task import SaliencyTask
from training import weights


def center(*conditions: str, slices: int = 2, seed: int = 0) -> CenterBias:
    torch.manual_seed(seed)
    made = CenterBias(conditions, slices)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_()
    return made


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


def refused(path: Path, *words: str, action: Any = lambda path: weights.load(path, tasks.models())) -> None:
    with pytest.raises(ModelError) as caught:
        action(path)
    message = str(caught.value)
    assert all(word in message for word in (path.name, *words)), message
    assert "\n" not in message
    assert message.endswith(".")


def test_a_network_comes_back_from_safetensors_with_its_arguments(tmp_path: Path) -> None:
    made = center("osie", "crowd")
    weights.save(made, tmp_path / "center.safetensors")
    again = weights.load(tmp_path / "center.safetensors", tasks.models())
    assert isinstance(again, CenterBias)
    assert again.arguments == made.arguments
    assert not again.training
    same(again.state_dict(), made.state_dict())
    assert [path.name for path in tmp_path.iterdir()] == ["center.safetensors"]  # nothing temporary is left
    assert stat.S_IMODE((tmp_path / "center.safetensors").stat().st_mode) & stat.S_IRGRP  # others may read it


def test_tempsal_predicts_the_same_after_a_round_trip(tmp_path: Path) -> None:
    torch.manual_seed(0)
    made = TempSAL(["one"], slices=2, width=8, fine=4, blocks=1, heads=2).eval()
    weights.save(made, tmp_path / "t.safetensors")
    inputs = torch.zeros(1, 32, 32, 3, dtype=torch.uint8), torch.tensor([[0.0, 0, 32, 32]]), torch.tensor([1])
    with torch.no_grad():
        for one, other in zip(
            made(*inputs), weights.load(tmp_path / "t.safetensors", tasks.models())(*inputs), strict=True
        ):
            assert torch.equal(one, other)


def test_a_model_without_weights_has_a_file_too(tmp_path: Path) -> None:
    weights.save(SpectralResidual(), tmp_path / "spectral.safetensors")
    assert isinstance(weights.load(tmp_path / "spectral.safetensors", tasks.models()), SpectralResidual)


def test_a_file_that_stops_half_way_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "center.safetensors"
    weights.save(center(), path)
    before = path.read_bytes()
    monkeypatch.setattr("data.atomic.os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        weights.save(center(seed=1), path)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_the_description_stands_in_the_file(tmp_path: Path) -> None:
    weights.save(center("osie"), tmp_path / "c.safetensors")
    with safe_open(tmp_path / "c.safetensors", "pt") as file:
        description = json.loads(file.metadata()["gaze"])
    assert description == {
        "model": "center_bias",
        "arguments": {"conditions": ["osie"], "slices": 2},
    }


def checkpoint(network: torch.nn.Module, path: Path) -> Path:
    """A checkpoint as a run of `gaze train` writes it."""
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_model_summary=False)
    trainer.strategy.connect(SaliencyTask(network))
    trainer.save_checkpoint(path)
    return path


def test_a_checkpoint_of_a_run_gives_the_network_back(tmp_path: Path) -> None:
    made = center("osie")
    path = checkpoint(made, tmp_path / "last.ckpt")
    again = weights.load(path, tasks.models())
    assert isinstance(again, CenterBias)
    same(again.state_dict(), made.state_dict())
    fresh = center("osie", seed=1)
    weights.start(fresh, path)
    same(fresh.state_dict(), made.state_dict())


class Evil:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (Path.touch, (Path("ran"),))  # type: ignore[return-value]


def test_a_pickle_from_elsewhere_is_refused_and_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": {}, "network": Evil()}, tmp_path / "evil.ckpt")
    (tmp_path / "plain.ckpt").write_bytes(pickle.dumps({"network": Evil()}, protocol=2))
    for name in ("evil.ckpt", "plain.ckpt"):
        refused(tmp_path / name, "refused")
    assert not Path("ran").exists()


def test_files_that_are_no_weights_of_gaze_are_refused_in_one_sentence(tmp_path: Path) -> None:
    contents = {"empty.ckpt": b"", "text.ckpt": b"hello", "empty.safetensors": b"", "text.safetensors": b"hello" * 9}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        refused(tmp_path / name, "gaze")
    save_file({"a": torch.zeros(2)}, tmp_path / "foreign.safetensors")
    save_file({"a": torch.zeros(2)}, tmp_path / "odd.safetensors", {"gaze": "[not json"})
    save_file({"a": torch.zeros(2)}, tmp_path / "list.safetensors", {"gaze": "[1]"})
    torch.save({"model": torch.zeros(2)}, tmp_path / "foreign.ckpt")
    torch.save(torch.zeros(2), tmp_path / "tensor.ckpt")
    for name in ("foreign.safetensors", "odd.safetensors", "list.safetensors", "foreign.ckpt", "tensor.ckpt"):
        refused(tmp_path / name, "no weights of gaze")
    refused(tmp_path / "nothing.safetensors", "no such file")


def test_only_models_of_the_table_are_built(tmp_path: Path) -> None:
    for model in ("os:system", "saliency.layers.finalizer:Finalizer", None):
        with pytest.raises(ModelError, match="none of tempsal, center_bias"):
            weights.build({"model": model, "arguments": {}}, tasks.models())
    with pytest.raises(ModelError, match=r"arguments do not suit center_bias"):
        weights.build({"model": "center_bias", "arguments": {"wings": 2}}, tasks.models())
    save_file(
        {"finish.bias": torch.zeros(2)},
        tmp_path / "thin.safetensors",
        {"gaze": json.dumps({"model": "saliency.models.center_bias:CenterBias", "arguments": {}})},
    )
    refused(tmp_path / "thin.safetensors", "do not fit this network")


def test_a_new_condition_starts_from_any_and_a_known_one_keeps_its_own(tmp_path: Path) -> None:
    old = center("osie", "crowd")
    weights.save(old, tmp_path / "old.safetensors")
    new = center("crowd", "mine", "osie", seed=1)
    weights.start(new, tmp_path / "old.safetensors")
    sources = [0, 2, 0, 1, 3]  # any, crowd, mine, osie, uniform in (any, osie, crowd, uniform)
    assert torch.equal(new.finish.bias, old.finish.bias[sources])
    assert torch.equal(new.finish.log_gain, old.finish.log_gain[sources])
    assert torch.equal(new.finish.log_sigma, old.finish.log_sigma)


def test_fewer_conditions_start_from_more(tmp_path: Path) -> None:
    old = center("osie", "crowd")
    weights.save(old, tmp_path / "old.safetensors")
    new = center("mine", seed=1)
    weights.start(new, tmp_path / "old.safetensors")
    assert torch.equal(new.finish.bias, old.finish.bias[[0, 0, 3]])


def test_starting_a_run_from_a_file_of_other_conditions(tmp_path: Path) -> None:
    weights.save(center("osie"), tmp_path / "old.safetensors")
    task = SaliencyTask(center("mine", seed=1), start=str(tmp_path / "old.safetensors"))
    assert torch.equal(task.network.finish.bias[1], center("osie").finish.bias[0])  # type: ignore[union-attr, index]


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    weights.save(center("osie", slices=5), tmp_path / "five.safetensors")
    refused(tmp_path / "five.safetensors", "finish.", action=lambda path: weights.start(center("osie"), path))
    weights.save(center("osie"), tmp_path / "center.safetensors")
    network = TempSAL(["osie"], slices=2, width=8, fine=4, blocks=1, heads=2)
    refused(tmp_path / "center.safetensors", "do not fit", action=lambda path: weights.start(network, path))


SHIPPED = sorted(registry.WEIGHTS.glob("*.safetensors"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_what_ships_is_loaded_whatever_class_its_description_names(path: Path) -> None:
    description, _ = weights.read(path)
    key = weights.model_key(description["model"], tasks.models())
    network = weights.load(path, tasks.models())
    assert key == weights.describe(network)["model"] == {"tempsal": "tempsal"}.get(path.stem, "oat")
    assert not network.training


@pytest.mark.parametrize(
    "named", ["center_bias", "saliency.center:CenterBias", "saliency.models.center_bias:CenterBias"]
)
def test_a_checkpoint_names_its_model_by_key_or_as_gaze_did_before(tmp_path: Path, named: str) -> None:
    network = center("osie")
    checkpoint = {
        "state_dict": {f"network.{name}": value for name, value in network.state_dict().items()},
        "network": {"model": named, "arguments": network.arguments},
    }
    torch.save(checkpoint, tmp_path / "last.ckpt")
    again = weights.load(tmp_path / "last.ckpt", tasks.models())
    assert isinstance(again, CenterBias)
    for name, value in network.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, rtol=0, atol=0)


def test_every_old_class_has_a_model_of_today() -> None:
    assert set(weights.OLD_CLASSES.values()) <= set(tasks.models())
