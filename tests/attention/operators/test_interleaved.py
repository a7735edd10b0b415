"""Interleaved attention against loops, its gradients against the plain formula in double precision, and its blocks."""

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

from attention import InterleavedBlock, interleaved_attention
from attention.mixers import Gated
from attention.operators.interleaved import ORDERS, Attend, InterleavedMixer

OVER = ("space", "time", "full")
SHAPES = [(2, 3, 4, 5, 6), (1, 1, 1, 7, 4), (2, 2, 3, 1, 1), (1, 2, 1, 1, 3), (1, 4, 5, 17, 2)]  # b, heads, t, n, d


def draw(shape: tuple[int, ...], dtype: torch.dtype = torch.float32, seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator, dtype=dtype) for _ in range(3)]


def seen_from(over: str, s: int, p: int, t: int, n: int) -> list[tuple[int, int]]:
    """Which tokens (slice, place) the token at slice s and place p may look at."""
    if over == "space":
        return [(s, j) for j in range(n)]
    return [(r, p) for r in range(t)] if over == "time" else list(itertools.product(range(t), range(n)))


def loops(q: Tensor, k: Tensor, v: Tensor, over: str) -> Tensor:
    b, heads, t, n, d = q.shape
    out = torch.zeros_like(v)
    for i, h, s, p in itertools.product(range(b), range(heads), range(t), range(n)):
        others = seen_from(over, s, p, t, n)
        logits = torch.stack([q[i, h, s, p] @ k[i, h, r, j] / d**0.5 for r, j in others])
        values = torch.stack([v[i, h, r, j] for r, j in others])
        out[i, h, s, p] = logits.softmax(0) @ values
    return out


def formula(q: Tensor, k: Tensor, v: Tensor, over: str) -> Tensor:
    """All t * n tokens at once, those that may not be seen masked away."""
    t, n, d = q.shape[2:]
    tokens = list(itertools.product(range(t), range(n)))
    allowed = torch.tensor([[other in seen_from(over, s, p, t, n) for other in tokens] for s, p in tokens])
    logits = q.flatten(2, 3) @ k.flatten(2, 3).mT / d**0.5
    return (logits.masked_fill(~allowed, -torch.inf).softmax(-1) @ v.flatten(2, 3)).view_as(v)


