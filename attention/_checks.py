"""What every operator asks of its arguments, and which implementation it takes."""

from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from typing import Literal

import torch
from torch import Tensor

Shaped = tuple[Tensor | None, str]  # an argument and its letters
Given = Mapping[str, Shaped]
Impl = Literal["auto", "reference", "triton"]
DTYPES = (torch.float32, torch.float16, torch.bfloat16)  # of the Triton twins


def fit(like: Given, others: Given | None = None, **masks: Shaped) -> None:
    """Raises unless all `shapes` fit, those in `like` are `alike`, and the masks are boolean."""
    shapes({**like, **(others or {}), **masks})
    alike(**{name: x for name, (x, _) in like.items() if x is not None})
    truth(**{name: mask for name, (mask, _) in masks.items()})


def same(letters: str, **tensors: Tensor | None) -> dict[str, Shaped]:
    """Tensors of one shape, as `shapes` takes them."""
    return {name: (x, letters) for name, x in tensors.items()}


def sequences(q: Tensor, k: Tensor, v: Tensor) -> dict[str, Shaped]:
    """Queries, and as many keys as values, as `shapes` takes them."""
    return {"q": (q, "b heads n d")} | same("b heads m d", k=k, v=v)


def shapes(given: Given) -> dict[str, int]:
    """What each letter stands for; an argument that does not fit raises with its name, its shape and what was expected.

    `given` maps a name to the argument and its letters. After `#` also 1 fits; a number is itself; None fits.

    >>> shapes({"q": (torch.zeros(2, 3), "n d"), "k": (torch.zeros(5, 3), "m d")})
    {'n': 2, 'd': 3, 'm': 5}
    >>> shapes({"q": (torch.zeros(2, 3), "n d"), "k": (torch.zeros(5, 4), "m d")})
    Traceback (most recent call last):
    ValueError: k is (5, 4); it must be (m, d) with d = 3.
    """
    sizes: dict[str, int] = {}
    for name, (tensor, letters) in given.items():
        if tensor is None:
            continue
        axes = letters.split()
        wrong = tensor.ndim != len(axes)
        for size, axis in zip(tensor.shape, axes, strict=False):
            letter = axis.removeprefix("#")
            if axis.startswith("#") and size == 1:
                continue
            wrong = wrong or size != (int(letter) if letter.isdigit() else sizes.get(letter, size))
        if wrong:
            raise ValueError(f"{name} is {tuple(tensor.shape)}; it must be {_expected(axes, sizes)}.")
        sizes |= {axis: size for axis, size in zip(axes, tensor.shape, strict=True) if axis.isalpha()}
    return sizes


def _expected(axes: list[str], sizes: dict[str, int]) -> str:
    letters = [axis.removeprefix("#") for axis in axes]
    given = ", ".join(f"{letter} = {sizes[letter]}" for letter in dict.fromkeys(letters) if letter in sizes)
    spelled = ", ".join(f"{axis[1:]} or 1" if axis.startswith("#") else axis for axis in axes)
    return f"({spelled})" + (f" with {given}" if given else "")


def alike(**tensors: Tensor) -> None:
    """Raises unless all are floating point of one dtype, and on one device.

    >>> alike(q=torch.zeros(1), k=torch.zeros(1, dtype=torch.float16))
    Traceback (most recent call last):
    ValueError: k is torch.float16 on cpu; it must be as q, torch.float32 on cpu.
    """
    (first, like), *others = tensors.items()
    if not like.is_floating_point():
        raise ValueError(f"{first} is {like.dtype}; it must be a floating point tensor.")
    for name, x in others:
        if (x.dtype, x.device) != (like.dtype, like.device):
            raise ValueError(
                f"{name} is {x.dtype} on {x.device}; it must be as {first}, {like.dtype} on {like.device}."
            )


def truth(**masks: Tensor | None) -> None:
    """Raises unless the masks are boolean: true where a key may be seen."""
    for name, mask in masks.items():
        if mask is not None and mask.dtype is not torch.bool:
            raise ValueError(f"{name} is {mask.dtype}; it must be torch.bool, true where a key may be seen.")


def triton(impl: Impl, q: Tensor, possible: bool = True) -> bool:
    """Whether the Triton twin is to compute: asked for, or chosen by `auto` for CUDA tensors that it takes.

    `possible` is false where the twin lacks something that this call needs; then `auto` takes the reference.
    A named implementation is used or fails, never replaced.
    """
    if impl not in ("auto", "reference", "triton"):
        raise ValueError(f"impl is {impl!r}; it must be 'auto', 'reference' or 'triton'.")
    if impl == "auto":
        return q.is_cuda and possible and q.dtype in DTYPES and _installed()
    if impl == "triton":
        if not possible:
            raise ValueError("impl='triton' cannot do this: only impl='reference' can, as the operator says.")
        if q.dtype not in DTYPES:
            raise ValueError(f"q is {q.dtype}; the Triton twin takes float32, float16 and bfloat16.")
    return impl == "triton"


@cache
def _installed() -> bool:
    return find_spec("triton") is not None
