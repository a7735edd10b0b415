"""Callbacks of tests' runs."""

from typing import Any

from pytorch_lightning.callbacks import Callback

from data.errors import GazeError


class AfterAnEpoch(Callback):
    """Ends the run when the second epoch begins."""

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """Called before its first batch."""
        if trainer.current_epoch == 1:
            raise GazeError("Stopped by a test.")


class Saves(Callback):
    """Writes a checkpoint within the second epoch."""

    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        """Called after its first step."""
        if trainer.global_step == 3:
            trainer.save_checkpoint(f"{trainer.log_dir}/checkpoints/more.ckpt")
