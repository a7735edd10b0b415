"""A network is sketched before it is built: its shapes without memory, held against the tensors that a file has.

What a file says of a network was written by somebody else. A width of a billion, a layer count of a billion or a width
that its tensors do not have is found on torch's device "meta", where tensors have shapes and no bytes.
"""

import logging
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from data.errors import ModelError

logger = logging.getLogger(__name__)

LARGEST = 1 << 16  # of the whole numbers among a network's arguments
MOST_VALUES = 10_000  # in the arguments, at any depth
MOST_BUFFERS = 1 << 26  # bytes of what a network computes when it is built, and keeps


def check_numbers(arguments: Mapping[str, Any]) -> None:
    """Refuses arguments with a number that no network has.

    Raises:
        ModelError: A whole number is negative or too large, a number is not finite, or there are too many values.
    """
    for name, value in arguments.items():
        whole = isinstance(value, int) and not isinstance(value, bool)
        if (whole and not 0 <= value <= LARGEST) or (isinstance(value, float) and not math.isfinite(value)):
            said = value if isinstance(value, float) or abs(value) < 10**12 else "beyond 10^12"
            raise ModelError(
                f"The file's {str(name)[:80]!r} is {said}, but should be from 0 to {LARGEST}; give a file that gaze "
                "wrote."
            )
    if sum(1 for _ in zip(_values(arguments), range(MOST_VALUES + 1), strict=False)) > MOST_VALUES:
        raise ModelError(f"The file's arguments hold more than {MOST_VALUES} values; give a file that gaze wrote.")


def _values(tree: Any) -> Iterator[Any]:
    """Every value in lists and tables within each other, one after the other."""
    left = [tree]
    while left:
        value = left.pop()
        yield value
        if isinstance(value, Mapping):
            left += value.values()
        elif isinstance(value, list | tuple | set):
            left += value


def check(make: Callable[[], nn.Module], state: Mapping[str, Tensor]) -> None:
    """Refuses a network whose weights are not those of `state`, before memory is taken for it.

    Raises:
        ModelError: A weight is missing or has another shape, or the network has more weights, or keeps too much.
    """
    registered = 0

    def count(*_: Any) -> None:
        nonlocal registered
        registered += 1
        if registered > 2 * len(state) + 100:
            raise ModelError(
                f"The file describes a network of many more weights than its {len(state)}; give a file that gaze wrote."
            )

    handle = register_module_parameter_registration_hook(count)
    try:
        with warnings.catch_warnings(), torch.device("meta"):
            warnings.simplefilter("ignore")
            network = make()
    except (NotImplementedError, RuntimeError) as error:
        if "meta" in str(error):  # a network that computes with numbers when it is built: it is compared then
            logger.debug("cannot be sketched", exc_info=True)
            return
        raise
    finally:
        handle.remove()
    held = network.state_dict()
    compare(held, state)
    kept = chain(network.named_buffers(), network.named_parameters())
    if sum(value.numel() * value.element_size() for name, value in kept if name not in held) > MOST_BUFFERS:
        raise ModelError("The file describes a network that would take too much memory; give a file that gaze wrote.")


def compare(held: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> None:
    """Refuses weights `state` of a file that are not those that a network holds.

    Raises:
        ModelError: A weight is missing, has another shape, or is none of the network's.
    """
    if wrong := misfits(held, state):
        raise ModelError(
            f"The file's weights do not fit this network (first: {wrong[0]}), which its arguments describe; "
            "give a file that gaze wrote."
        )
    if more := sorted(set(state) - set(held)):
        raise ModelError(
            f"The file has weights that the network of its arguments lacks (first: {more[0][:80]}); give a file that "
            "gaze wrote."
        )


def misfits(own: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> list[str]:
    """The names of a network's weights that `state` lacks, or has in another shape."""
    return sorted(name for name in own if name not in state or state[name].shape != own[name].shape)
