"""Checkpoints of `gaze train`: nothing in them is run, what is none is refused in a sentence, they are written whole.

A checkpoint holds a run in the middle: weights, optimiser, schedule, loops, where in the data it was and what that data
was (`training.data_state`), and under `network` how the network is built.
"""

import errno
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO
from torch import nn

from data.atomic import atomic_write
from data.errors import GazeError, ModelError
from training import weights

PARTS: dict[str, type] = {  # what a run goes on from
    "network": dict,
    "state_dict": dict,
    "loops": dict,
    "optimizer_states": list,
    "lr_schedulers": list,
    "epoch": int,
    "global_step": int,
}
NO_PLACE = (  # what stops a file from being written, and not a mistake of ours
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO),
    *(errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG),
)


def resumable(path: Path) -> dict[str, Any]:
    """The checkpoint of a run that `--ckpt_path` goes on from.

    Raises:
        ModelError: It is none; the sentence says what to give instead.
    """
    remedy = "give last.ckpt or best-*.ckpt of a run of gaze train"
    if path.is_dir():
        inside = next((file for file in (path / "checkpoints/last.ckpt", path / "last.ckpt") if file.is_file()), None)
        raise ModelError(f"{path}: is a folder; give {inside or 'last.ckpt or best-*.ckpt of a run of gaze train'}.")
    if not path.is_file():
        raise ModelError(f"{path}: there is no such file; {remedy}.")
    if path.suffix.lower() in (".safetensors", ".onnx"):
        start = f", or begin from it with --model.start {path}" if path.suffix.lower() == ".safetensors" else ""
        raise ModelError(f"{path}: holds weights alone and no run to go on with; {remedy}{start}.")
    checkpoint = weights.read_checkpoint(path)
    if not isinstance(checkpoint.get("network"), dict) or checkpoint.get("hyper_parameters"):
        raise ModelError(f"{path}: is no checkpoint of gaze train; {remedy}.")
    whole = all(isinstance(checkpoint.get(name), kind) for name, kind in PARTS.items())
    schedules = [it.get("total_steps") for it in checkpoint["lr_schedulers"] if isinstance(it, dict)] if whole else []
    if not schedules or not isinstance(schedules[0], int):
        raise ModelError(f"{path}: holds no whole run to go on with; {remedy}, or begin from it with --model.start.")
    return checkpoint


def check_network(path: Path, checkpoint: Mapping[str, Any], model: nn.Module, described: Mapping[str, Any]) -> None:
    """Refuses a checkpoint of another network than the one that is `described` and trained as `model`.

    Raises:
        ModelError: It is another one; the sentence names the first difference.
    """
    shapes = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    held = {name: tuple(getattr(value, "shape", ())) for name, value in checkpoint["state_dict"].items()}
    if shapes == held:
        return
    theirs = checkpoint["network"]
    old, new = _plain(theirs.get("arguments")), _plain(described["arguments"])
    other = next((name for name in {**old, **new} if old.get(name) != new.get(name)), None)
    if theirs.get("model") != described["model"]:
        what = f"holds the network {theirs.get('model')!r}, but this run trains {described['model']!r}"
    elif other:
        what = f"its network has {other} {old.get(other)}, but that of this run {new.get(other)}"
    else:
        name = min(name for name, _ in set(shapes.items()) ^ set(held.items()))
        what = f"its weights do not fit the network of this run (first: {name})"
    remedy = "take the recipe, flags and data that it began with (config.yaml of its run), or leave --ckpt_path out"
    raise ModelError(f"{path}: {what}; {remedy}.")


def _plain(arguments: Any) -> dict[str, Any]:
    """Arguments of a network, in which a list and a tuple are the same."""
    items = arguments.items() if isinstance(arguments, Mapping) else ()
    return {str(name): list(value) if isinstance(value, tuple) else value for name, value in items}


def unwritable(error: OSError, path: Path, kept: Path | None, when: str = "") -> GazeError:
    """The sentence for a run that could not write a file: what is lost, what is kept."""
    reason = error.strerror or type(error).__name__
    if kept is None:
        rest = "nothing of this run is kept: make room or mend the folder, and begin again"
    else:
        rest = (
            f"what was learned after {kept.name} is lost: make room or mend the folder, go on with --ckpt_path {kept}"
        )
    return GazeError(f"{path}: cannot be written ({reason}), so training stopped{when}; {rest}.")


def newest(folder: Path) -> Path | None:
    """The checkpoint in a folder that was written last."""
    files = [file for file in folder.glob("*.ckpt") if file.is_file()]
    return max(files, key=lambda file: (file.stat().st_mtime_ns, file.name == "last.ckpt"), default=None)


class CheckpointFiles(TorchCheckpointIO):
    """How Lightning writes and reads checkpoints here."""

    restoring = False  # whether a run is being put back to where its checkpoint was written

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Writes a file that appears whole.

        Raises:
            GazeError: There is no place for it.
        """
        if "://" in str(path):
            super().save_checkpoint(checkpoint, path, storage_options)
            return
        content, target = io.BytesIO(), Path(path)
        torch.save(checkpoint, content)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(target) as file:
                file.write(content.getbuffer())
        except OSError as error:
            when = f" in epoch {checkpoint.get('epoch')} after step {checkpoint.get('global_step')}"
            raise unwritable(error, target, newest(target.parent), when) from error

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        """Reads one, and runs nothing that is in it."""
        del map_location, weights_only
        self.restoring = True
        return weights.read_checkpoint(Path(path))
