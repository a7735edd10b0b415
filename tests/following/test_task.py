"""Training: a step learns from what is known alone; the recipe learns on made people."""

import csv
from pathlib import Path
from typing import Any

import pytest
import torch

from app import tasks
from data.synthetic import onlookers
from following.datamodule import PeopleData
from following.models.vitgaze import ViTGaze
from following.task import FollowingTask
from training import run as training_run
from training import weights

pytestmark = pytest.mark.filterwarnings("default")  # Lightning warns of its own dependencies

QUIET = ("--trainer.enable_progress_bar", "false", "--trainer.enable_model_summary", "false")


def network() -> ViTGaze:
    torch.manual_seed(0)
    return ViTGaze("small", width=16, fine=8, interactions=1, heads=2, canvas=(64, 96))


def batch(valid: list[bool], in_frame: list[float]) -> dict[str, torch.Tensor]:
    count = len(valid)
    density = torch.rand(count, 16, 24).flatten(1).softmax(1).reshape(count, 16, 24)
    return {
        "picture": torch.randint(0, 256, (count, 64, 96, 3), dtype=torch.uint8),
        "content": torch.tensor([[0.0, 0.0, 96.0, 64.0]]).expand(count, 4),
        "head": torch.tensor([[10.0, 10.0, 30.0, 30.0]]).expand(count, 4),
        "density": density * torch.tensor(valid)[:, None, None],
        "points": torch.full((count, 1, 2), 0.5),
        "valid": torch.tensor(valid),
        "in_frame": torch.tensor(in_frame),
    }


@pytest.mark.parametrize(
    ("valid", "in_frame", "parts"),
    [
        ([True, True], [1.0, 1.0], {"kl", "in_frame", "heads"}),
        ([False, False], [0.0, 0.0], {"in_frame", "heads"}),
        ([True, False], [-1.0, -1.0], {"kl", "heads"}),
        ([False, False], [-1.0, -1.0], {"heads"}),
    ],
    ids=["all", "nobody looks in", "nobody says it", "nothing"],
)
def test_a_loss_is_of_those_of_whom_its_truth_is_known(
    monkeypatch: pytest.MonkeyPatch, valid: list[bool], in_frame: list[float], parts: set[str]
) -> None:
    task, logged = FollowingTask(network(), pretrained=False), dict[str, float]()
    monkeypatch.setattr(task, "log", lambda name, value, **_: logged.__setitem__(name, float(value.detach())))
    loss = task.training_step(batch(valid, in_frame), 0)
    loss.backward()
    assert {name.removeprefix("train/") for name in logged} - {"loss"} == parts
    assert loss.isfinite()
    gradients = [p.grad for p in task.network.parameters() if p.grad is not None]
    assert gradients
    assert all(gradient.isfinite().all() for gradient in gradients)


def test_scores_are_counted_over_those_of_whom_they_are_known() -> None:
    task = FollowingTask(network(), pretrained=False).eval()
    with torch.no_grad():
        task._evaluate(batch([True, False, True], [1.0, 0.0, -1.0]), "val")
    assert {name: count for name, (_, count) in task.totals.items()} == {"kl": 2, "distance": 2, "in_frame": 2}


def test_a_backbone_whose_rate_is_zero_stays_as_it_is() -> None:
    task = FollowingTask(network(), pretrained=False, encoder_rate=0)
    task.train()
    assert not task.network.encoder.training  # type: ignore[union-attr]
    assert task.network.decoder.training  # type: ignore[union-attr]
    assert not any(p.requires_grad for p in task.network.encoder.parameters())  # type: ignore[union-attr]
    trained = {id(p) for group in task._groups() for p in group.parameters}
    assert trained.isdisjoint(id(p) for p in task.network.encoder.parameters())  # type: ignore[union-attr]


def column(run: Path, name: str) -> list[float]:
    with (run / "metrics.csv").open() as file:
        return [float(row[name]) for row in csv.DictReader(file) if row.get(name)]


def trained(tmp_path: Path, count: int, *flags: str) -> Path:
    onlookers.write(tmp_path / "rooms", count, seed=3, size=(96, 128))
    task, recipe = tasks.recipes()["vitgaze-tiny"]
    given = ["--data.root", str(tmp_path / "rooms"), "--trainer.log_every_n_steps", "1", *QUIET, *flags]
    training_run.train(recipe, task.load("lightning_cli"), tasks.models(), given, tmp_path)
    (out,) = (tmp_path / "vitgaze-tiny").iterdir()
    return out


def test_the_loss_of_a_batch_of_made_people_falls_in_some_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    onlookers.write(tmp_path / "rooms", 3, seed=3, size=(64, 96), annotators=1)
    (tmp_path / "rooms" / "splits.json").write_text('{"train": ["0001.png", "0002.png", "0003.png"]}')
    data = PeopleData(str(tmp_path / "rooms"), canvas=(64, 96), batch_size=4, workers=0)
    data.setup()
    rows = next(iter(data.train_dataloader()))
    task = FollowingTask(network(), pretrained=False).train()
    monkeypatch.setattr(task, "log", lambda *_, **__: None)
    optimizer, losses = torch.optim.AdamW(task.parameters(), 1e-3), []
    for step in range(6):
        optimizer.zero_grad()
        losses.append(task.training_step(rows, step))
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.slow
def test_two_steps_of_the_tiny_recipe_leave_logs_and_a_network_with_all_of_lightning(tmp_path: Path) -> None:
    out = trained(tmp_path, 6, "--trainer.max_steps", "2", "--data.batch_size", "2", "--data.canvas", "[64, 96]")
    assert len(column(out, "train/loss")) == 2
    again: Any = weights.load(out / "checkpoints" / "last.ckpt", tasks.models())
    assert again.canvas == (64, 96)


@pytest.mark.slow
def test_the_tiny_recipe_learns_on_made_people_which_takes_a_minute(tmp_path: Path) -> None:
    out = trained(tmp_path, 60)
    losses = column(out, "train/loss")
    assert sum(losses[-10:]) < 0.8 * sum(losses[:10])
    assert min(column(out, "val/kl")) < 0.95 * column(out, "val/kl")[0]
    assert column(out, "val/distance")
    assert list((out / "checkpoints").glob("best-*.ckpt"))
