"""Training: it learns, it can be stopped and continued, it says what goes wrong."""

import csv
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from lightning_utilities.core.rank_zero import rank_zero_only
from pytorch_lightning.callbacks import Callback

from app import tasks
from app.cli.main import main
from data.errors import GazeError, ModelError
from data.synthetic import scenes as synthetic_scenes
from export.runtime import registry
from training import run as training_run
from training import weights
from training.lightning_cli import RunFolder

pytestmark = pytest.mark.filterwarnings("default")  # Lightning warns of its own dependencies


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sets") / "tiny"
    synthetic_scenes.write(root, 30, seed=3, viewers=4)
    return root


def train(name: str, flags: Sequence[str], folder: Path) -> None:
    task, recipe = tasks.recipes()[name]
    training_run.train(recipe, task.load("lightning_cli"), tasks.models(), flags, folder)


def run(tiny: Path, folder: Path, *flags: str, epochs: int = 2) -> Path:
    quiet = ("--trainer.enable_progress_bar", "false", "--trainer.enable_model_summary", "false")
    train("tempsal-tiny", ["--data.root", str(tiny), "--trainer.max_epochs", str(epochs), *quiet, *flags], folder)
    return sorted((folder / "tempsal-tiny").iterdir())[-1]


def column(run: Path, name: str) -> list[float]:
    with (run / "metrics.csv").open() as file:
        return [float(row[name]) for row in csv.DictReader(file) if row.get(name)]


@pytest.mark.slow
def test_the_tiny_recipe_learns_and_leaves_logs_and_checkpoints(tiny: Path, tmp_path: Path) -> None:
    out = run(tiny, tmp_path, "--trainer.log_every_n_steps", "1", epochs=12)
    losses = column(out, "train/loss")
    assert sum(losses[-3:]) / 3 < 0.8 * sum(losses[:3]) / 3
    assert column(out, "val/cc")
    assert column(out, "val/nss")
    assert (out / "config.yaml").is_file()
    assert list(out.glob("events*"))
    assert (out / "checkpoints" / "last.ckpt").is_file()
    assert list((out / "checkpoints").glob("best-*.ckpt"))
    network: Any = weights.load(out / "checkpoints" / "last.ckpt", tasks.models())
    assert network.conditions == ("any", "tiny", "uniform")
    assert network.slices == 3


@pytest.mark.slow
def test_juntingnet_at_an_eighth_of_its_width_learns_exports_and_predicts(tiny: Path, tmp_path: Path) -> None:
    """The whole path of training, in seconds, with a network that has no batch norm, no attention and no seconds."""
    quiet = ("--trainer.enable_progress_bar", "false", "--trainer.enable_model_summary", "false")
    train("juntingnet-tiny", ["--data.root", str(tiny), "--trainer.log_every_n_steps", "1", *quiet], tmp_path)
    (out,) = (tmp_path / "juntingnet-tiny").iterdir()
    losses = column(out, "train/loss")
    assert len(losses) == 40
    assert sum(losses[-10:]) < 0.97 * sum(losses[:10])
    assert column(out, "val/cc")[-1] > column(out, "val/cc")[0] + 0.01
    told = CliRunner().invoke(
        main, ["export", str(out / "checkpoints" / "last.ckpt"), "--name", "small", "-o", str(tmp_path)]
    )
    assert told.exit_code == 0, told.output
    contract = registry.read_contract(tmp_path / "small.onnx")
    assert (contract.canvas, contract.slices) == ((96, 128), ())
    assert contract.conditions == ("any", "tiny", "uniform")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("terminal", "flags", "shown"), [(False, (), False), (True, (), True), (True, ("false",), False)]
)
def test_a_bar_is_on_stderr_on_a_terminal_unless_a_flag_says_no(
    tiny: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    terminal: bool,
    flags: tuple[str, ...],
    shown: bool,
) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", str(int(terminal)))
    given = ["--data.root", str(tiny), "--trainer.max_steps", "1", "--trainer.enable_model_summary", "false"]
    given += [word for flag in flags for word in ("--trainer.enable_progress_bar", flag)]
    train("tempsal-tiny", given, tmp_path)
    told = capfd.readouterr()
    assert "Epoch 0" not in told.out
    assert ("Epoch 0" in told.err) == shown


