"""How an operator is held against its formula: dtypes, odd sizes, strides, and a tolerance that is derived."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

SIZES = (1, 16, 17, 63, 100)
DTYPES = (torch.float32, torch.float16, torch.bfloat16)
How = Callable[..., Tensor]


def draw(*shape: int, seed: int = 0) -> Tensor:
    """Standard normal numbers, the same in every run."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed + 7919 * sum(shape)))


def qkv(n: int, m: int | None = None, b: int = 2, heads: int = 3, d: int = 5) -> dict[str, Tensor]:
    """Queries, and keys and values of `m` tokens, or as many."""
    sizes = {"q": n, "k": n if m is None else m, "v": n if m is None else m}
    return {name: draw(b, heads, size, d, seed=i) for i, (name, size) in enumerate(sizes.items(), start=3)}


def alike(*shape: int) -> dict[str, Tensor]:
    """Queries, keys and values of one shape."""
    return {name: draw(*shape, seed=seed) for seed, name in enumerate("qkv")}


def output(operator: Callable[..., Any]) -> How:
    """The operator, asked for no weights."""

    def seen(*args: Any, **kwargs: Any) -> Tensor:
        out = operator(*args, **kwargs)
        assert isinstance(out, Tensor)
        return out

    return seen


def strided(x: Tensor) -> Tensor:
    """The same numbers with gaps between them, and the two last axes swapped in memory."""
    wide = x.new_full((*x.shape[:-2], x.shape[-1], x.shape[-2] * 2), float("nan") if x.is_floating_point() else 0)
    wide[..., ::2] = x.transpose(-2, -1)
    return wide[..., ::2].transpose(-2, -1)


def results(how: How, inputs: Mapping[str, Tensor], others: Mapping[str, object]) -> dict[str, Tensor]:
    """The output, and the gradient of a fixed random sum of it to each of the inputs."""
    leaves = {name: x.detach().requires_grad_() for name, x in inputs.items()}
    out = how(**leaves, **others)
    (out * draw(*out.shape, seed=1).to(out)).sum().backward()
    found = {"out": out.detach()}
    return found | {f"gradient to {name}": x.grad for name, x in leaves.items() if x.grad is not None}


def assert_errs_little(
    fast: How,
    formula: How,
    inputs: Mapping[str, Tensor],
    others: Mapping[str, object] | None = None,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    gradients: bool = True,
    noncontiguous: bool = False,
) -> None:
    """Asserts that `fast` in `dtype` errs at most twice as much as the plain `formula` in the same dtype.

    Both are compared with the formula in float64 on the same (rounded) numbers: outputs, and gradients to all inputs.
    The floor below which errors do not count is four roundings of the largest true value (or of 1), and in float32 two
    millionths of it: exponentials of fused kernels are no better.
    `inputs` are floating tensors (keyword arguments of both), `others` masks and options.
    """
    others = {k: v.to(device) if isinstance(v, Tensor) else v for k, v in (others or {}).items()}
    rounded = {name: x.to(device, dtype) for name, x in inputs.items()}
    if noncontiguous:
        rounded = {name: strided(x) if x.ndim > 1 else x for name, x in rounded.items()}

    def run(how: How, wanted: torch.dtype) -> dict[str, Tensor]:
        given = {name: x if x.dtype is wanted else x.to(wanted) for name, x in rounded.items()}
        if not gradients:
            with torch.no_grad():
                return {"out": how(**given, **others)}
        return results(how, given, others)

    want, plain, have = run(formula, torch.float64), run(formula, dtype), run(fast, dtype)
    assert have.keys() == want.keys()
    for name, exact in want.items():
        got = have[name]
        assert got.dtype is dtype, f"{name} is {got.dtype}"
        assert got.shape == exact.shape, f"{name} is {tuple(got.shape)}, expected {tuple(exact.shape)}"
        assert got.isfinite().all(), f"{name} is not finite"
        floor = max(4 * torch.finfo(dtype).eps, 2e-6) * max(1.0, exact.abs().max().item() if exact.numel() else 0.0)
        error = (got.double() - exact).abs().max().item() if exact.numel() else 0.0
        twice = 2 * (plain[name].double() - exact).abs().max().item() if exact.numel() else 0.0
        assert error <= twice + floor, f"{name} errs by {error:.2e}, allowed {twice + floor:.2e}"
