"""The mixture kernel against its formula with all heads computed: outputs, slopes in the gates, what is left out."""

import pytest
import torch
from torch import Tensor

from tests.proof import DTYPES, SIZES, assert_errs_little, draw

pytestmark = pytest.mark.usefixtures("poison")


def kernel(q: Tensor, k: Tensor, v: Tensor, gates: Tensor, mask: Tensor | None = None) -> Tensor:
    from attention.kernels.mixture_of_head import forward

    return forward(q, k, v, gates, mask)


def formula(q: Tensor, k: Tensor, v: Tensor, gates: Tensor, mask: Tensor | None = None) -> Tensor:
    logits = (q * q.shape[-1] ** -0.5) @ k.mT
    weights = logits.softmax(-1)
    if mask is not None:
        weights = torch.where(mask, torch.where(mask, logits, -3e4).softmax(-1), 0)
    gate = gates.mT[..., None]
    return torch.where(gate != 0, gate * (weights @ v), 0)


def given(n: int, m: int, open_above: float = 0.0, d: int = 24, b: int = 1, heads: int = 3) -> dict[str, Tensor]:
    gates = draw(b, n, heads, seed=5)
    v = draw(b, heads, m, d, seed=3) / 4
    gates = torch.where(gates > open_above, gates.abs().clamp(min=0.1), 0)
    return {"q": draw(b, heads, n, d), "k": draw(b, heads, m, d, seed=2), "v": v, "gates": gates}


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
def test_half_of_the_gates_are_shut_at_any_size(size: int, device: str) -> None:
    assert_errs_little(kernel, formula, given(size, size), device=device)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("open_above", [-9.0, -0.5, 1.5])
def test_many_or_few_open_gates_in_every_dtype(open_above: float, dtype: torch.dtype, device: str) -> None:
    assert_errs_little(
        kernel, formula, given(70, 37, open_above), {"mask": draw(1, 1, 1, 37, seed=4) > 0}, dtype, device
    )


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_mask_belongs_to_the_token_wherever_it_was_sorted_to(dtype: torch.dtype, device: str) -> None:
    mask = draw(2, 3, 40, 20, seed=4) > -0.3
    mask[0, :, 5], mask[1, 1] = False, False
    assert_errs_little(kernel, formula, given(40, 20, b=2), {"mask": mask}, dtype, device)


def test_a_head_with_no_open_gate_gives_zeros(device: str) -> None:
    tensors = {name: x.to(device) for name, x in given(17, 20).items()}
    tensors["gates"][..., 1] = 0
    assert not kernel(**tensors)[:, 1].any()
    assert_errs_little(kernel, formula, tensors, device=device)


def test_a_shut_gate_passes_no_slope(device: str) -> None:
    tensors = {name: x.to(device).requires_grad_() for name, x in given(20, 20).items()}
    kernel(**tensors).sum().backward()
    shut = tensors["gates"].detach() == 0
    gates, q = tensors["gates"].grad, tensors["q"].grad
    assert gates is not None
    assert q is not None
    assert not gates[shut].any()
    assert gates[~shut].all()
    assert not q.transpose(1, 2)[shut].any()


def test_axes_may_lie_in_memory_in_any_way(device: str) -> None:
    assert_errs_little(kernel, formula, given(20, 35), device=device, noncontiguous=True)


def test_nothing_to_see_gives_zeros(device: str) -> None:
    assert_errs_little(kernel, formula, given(3, 0), device=device)
    assert_errs_little(kernel, formula, given(0, 3), device=device)


def test_only_the_rows_with_an_open_gate_are_computed(device: str) -> None:
    """What lies in a shut token's query does not matter, not even if it is no number."""
    tensors = {name: x.to(device) for name, x in given(20, 20).items()}
    expected = kernel(**tensors)
    shut = (tensors["gates"] == 0).mT
    tensors["q"] = torch.where(shut[..., None], torch.nan, tensors["q"])
    assert torch.equal(kernel(**tensors), expected)


def test_the_operator_takes_the_kernel_and_refuses_what_does_not_fit(device: str) -> None:
    from attention.operators.mixture_of_head import mixture_of_head

    tensors = {name: x.to(device) for name, x in given(5, 7).items()}
    torch.testing.assert_close(mixture_of_head(**tensors, impl="triton"), kernel(**tensors))
    with pytest.raises((ValueError, TypeError), match="gates"):
        mixture_of_head(**tensors | {"gates": tensors["gates"][:, :4]}, impl="triton")
