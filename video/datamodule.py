"""Batches of `video.dataset`: windows of clips with gaze, from one or several sets."""

import functools
from pathlib import Path
from typing import Any, Literal

from data.errors import GazeError
from data.table.splits import NAMES
from data.video.clips import GazeClip, usable
from data.video.sets import open_set
from saliency import MODELS
from saliency.models.tempsal import TempSAL
from training import weights
from training.augment import Augment
from training.datamodule import SplitFolders, check
from video.dataset import ClipDataset, Render


class ClipData(SplitFolders):
    """One or several sets of clips: videos with gaze, or still sets of which clips are made (`data.video.made`).

    Args:
        root: folders, each in a layout of `data.video.sets`; the folder's name names the viewing condition.
        layout: of the folders, where it is not to be found by looking at them.
        still: weights of the still network that a video network builds on; null: it builds on none.
        canvas: height and width of the letterboxed frames.
        stride: pixels per cell of the training maps.
        frames: of a window.
        frame_strides: how many frames of the clip lie between two of a window; one of these is drawn for each window.
        augment: moves all frames of a window and their gaze together; null trains on them as they are.
        any_share: share of training windows shown as condition "any", the one used for unknown videos.
        batch_size: windows per step.
        workers: loader processes.
        seed: of order and augmentation.
        changed: "ok" resumes a run on other data than it began with; "no" says what changed and stops.
    """

    nothing = "no clip"

    def __init__(  # noqa: PLR0913 - the options of a command line
        self,
        root: str | list[str],
        layout: str | None = None,
        still: str | None = "export/weights/tempsal-fast.safetensors",
        canvas: tuple[int, int] = (192, 256),
        stride: int = 4,
        frames: int = 16,
        frame_strides: tuple[int, ...] = (1,),
        augment: Augment | None = None,
        any_share: float = 0.3,
        batch_size: int = 4,
        workers: int = 1,
        seed: int = 0,
        changed: Literal["no", "ok"] = "no",
    ) -> None:
        super().__init__()
        self.changed = changed
        self.roots = [Path(r) for r in ([root] if isinstance(root, str) else root)]
        self._check_names()
        check(
            {
                "canvas": (canvas, "of two sides that are multiples of 32", all(s > 0 and s % 32 == 0 for s in canvas)),
                "stride": (stride, "1 or 4", stride in (1, 4)),
                "frames": (frames, "at least 2", frames >= 2),
                "frame_strides": (frame_strides, "1 or more each", bool(frame_strides) and min(frame_strides) >= 1),
                "any_share": (any_share, "between 0 and 1", 0 <= any_share <= 1),
                "batch_size": (batch_size, "at least 1", batch_size >= 1),
            }
        )
        self.layout, self.still, self.canvas, self.stride = layout, still, canvas, stride
        self.frames, self.frame_strides, self.augment = frames, tuple(frame_strides), augment
        self.any_share, self.batch_size, self.workers, self.seed = any_share, batch_size, workers, seed
        self.sets: dict[str, ClipDataset] = {}

    @functools.cached_property
    def still_arguments(self) -> dict[str, Any]:
        """How the still network is built; {} where there is none.

        Raises:
            ModelError: The file is missing or damaged.
            GazeError: Its network is no tempsal.
        """
        if self.still is None:
            return {}
        network = weights.load(Path(self.still), MODELS)
        if not isinstance(network, TempSAL):
            raise GazeError(f"data.still: {self.still} is no tempsal; name the weights of one.")
        return {"conditions": [], **network.arguments}

    @property
    def network_conditions(self) -> list[str]:
        """The viewing conditions that the network is built with: the still network's, or the folders' names."""
        return self.conditions if self.still is None else list(self.still_arguments["conditions"])

    def setup(self, stage: str | None = None) -> None:
        """Opens the sets; frames are decoded when they are needed.

        Raises:
            GazeError: A folder is no set of clips, or none of its clips can be used.
        """
        if self.sets:
            return
        parts: dict[str, list[tuple[GazeClip, int]]] = {split: [] for split in NAMES}
        known = self.network_conditions
        for root, name in zip(self.roots, self.conditions, strict=True):
            condition = 1 + known.index(name) if name in known else 0
            for split, clips in open_set(root, self.layout).splits.items():
                if clips and split in parts:
                    kept = usable(clips, f"{root} ({split})", none=split != "train")
                    parts[split].extend((clip, condition) for clip in kept)
        parts["val"] = parts["val"] or parts["train"]
        for split, pairs in parts.items():
            train = split == "train"
            render = Render(
                canvas=self.canvas,
                stride=self.stride,
                frames=self.frames,
                frame_strides=self.frame_strides if train else self.frame_strides[:1],
                augment=self.augment if train else None,
                seed=self.seed,
                any_share=self.any_share if train else 0.0,
            )
            self.sets[split] = ClipDataset([clip for clip, _ in pairs], [number for _, number in pairs], render)

    def _content(self) -> dict[str, list[tuple[str, tuple[()]]]]:
        """Of each split the names of its clips."""
        self.setup()
        return {split: [(clip.name, ()) for clip in part.clips] for split, part in self.sets.items()}
