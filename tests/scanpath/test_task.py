"""The loss is what a loop over every path says, and a short training beats guessing, in search and in free viewing."""

import copy
import json
import math
import os
import subprocess
import sys
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pytorch_lightning import Trainer
from torch import Tensor
from torch.utils.data import DataLoader

from data.errors import GazeError, ModelError
from data.gaze import ObjectPath
from data.synthetic import layouts
from saliency.models.center_bias import CenterBias
from saliency.models.tempsal import TempSAL
from scanpath import MODELS
from scanpath.datamodule import SceneData, Scenes, collate
from scanpath.inputs import InputSpec
from scanpath.models.oat import OAT
from scanpath.task import ScanpathTask
from tests import scanpath_toy as toy
from tests import two_processes
from training import weights
from training.datamodule import Order

pytestmark = pytest.mark.filterwarnings("default")  # Lightning warns of its own dependencies


def trainer(steps: int, **options: Any) -> Trainer:
    return Trainer(
        max_steps=steps,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
        num_sanity_val_steps=0,
        **options,
    )


def task(network: OAT, **options: Any) -> ScanpathTask:
    """Outside of a run: nothing is logged."""
    made = ScanpathTask(network, **options)
    made.log = lambda *_, **__: None  # type: ignore[method-assign]
    return made


def batch() -> dict[str, Tensor]:
    """Two scenes; paths that end and that were cut, durations that are unknown or none, padding of all sorts."""
    fed = [toy.input_spec().inputs(toy.scene(4), 1), toy.input_spec().inputs(toy.scene(6, 1, ()), 2)]
    order = [[[2, 1, 1, 0], [3, -1, -1, -1]], [[5, 0, -1, -1], [-1] * 4]]
    nan = math.nan
    duration = [[[200, nan, 150, 0], [90, nan, nan, nan]], [[300, 250, nan, nan], [nan] * 4]]
    ended = [[True, False], [True, False]]
    added = {
        "order": torch.tensor(order),
        "duration": torch.tensor(duration, dtype=torch.float32),
        "ended": torch.tensor(ended),
    }
    return {**toy.batch(*fed), **added}


def test_the_loss_is_that_of_every_choice_and_every_known_duration() -> None:
    network, given = toy.network(), batch()
    with torch.no_grad():
        logits, log_duration = network(given, given["order"])
        bits, end, nats = task(network)._losses(given)
    objects, ends, times = [], [], []
    for b, count in ((0, 4), (1, 6)):
        for p in range(2):
            path = [i for i in given["order"][b, p].tolist() if i >= 0]
            for place, thing in enumerate(path):
                there = torch.cat([logits[b, p, place, :count], logits[b, p, place, -1:]]).double().softmax(0)
                objects.append(-math.log2(there[thing]))
                duration = given["duration"][b, p, place].item()
                if duration > 0:
                    mean, deviation = log_duration[b, p, place, thing].tolist()
                    times.append(deviation + ((math.log(duration) - mean) / math.exp(deviation)) ** 2 / 2)
            if path and given["ended"][b, p]:
                there = torch.cat([logits[b, p, len(path), :count], logits[b, p, len(path), -1:]]).double().softmax(0)
                ends.append(-math.log2(there[-1]))
    assert [len(values) for values in (objects, ends, times)] == [7, 2, 5]
    for got, expected in ((bits, objects), (end, ends), (nats, times)):
        np.testing.assert_allclose(got.numpy(), expected, rtol=1e-4)


@pytest.mark.parametrize("duration_weight", [0.0, 0.2, 3.0])
def test_the_parts_of_the_loss_are_weighed(duration_weight: float) -> None:
    made, given = task(toy.network(), duration_weight=duration_weight), batch()
    bits, end, nats = made._losses(given)
    expected = (bits.sum() + end.sum()) / (len(bits) + len(end)) + duration_weight * nats.mean()
    torch.testing.assert_close(made.training_step(given, 0), expected)


def test_without_any_known_duration_only_the_choices_count() -> None:
    made, given = task(toy.network(), duration_weight=1.0), batch()
    given["duration"] = torch.full_like(given["duration"], math.nan)
    bits, end, _ = made._losses(given)
    torch.testing.assert_close(made.training_step(given, 0), torch.cat([bits, end]).mean())


def test_every_weight_gets_a_finite_gradient() -> None:
    network, given = toy.network("crops"), batch()
    shown = [
        toy.input_spec("crops").inputs(toy.scene(c, s, t), 1, pixels=toy.pixels())
        for c, s, t in ((4, 0, (0,)), (6, 1, ()))
    ]
    given |= {name: value for name, value in toy.batch(*shown).items() if "crops" in name or name == "likeness"}
    given["told"] = torch.tensor([True, False])
    task(network).training_step(given, 0).backward()
    without = {name for name, parameter in network.named_parameters() if parameter.grad is None}
    assert without == set()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())