@pytest.mark.parametrize("over", OVER)
@pytest.mark.parametrize("shape", SHAPES[:4])
def test_attention_is_what_a_loop_computes(over: Any, shape: tuple[int, ...]) -> None:
    q, k, v = draw(shape, torch.float64)
    expected = loops(q, k, v, over)
    torch.testing.assert_close(interleaved_attention(q, k, v, over=over), expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(formula(q, k, v, over), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("over", OVER)
@pytest.mark.parametrize("shape", SHAPES)
def test_output_and_gradients_err_no_more_than_twice_the_plain_formula(over: Any, shape: tuple[int, ...]) -> None:
    def run(how: Any, dtype: torch.dtype) -> list[Tensor]:
        inputs = [x.to(dtype).requires_grad_() for x in draw(shape)]
        out = how(*inputs)
        (out * torch.linspace(-1, 1, out.numel(), dtype=dtype).view_as(out)).sum().backward()
        return [out.detach(), *(x.grad for x in inputs)]

    truth = run(lambda q, k, v: formula(q, k, v, over), torch.float64)
    plain = run(lambda q, k, v: formula(q, k, v, over), torch.float32)
    got = run(lambda q, k, v: interleaved_attention(q, k, v, over=over), torch.float32)
    for want, near, have in zip(truth, plain, got, strict=True):
        assert have.shape == want.shape
        assert (have - want).abs().max() <= 2 * (near - want).abs().max() + 1e-6


@pytest.mark.parametrize("over", OVER)
def test_alone_a_token_sees_itself(over: Any) -> None:
    q, k, v = draw((2, 3, 1, 1, 4))
    torch.testing.assert_close(interleaved_attention(q, k, v, over=over), v)


def test_one_slice_has_nothing_to_compare_over_time_and_one_place_nothing_over_space() -> None:
    q, k, v = draw((2, 3, 1, 5, 4))
    torch.testing.assert_close(interleaved_attention(q, k, v, over="time"), v)
    torch.testing.assert_close(
        interleaved_attention(q, k, v, over="space"), interleaved_attention(q, k, v, over="full")
    )
    q, k, v = draw((2, 3, 5, 1, 4))
    torch.testing.assert_close(interleaved_attention(q, k, v, over="space"), v)
    torch.testing.assert_close(interleaved_attention(q, k, v, over="time"), interleaved_attention(q, k, v, over="full"))


def test_a_very_sharp_query_returns_the_value_of_the_key_it_equals() -> None:
    _, _, v = draw((1, 1, 2, 4, 4))
    key = torch.eye(4).expand(1, 1, 2, 4, 4)
    torch.testing.assert_close(interleaved_attention(1e4 * key, key, v, over="space"), v)


@pytest.mark.parametrize("over", OVER)
def test_what_is_masked_is_not_seen_and_with_nothing_to_see_there_are_zeros(over: Any) -> None:
    q, k, v = draw((2, 2, 3, 4, 6))
    mask = torch.rand(2, 3, 4, generator=torch.Generator().manual_seed(2)) < 0.6
    mask[1] = False
    mask[0, 1] = False
    got = interleaved_attention(q, k, v, over=over, mask=mask)
    away = ~mask[:, None, :, :, None]
    torch.testing.assert_close(
        interleaved_attention(q, k.masked_fill(away, 9.0), v.masked_fill(away, -7.0), over=over, mask=mask), got
    )
    assert (got[1] == 0).all()
    for h, s, p in itertools.product(range(2), range(3), range(4)):
        others = [(r, j) for r, j in seen_from(over, s, p, 3, 4) if mask[0, r, j]]
        if not others:
            assert (got[0, h, s, p] == 0).all()
            continue
        logits = torch.stack([q[0, h, s, p] @ k[0, h, r, j] / 6**0.5 for r, j in others])
        values = torch.stack([v[0, h, r, j] for r, j in others])
        torch.testing.assert_close(got[0, h, s, p], logits.softmax(0) @ values)


@pytest.mark.parametrize("over", OVER)
def test_weights_are_those_that_made_the_output(over: Any) -> None:
    q, k, v = draw((2, 2, 3, 4, 6))
    mask = torch.rand(2, 3, 4, generator=torch.Generator().manual_seed(2)) < 0.6
    rows = torch.tensor([11, 0, 5])
    out, weights = interleaved_attention(q, k, v, over=over, mask=mask, return_weights=True, rows=rows)
    assert weights.shape == (2, 2, 3, 12)
    torch.testing.assert_close(weights @ v.flatten(2, 3), out.flatten(2, 3)[:, :, rows])
    _, every = interleaved_attention(q, k, v, over=over, mask=mask, return_weights=True)
    torch.testing.assert_close(every[:, :, rows], weights)


@pytest.mark.parametrize("over", OVER)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_comes_back_as_it_went_in(over: Any, dtype: torch.dtype) -> None:
    q, k, v = (x.to(dtype) for x in draw((1, 2, 3, 4, 8)))
    got = interleaved_attention(q, k, v, over=over, mask=torch.ones(1, 3, 4, dtype=torch.bool))
    assert got.dtype is dtype
    torch.testing.assert_close(got.float(), formula(q.float(), k.float(), v.float(), over), rtol=0.02, atol=0.02)


def test_an_unknown_direction_is_named() -> None:
    q, k, v = draw((1, 1, 1, 1, 1))
    with pytest.raises((ValueError, TypeError), match=r"space.*time.*full"):  # TypeError: from checked annotations
        interleaved_attention(q, k, v, over="place")  # type: ignore[arg-type]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("size", [(1, 1, 1), (1, 3, 7), (5, 1, 2), (2, 7, 5)])
def test_a_block_takes_any_size_and_keeps_it(order: Any, size: tuple[int, int, int]) -> None:
    block = InterleavedBlock(8, heads=2, order=order)
    x = torch.randn(3, *size, 8, generator=torch.Generator().manual_seed(1))
    out = block(x)
    assert out.shape == x.shape
    torch.testing.assert_close(block(x[1:2]), out[1:2])  # the other pictures of the batch do not matter
    out.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in block.parameters())


def test_a_block_takes_its_steps_in_the_named_order() -> None:
    for order, over in {"s": ["space"], "s-t": ["space", "time"], "t-s": ["time", "space"], "full": ["full"]}.items():
        *steps, last = InterleavedBlock(4, 1, order).steps  # type: ignore[arg-type]
        assert [step.over for step in steps if isinstance(step, Attend)] == over
        assert isinstance(last, Gated)


@pytest.mark.parametrize(("order", "crosses"), [("s", False), ("s-t", True), ("t-s", True), ("full", True)])
def test_only_a_block_with_time_lets_slices_see_each_other(order: Any, crosses: bool) -> None:
    torch.manual_seed(0)
    block = InterleavedBlock(8, heads=2, order=order)
    x = torch.randn(1, 2, 3, 3, 8)
    changed = x.clone()
    changed[:, 1] += torch.randn(3, 3, 8)
    assert torch.equal(block(x)[:, 0], block(changed)[:, 0]) is not crosses


def test_space_is_told_apart_by_its_surroundings() -> None:
    """Equal tokens at the border and in the middle differ after the block: it knows where it is."""
    torch.manual_seed(0)
    out = InterleavedBlock(8, heads=2, order="s")(torch.ones(1, 1, 5, 5, 8))
    assert not torch.allclose(out[0, 0, 0, 0], out[0, 0, 2, 2], atol=1e-3)


def test_heads_are_mixed_as_in_torch() -> None:
    """One step is LayerNorm and nn.MultiheadAttention with the same weights, added to its input."""
    torch.manual_seed(0)
    step = Attend(12, heads=3, over="full")
    theirs = torch.nn.MultiheadAttention(12, 3, batch_first=True)
    theirs.load_state_dict(
        {
            "in_proj_weight": step.qkv.weight,
            "in_proj_bias": step.qkv.bias,
            "out_proj.weight": step.out.weight,
            "out_proj.bias": step.out.bias,
        }
    )
    x = torch.randn(2, 3, 2, 2, 12)
    tokens = step.norm(x).flatten(1, 3)
    expected = x + theirs(tokens, tokens, tokens, need_weights=False)[0].view_as(x)
    torch.testing.assert_close(step(x), expected)


def test_the_gated_unit_is_silu_of_one_half_times_the_other() -> None:
    torch.manual_seed(0)
    unit = Gated(4, expand=3)
    x = torch.randn(5, 4)
    wide = unit.wide(unit.norm(x))
    gate, value = wide[:, :12], wide[:, 12:]
    torch.testing.assert_close(unit(x), x + unit.out(gate * gate.sigmoid() * value))


@pytest.mark.parametrize("over", OVER)
def test_a_mixer_of_slices_sees_over_what_it_says_and_one_of_a_picture_sees_all(over: Any) -> None:
    torch.manual_seed(0)
    mixer = InterleavedMixer(8, heads=2, over=over)
    x = torch.randn(1, 2, 3, 3, 8)
    changed = x.clone()
    changed[:, 1, 2, 2] += 1
    same = (mixer(x) == mixer(changed)).all(-1)[0, 0]
    assert bool(same[2, 2]) is (over == "space")
    assert bool(same[0, 0]) is (over in ("space", "time"))
    if over == "full":
        torch.testing.assert_close(mixer(x[:, 0]), mixer(x[:, :1])[:, 0])


def test_a_picture_is_one_slice() -> None:
    torch.manual_seed(0)
    block = InterleavedBlock(8, heads=2, order="s")
    x = torch.randn(2, 3, 5, 8)
    torch.testing.assert_close(block(x), block(x[:, None])[:, 0])


def test_a_block_looks_over_space_through_the_mixer_that_is_named() -> None:
    block = InterleavedBlock(8, 2, "s-t", mixer="neighborhood", window=3)
    *(space, time), _ = block.steps
    assert type(space.mix).__name__ == "NeighborhoodMixer"
    assert isinstance(time, Attend)
    assert time.over == "time"
    x = torch.randn(2, 3, 5, 4, 8)
    torch.testing.assert_close(block(x[1:]), block(x)[1:])
    with pytest.raises(ValueError, match=r"There is no mixer 'dense'; choose one of interleaved, relational"):
        InterleavedBlock(8, mixer="dense")


def test_a_block_that_cannot_be_built_says_why() -> None:
    with pytest.raises(ValueError, match="7, which 2 heads do not divide"):
        InterleavedBlock(7, heads=2)
    with pytest.raises((ValueError, TypeError), match=r"s.*s-t.*t-s.*full"):
        InterleavedBlock(8, order="t")  # type: ignore[arg-type]
