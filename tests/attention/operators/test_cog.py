"""Cog attention against a loop, its limits, and its gradients against the formula."""

import pytest
import torch
from torch import Tensor

from attention.operators.cog import CogMixer, cog_attention
from tests.proof import DTYPES, SIZES, assert_errs_little, draw, qkv


def formula(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    logits = q @ k.mT / q.shape[-1] ** 0.5
    power = logits.abs().exp()
    power = power if mask is None else power * mask
    total = power.sum(-1, keepdim=True)
    return (logits.sign() * power / torch.where(total == 0, 1, total)) @ v


def test_attention_is_what_a_loop_computes() -> None:
    x = {name: value.double() for name, value in qkv(4, 6).items()}
    seen = cog_attention(**x)
    for i, h, row in torch.cartesian_prod(torch.arange(2), torch.arange(3), torch.arange(4)).tolist():
        logits = [float(x["q"][i, h, row] @ x["k"][i, h, j]) / 5**0.5 for j in range(6)]
        total = sum(torch.tensor(abs(logit), dtype=torch.float64).exp() for logit in logits)
        expected = torch.zeros(5, dtype=torch.float64)
        for j, logit in enumerate(logits):
            weight = torch.tensor(abs(logit), dtype=torch.float64).exp() / total
            expected += (1 if logit > 0 else -1) * weight * x["v"][i, h, j]
        torch.testing.assert_close(seen[i, h, row], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
def test_output_and_gradients_err_no_more_than_twice_the_formula(n: int, dtype: torch.dtype) -> None:
    mask = draw(2, 1, n, n + 2) > -0.5
    mask[:, :, 0] = False
    assert_errs_little(cog_attention, formula, qkv(n, n + 2), {"mask": mask}, dtype=dtype, noncontiguous=n == 17)


def test_opposite_keys_are_subtracted_with_equal_weight() -> None:
    q, k = draw(1, 1, 1, 4), draw(1, 1, 1, 4)
    v = draw(1, 1, 2, 4, seed=2)
    seen, weights = cog_attention(q, torch.cat([k, -k], 2), v, return_weights=True)
    torch.testing.assert_close(weights.abs(), torch.full((1, 1, 1, 2), 0.5))
    torch.testing.assert_close(seen[0, 0, 0], (q * k).sum().sign() * (v[0, 0, 0] - v[0, 0, 1]) / 2)


def test_a_query_that_is_like_nothing_sees_nothing() -> None:
    x = qkv(5)
    assert not cog_attention(0 * x["q"], x["k"], x["v"]).any()


def test_where_all_logits_are_positive_it_is_softmax_attention() -> None:
    q, k = draw(2, 3, 7, 5).abs(), draw(2, 3, 9, 5, seed=1).abs()
    v = draw(2, 3, 9, 5, seed=2)
    expected = torch.nn.functional.scaled_dot_product_attention(q, k, v)
    torch.testing.assert_close(cog_attention(q, k, v), expected)


def test_absolute_weights_sum_to_one_and_make_the_output() -> None:
    x, rows = qkv(6, 8), torch.tensor([4, 1])
    seen, weights = cog_attention(**x, return_weights=True, rows=rows)
    assert (weights < 0).any()
    torch.testing.assert_close(weights.abs().sum(-1), torch.ones(2, 3, 2))
    torch.testing.assert_close(weights @ x["v"], seen[:, :, rows])


@pytest.mark.parametrize("shape", [(2, 1, 1, 8), (1, 1, 6, 8), (2, 3, 6, 8), (1, 3, 6, 1)])
def test_masked_keys_are_as_if_they_were_not_there_for_any_mask_that_broadcasts(shape: tuple[int, ...]) -> None:
    x, mask = qkv(6, 8), draw(*shape) > 0
    seen, weights = cog_attention(**x, mask=mask, return_weights=True, rows=torch.tensor([5]))
    torch.testing.assert_close(seen, formula(**x, mask=mask))
    assert not weights[~mask.expand(2, 3, 6, 8)[:, :, 5:]].any()


def test_without_a_key_to_see_there_are_zeros_and_finite_gradients() -> None:
    x = {name: value.requires_grad_() for name, value in qkv(3, 4).items()}
    seen = cog_attention(**x, mask=torch.zeros(1, 1, 1, 4, dtype=torch.bool))
    assert not seen.any()
    seen.sum().backward()
    assert all(value.grad is not None and not value.grad.any() for value in x.values())
    empty = qkv(3, 0)
    assert torch.equal(cog_attention(**empty), torch.zeros(2, 3, 3, 5))
    assert cog_attention(**qkv(0, 4)).shape == (2, 3, 0, 5)


def test_large_logits_stay_numbers() -> None:
    x = qkv(5)
    assert cog_attention(1e4 * x["q"], 1e4 * x["k"], x["v"]).isfinite().all()


def test_errors_name_the_argument() -> None:
    x = qkv(3, 4)
    with pytest.raises(ValueError, match=r"k is \(2, 3, 4, 4\); it must be \(b, heads, m, d\) with"):
        cog_attention(x["q"], x["k"][..., :4], x["v"])
    with pytest.raises(ValueError, match=r"v is torch.float16 on cpu; it must be as q"):
        cog_attention(x["q"], x["k"], x["v"].half())
    with pytest.raises(ValueError, match=r"mask is torch.float32; it must be torch.bool"):
        cog_attention(**x, mask=torch.ones(1, 1, 3, 4))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="impl is 'fast'"):
        cog_attention(**x, impl="fast")  # type: ignore[arg-type]


def test_the_mixer_is_the_operator_between_its_projections() -> None:
    torch.manual_seed(0)
    mixer, x, mask = CogMixer(6, heads=2), draw(2, 3, 4, 6), draw(2, 3, 4) > 0
    q, k, v = mixer.qkv(x).flatten(1, 2).unflatten(-1, (3, 2, 3)).permute(2, 0, 3, 1, 4)
    seen = cog_attention(q, k, v, mask.flatten(1)[:, None, None])
    expected = mixer.out(seen.transpose(1, 2).reshape(2, 3, 4, 6))
    torch.testing.assert_close(mixer(x, mask), expected)