def test_a_loss_that_is_no_number_stops_the_training() -> None:
    network, given = toy.network(), batch()
    with torch.no_grad():
        network.mix.weight.fill_(math.nan)
    with pytest.raises(GazeError, match=r"^The loss became nan at step 0: training stopped; begin again with a lower"):
        task(network).training_step(given, 0)


def nobody() -> dict[str, Tensor]:
    """A scene without any path."""
    given = toy.batch(toy.input_spec().inputs(toy.scene(4)))
    given |= {"order": torch.zeros(1, 0, 1, dtype=torch.int64), "duration": torch.zeros(1, 0, 1)}
    return given | {"ended": torch.zeros(1, 0, dtype=torch.bool)}


@pytest.mark.parametrize("options", [{"durations": False, "relation": False}, {"trace": False}])
def test_the_loss_reaches_every_trained_weight_even_where_nobody_looked(options: dict[str, Any]) -> None:
    """Else, on several processes, one would wait for the gradients of another for ever."""
    network = toy.network(**options)
    network.category.requires_grad_(False)
    for given in (nobody(), batch()):
        network.zero_grad(set_to_none=True)
        loss = task(network).training_step(given, 0)
        loss.backward()
        assert {p.grad is None for name, p in network.named_parameters() if name != "category.weight"} == {False}
    nothing = task(network).training_step(nobody(), 0)
    nothing.backward()
    assert float(nothing) == 0


def test_a_batch_in_which_nobody_looked_is_no_error_in_evaluation() -> None:
    """A scene of the validation split may have lost all of its paths."""
    run = task(toy.network())
    run.validation_step(nobody(), 0)
    assert [len(values) for values in run._losses(nobody())] == [0, 0, 0]


def test_norms_biases_and_embeddings_are_not_decayed() -> None:
    network = toy.network("saliency")
    made = ScanpathTask(network, partial(torch.optim.AdamW, weight_decay=0.1), peak=0.02, warmup=0.25)
    made._trainer = type("Run", (), {"estimated_stepping_batches": 40})()  # type: ignore[assignment]
    found: Any = made.configure_optimizers()
    decayed, spared = found["optimizer"].param_groups
    assert (decayed["weight_decay"], spared["weight_decay"]) == (0.1, 0.0)
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    of_linear = {names[id(parameter)] for parameter in decayed["params"]}
    others = {names[id(parameter)] for parameter in spared["params"]}
    assert of_linear | others == {name for name, p in network.named_parameters() if p.requires_grad}
    assert not of_linear & others
    assert {"place.weight", "query.weight", "encoder.0.look.pair.weight", "pair.0.weight"} <= of_linear
    assert {"category.weight", "kind.weight", "condition.weight", "start", "norms.0.weight", "query.bias"} <= others
    schedule = found["lr_scheduler"]["scheduler"]
    rates = []
    for _ in range(39):
        rates.append(schedule.get_last_lr()[0])
        found["optimizer"].step()
        schedule.step()
    assert max(rates) == pytest.approx(0.02, rel=1e-3)
    assert rates.index(max(rates)) in (9, 10)  # a quarter of the steps
    assert rates[-1] < rates[0] < rates[9]


def scenes(kind: str, count: int, seed: int) -> Scenes:
    items = list(islice(layouts.layouts(count, seed, kind, size=(96, 128), viewers=6), count))
    return Scenes(items, [1] * count, InputSpec(tuple(sorted(layouts.HUES))))


def held_out(made: ScanpathTask, given: dict[str, Tensor]) -> tuple[float, float, float]:
    made.eval()
    with torch.no_grad():
        bits, end, nats = made._losses(given)
    return float(bits.mean()), float(end.mean()), float(nats.mean())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["free", pytest.param("search", marks=pytest.mark.slow)])
def test_a_short_training_beats_guessing_on_new_scenes(kind: str) -> None:
    """Next objects, ends and durations: against chance, against how often paths end, against the overall spread."""
    torch.manual_seed(0)
    network = OAT(("toy",), sorted(layouts.HUES), width=32, hidden=48, encoder=1, decoder=1, drop=0.0)
    made, taught = ScanpathTask(network, peak=8e-3, duration_weight=1.0), scenes(kind, 64, 1)
    loader = DataLoader(taught, 16, sampler=Order(64, 0), collate_fn=collate)
    new = scenes(kind, 24, 2)
    given = collate([new[0, i] for i in range(24)])
    trainer(80, limit_val_batches=0).fit(made, loader, loader)
    bits, end, nats = held_out(made, given)
    choices = [math.log2(len(scene.objects)) for scene, paths in new.items for path in paths for _ in path.order]
    assert bits < np.mean(choices) - 0.25
    ends = sum(path.ended for _, paths in new.items for path in paths)
    assert end < -math.log2(ends / (ends + len(choices))) - 0.25
    logarithms = np.log(np.concatenate([path.duration for _, paths in new.items for path in paths]))
    assert nats < math.log(logarithms.std()) + 0.5 + 0.02  # it tells durations at least as well as their spread


