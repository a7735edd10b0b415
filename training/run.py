"""`gaze train`: one recipe, every flag of Lightning, and a run that can be stopped and continued.

A run writes into `runs/<model>/<number>/`: its full configuration, TensorBoard and CSV logs, `best-*.ckpt` and
`last.ckpt`. SIGTERM and Ctrl-C end it after the step in hand, saved; `--ckpt_path` goes on from there exactly.
"""

import functools
import signal
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from lightning_utilities.core.rank_zero import rank_zero_only
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Checkpoint, EarlyStopping, LearningRateMonitor, ModelCheckpoint, RichProgressBar
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI, SaveConfigCallback
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger

from data.errors import GazeError
from saliency.datamodule import GazeData
from saliency.task import SaliencyTask
from scanpath.datamodule import SceneData
from scanpath.task import ScanpathTask
from training import weights

ROOT = Path(__file__).parents[1]
RECIPES = {path.stem: path for kind in ("saliency", "scanpath") for path in sorted((ROOT / kind / "recipes").glob("*"))}

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

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Listens; a second signal has its usual effect."""
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


class RunFolder:
    """The next free `parent/NNN`: process 0 makes it when a logger first asks, so that no other run can have it."""

    def __init__(self, parent: Path) -> None:
        self.parent = parent

    @functools.cached_property
    def version(self) -> str:
        """Its name; in other processes of the same run a guess, as Lightning tells them what process 0 says."""
        while True:
            numbers = [int(path.name) for path in self.parent.glob("*") if path.name.isdecimal()]
            version = f"{1 + max(numbers, default=-1):03d}"
            if getattr(rank_zero_only, "rank", 0):
                return version
            try:
                (self.parent / version).mkdir(parents=True)
            except FileExistsError:  # another run was quicker
                continue
            return version

    def loggers(self) -> list[TensorBoardLogger | CSVLogger]:
        """TensorBoard and CSV logs in this folder."""
        made: list[TensorBoardLogger | CSVLogger] = []
        for kind in (_TensorBoard, _CSV):
            made.append(kind(self.parent.parent, self.parent.name))
            made[-1].run = self  # type: ignore[union-attr]
        return made


class _TensorBoard(TensorBoardLogger):
    run: RunFolder

    @property
    def version(self) -> str:
        return self.run.version


class _CSV(CSVLogger):
    run: RunFolder

    @property
    def version(self) -> str:
        return self.run.version


class _Train(LightningCLI):
    """A run in a folder of its own."""

    def __init__(self, folder: Path, *arguments: Any, **options: Any) -> None:
        self.run_folder = RunFolder(folder)
        super().__init__(*arguments, **options)

    def before_instantiate_classes(self) -> None:
        """Tells a backbone whose weights follow from a file what that file says of it, so that the hub is not asked."""
        config = self.config[self.subcommand]
        source = config.get("ckpt_path") or config.model.get("start")
        options = config.model.network.get("init_args")
        if not source or not str((options or {}).get("backbone")).startswith("hf:"):
            return
        told = weights.read(Path(source))[0].get("arguments", {})
        if told.get("backbone") == options.backbone and not options.backbone_config:
            options.backbone_config = told.get("backbone_config")

    def instantiate_trainer(self, **options: Any) -> Trainer:
        """With logs in the run's folder, unless a person names others, and a bar on stderr where that is a terminal.

        The bar is not left to Lightning, which prints one on stdout, into files too.
        """
        asked = self.config_init[self.subcommand].trainer
        if asked.logger is None:
            options["logger"] = self.run_folder.loggers()
        shown = sys.stderr.isatty() if asked.enable_progress_bar is None else asked.enable_progress_bar
        if shown:
            self.trainer_defaults["callbacks"].append(RichProgressBar(leave=True, console_kwargs={"stderr": True}))
        return super().instantiate_trainer(enable_progress_bar=shown, **options)


class _Saliency(_Train):
    """Ties the data's viewing conditions to the model's."""

    task, data, score, best = SaliencyTask, GazeData, "val/cc", "max"

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        parser.link_arguments("data.conditions", "model.network.init_args.conditions", apply_on="instantiate")
        parser.link_arguments("data.slices", "model.network.init_args.slices")
        parser.link_arguments("data.stride", "model.stride")


class _Scanpath(_Train):
    """Ties the data's viewing conditions, categories and crops to the model's."""

    task, data, score, best = ScanpathTask, SceneData, "val/choice", "min"

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        for name in ("conditions", "categories"):
            parser.link_arguments(f"data.{name}", f"model.network.init_args.{name}", apply_on="instantiate")
        for name in ("appearance", "crop"):
            parser.link_arguments(f"data.{name}", f"model.network.init_args.{name}")


def _defaults(kind: type[_Saliency | _Scanpath]) -> dict[str, Any]:
    return {
        "callbacks": [
            ModelCheckpoint(monitor=kind.score, mode=kind.best, filename="best-{epoch}", save_last=True),
            EarlyStopping(monitor=kind.score, mode=kind.best, patience=20, check_finite=False, strict=False),
            LearningRateMonitor("step"),
            Pause(),
        ],
        "use_distributed_sampler": False,
        "log_every_n_steps": 10,
    }


def train(name: str, arguments: Sequence[str], folder: Path = Path("runs")) -> None:
    """Trains the recipe `name` with Lightning's own flags; `Paused` says how to go on after a signal."""
    if name not in RECIPES:
        raise GazeError(f"There is no recipe '{name}'; choose among {', '.join(RECIPES)}.")
    for message in NOISE:
        warnings.filterwarnings("ignore", message=f".*{message}")
    try:
        _run(name, arguments, folder)
    except GazeError as error:  # torch puts the traceback of a loader process into the message
        told = str(error).strip().splitlines()[-1].removeprefix(f"data.{type(error).__name__}: ")
        raise type(error)(told) from error


def _run(name: str, arguments: Sequence[str], folder: Path) -> None:
    kind = _Scanpath if RECIPES[name].parts[-3] == "scanpath" else _Saliency
    kind(
        folder / name,
        kind.task,
        kind.data,
        args=["fit", "--config", str(RECIPES[name]), *arguments],
        trainer_defaults=_defaults(kind),
        save_config_callback=SaveConfigCallback,
        save_config_kwargs={"overwrite": True},
        seed_everything_default=1,
        auto_configure_optimizers=False,
        parser_kwargs={"fit": {"exit_on_error": True}},
    )
