"""What of a set is evaluated: a split of it, or all; of many so many, evenly spread."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from data.errors import GazeError

Item = TypeVar("Item")


def chosen(
    splits: Mapping[str, Sequence[Item]], root: Path, split: str, limit: int | None, nothing: str
) -> tuple[list[Item], int]:
    """The items of a split; of more than `limit` so many, evenly spread. And how many there are.

    Raises:
        GazeError: There is no such split, or it holds `nothing`.
    """
    if split not in (*splits, "all"):
        raise GazeError(f"{root}: no split {split!r}; choose one of: {', '.join([*splits, 'all'])}.")
    items = [item for name, each in splits.items() if split in (name, "all") for item in each]
    if not items:
        raise GazeError(f"{root}: the split {split!r} holds {nothing}; choose another one (--split).")
    count = len(items) if limit is None else min(limit, len(items))
    return [items[math.floor(k * len(items) / count)] for k in range(count)], len(items)