class Struck(training_run.Pause):
    """A person's SIGTERM after some step."""

    step = 0

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *rest: Any) -> None:
        if trainer.global_step == self.step:
            os.kill(os.getpid(), signal.SIGTERM)
        super().on_train_batch_end(trainer, pl_module, *rest)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("workers", "step"),
    [(1, 3), pytest.param(0, 3, marks=pytest.mark.slow), pytest.param(1, 4, marks=pytest.mark.slow)],
)  # two an epoch
def test_a_run_stopped_by_sigterm_continues_exactly(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int, step: int
) -> None:
    flags = ("--data.workers", str(workers), "--model.network.init_args.drop", "0.3")
    monkeypatch.setattr(Struck, "step", step)
    whole = run(tiny, tmp_path / "whole", *flags, epochs=3)
    with monkeypatch.context() as patch:
        patch.setattr(training_run, "Pause", Struck)
        with pytest.raises(training_run.Paused, match=r"Go on with: --ckpt_path .*last\.ckpt"):
            run(tiny, tmp_path / "parts", *flags, epochs=3)
    stopped = next((tmp_path / "parts").rglob("last.ckpt"))
    assert torch.load(stopped, weights_only=True)["global_step"] == step
    resumed = run(tiny, tmp_path / "parts", *flags, "--ckpt_path", str(stopped), epochs=3)
    want = torch.load(whole / "checkpoints" / "last.ckpt", weights_only=True)
    got = torch.load(resumed / "checkpoints" / "last.ckpt", weights_only=True)
    assert got["global_step"] == want["global_step"] == 6
    for part in ("state_dict", "current_model_state"):
        for name, tensor in want[part].items():
            assert torch.equal(tensor, got[part][name]), f"{part}: {name}"


class StruckMidway(training_run.Pause):
    """A person's SIGTERM after the third batch."""

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *rest: Any) -> None:
        if trainer.current_epoch == 0 and rest[-1] == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        super().on_train_batch_end(trainer, pl_module, *rest)


class Masks(Callback):
    """Which channels dropout left, of every batch."""

    seen: tuple[torch.Tensor, ...] = ()

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        type(self).seen = ()
        pl_module.network.drop.register_forward_hook(self._note)

    def _note(self, module: Any, given: Any, made: torch.Tensor) -> None:
        if module.training:
            type(self).seen = (*self.seen, (made == 0).all(-1).all(-1))


