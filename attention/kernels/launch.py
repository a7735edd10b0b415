"""What every kernel is told of the machine: where it starts, and how exactly it multiplies."""

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
