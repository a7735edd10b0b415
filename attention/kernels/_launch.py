"""The arguments that all kernels share: where a program starts, precision, tensors, and their types ahead of time."""

import os
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor


def on(x: Tensor) -> AbstractContextManager[Any]:
    """Triton starts kernels on the current device: that of `x`."""
    return torch.cuda.device_of(x)


def products(x: Tensor) -> dict[str, Any]:
    """float32 is rounded to tf32 only where torch's products are, too; the interpreter's of bfloat16 are wrong."""
    return {
        "PRECISION": "tf32" if torch.backends.cuda.matmul.fp32_precision == "tf32" else "ieee",
        "WIDEN": x.dtype is torch.bfloat16 and os.environ.get("TRITON_INTERPRET") == "1",
    }


def strided(**tensors: Tensor | None) -> dict[str, Any]:
    """The tensors, and the strides of each under its name with `_s`."""
    return tensors | {f"{name}_s": None if x is None else x.stride() for name, x in tensors.items()}


KINDS = dict.fromkeys(("heads", "n", "h", "w", "d"), "i32") | {"scale": "fp32", "lse": "*fp32", "delta": "*fp32"}


def signature(kernel: Any, element: str, axes: int, **kinds: Any) -> dict[str, Any]:
    """What a kernel is given, for compiling it ahead of time: tensors of so many axes, and what `kinds` says otherwise.

    Constants have names in capitals.
    """
    types = KINDS | kinds

    def of(name: str) -> Any:
        if name.isupper():
            return "constexpr"
        return types.get(name, ("i32",) * axes if name.endswith("_s") else f"*{element}")

    return {name: of(name) for name in kernel.arg_names}
