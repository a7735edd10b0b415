"""Weights on disk: what is written is read back, what is foreign is refused, a new set begins from a known one."""

import json
import pickle
import resource
import stat
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Trainer
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from app import tasks
from data import checksums
from data.errors import ModelError
from export.runtime import registry
from saliency.models.center_bias import CenterBias
from saliency.models.spectral_residual import SpectralResidual
from saliency.models.tempsal import TempSAL
from saliency.task import SaliencyTask
from scanpath.models.oat import OAT
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


def test_weights_in_half_precision_are_those_of_the_rounded_network(tmp_path: Path) -> None:
    made = TempSAL(("osie",), slices=2, width=8, fine=4, blocks=1, heads=2)
    made.state_dict()["coarse.1.running_var"].fill_(1e6)  # beyond what half precision holds
    weights.save(made, tmp_path / "whole.safetensors")
    weights.round_to_half(made)
    weights.save(made, tmp_path / "half.safetensors", half=True)
    again = weights.load(tmp_path / "half.safetensors", tasks.models())
    same(made.state_dict(), again.state_dict())
    assert {parameter.dtype for parameter in again.parameters()} == {torch.float32}
    whole, half = ((tmp_path / f"{name}.safetensors").stat().st_size for name in ("whole", "half"))
    assert half < 0.6 * whole
    fresh = TempSAL(("osie",), slices=2, width=8, fine=4, blocks=1, heads=2)
    weights.start(fresh, tmp_path / "half.safetensors")
    same(made.state_dict(), fresh.state_dict())


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
        with pytest.raises(ModelError, match="none of tempsal, msinet, juntingnet, center_bias"):
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


def described(path: Path, state: dict[str, Tensor], model: str = "tempsal", **arguments: Any) -> Path:
    """Weights as gaze writes them, or a checkpoint, whose description says something else."""
    if path.suffix == ".safetensors":
        save_file(state, path, {"gaze": json.dumps({"model": model, "arguments": arguments})})
    else:
        prefixed = {f"network.{name}": value for name, value in state.items()}
        torch.save({"state_dict": prefixed, "network": {"model": model, "arguments": arguments}}, path)
    return path


SMALL: dict[str, Any] = {"conditions": ["one"], "slices": 2, "width": 8, "fine": 4, "blocks": 1, "heads": 2}
WIDE = [-1, 0, 3, 7.5, 10**9, -(10**9), 10**40, float("inf"), float("nan"), "8", "wide", None, [8], {"a": 8}]


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".safetensors", pytest.param(".ckpt", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ["width", "fine", "slices", "blocks", "heads", "conditions", "backbone", "mixer"])
def test_an_impossible_size_in_a_file_is_refused_in_one_sentence_and_takes_no_memory(
    tmp_path: Path, name: str, suffix: str
) -> None:
    state = dict(TempSAL(**SMALL).state_dict())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for value in WIDE:
        path = described(tmp_path / f"odd{suffix}", state, **{**SMALL, name: value})
        refused(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kilobytes


@pytest.mark.parametrize(
    "arguments",
    [{"width": 96, "encoder": 60_000}, {"hidden": 60_000}, {"position": "grid", "rows": 60_000}, {"sigma": 1e-7}],
)
def test_a_network_that_a_file_does_not_hold_is_never_built(tmp_path: Path, arguments: dict[str, Any]) -> None:
    state, began = dict(OAT(width=96).state_dict()), time.monotonic()
    if arguments.get("position") == "grid":
        state["place.weight"] = state["place.weight"][:, :1].expand(-1, 120_000).contiguous()
    refused(described(tmp_path / "odd.safetensors", state, "oat", **arguments), "gaze wrote")
    assert time.monotonic() - began < 5


def test_weights_that_no_description_has_are_refused(tmp_path: Path) -> None:
    state = dict(TempSAL(**SMALL).state_dict())
    refused(described(tmp_path / "more.ckpt", {**state, "more": torch.zeros(1)}, **SMALL), "lacks", "more")


def test_tensors_larger_than_their_file_are_refused(tmp_path: Path) -> None:
    state = dict(TempSAL(**SMALL).state_dict())
    name = next(name for name, value in state.items() if value.ndim == 4)
    refused(described(tmp_path / "o.ckpt", {**state, name: torch.zeros(1).expand(10**5, 10**5)}, **SMALL), "no weights")
    path = described(tmp_path / "bomb.ckpt", {**state, "big": torch.zeros(1 << 22)}, **SMALL)
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "new.ckpt", "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            new.writestr(part.filename, old.read(part))
    refused(tmp_path / "new.ckpt", "damaged or no checkpoint")


def test_arguments_within_arguments_without_end_are_refused(tmp_path: Path) -> None:
    nested: Any = [1]
    for _ in range(60):
        nested = [nested, nested]  # a file of bytes, a tree of 10^18 values
    state = {f"network.{name}": value for name, value in TempSAL(**SMALL).state_dict().items()}
    told = {"model": "tempsal", "arguments": {**SMALL, "backbone_config": nested}}
    torch.save({"state_dict": state, "network": told}, tmp_path / "deep.ckpt")
    refused(tmp_path / "deep.ckpt", "more than")


def test_starting_from_a_file_whose_names_are_no_names_is_refused(tmp_path: Path) -> None:
    state = dict(center("osie").state_dict())
    for conditions in (7, [["osie"]], ["a", "b", "c", "crowd"], {"osie": 1}, "crowd"):
        path = described(tmp_path / "odd.ckpt", state, "center_bias", conditions=conditions, slices=2)
        refused(path, "gaze wrote", action=lambda path: weights.start(center("crowd"), path))


def test_a_file_that_its_folder_lists_must_have_the_sum_that_is_listed(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    weights.save(center(), path)
    checksums.write(tmp_path, [path.name])
    weights.load(path, tasks.models())
    content = bytearray(path.read_bytes())
    content[-1] ^= 1  # a weight
    path.write_bytes(content)
    refused(path, "damaged", checksums.FILE)


SHIPPED = sorted(registry.WEIGHTS.glob("*.safetensors"))
KEYS = {"tempsal-video": "tempsal_video"}  # of models that are not called by the first part of their file's name


@pytest.mark.slow
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_what_ships_is_loaded_whatever_class_its_description_names(path: Path) -> None:
    description, _ = weights.read(path)
    key = weights.model_key(description["model"], tasks.models())
    network = weights.load(path, tasks.models())
    assert key == weights.describe(network)["model"] == KEYS.get(path.stem, path.stem.partition("-")[0])
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
