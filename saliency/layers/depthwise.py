"""Depth-wise convolution whose gradients are quick on a CPU in bfloat16, too.

oneDNN has no kernel for some gradients of depth-wise convolutions in bfloat16 and takes a reference loop instead: for
5 x 5 weights, and for inputs with stride 2. Those are taken in float32 here; all others, and the convolution itself,
stay as they are. `python tests/bench/bench_depthwise.py` prints what is gained.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import conv2d


class _Depthwise(torch.autograd.Function):
    """`conv2d(x, weight, stride=stride, padding=padding, groups=channels)` in bfloat16 on a CPU."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.options = ([stride] * 2, [padding] * 2, [1, 1], False, [0, 0], x.shape[1])
        return conv2d(x, weight, None, stride, padding, 1, x.shape[1])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        x, weight = ctx.saved_tensors
        (gradient,) = gradients
        strided, large = ctx.options[0][0] > 1, weight.shape[-1] > 3
        dtypes = (torch.float32 if strided else x.dtype, torch.float32 if large else x.dtype)
        found: list[Tensor | None] = [None, None]
        for place, dtype in enumerate(dtypes):
            if ctx.needs_input_grad[place]:
                mask = [place == 0, place == 1, False]
                parts = (gradient.to(dtype), x.to(dtype), weight.to(dtype))
                grads = torch.ops.aten.convolution_backward(*parts, None, *ctx.options, mask)
                found[place] = grads[place].to(x.dtype)
        return found[0], found[1], None, None


def depthwise(
    x: Float[Tensor, "b c h w"], weight: Float[Tensor, "c 1 k k"], stride: int, padding: int
) -> Float[Tensor, "b c g v"]:
    """The convolution of each channel with its own kernel."""
    if x.device.type == "cpu" and x.dtype == torch.bfloat16 and torch.is_grad_enabled():
        y: Tensor = _Depthwise.apply(x, weight.to(x.dtype), stride, padding)  # type: ignore[no-untyped-call]
        return y
    return conv2d(x, weight, None, stride, padding, 1, x.shape[1])
