"""The Lightning command line that every task shares: the run's folder, its logs, its progress bar, its backbone."""

import contextlib
import functools
import logging
import shutil
from pathlib import Path
from typing import Any, ClassVar, Literal

from pytorch_lightning import LightningDataModule, LightningModule, Trainer
from pytorch_lightning.callbacks import RichProgressBar
from pytorch_lightning.cli import ArgsType, LightningArgumentParser, LightningCLI
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger
from pytorch_lightning.utilities import rank_zero_only
from rich.console import Console

from data.errors import GazeError, ModelError
from training import weights
from training.checkpoint import NO_PLACE, CheckpointFiles, check_network, newest, resumable, unwritable

logger = logging.getLogger(__name__)

MISTAKES = (LookupError, TypeError, ValueError, RuntimeError, AttributeError)  # what restoring a damaged run raises


class RunFolder:
    """The next free `parent/NNN`: process 0 makes it when a logger first asks, so that no other run can have it."""

    def __init__(self, parent: Path) -> None:
        self.parent = parent
        self._made: list[Path] = []  # the folder itself, and what was made above it

    @functools.cached_property
    def version(self) -> str:
        """Its name; in other processes of the same run a guess, as Lightning tells them what process 0 says.

        Raises:
            GazeError: It cannot be made.
        """
        folders = (self.parent, self.parent.parent)
        while True:
            numbers = [int(path.name) for path in self.parent.glob("*") if path.name.isdecimal()]
            version = f"{1 + max(numbers, default=-1):03d}"
            if getattr(rank_zero_only, "rank", 0):
                return version
            self._made = [folder for folder in folders if not folder.exists()]
            try:
                (self.parent / version).mkdir(parents=True)
            except FileExistsError as error:  # another run was quicker, or the folder of all runs is a file
                if self.parent.is_dir():
                    continue
                raise unwritable(error, self.parent, None) from error
            except OSError as error:
                raise unwritable(error, self.parent / version, None) from error
            self._made.insert(0, self.parent / version)
            return version

    def drop(self) -> None:
        """Removes the folder of a run that ended before anything was learned, and those that were made for it."""
        if not self._made or any(
            file.suffix == ".ckpt" or file.name == "metrics.csv" for file in self._made[0].rglob("*")
        ):
            return
        shutil.rmtree(self._made[0], ignore_errors=True)
        with contextlib.suppress(OSError):  # another run has come meanwhile
            for folder in self._made[1:]:
                folder.rmdir()

    @property
    def made(self) -> bool:
        """Whether there is one."""
        return bool(self._made)

    @property
    def kept(self) -> Path | None:
        """The newest checkpoint of the run."""
        return newest(self._made[0] / "checkpoints") if self._made else None

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


class TaskCLI(LightningCLI):
    """A training run of one task, in a folder of its own; a task's class says what trains and what is watched."""

    task: ClassVar[type[LightningModule]]
    data: ClassVar[type[LightningDataModule]]
    score: ClassVar[str]  # the metric that chooses the checkpoint
    best: ClassVar[Literal["min", "max"]]  # whether a lower or a higher score is better

    def __init__(self, folder: Path, *arguments: Any, **options: Any) -> None:
        self.run_folder = RunFolder(folder)
        self.files = CheckpointFiles()
        self._resumed: tuple[Path, dict[str, Any]] | None = None
        try:
            super().__init__(*arguments, **options)
        except GazeError:
            self.run_folder.drop()
            raise
        except OSError as error:
            kept = self.run_folder.kept
            self.run_folder.drop()
            if error.errno not in NO_PLACE or not self.run_folder.made:
                raise
            raise unwritable(error, Path(str(error.filename or self.run_folder.parent)), kept) from error
        except BaseException as error:
            logger.debug("The run ended", exc_info=True)
            self.run_folder.drop()
            if not self.files.restoring or not isinstance(error, MISTAKES):
                raise
            path = self.config[self.subcommand].ckpt_path
            raise ModelError(
                f"{path}: the run cannot go on from it, as it is damaged; give another checkpoint."
            ) from error

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Refuses a checkpoint that no run can go on from before anything is made."""
        super().parse_arguments(parser, args)
        path = self.config[self.config.subcommand].get("ckpt_path")
        if path is not None:
            self._resumed = Path(path), resumable(Path(path))

    def after_instantiate_classes(self) -> None:
        """Refuses one of another network."""
        if self._resumed:
            check_network(*self._resumed, self.model, weights.describe(self.model.network))
            self._resumed = None

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
        if asked.plugins is None:
            options["plugins"] = [self.files]
        shown = Console(stderr=True).is_terminal if asked.enable_progress_bar is None else asked.enable_progress_bar
        if shown:
            self.trainer_defaults["callbacks"].append(RichProgressBar(leave=True, console_kwargs={"stderr": True}))
        return super().instantiate_trainer(enable_progress_bar=shown, **options)
