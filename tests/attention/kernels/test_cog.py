"""The signed kernel against its formula with all weights in memory: outputs, gradients, masks, odd sizes, strides."""

import pytest
import torch
from torch import Tensor

from tests.proof import DTYPES, SIZES, assert_errs_little, draw

pytestmark = pytest.mark.usefixtures("poison")


def kernel(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    from attention.kernels.cog import forward

    return forward(q, k, v, mask)


def formula(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    logits = (q * q.shape[-1] ** -0.5) @ k.mT
    size = logits.abs()
    if mask is not None:
        size = torch.where(mask, size, -3e4)
    weights = logits.sign() * size.softmax(-1)
    return (weights if mask is None else torch.where(mask, weights, 0)) @ v


def qkv(n: int, m: int, d: int = 24, b: int = 1) -> dict[str, Tensor]:
    """Small values, so that the difference of slopes over a single key, which is 0, is a small rounding too."""
    return {"q": draw(b, 2, n, d), "k": draw(b, 2, m, d, seed=2), "v": draw(b, 2, m, d, seed=3) / 4}


def some(*shape: int) -> Tensor:
    return draw(*shape, seed=4) > -0.5


@pytest.mark.slow
@pytest.mark.parametrize("m", SIZES)
@pytest.mark.parametrize("n", [1, 17])
def test_any_number_of_queries_sees_any_number_of_keys(n: int, m: int, device: str) -> None:
    assert_errs_little(kernel, formula, qkv(n, m), device=device)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
def test_more_than_one_block_of_queries_and_of_keys_in_every_dtype(dtype: torch.dtype, device: str) -> None:
    assert_errs_little(kernel, formula, qkv(100, 100), {"mask": some(1, 1, 100, 100)}, dtype, device)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(2, 1, 1, 37), (1, 2, 1, 37), (2, 1, 33, 1), (2, 2, 33, 37)])
def test_masks_are_broadcast(dtype: torch.dtype, shape: tuple[int, ...], device: str) -> None:
    assert_errs_little(kernel, formula, qkv(33, 37, b=2), {"mask": some(*shape)}, dtype, device)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_query_that_may_see_nothing_gets_zeros_and_finite_slopes(dtype: torch.dtype, device: str) -> None:
    mask = some(2, 1, 17, 40)
    mask[0, 0, 3], mask[1], mask[0, 0, 5, :32] = False, False, False
    assert_errs_little(kernel, formula, qkv(17, 40, b=2), {"mask": mask}, dtype, device)
    q, k, v = (x.to(device, dtype) for x in qkv(17, 40, b=2).values())
    out = kernel(q, k, v, mask.to(device))
    assert not out[0, :, 3].any()
    assert not out[1].any()
    assert out[0, :, 5].any()


@pytest.mark.slow
@pytest.mark.parametrize("d", [1, 16, 33, 130])
def test_heads_of_any_width(d: int, device: str) -> None:
    assert_errs_little(kernel, formula, qkv(5, 20, d), device=device)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
def test_axes_may_lie_in_memory_in_any_way(dtype: torch.dtype, device: str) -> None:
    assert_errs_little(kernel, formula, qkv(20, 35), {"mask": some(1, 1, 35, 20).mT}, dtype, device, noncontiguous=True)


def test_nothing_to_see_gives_zeros_and_nobody_to_see_it_nothing(device: str) -> None:
    assert_errs_little(kernel, lambda q, k, v: (q * 0) + k.sum() + v.sum(), qkv(3, 0), device=device)
    assert_errs_little(kernel, formula, qkv(0, 3), device=device)
    assert_errs_little(kernel, formula, qkv(3, 3, b=0), device=device)


def test_a_query_of_zeros_weighs_nothing(device: str) -> None:
    q, k, v = (x.to(device) for x in qkv(4, 9).values())
    assert not kernel(q * 0, k, v).any()


def test_logits_far_beyond_the_largest_power_do_not_overflow(device: str) -> None:
    _, _, v = (x.to(device) for x in qkv(4, 4, 16).values())
    key = torch.eye(4, 16, device=device).expand(1, 2, 4, 16)
    torch.testing.assert_close(kernel(1e5 * key, key, v), v)
    torch.testing.assert_close(kernel(-1e5 * key, key, v), -v)


@pytest.mark.slow
def test_torch_knows_the_operator_whole(device: str) -> None:
    from attention.kernels._fused import attend

    q, k, v = (x.to(device).requires_grad_() for x in qkv(17, 20, 16).values())
    some_seen = some(1, 1, 1, 20).to(device)
    checks = ("test_schema", "test_autograd_registration", "test_faketensor", "test_aot_dispatch_dynamic")
    given = (q, k, v, some_seen, None, None, None, None, None, None, "signed")
    found = torch.library.opcheck(attend, given, test_utils=checks)
    assert set(found.values()) == {"SUCCESS"}


def test_products_are_exact_unless_torch_allows_tf32(device: str) -> None:
    from attention.kernels._fused import _numbers

    q, k, _ = (x.to(device) for x in qkv(4, 5).values())
    switch = torch.backends.cuda.matmul
    before = switch.fp32_precision
    try:
        for allowed, wanted in (("ieee", "ieee"), ("tf32", "tf32")):
            switch.fp32_precision = allowed
            assert _numbers(q, k, "signed", related=False)["PRECISION"] == wanted
    finally:
        switch.fp32_precision = before


@pytest.mark.slow
def test_the_same_numbers_give_the_same_bits(device: str) -> None:
    def slopes() -> list[Tensor]:
        leaves = [x.to(device).requires_grad_() for x in qkv(40, 50).values()]
        return [x.detach() for x in torch.autograd.grad(kernel(*leaves).square().sum(), leaves)]

    assert all(torch.equal(x, y) for x, y in zip(slopes(), slopes(), strict=True))


@pytest.mark.parametrize("wrong", ["k", "v"])
def test_the_operator_refuses_what_does_not_fit_before_the_kernel_runs(wrong: str, device: str) -> None:
    from attention.operators.cog import cog_attention

    given = {name: x.to(device) for name, x in qkv(4, 5).items()} | {wrong: torch.zeros(1, 2, 5, 7, device=device)}
    with pytest.raises((ValueError, TypeError), match=rf"{wrong}\b"):  # TypeError: from checked annotations
        cog_attention(**given, impl="triton")
