"""Convolutions in bfloat16 on a CPU have the gradients of float32, but for the rounding of their result."""

import itertools

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d

from saliency.layers.cpu_convolution import ReluConvolution, convolution

ROUNDED = 2**-8  # of a number, at most, in bfloat16
CASES = [  # channels in and out, groups, kernel, stride, dilation
    *((16, 16, 16, kernel, stride, 1) for kernel, stride in itertools.product((3, 5), (1, 2))),
    *((16, 16, 16, kernel, 1, dilation) for kernel, dilation in itertools.product((3, 5), (2, 4))),
    (3, 8, 1, 3, 1, 2),
    (32, 48, 1, 3, 1, 4),
    (64, 64, 1, 3, 1, 12),
    (32, 48, 1, 1, 1, 1),
    (32, 48, 1, 3, 1, 1),
    (64, 32, 4, 3, 1, 2),
]
LAYOUTS = [torch.contiguous_format, torch.channels_last]


def gradients(x: Tensor, weight: Tensor, upstream: Tensor, *options: int) -> list[Tensor]:
    """Of the sum of the convolution times `upstream`."""
    inputs = [each.detach().clone(memory_format=torch.preserve_format).requires_grad_() for each in (x, weight)]
    (convolution(inputs[0], inputs[1], *options) * upstream).float().sum().backward()
    found = [each.grad for each in inputs]
    assert all(each is not None for each in found)
    return found  # type: ignore[return-value]


@pytest.mark.parametrize("layout", LAYOUTS, ids=["channels first", "channels last"])
@pytest.mark.parametrize(("inside", "outside", "groups", "kernel", "stride", "dilation"), CASES)
def test_gradients_in_bfloat16_are_those_of_float32(
    inside: int, outside: int, groups: int, kernel: int, stride: int, dilation: int, layout: torch.memory_format
) -> None:
    torch.manual_seed(0)
    padding = kernel // 2 * dilation
    options = (stride, padding, dilation, groups)
    x = torch.randn(2, inside, 13, 17).bfloat16().to(memory_format=layout)
    weight = torch.randn(outside, inside // groups, kernel, kernel).bfloat16().to(memory_format=layout)
    shape = conv2d(x, weight, None, *options).shape
    upstream = torch.randn(shape).bfloat16().to(memory_format=layout)
    wanted = gradients(x.float(), weight.float(), upstream.float(), *options)
    found = gradients(x, weight, upstream, *options)
    for want, got in zip(wanted, found, strict=True):
        assert got.dtype == torch.bfloat16
        assert (got.float() - want).norm() <= ROUNDED * want.norm()


@pytest.mark.parametrize("layout", LAYOUTS, ids=["channels first", "channels last"])
def test_under_autocast_weights_in_float32_have_gradients_in_float32(layout: torch.memory_format) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 32, 12, 16).to(memory_format=layout)
    weight = torch.randn(32, 32, 3, 3).to(memory_format=layout)
    upstream = torch.randn(2, 32, 12, 16).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        found = gradients(x, weight, upstream, 1, 4, 4)
    wanted = gradients(x.bfloat16().float(), weight.bfloat16().float(), upstream.float(), 1, 4, 4)
    for want, got in zip(wanted, found, strict=True):
        assert got.dtype == torch.float32
        assert (got - want).norm() <= ROUNDED * want.norm()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("kernel", "dilation"), [(1, 1), (3, 1), (3, 4), (5, 2)])
def test_a_relu_convolution_keeps_the_size_and_is_torchs_own(dtype: torch.dtype, kernel: int, dilation: int) -> None:
    torch.manual_seed(0)
    layer = ReluConvolution(6, 8, kernel, dilation)
    x = torch.randn(2, 6, 9, 14)
    with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        found = layer(x)
    assert found.shape == (2, 8, 9, 14)
    assert found.dtype == dtype
    wanted = torch.relu(conv2d(x, layer.weight, layer.bias, 1, kernel // 2 * dilation, dilation))
    assert (found.float() - wanted).norm() <= (1e-6 if dtype == torch.float32 else 3 * ROUNDED) * wanted.norm()


def test_only_what_needs_a_gradient_gets_one() -> None:
    x = torch.randn(1, 4, 6, 6).bfloat16()
    weight = torch.randn(4, 4, 3, 3).bfloat16().requires_grad_()
    convolution(x, weight, 1, 2, 2).float().sum().backward()
    assert weight.grad is not None
    assert x.grad is None
