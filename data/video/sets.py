"""A set of clips, whatever its layout: made of still pictures where it is a set in the table format."""

from dataclasses import dataclass
from pathlib import Path

from data.video.clips import GazeClip
from data.video.made import clips


@dataclass
class VideoSet:
    """The clips of a set by split."""

    name: str
    layout: str
    splits: dict[str, list[GazeClip]]


def open_set(root: Path, layout: str | None = None) -> VideoSet:
    """The clips made of a still set."""
    return VideoSet(root.resolve().name, layout or "made", {name: [*part] for name, part in clips(root).items()})
