"""Convolution whose gradients are right, and quick, on a CPU in bfloat16, too.

oneDNN has no kernel for some gradients of depth-wise convolutions in bfloat16 and takes a reference loop instead: for
5 x 5 weights, and for inputs with stride 2. Those are taken in float32 here. And its gradient of dilated weights is
wrong, or not a number, where maps lie channels last (torch 2.13; `tests/saliency/layers/test_cpu_convolution.py` shows
it): there they are laid out channels first. All other gradients, and the convolution itself, stay as they are.
`python tests/bench/bench_depthwise.py` prints what is gained.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import conv2d


class _Convolution(torch.autograd.Function):
    """`conv2d(x, weight, None, stride, padding, dilation, groups)` in bfloat16 on a CPU."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int, padding: int, dilation: int, groups: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.options = ([stride] * 2, [padding] * 2, [dilation] * 2, False, [0, 0], groups)
        return conv2d(x, weight, None, stride, padding, dilation, groups)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        (gradient,) = gradients
        stride, _, dilation, _, _, groups = ctx.options
        dtypes = [x.dtype, x.dtype]
        if groups > 1:
            dtypes = [
                torch.float32 if stride[0] > 1 else x.dtype,
                torch.float32 if weight.shape[-1] > 3 else x.dtype,
            ]
        found: list[Tensor | None] = [None, None]
        for place, dtype in enumerate(dtypes):
            if ctx.needs_input_grad[place]:
                mask = [place == 0, place == 1, False]
                parts = [part.to(dtype) for part in (gradient, x, weight)]
                if place == 1 and dilation[0] > 1:
                    parts = [part.contiguous() for part in parts]
                grads = torch.ops.aten.convolution_backward(*parts, None, *ctx.options, mask)
                found[place] = grads[place].to(x.dtype)
        return found[0], found[1], None, None, None, None


def convolution(
    x: Float[Tensor, "b c h w"],
    weight: Float[Tensor, "d e k k"],
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> Float[Tensor, "b d g v"]:
    """The convolution without a bias; depth-wise where there is a group for each channel."""
    if (groups > 1 or dilation > 1) and x.device.type == "cpu" and torch.is_grad_enabled():
        if torch.is_autocast_enabled("cpu"):
            x = x.to(torch.get_autocast_dtype("cpu"))
        if x.dtype == torch.bfloat16:
            y: Tensor = _Convolution.apply(  # type: ignore[no-untyped-call]
                x, weight.to(x.dtype), stride, padding, dilation, groups
            )
            return y
    return conv2d(x, weight, None, stride, padding, dilation, groups)


class ReluConvolution(nn.Conv2d):
    """A convolution of odd size that keeps the size of its input, and a ReLU."""

    def __init__(self, inside: int, outside: int, kernel: int = 3, dilation: int = 1) -> None:
        super().__init__(inside, outside, kernel, padding=kernel // 2 * dilation, dilation=dilation)

    def forward(self, x: Float[Tensor, "b c g v"]) -> Float[Tensor, "b d g v"]:
        """The map of the same size."""
        assert self.bias is not None
        y = convolution(x, self.weight, 1, int(self.padding[0]), self.dilation[0])
        return torch.relu(y + self.bias.to(y.dtype)[:, None, None])
