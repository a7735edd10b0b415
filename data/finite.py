"""What every score asks of its arguments: finite numbers. The refusal is a ValueError that names the argument."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Num


def extremes(name: str, values: Num[np.ndarray, "*n"]) -> tuple[Any, Any]:
    """The least and the greatest of some numbers, of which there is at least one.

    Raises:
        ValueError: One of them is NaN or infinite.

    >>> extremes("prediction", np.array([2, 1, 3]))
    (np.int64(1), np.int64(3))
    """
    low, high = values.min(), values.max()
    if np.isnan(low) or np.isnan(high):
        raise ValueError(f"{name} holds NaN.")
    if np.isinf(low) or np.isinf(high):
        raise ValueError(f"{name} holds an infinite value.")
    return low, high


def check(**arguments: Any) -> None:
    """Refuses NaN and infinity in numbers, arrays, and sequences of them.

    Raises:
        ValueError: An argument holds one of them.
    """
    for name, value in arguments.items():
        for values in _floats(value):
            if values.size:
                extremes(name, values)


def check_where_known(**arguments: Any) -> None:
    """Refuses infinity in the same and in paths (`xy` and `duration`); NaN stands for what is unknown.

    Raises:
        ValueError: An argument holds an infinite number.
    """
    for name, value in arguments.items():
        if any(np.isinf(values).any() for values in _floats(value)):
            raise ValueError(f"{name} holds an infinite value.")


def _floats(value: Any) -> Iterator[Num[np.ndarray, "*n"]]:
    """The floating-point numbers in an argument: a number, an array, a path, or a list of them or of pairs of them."""
    items = value if isinstance(value, list | tuple) else [value]
    if items and isinstance(items[0], list | tuple):
        items = list(itertools.chain.from_iterable(items))
    if items and hasattr(items[0], "xy"):
        items = [part for path in items for part in (path.xy, path.duration)]
    arrays = [item.ravel() for item in items if isinstance(item, np.ndarray) and item.dtype.kind == "f"]
    numbers = [item for item in items if isinstance(item, float | np.floating)]
    if arrays:
        yield arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
    if numbers:
        yield np.array(numbers)