def test_a_run_reads_the_outputs_of_a_saliency_model(tmp_path: Path) -> None:
    layouts.write(tmp_path / "set", 5, 1, size=(96, 96), viewers=2)
    taught = TempSAL(("set",), slices=1, width=16, fine=8, blocks=1, heads=2, kinds=("object", "face"), canvas=(64, 96))
    weights.save(taught, tmp_path / "t.safetensors")
    data = SceneData(
        str(tmp_path / "set"), appearance="saliency", saliency=str(tmp_path / "t.safetensors"), flip="x", batch_size=3
    )
    assert data.features == [*toy.SIZES]
    assert data.fingerprint == weights.fingerprint(taught)
    reads = {"appearance": "saliency", "saliency": data.fingerprint, "features": data.features}
    network = OAT(data.conditions, data.categories, **reads, **toy.TINY)  # type: ignore[arg-type]
    trainer(4).fit(ScanpathTask(network), data)
    sample = data.sets["train"][0, 0]
    assert sample["features"].shape == (len(sample["boxes"]), sum(toy.SIZES) + toy.SIZES[0])
    mass = np.exp(sample["features"][:, : toy.SIZES[0]])
    assert (mass <= 1).all()


def test_a_model_that_gives_no_features_cannot_be_read(tmp_path: Path) -> None:
    weights.save(CenterBias(("set",), 1), tmp_path / "c.safetensors")
    with pytest.raises(ModelError, match="CenterBias gives no features of objects; take a tempsal"):
        SceneData(str(tmp_path), appearance="saliency", saliency=str(tmp_path / "c.safetensors"))


def test_a_checkpoint_gives_the_network_back(tmp_path: Path) -> None:
    network = toy.network("crops")
    run = trainer(1)
    run.strategy.connect(ScanpathTask(network))
    run.save_checkpoint(tmp_path / "last.ckpt")
    again = weights.load(tmp_path / "last.ckpt", MODELS)
    for name, value in network.state_dict().items():
        assert torch.equal(again.state_dict()[name], value)


def test_a_copy_has_no_optimiser() -> None:
    made = ScanpathTask(toy.network(), lambda parameters: torch.optim.SGD(parameters, 0.1))
    assert copy.deepcopy(made).optimizer is None
    assert made.optimizer is not None


def test_the_same_step_of_the_same_seed_drops_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    made, given = task(toy.network(drop=0.5), seed=3).train(), batch()

    def loss(place: int = 0) -> float:
        made.on_train_batch_start(None, place)
        return float(made.training_step(given, place).detach())

    first = loss()
    torch.rand(5)
    assert loss() == first
    assert loss(1) != first  # another batch of the same step, where gradients are accumulated
    made.seed = 4
    assert loss() != first


@pytest.mark.parametrize("precision", ["bf16-true", "16-true", "64-true"])
def test_a_precision_without_float32_is_refused_in_one_sentence(precision: str) -> None:
    loader = DataLoader(scenes("free", 2, 1), 2, sampler=Order(2, 0), collate_fn=collate)
    with pytest.raises(GazeError, match=rf"^trainer.precision is {precision}; weights .* use 32-true, bf16-mixed or"):
        trainer(1, precision=precision).fit(ScanpathTask(toy.network()), loader)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["scanpath", "saliency", "broken"])
def test_a_process_with_nothing_to_learn_from_keeps_nobody_waiting(kind: str, tmp_path: Path) -> None:
    """All that people did lies in the samples of process 0, in training and in validation."""
    done = subprocess.run(
        [sys.executable, str(Path(two_processes.__file__)), kind, str(tmp_path)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=600,
    )
    results = [json.loads(path.read_text()) for path in sorted(tmp_path.glob("*.json"))]
    if kind == "broken":
        assert [result["error"].split(" at step")[0] for result in results] == ["The loss became nan"] * 2
        return
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(results) == 2
    assert results[0] == results[1]
    alone = two_processes.scores(kind)
    assert results[0]["steps"] == two_processes.STEPS
    assert results[0]["first"].keys() == alone.keys()
    for name, value in alone.items():
        assert results[0]["first"][name] == pytest.approx(value, rel=1e-4), name


def test_paths_of_no_fixation_are_no_paths() -> None:
    nothing = ObjectPath("s", np.zeros(0, np.int64), np.zeros(0), np.zeros((0, 2)))
    some = Scenes([(toy.scene(3), (nothing, nothing))], [1], toy.input_spec())
    assert some[0, 0]["order"].shape == (0, 1)
