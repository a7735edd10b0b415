"""Pointer attention against a loop, its padding and its end, and the pointer of OAT."""

import math

import pytest
import torch
from torch import Tensor

from attention import pointer_attention
from tests.proof import DTYPES, SIZES, assert_errs_little, draw


def formula(q: Tensor, elements: Tensor, end: Tensor, mask: Tensor) -> Tensor:
    """Probabilities, not their logarithms, so that what is forbidden has a gradient."""
    logits = torch.cat([q @ elements.mT / q.shape[-1] ** 0.5, end[..., None]], -1)
    allowed = torch.cat([mask.expand(*logits.shape[:2], -1), torch.ones_like(end[..., None], dtype=torch.bool)], -1)
    return logits.masked_fill(~allowed, -torch.inf).softmax(-1)


def test_it_is_what_a_loop_computes() -> None:
    q, e, end = draw(2, 3, 4).double(), draw(2, 5, 4).double(), draw(2, 3).double()
    mask = torch.rand(2, 1, 5, generator=torch.Generator().manual_seed(0)) < 0.6
    got = pointer_attention(q, e, end, mask)
    for b in range(2):
        for i in range(3):
            weights = [math.exp(float(q[b, i] @ e[b, j]) / 2) * bool(mask[b, 0, j]) for j in range(5)]
            weights.append(math.exp(float(end[b, i])))
            expected = torch.tensor(weights, dtype=torch.float64) / sum(weights)
            torch.testing.assert_close(got[b, i].exp(), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", SIZES)
def test_it_errs_no_more_than_twice_the_plain_formula(size: int, dtype: torch.dtype) -> None:
    mask = draw(2, 1, size, seed=3) < 0.5
    assert_errs_little(
        lambda q, elements, end, mask: pointer_attention(q, elements, end, mask).exp(),
        formula,
        {"q": draw(2, 7, 8), "elements": draw(2, size, 8), "end": draw(2, 7)},
        {"mask": mask},
        dtype,
    )


def test_where_nothing_is_allowed_it_ends_or_has_no_answer() -> None:
    q, e, mask = draw(1, 2, 4).requires_grad_(), draw(1, 3, 4), torch.zeros(1, 1, 3, dtype=torch.bool)
    ended = pointer_attention(q, e, torch.zeros(1, 2), mask)
    torch.testing.assert_close(ended.exp(), torch.tensor([0.0, 0, 0, 1]).expand(1, 2, 4))
    assert (pointer_attention(q, e, mask=mask) == -torch.inf).all()
    ended[..., -1].sum().backward()
    assert q.grad is not None
    assert q.grad.isfinite().all()


def test_an_empty_scene_can_only_end() -> None:
    assert pointer_attention(draw(1, 2, 4), draw(1, 0, 4), torch.zeros(1, 2)).exp().eq(1).all()


def test_padding_changes_nothing() -> None:
    q, e, end = draw(2, 3, 4), draw(2, 5, 4), draw(2, 3)
    padded = torch.cat([e, torch.full((2, 2, 4), 1e4)], 1)
    mask = torch.tensor([True] * 5 + [False] * 2).expand(2, 1, 7)
    got = pointer_attention(q, padded, end, mask)
    torch.testing.assert_close(got[..., [0, 1, 2, 3, 4, 7]], pointer_attention(q, e, end))
    assert (got[..., 5:7] == -torch.inf).all()


def test_errors_name_the_argument() -> None:
    q, e = draw(1, 2, 4), draw(1, 3, 4)
    with pytest.raises(ValueError, match=r"elements is \(1, 3, 5\); it must be \(b, m, d\) with b = 1, d = 4"):
        pointer_attention(q, draw(1, 3, 5))
    with pytest.raises(ValueError, match=r"mask is torch.float32; it must be torch.bool"):
        pointer_attention(q, e, mask=torch.ones(1, 2, 3))
    with pytest.raises(ValueError, match=r"end is torch.float64 on cpu; it must be as q, torch.float32"):
        pointer_attention(q, e, torch.zeros(1, 2, dtype=torch.float64))


def test_the_pointer_of_oat_is_this_one() -> None:
    """With one score, no relation and no trace, OAT's choice is pointer attention over its encoder's tokens."""
    from scanpath.models.oat import OAT, Memory

    torch.manual_seed(0)
    network = OAT(("osie",), width=16, heads=2, hidden=8, relation=False, trace=False).eval()
    with torch.no_grad():
        network.mix.weight.fill_(1.0)
        network.mix.bias.fill_(0.0)
        network.weigh_aim.bias.zero_()
        x, tokens = draw(1, 3, 16), draw(1, 6, 16)
        nothing = torch.zeros(1, 5, 12)
        none = torch.zeros(0)
        memory = Memory(none, none, none, tokens, none, nothing, torch.zeros(1, 5, 16), none, none)
        logits, _ = network._point(x, memory, torch.zeros(1, 3, 5, 12), torch.zeros(1, 3, 5, 4), None)
        query = network.query(network.norms[1](x))
        end = (query @ tokens[:, -1:].mT)[..., 0] / 4
    expected = pointer_attention(query, tokens[:, :-1], end)
    torch.testing.assert_close(logits.log_softmax(-1), expected)
