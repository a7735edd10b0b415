"""`gaze train`: one recipe, every flag of Lightning, and a run that can be stopped and continued.

A run writes into `runs/<recipe>/<number>/`: its full configuration, TensorBoard and CSV logs, `best-*.ckpt` and
`last.ckpt`. SIGTERM and Ctrl-C end it after the step in hand, saved; `--ckpt_path` goes on from there exactly.
"""

import contextlib
import functools
import logging
import re
import signal
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import yaml
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Checkpoint, EarlyStopping, LearningRateMonitor, ModelCheckpoint
from pytorch_lightning.cli import SaveConfigCallback

from data.atomic import atomic_write
from data.errors import GazeError
from training import Model, weights
from training.checkpoint import NO_PLACE, CheckpointFiles
from training.lightning_cli import TaskCLI

logger = logging.getLogger(__name__)

CONFIG = ("--config", "-c")  # flags whose value is a configuration
MOVED = {"data.augment.Natural": "training.augment.Natural"}  # classes of recipes of gaze 0.2 and before
RENAMED = {"data.told_share": "data.target_known_share", "model.pace": "model.duration_weight"}  # of gaze 0.2
NETWORK = ("--model.network", "--model.network.class_path")  # flags whose value is a model

NOISE = (  # what Lightning says of itself, or advises where we know better
    "does not have many workers",
    "smaller than the logging interval",
    r"LightningCLI's args parameter is intended",
    r"\s*Unable to serialize instance",
    "Experiment logs directory .* exists and is not empty",  # TensorBoard and CSV share the run's folder
    "You're resuming from a checkpoint that ended before the epoch ended",  # saliency.datamodule goes on exactly
    "Precision bf16-mixed is not supported by the model summary",
    r"\s*By default only one JsonargparseDeprecationWarning",
    r"\s*``\S+`` was deprecated in v4",
    r"`isinstance\(treespec, LeafSpec\)` is deprecated",
    r"Found \d+ module\(s\) in eval mode at the start of training",  # a frozen network is meant to be
)


class Paused(Exception):  # noqa: N818 - nothing is wrong
    """The run was asked to stop and has saved itself."""


