"""Which parts of tempsal-video matter? Each is left out, the rest trained alike, and compared on held-out made clips.

    python tests/bench/ablation_video.py FOLDER... [--windows 240] [--epochs 3] [--parts memory window motion]
    python tests/bench/ablation_video.py FOLDER... --trained export/weights/tempsal-video.safetensors

Windows of made clips (`data.video.made`) of the folders' train pictures are looked at once by the frozen still network;
then the network with everything, and with each part left out, are trained on the same windows in the same order, with
the same seed. Scores are NSS and CC of the later half of each window of the folders' val clips, on the canvas' cells;
differences from the whole network are paired by window, with 95 % intervals (percentile bootstrap). A training of the
recipe's length is longer; the differences are of short ones. With `--trained` nothing is trained: parts of a trained
network are switched off while it predicts, which tells what it has come to rely on.
"""

import argparse
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import default_collate

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from evaluation.bootstrap import bootstrap
from saliency import losses
from training import weights
from video import MODELS
from video.datamodule import ClipData
from video.layers.memory import empty
from video.models.tempsal_video import Look, TempSALVideo
from video.task import VideoTask

LEFT_OUT: dict[str, dict[str, Any]] = {
    "everything": {},
    "memory": {"memory": False},
    "window": {"window": 1},
    "motion": {"motion": False},
}
RATE = 3e-3
CELL = 4  # canvas pixels


@dataclass
class Seen:
    """A window, as the still network sees it, in half precision."""

    look: Look
    rest: dict[str, Tensor]

    @property
    def whole(self) -> Look:
        """In full precision."""
        return Look(*(part.float() for part in self.look))


def network(data: ClipData, seed: int, options: dict[str, Any]) -> tuple[TempSALVideo, VideoTask]:
    """The network on its still network, and the task that trains it."""
    torch.manual_seed(seed)
    made = TempSALVideo(data.network_conditions, data.still_arguments, **options)
    task = VideoTask(made, still=data.still)
    task.log = lambda *_, **__: None  # type: ignore[method-assign]
    return made, task


