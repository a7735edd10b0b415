"""The Lightning command line that every task shares: the run's folder, its logs, its progress bar, its backbone."""

import functools
from pathlib import Path
from typing import Any, ClassVar, Literal

from pytorch_lightning import LightningDataModule, LightningModule, Trainer
from pytorch_lightning.callbacks import RichProgressBar
from pytorch_lightning.cli import LightningCLI
from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger
from pytorch_lightning.utilities import rank_zero_only
from rich.console import Console

from training import weights


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


class TaskCLI(LightningCLI):
    """A training run of one task, in a folder of its own; a task's class says what trains and what is watched."""

    task: ClassVar[type[LightningModule]]
    data: ClassVar[type[LightningDataModule]]
    score: ClassVar[str]  # the metric that chooses the checkpoint
    best: ClassVar[Literal["min", "max"]]  # whether a lower or a higher score is better

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
        shown = Console(stderr=True).is_terminal if asked.enable_progress_bar is None else asked.enable_progress_bar
        if shown:
            self.trainer_defaults["callbacks"].append(RichProgressBar(leave=True, console_kwargs={"stderr": True}))
        return super().instantiate_trainer(enable_progress_bar=shown, **options)