class Pause(Checkpoint):
    """Saves and ends the run after the step in which SIGTERM or Ctrl-C came."""

    def __init__(self) -> None:
        self.asked = False
        self.before = 0  # steps of the optimiser before the batch

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def on_sanity_check_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """A resumed run is where its checkpoint was written: what goes wrong from now on is not the checkpoint's."""
        if isinstance(trainer.strategy.checkpoint_io, CheckpointFiles):
            trainer.strategy.checkpoint_io.restoring = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Listens; a second signal has its usual effect."""
        self.on_sanity_check_start(trainer, pl_module)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Remembers whether a step was begun."""
        self.before = trainer.global_step

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Called after every other callback of the step; gradients that are still gathered would be lost."""
        if trainer.global_step == self.before:
            return
        if not trainer.strategy.reduce_boolean_decision(self.asked, all=False):
            return
        path = Path(str(trainer.log_dir)) / "checkpoints" / "last.ckpt"
        trainer.save_checkpoint(path)
        raise Paused(f"Stopped after step {trainer.global_step}, saved. Go on with: --ckpt_path {path}")


def _defaults(cli: type[TaskCLI]) -> dict[str, Any]:
    return {
        "callbacks": [
            ModelCheckpoint(monitor=cli.score, mode=cli.best, filename="best-{epoch}"),
            # Of every epoch, in place; `save_last` of the other would write it only with a new best.
            ModelCheckpoint(filename="last", enable_version_counter=False),
            EarlyStopping(monitor=cli.score, mode=cli.best, patience=20, check_finite=False, strict=False),
            LearningRateMonitor("step"),
            Pause(),
        ],
        "use_distributed_sampler": False,
        "log_every_n_steps": 10,
    }


def train(
    recipe: Path,
    cli: type[TaskCLI],
    models: Mapping[str, Model],
    arguments: Sequence[str],
    folder: Path = Path("runs"),
) -> None:
    """Trains a recipe with Lightning's own flags; a run writes into `folder`/RECIPE/NNN.

    Args:
        recipe: A YAML file; it names its model by key.
        cli: The task's command line.
        models: The models that recipes, configurations and flags may name by key.
        arguments: Flags of LightningCLI; a model is named by key, by class path, or by an old class path.
        folder: Of all runs.

    Raises:
        Paused: The run was asked to stop; its sentence says how to go on.
        GazeError: Something in the flags or the data is a person's mistake.
    """
    for message in NOISE:
        warnings.filterwarnings("ignore", message=f".*{message}")
    try:
        with _silent_writers():
            cli(
                folder / recipe.stem,
                cli.task,
                cli.data,
                args=[
                    "fit",
                    "--config",
                    with_class_paths(recipe.read_text("utf-8"), models),
                    *_named(arguments, models),
                ],
                trainer_defaults=_defaults(cli),
                save_config_callback=functools.partial(SaveConfig, models=models),
                save_config_kwargs={"overwrite": True},
                seed_everything_default=1,
                auto_configure_optimizers=False,
                parser_kwargs={"fit": {"exit_on_error": True}},
            )
    except GazeError as error:  # torch puts the traceback of a loader process into the message
        sentence = str(error).strip().splitlines()[-1]
        raise type(error)(re.sub(rf"^(\w+\.)*{type(error).__name__}: ", "", sentence)) from error


@contextlib.contextmanager
def _silent_writers() -> Iterator[None]:
    """Threads that write logs show no traceback of a full disk: the run itself ends with a sentence about it."""
    before = threading.excepthook

    def hook(arguments: threading.ExceptHookArgs) -> None:
        if isinstance(arguments.exc_value, OSError) and arguments.exc_value.errno in NO_PLACE:
            logger.debug("a log cannot be written", exc_info=arguments.exc_value)
        else:
            before(arguments)

    threading.excepthook = hook
    try:
        yield
    finally:
        threading.excepthook = before


def with_class_paths(text: str, models: Mapping[str, Model]) -> str:
    """A YAML configuration in which every class stands by its path of today, models named by key among them."""
    tree = _with_class_paths(yaml.safe_load(text), models)
    for old, new in RENAMED.items():
        (part, before), (_, now) = old.split("."), new.split(".")
        options = tree.get(part) if isinstance(tree, dict) else None
        if isinstance(options, dict) and before in options:
            options[now] = options.pop(before)
    return str(yaml.safe_dump(tree, sort_keys=False))


def _with_class_paths(tree: Any, models: Mapping[str, Model]) -> Any:
    if isinstance(tree, list):
        return [_with_class_paths(item, models) for item in tree]
    if not isinstance(tree, dict):
        return tree
    named = {"class_path", "network"}
    return {
        key: _class_path(value, models) if key in named and isinstance(value, str) else _with_class_paths(value, models)
        for key, value in tree.items()
    }


def _class_path(name: str, models: Mapping[str, Model]) -> str:
    key = weights.model_key(name, models)
    return models[key].place.replace(":", ".") if key else MOVED.get(name, name)


def _named(arguments: Sequence[str], models: Mapping[str, Model]) -> list[str]:
    """Flags in which every model stands by its class path, also in the configurations that they name."""
    flags: list[str] = []
    name = ""  # of the flag whose value comes next
    for argument in arguments:
        flag, equals, value = argument.partition("=")
        if flag.removeprefix("--") in RENAMED:
            now = "--" + RENAMED[flag.removeprefix("--")]
            logger.warning("%s is now called %s; use that name.", flag, now)
            flag, argument = now, now + equals + value
        if name:
            flags.append(_value(name, argument, models))
            name = ""
        elif equals and flag in (*CONFIG, *NETWORK):
            flags.append(f"{flag}={_value(flag, value, models)}")
        else:
            flags.append(argument)
            name = argument if argument in (*CONFIG, *NETWORK) else ""
    return flags


def _value(flag: str, value: str, models: Mapping[str, Model]) -> str:
    if flag in NETWORK:
        return _class_path(value, models)
    path = Path(value)
    return with_class_paths(path.read_text("utf-8"), models) if path.is_file() else value


class SaveConfig(SaveConfigCallback):
    """The run's configuration beside its checkpoints; it names the model by key, so that a later gaze finds it."""

    def __init__(self, *arguments: Any, models: Mapping[str, Model], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._models = models

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Replaces the class path in the file that Lightning writes."""
        folder, saved = trainer.log_dir, self.already_saved  # the folder is asked for by every process of the run
        super().setup(trainer, pl_module, stage)
        path = Path(str(folder)) / self.config_filename
        if saved or not trainer.is_global_zero or not path.is_file():
            return
        text = path.read_text("utf-8")
        for key, model in self._models.items():
            text = text.replace(f"class_path: {model.place.replace(':', '.')}\n", f"class_path: {key}\n")
        with atomic_write(path) as file:
            file.write(text.encode())