@pytest.mark.slow
def test_accumulated_batches_drop_differently_and_a_stopped_run_continues_exactly(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six batches of 3 an epoch, two a step: the signal comes in the middle of the second step."""
    flags = [
        "--data.batch_size",
        "3",
        "--trainer.accumulate_grad_batches",
        "2",
        "--model.network.init_args.drop",
        "0.5",
    ]
    monkeypatch.setattr(training_run, "LearningRateMonitor", lambda _: Masks())
    whole = run(tiny, tmp_path / "whole", *flags)
    first, second = Masks.seen[:2]
    assert first.shape == second.shape
    assert not torch.equal(first, second)
    with monkeypatch.context() as patch:
        patch.setattr(training_run, "Pause", StruckMidway)
        with pytest.raises(training_run.Paused, match="Stopped after step 2,"):
            run(tiny, tmp_path / "parts", *flags)
    stopped = next((tmp_path / "parts").rglob("last.ckpt"))
    resumed = run(tiny, tmp_path / "parts", *flags, "--ckpt_path", str(stopped))
    want = torch.load(whole / "checkpoints" / "last.ckpt", weights_only=True)
    got = torch.load(resumed / "checkpoints" / "last.ckpt", weights_only=True)
    assert got["global_step"] == want["global_step"] == 6
    for name, tensor in want["state_dict"].items():
        assert torch.equal(tensor, got["state_dict"][name]), name


def test_runs_that_start_together_get_folders_of_their_own(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        versions = list(pool.map(lambda _: RunFolder(tmp_path / "runs" / "toy").version, range(64)))
    assert sorted(versions) == [f"{number:03d}" for number in range(64)]
    assert sorted(path.name for path in (tmp_path / "runs" / "toy").iterdir()) == sorted(versions)


def test_both_logs_of_a_run_lie_in_its_one_folder_which_exists_at_once(tmp_path: Path) -> None:
    logs = RunFolder(tmp_path / "toy").loggers()
    assert not (tmp_path / "toy").exists()  # a run that is refused leaves nothing
    assert {str(log.log_dir) for log in logs} == {str(tmp_path / "toy" / "000")}
    assert {str(log.log_dir) for log in RunFolder(tmp_path / "toy").loggers()} == {str(tmp_path / "toy" / "001")}


def test_a_process_other_than_the_first_makes_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    assert RunFolder(tmp_path / "toy").version == "000"
    assert not (tmp_path / "toy").exists()


@pytest.mark.slow
def test_a_backbone_whose_weights_follow_is_not_asked_of_the_hub(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither to fine-tune from a file nor to resume: the folder that it once came from is gone."""
    transformers = pytest.importorskip("transformers", reason="the extra 'hf' is not installed")
    sizes = {"embedding_size": 8, "hidden_sizes": [8, 12, 16, 20], "depths": [1, 1, 1, 1], "layer_type": "basic"}
    transformers.ResNetBackbone(transformers.ResNetConfig(**sizes)).save_pretrained(tmp_path / "resnet")
    flags = ("--model.network.init_args.backbone", f"hf:{tmp_path / 'resnet'}")
    monkeypatch.setattr(Struck, "step", 1)
    with monkeypatch.context() as patch:
        patch.setattr(training_run, "Pause", Struck)
        with pytest.raises(training_run.Paused):
            run(tiny, tmp_path / "first", *flags, epochs=1)
    shutil.rmtree(tmp_path / "resnet")
    last = next((tmp_path / "first").rglob("last.ckpt"))
    weights.save(weights.load(last, tasks.models()), tmp_path / "start.safetensors")
    again = run(tiny, tmp_path / "again", *flags, "--model.start", str(tmp_path / "start.safetensors"), epochs=1)
    resumed = run(tiny, tmp_path / "resumed", *flags, "--ckpt_path", str(last), epochs=1)
    for folder in (again, resumed):
        assert weights.describe(weights.load(folder / "checkpoints" / "last.ckpt", tasks.models()))["arguments"][
            "backbone_config"
        ]
    with pytest.raises(ModelError, match="cannot be loaded"):
        run(tiny, tmp_path / "anew", *flags, epochs=1)


@pytest.mark.slow
def test_a_loss_that_is_not_finite_ends_training_with_advice(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(GazeError, match=r"loss became .* lower model\.peak"):
        run(tiny, tmp_path, "--model.peak", "1e25", "--trainer.gradient_clip_val", "null", epochs=4)


@pytest.mark.slow
def test_shipped_weights_can_be_fine_tuned_on_other_conditions(tiny: Path, tmp_path: Path) -> None:
    first = run(tiny, tmp_path / "first", epochs=1)
    start = tmp_path / "start.safetensors"
    weights.save(weights.load(first / "checkpoints" / "last.ckpt", tasks.models()), start)
    other = tmp_path / "other"
    synthetic_scenes.write(other, 30, seed=4, viewers=2)
    again = run(tiny, tmp_path / "again", "--data.root", f"[{tiny},{other}]", "--model.start", str(start), epochs=1)
    network: Any = weights.load(again / "checkpoints" / "last.ckpt", tasks.models())
    assert network.conditions == ("any", "tiny", "other", "uniform")


@pytest.mark.slow
@pytest.mark.parametrize("mixer", ["dual", "mixture_of_head"])  # the second has a loss of its own
def test_a_mixer_is_chosen_by_its_name(tiny: Path, tmp_path: Path, mixer: str) -> None:
    out = run(tiny, tmp_path, "--model.network.mixer", mixer, "--model.network.fine_mixer", "routed", epochs=1)
    network: Any = weights.load(out / "checkpoints" / "last.ckpt", tasks.models())
    assert (network.arguments["mixer"], network.arguments["fine_mixer"]) == (mixer, "routed")
    with pytest.raises(GazeError, match=r"There is no mixer 'best'; choose one of interleaved, relational"):
        run(tiny, tmp_path, "--model.network.mixer", "best", epochs=1)


def test_an_unknown_recipe_loss_or_start_is_said_in_one_sentence(tiny: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["train", "salnet"])
    assert done.exit_code == 2
    assert "There is no recipe 'salnet'; choose among" in done.output
    assert "tempsal" in done.output
    with pytest.raises(ModelError, match="there is no such file"):
        run(tiny, tmp_path, "--model.start", str(tmp_path / "none.safetensors"))


@pytest.mark.slow
def test_two_processes_train_together(tiny: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "app.cli.main", "train", "tempsal-tiny", "--data.root", str(tiny)]
    flags = ["--trainer.strategy", "ddp", "--trainer.devices", "2", "--trainer.accelerator", "cpu"]
    done = subprocess.run(
        [*command, *flags, "--trainer.max_epochs", "1"],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "MEMBER: 2/2" in done.stderr
    checkpoint = torch.load(next(tmp_path.rglob("last.ckpt")), weights_only=True)
    assert checkpoint["global_step"] == 2  # 18 pictures, 9 a process, batches of 8: two steps
    assert [path.name for path in (tmp_path / "runs" / "tempsal-tiny").iterdir()] == ["000"]
    assert {path.name for path in tmp_path.glob("runs/*/000/*")} > {"checkpoints", "config.yaml", "metrics.csv"}


@pytest.mark.slow
def test_a_configuration_of_before_the_move_still_trains_and_what_is_written_names_the_model_by_key(
    tiny: Path, tmp_path: Path
) -> None:
    _, recipe = tasks.recipes()["tempsal-tiny"]
    old = recipe.read_text("utf-8").replace("class_path: tempsal", "class_path: saliency.tempsal.TempSAL")
    old = old.replace("training.augment.Natural", "data.augment.Natural")
    assert old != recipe.read_text("utf-8")
    (tmp_path / "old.yaml").write_text(old)
    out = run(
        tiny, tmp_path, "--config", str(tmp_path / "old.yaml"), "--data.root", str(tiny), "--trainer.max_steps", "1"
    )
    written = (out / "config.yaml").read_text("utf-8")
    assert "class_path: tempsal\n" in written
    assert "TempSAL" not in written
    again = run(tiny, tmp_path, "--config", str(out / "config.yaml"), "--trainer.max_steps", "1")
    assert again != out


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tempsal", "saliency.tempsal.TempSAL", "saliency.models.tempsal.TempSAL"])
def test_a_flag_may_name_the_model_by_key_or_class(tiny: Path, tmp_path: Path, name: str) -> None:
    out = run(tiny, tmp_path, f"--model.network={name}", "--trainer.max_steps", "1")
    assert "class_path: tempsal\n" in (out / "config.yaml").read_text("utf-8")


def test_old_names_of_options_are_read_in_configurations_and_flags(caplog: pytest.LogCaptureFixture) -> None:
    text = training_run.with_class_paths("data: {told_share: 0.5}\nmodel: {pace: 0.1, network: oat}\n", tasks.models())
    assert "target_known_share: 0.5" in text
    assert "duration_weight: 0.1" in text
    assert training_run._named(["--model.pace=0.2", "--data.told_share", "1"], tasks.models()) == [
        *("--model.duration_weight=0.2", "--data.target_known_share", "1"),
    ]
    assert "--model.pace is now called --model.duration_weight" in caplog.text