def looked(made: TempSALVideo, data: ClipData, split: str, count: int) -> list[Seen]:
    """So many windows of a split, as the still network sees them."""
    found, part = [], data.sets[split]
    for number in range(count):
        batch = default_collate([part[number // len(part), number % len(part)]])
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            clip = batch.pop("picture")
            look = made.eval().look(clip.flatten(0, 1))
        rest = {name: values for name, values in batch.items() if values.dtype != torch.uint8}
        found.append(Seen(Look(*(each.half().unflatten(0, clip.shape[:2]) for each in look)), rest))  # type: ignore[no-untyped-call]
    return found


def answered(made: TempSALVideo, seen: Seen) -> Tensor:
    """Log densities of a window's frames."""
    look, rest = seen.whole, seen.rest
    state = empty(made.memory, len(look.maps), [CELL * side for side in look.maps.shape[-2:]])
    return made.remember(look, rest["content"], rest["condition"], rest["step_s"], state, CELL)[0]


def batches(windows: list[Seen], epochs: int, size: int) -> Iterator[Seen]:
    """The windows in the same order for every network."""
    for epoch in range(epochs):
        order = np.random.default_rng(epoch).permutation(len(windows))
        for start in range(0, len(order) - size + 1, size):
            some = [windows[number] for number in order[start : start + size]]
            look = Look(*(torch.cat(parts) for parts in zip(*(each.look for each in some), strict=True)))
            yield Seen(look, {name: torch.cat([each.rest[name] for each in some]) for name in some[0].rest})


def train(made: TempSALVideo, task: VideoTask, windows: list[Seen], epochs: int, size: int) -> None:
    """As the recipe does, over fewer windows."""
    parameters = [parameter for parameter in made.parameters() if parameter.requires_grad]
    optimizer = AdamW(parameters, RATE, weight_decay=0.02)
    steps = epochs * (len(windows) // size)
    schedule = OneCycleLR(optimizer, RATE, total_steps=steps, pct_start=0.1, cycle_momentum=False)
    task.train()
    for seen in batches(windows, epochs, size):
        keep = seen.rest["valid"]
        arguments = (answered(made, seen)[keep], seen.rest["density"][keep], seen.rest["counts"][keep])
        total = torch.stack([weight * loss(*arguments).mean() for loss, weight in task.losses]).sum()
        optimizer.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()


def scores(made: TempSALVideo | None, windows: list[Seen], still: TempSALVideo) -> np.ndarray:
    """NSS and CC of each window's later half; without a network those of the still one, frame by frame."""
    found = []
    for seen in windows:
        half = seen.rest["valid"].shape[1] // 2
        with torch.no_grad():
            if made is None:
                look, rest = seen.whole, seen.rest
                count = look.maps.shape[1]
                each = (rest["content"].repeat_interleave(count, 0), rest["condition"].repeat_interleave(count, 0))
                log_p = still.still.finish(look.maps.flatten(0, 1)[:, :1], *each, 4)[0][None]
            else:
                log_p = answered(made.eval(), seen)
        keep = seen.rest["valid"][:, half:]
        arguments = [values[:, half:][keep] for values in (log_p, seen.rest["density"], seen.rest["counts"])]
        found.append([-float(losses.nss(*arguments).mean()), 1 - float(losses.cc(*arguments).mean())])
    return np.array(found)


def switched_off(path: Path, part: str) -> TempSALVideo:
    """A trained network without one of its parts."""
    made = weights.load(path, MODELS)
    assert isinstance(made, TempSALVideo)
    made.with_memory, made.with_motion = part != "memory", part != "motion"
    made.window = 1 if part == "window" else made.window
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("roots", nargs="+")
    parser.add_argument("--windows", type=int, default=240, help="of training")
    parser.add_argument("--held-out", type=int, default=72, help="windows of val clips")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--parts", nargs="+", default=[*LEFT_OUT][1:], choices=[*LEFT_OUT][1:])
    parser.add_argument("--trained", type=Path, metavar="WEIGHTS", help="switch parts of these off")
    args = parser.parse_args()
    warnings.filterwarnings("ignore", message="Converting a tensor")
    data = ClipData(args.roots, frames=args.frames, batch_size=args.batch, workers=0, seed=args.seed)
    data.setup()
    still, _ = network(data, 0, {})
    held_out = looked(still, data, "val", args.held_out)
    windows = [] if args.trained else looked(still, data, "train", args.windows)
    frame_wise = scores(None, held_out, still)
    trained = f"{args.trained}" if args.trained else f"{args.windows} windows, {args.epochs} epochs"
    print(f"{trained}; {len(held_out)} held-out windows of {args.frames} frames")
    print(f"{'frame by frame':20} NSS {frame_wise[:, 0].mean():.3f}  CC {frame_wise[:, 1].mean():.4f}", flush=True)
    whole = None
    for name in ("everything", *args.parts):
        begun = time.perf_counter()
        if args.trained:
            made = switched_off(args.trained, name)
        else:
            made, task = network(data, args.seed, LEFT_OUT[name])
            train(made, task, windows, args.epochs, args.batch)
        mine = scores(made, held_out, still)
        whole = mine if whole is None else whole
        words = []
        for against, label in ((frame_wise, "frame by frame"), (whole, "everything")):
            if against is not mine:
                nss, cc = (bootstrap(mine[:, column] - against[:, column]) for column in (0, 1))
                words.append(f"against {label} NSS {nss[0]:+.3f} [{nss[1]:+.3f}, {nss[2]:+.3f}] CC {cc[0]:+.4f}")
        title = name if name == "everything" else f"without {name}"
        print(f"{title:20} NSS {mine[:, 0].mean():.3f}  CC {mine[:, 1].mean():.4f}  {'; '.join(words)}", end="")
        print(f"  ({time.perf_counter() - begun:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
