"""What every score asks of its arguments: finite numbers. The refusal is a ValueError that names the argument."""

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
    """The floating-point numbers in an argument."""
    if hasattr(value, "xy"):
        value = (value.xy, value.duration)
    if isinstance(value, list | tuple):
        for item in value:
            yield from _floats(item)
    elif isinstance(value, float | np.ndarray | np.floating):
        values = np.asarray(value)
        if values.dtype.kind == "f":
            yield values
