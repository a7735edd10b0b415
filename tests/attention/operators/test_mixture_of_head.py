"""Mixture of heads: gated attention against a loop, gradients, and the router's choices and loss."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from attention.operators.mixture_of_head import MixtureOfHeadMixer, mixture_of_head
from tests.proof import DTYPES, SIZES, assert_errs_little, draw, qkv


def some_gates(n: int, heads: int = 3) -> Tensor:
    """About a third shut; the first token has none at all."""
    gates = draw(2, n, heads, seed=7)
    gates = torch.where(gates > 0.4, 0.0, gates)
    gates[:, 0] = 0
    return gates


def formula(q: Tensor, k: Tensor, v: Tensor, gates: Tensor, mask: Tensor | None = None) -> Tensor:
    logits = q @ k.mT / q.shape[-1] ** 0.5
    if mask is not None:
        logits = logits.masked_fill(~mask, -torch.inf).masked_fill(~mask.any(-1, keepdim=True), 0)
    weights = logits.softmax(-1) if mask is None else logits.softmax(-1) * mask
    own = gates.transpose(1, 2)[..., None]
    return torch.where(own == 0, 0, own * (weights @ v))


def test_attention_is_what_a_loop_computes() -> None:
    x, gates = {name: value.double() for name, value in qkv(4, 6).items()}, some_gates(4).double()
    seen = mixture_of_head(**x, gates=gates)
    for i, h, row in torch.cartesian_prod(torch.arange(2), torch.arange(3), torch.arange(4)).tolist():
        logits = torch.stack([x["q"][i, h, row] @ x["k"][i, h, j] / 5**0.5 for j in range(6)])
        expected = gates[i, row, h] * (logits.softmax(0) @ x["v"][i, h])
        torch.testing.assert_close(seen[i, h, row], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
def test_output_and_gradients_err_no_more_than_twice_the_formula(n: int, dtype: torch.dtype) -> None:
    mask = draw(2, 1, n, n + 2) > -0.5
    mask[:, :, 0] = False
    inputs = {**qkv(n, n + 2), "gates": some_gates(n)}
    assert_errs_little(mixture_of_head, formula, inputs, {"mask": mask}, dtype=dtype, noncontiguous=n == 17)


def test_with_all_gates_one_it_is_softmax_attention() -> None:
    x = qkv(7)
    torch.testing.assert_close(
        mixture_of_head(**x, gates=torch.ones(2, 7, 3)), scaled_dot_product_attention(*x.values())
    )


def test_no_gradient_passes_a_gate_of_zero() -> None:
    x, gates = {name: value.requires_grad_() for name, value in qkv(7).items()}, some_gates(7).requires_grad_()
    mixture_of_head(**x, gates=gates).sum().backward()
    shut = gates.detach() == 0
    assert gates.grad is not None
    assert shut.any()
    assert not gates.grad[shut].any()
    assert gates.grad[~shut].all()
    assert x["q"].grad is not None
    assert not x["q"].grad.transpose(1, 2)[shut].any()


def test_the_gated_weights_of_some_rows_make_their_output() -> None:
    x, gates, rows, mask = qkv(6, 8), some_gates(6), torch.tensor([4, 0]), draw(2, 1, 6, 8) > 0
    seen, weights = mixture_of_head(**x, gates=gates, mask=mask, return_weights=True, rows=rows)
    assert weights.shape == (2, 3, 2, 8)
    assert not weights[:, :, 1].any()
    torch.testing.assert_close(weights @ x["v"], seen[:, :, rows])


def test_without_a_key_to_see_there_are_zeros_and_finite_gradients() -> None:
    x = {name: value.requires_grad_() for name, value in qkv(3, 4).items()}
    seen = mixture_of_head(**x, gates=torch.ones(2, 3, 3), mask=torch.zeros(1, 1, 1, 4, dtype=torch.bool))
    assert not seen.any()
    seen.sum().backward()
    assert all(value.grad is not None and not value.grad.any() for value in x.values())
    for n, m in ((3, 0), (0, 4)):
        assert torch.equal(mixture_of_head(**qkv(n, m), gates=torch.ones(2, n, 3)), torch.zeros(2, 3, n, 5))


def test_errors_name_the_argument() -> None:
    x = qkv(3, 4)
    with pytest.raises(ValueError, match=r"gates is \(2, 3, 3\); it must be \(b, n, heads\) with b = 2, n = 4"):
        mixture_of_head(x["k"], x["k"], x["v"], torch.ones(2, 3, 3))
    with pytest.raises(ValueError, match=r"gates is torch.float16 on cpu; it must be as q"):
        mixture_of_head(**x, gates=torch.ones(2, 3, 3).half())
    with pytest.raises(ValueError, match=r"mask is torch.float32; it must be torch.bool"):
        mixture_of_head(**x, gates=torch.ones(2, 3, 3), mask=torch.ones(1, 1, 3, 4))  # type: ignore[arg-type]
    for shared, active in ((-1, None), (5, None), (1, 0), (1, 4), (4, 1)):
        with pytest.raises(ValueError, match="it must be"):
            MixtureOfHeadMixer(8, 4, shared, active)


def mixer(heads: int = 5, shared: int = 2, active: int | None = None) -> MixtureOfHeadMixer:
    torch.manual_seed(0)
    made = MixtureOfHeadMixer(3 * heads, heads, shared, active)
    torch.nn.init.normal_(made.router.weight)
    return made


def test_shared_heads_serve_all_and_of_the_others_each_token_takes_its_likeliest() -> None:
    module, x = mixer(), draw(2, 3, 4, 15)
    gates, logits = module.gates(x), x @ module.router.weight.T
    assert (gates[..., :2] > 0).all()
    assert ((gates[..., 2:] > 0).sum(-1) == 2).all()  # half of three, rounded up
    for token, own in zip(logits.flatten(0, 2), gates.flatten(0, 2), strict=True):
        first, second = 2 * token[5:].softmax(0)
        torch.testing.assert_close(own[:2], first * 2 * token[:2].softmax(0))
        likeliest = token[2:5].sort(descending=True).indices[:2]
        torch.testing.assert_close(own[2:][likeliest], second * 2 * token[2:5][likeliest].softmax(0))


@pytest.mark.parametrize(("shared", "active"), [(0, 4), (4, None), (1, 3)])
def test_a_router_that_knows_nothing_is_ordinary_attention(shared: int, active: int | None) -> None:
    module = mixer(4, shared, active)
    torch.nn.init.zeros_(module.router.weight)
    x = draw(2, 3, 4, 12)
    torch.testing.assert_close(module.gates(x), torch.ones(2, 3, 4, 4))
    q, k, v = module.qkv(x).flatten(1, 2).unflatten(-1, (3, 4, 3)).permute(2, 0, 3, 1, 4)
    seen = scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(2, 3, 4, 12)
    torch.testing.assert_close(module(x), module.out(seen))


def test_gates_are_zero_where_there_is_no_token() -> None:
    module, x, mask = mixer(), draw(2, 3, 4, 15), draw(2, 3, 4) > 0
    torch.testing.assert_close(module.gates(x, mask), module.gates(x) * mask[..., None])


def test_balance_is_share_times_probability_of_the_routed_heads_over_tokens_that_are_there() -> None:
    module, x, mask = mixer(), draw(2, 3, 4, 15), draw(2, 3, 4) > 0
    module(x, mask)
    there = x[mask]
    probabilities = (there @ module.router.weight[2:5].T).softmax(-1)
    share = (module.gates(x)[mask][:, 2:] > 0).float().mean(0)
    assert module.balance is not None
    torch.testing.assert_close(module.balance, (share * probabilities.mean(0)).sum())
    module.balance.backward()
    gradient = module.router.weight.grad
    assert gradient is not None
    assert gradient[2:5].any()
    assert not gradient[:2].any()
    module(torch.where(mask[..., None], x, 9.0), mask)
    torch.testing.assert_close(module.balance, (share * probabilities.mean(0)).sum())


def test_balance_is_least_when_all_routed_heads_are_equally_busy() -> None:
    module = mixer(4, 0, 1)
    with torch.no_grad():
        module.router.weight.zero_()[:4, :4] = 20 * torch.eye(4)
    each = torch.eye(12)[:4].reshape(1, 2, 2, 12)
    module(each)
    assert module.balance is not None
    torch.testing.assert_close(module.balance, torch.tensor(0.25))
    module(each[:, :1, :1].expand(1, 2, 2, 12))
    torch.testing.assert_close(module.balance, torch.tensor(1.0))


def test_there_is_no_balance_outside_training_and_none_is_zero_without_tokens() -> None:
    module, x = mixer(), draw(1, 2, 2, 15)
    module(x, torch.zeros(1, 2, 2, dtype=torch.bool))
    assert module.balance is not None
    assert module.balance == 0
    module.eval()(x)
    assert module.balance is None
