"""Sigmoid attention against a loop, its limits, and its gradients against the formula."""

import math

import pytest
import torch
from torch import Tensor

from attention.operators.sigmoid import SigmoidMixer, sigmoid_attention
from tests.proof import DTYPES, SIZES, assert_errs_little, draw, qkv


def formula(q: Tensor, k: Tensor, v: Tensor, beta: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
    logits = q @ k.mT / q.shape[-1] ** 0.5
    allowed = torch.ones_like(logits, dtype=torch.bool) if mask is None else mask.expand_as(logits)
    if beta is None:
        beta = -allowed.sum(-1).clamp(min=1).to(torch.float64).log()
    return (1 / (1 + (-logits - beta[..., None].to(q.dtype)).exp()) * allowed) @ v


def test_attention_is_what_a_loop_computes() -> None:
    x = {name: value.double() for name, value in qkv(4, 6).items()}
    seen = sigmoid_attention(**x, beta=torch.full((1, 1, 1), -math.log(6), dtype=torch.float64))
    for i, h, row in torch.cartesian_prod(torch.arange(2), torch.arange(3), torch.arange(4)).tolist():
        expected = torch.zeros(5, dtype=torch.float64)
        for j in range(6):
            logit = float(x["q"][i, h, row] @ x["k"][i, h, j]) / 5**0.5 - math.log(6)
            expected += x["v"][i, h, j] / (1 + math.exp(-logit))
        torch.testing.assert_close(seen[i, h, row], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
def test_output_and_gradients_err_no_more_than_twice_the_formula(n: int, dtype: torch.dtype) -> None:
    mask = draw(2, 1, n, n + 2) > -0.5
    mask[:, :, 0] = False
    assert_errs_little(sigmoid_attention, formula, qkv(n, n + 2), {"mask": mask}, dtype=dtype, noncontiguous=n == 17)


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 1, 17), (1, 3, 1), (2, 3, 17)])
def test_beta_may_be_one_for_all_or_for_each_and_gets_its_gradient(shape: tuple[int, ...]) -> None:
    inputs = {**qkv(17, 9), "beta": draw(*shape, seed=9) - 2}
    assert_errs_little(sigmoid_attention, formula, inputs, {"mask": draw(2, 1, 1, 9) > 0})


@pytest.mark.parametrize("shape", [(2, 1, 1, 8), (1, 1, 6, 8), (2, 3, 6, 8), (1, 3, 6, 1)])
def test_the_usual_beta_counts_the_keys_that_a_query_may_see(shape: tuple[int, ...]) -> None:
    x, mask = qkv(6, 8), draw(*shape) > 0
    allowed = mask.expand(2, 3, 6, 8)
    seen, weights = sigmoid_attention(0 * x["q"], x["k"], x["v"], mask=mask, return_weights=True)
    count = allowed.sum(-1, keepdim=True)
    torch.testing.assert_close(weights, allowed / (1 + count.float()))  # sigmoid(-log c) is 1 / (1 + c)
    torch.testing.assert_close(seen, (weights @ x["v"]))
    torch.testing.assert_close(
        sigmoid_attention(0 * x["q"], x["k"], x["v"]), (x["v"].sum(2, keepdim=True) / 9).expand(2, 3, 6, 5)
    )


def test_several_keys_can_be_fully_attended_at_once() -> None:
    x = qkv(1, 4)
    seen = sigmoid_attention(**x, beta=torch.full((1, 1, 1), 100.0))
    torch.testing.assert_close(seen, x["v"].sum(2, keepdim=True))
    assert not sigmoid_attention(**x, beta=torch.full((1, 1, 1), -1e4)).any()


def test_a_key_is_weighed_without_regard_to_the_others() -> None:
    x, beta = qkv(3, 8), torch.zeros(1, 1, 1)
    first = sigmoid_attention(x["q"], x["k"][:, :, :5], x["v"][:, :, :5], beta)
    second = sigmoid_attention(x["q"], x["k"][:, :, 5:], x["v"][:, :, 5:], beta)
    torch.testing.assert_close(sigmoid_attention(**x, beta=beta), first + second)


@pytest.mark.parametrize("own", [False, True])
def test_the_weights_of_some_rows_make_their_output(own: bool) -> None:
    x, rows = qkv(6, 8), torch.tensor([4, 1])
    given = {"beta": draw(2, 1, 6)} if own else {"mask": draw(1, 1, 6, 8) > 0}
    seen, weights = sigmoid_attention(**x, **given, return_weights=True, rows=rows)
    assert weights.shape == (2, 3, 2, 8)
    torch.testing.assert_close(weights @ x["v"], seen[:, :, rows])


def test_without_a_key_to_see_there_are_zeros_and_finite_gradients() -> None:
    x = {name: value.requires_grad_() for name, value in qkv(3, 4).items()}
    seen = sigmoid_attention(**x, mask=torch.zeros(1, 1, 1, 4, dtype=torch.bool))
    assert not seen.any()
    seen.sum().backward()
    assert all(value.grad is not None and not value.grad.any() for value in x.values())
    assert torch.equal(sigmoid_attention(**qkv(3, 0)), torch.zeros(2, 3, 3, 5))
    assert sigmoid_attention(**qkv(0, 4)).shape == (2, 3, 0, 5)


def test_large_logits_stay_numbers() -> None:
    x = {name: value.requires_grad_() for name, value in qkv(5).items()}
    sigmoid_attention(1e4 * x["q"], 1e4 * x["k"], x["v"]).sum().backward()
    assert all(value.grad is not None and value.grad.isfinite().all() for value in x.values())


def test_errors_name_the_argument() -> None:
    x = qkv(3, 4)
    with pytest.raises(ValueError, match=r"beta is \(2, 3, 4\); it must be \(b or 1, heads or 1, n or 1\) with"):
        sigmoid_attention(**x, beta=torch.zeros(2, 3, 4))
    with pytest.raises(ValueError, match=r"k is torch.float16 on cpu; it must be as q"):
        sigmoid_attention(x["q"], x["k"].half(), x["v"])
    with pytest.raises(ValueError, match=r"mask is torch.float32; it must be torch.bool"):
        sigmoid_attention(**x, mask=torch.ones(1, 1, 3, 4))  # type: ignore[arg-type]


def test_the_mixer_is_the_operator_between_its_projections() -> None:
    torch.manual_seed(0)
    mixer, x, mask = SigmoidMixer(6, heads=2), draw(2, 3, 4, 6), draw(2, 3, 4) > 0
    q, k, v = mixer.qkv(x).flatten(1, 2).unflatten(-1, (3, 2, 3)).permute(2, 0, 3, 1, 4)
    seen = sigmoid_attention(q, k, v, mask=mask.flatten(1)[:, None, None])
    expected = mixer.out(seen.transpose(1, 2).reshape(2, 3, 4, 6))
    torch.testing.assert_close(mixer(x, mask), expected)
