"""The sigmoid kernel against its formula with all weights in memory: outputs, and slopes in beta too."""

import math

import pytest
import torch
from torch import Tensor

from tests.proof import DTYPES, SIZES, assert_errs_little, draw

pytestmark = pytest.mark.usefixtures("poison")


def kernel(q: Tensor, k: Tensor, v: Tensor, beta: Tensor, mask: Tensor | None = None) -> Tensor:
    from attention.kernels.sigmoid import forward

    return forward(q, k, v, beta, mask)


def formula(q: Tensor, k: Tensor, v: Tensor, beta: Tensor, mask: Tensor | None = None) -> Tensor:
    weights = ((q * q.shape[-1] ** -0.5) @ k.mT + beta[..., None]).sigmoid()
    return (weights if mask is None else torch.where(mask, weights, 0)) @ v


def given(n: int, m: int, beta: tuple[int, ...] = (1, 1, 1), d: int = 24, b: int = 1) -> dict[str, Tensor]:
    q, k, v = draw(b, 2, n, d), draw(b, 2, m, d, seed=2), draw(b, 2, m, d, seed=3) / 4
    return {"q": q, "k": k, "v": v, "beta": draw(*beta, seed=5) - math.log(max(m, 1))}


@pytest.mark.slow
@pytest.mark.parametrize("m", SIZES)
@pytest.mark.parametrize("n", [1, 17])
def test_any_number_of_queries_sees_any_number_of_keys(n: int, m: int, device: str) -> None:
    assert_errs_little(kernel, formula, given(n, m), device=device)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("beta", [(1, 2, 1), (2, 1, 33), (2, 2, 33)])
def test_beta_is_broadcast_and_its_slopes_are_summed(beta: tuple[int, ...], dtype: torch.dtype, device: str) -> None:
    mask = draw(2, 1, 1, 37, seed=4) > -0.5
    assert_errs_little(kernel, formula, given(33, 37, beta, b=2), {"mask": mask}, dtype, device)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
def test_more_than_one_block_of_queries_and_of_keys_in_every_dtype(dtype: torch.dtype, device: str) -> None:
    mask = draw(1, 1, 100, 100, seed=4) > -0.5
    mask[..., 7, :] = False
    assert_errs_little(kernel, formula, given(100, 100, (1, 2, 100)), {"mask": mask}, dtype, device)


def test_a_query_that_may_see_nothing_gets_zeros_and_no_slope(device: str) -> None:
    tensors = {name: x.to(device).requires_grad_() for name, x in given(17, 20, (1, 1, 17)).items()}
    mask = torch.ones(1, 1, 17, 20, dtype=torch.bool, device=device)
    mask[..., 3, :] = False
    out = kernel(**tensors, mask=mask)
    out.sum().backward()
    assert not out[:, :, 3].any()
    assert tensors["q"].grad is not None
    assert tensors["beta"].grad is not None
    assert not tensors["q"].grad[:, :, 3].any()
    assert not tensors["beta"].grad[0, 0, 3]
    assert tensors["beta"].grad[0, 0, 4]


def test_axes_may_lie_in_memory_in_any_way(device: str) -> None:
    assert_errs_little(kernel, formula, given(20, 35, (1, 2, 20)), device=device, noncontiguous=True)


def test_a_very_large_beta_adds_the_values_up_and_a_very_small_one_sees_nothing(device: str) -> None:
    q, k, v, _ = (x.to(device) for x in given(5, 33).values())
    large = torch.full((1, 1, 1), 200.0, device=device)
    torch.testing.assert_close(kernel(q, k, v, large), v.sum(2, keepdim=True).expand_as(q))
    assert not kernel(q, k, v, -large).any()


def test_nothing_to_see_gives_zeros(device: str) -> None:
    assert_errs_little(kernel, formula, given(3, 0), device=device)
    assert_errs_little(kernel, formula, given(0, 3), device=device)


def test_the_operator_takes_the_kernel_and_refuses_what_does_not_fit(device: str) -> None:
    from attention.operators.sigmoid import sigmoid_attention

    tensors = {name: x.to(device) for name, x in given(5, 7).items()}
    torch.testing.assert_close(sigmoid_attention(**tensors, impl="triton"), kernel(**tensors))
    default = torch.full((1, 1, 1), -math.log(7), device=device)
    without = {name: x for name, x in tensors.items() if name != "beta"}
    torch.testing.assert_close(sigmoid_attention(**without, impl="triton"), kernel(**without, beta=default))
    with pytest.raises((ValueError, TypeError), match=r"v\b"):
        sigmoid_attention(**tensors | {"v": tensors["v"][:, :, :6]}, impl="triton")
