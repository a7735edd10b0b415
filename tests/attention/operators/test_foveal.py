"""Foveal attention against a walk down the pyramid, its limits, and its mixer at sizes that it was not traced for."""

import itertools
from collections.abc import Iterator
from math import floor, hypot, inf, log2
from typing import Any

import pytest
import torch
from torch import Tensor

from attention._pyramid import centres, reaches, sides
from attention.mixers import flat
from attention.operators.foveal import FEW, FovealMixer, foveal_attention
from tests.proof import DTYPES, assert_errs_little, draw

Cell = list[tuple[int, int]]


def tokens(*shape: int, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    return [draw(*shape, seed=seed).to(dtype) for seed in range(3)]


def holes(b: int, h: int, w: int) -> Tensor:
    """A mask with tokens here and there, and none at all in the last picture."""
    mask = draw(b, h, w, seed=5) > 0.2
    mask[-1] = False
    return mask


def cells(x: float, y: float, h: int, w: int, e2: float, levels: int) -> Iterator[Cell]:
    """Walks down from the top level and gives the tokens of each leaf."""

    def down(level: int, i: int, j: int) -> Iterator[Cell]:
        size = 2**level
        e = hypot((j + 0.5) * size - x, (i + 0.5) * size - y)
        wanted = floor(log2(1 + e / e2)) if e2 else levels
        if level and min(wanted, levels - 1) < level:
            for a, b in itertools.product((0, 1), (0, 1)):
                yield from down(level - 1, 2 * i + a, 2 * j + b)
        else:
            rows, columns = range(i * size, min(h, (i + 1) * size)), range(j * size, min(w, (j + 1) * size))
            yield list(itertools.product(rows, columns))

    top = 2 ** (levels - 1)
    for i, j in itertools.product(range(-(-h // top)), range(-(-w // top))):
        yield from down(levels - 1, i, j)


def walk(
    q: Tensor, k: Tensor, v: Tensor, gaze: Tensor, e2: float, levels: int, mask: Tensor | None
) -> tuple[Tensor, Tensor]:
    """What each query sees and how much of each token, one leaf after the other."""
    h, w = k.shape[2:4]
    out, weights = torch.zeros_like(q), q.new_zeros(*q.shape[:3], h, w)
    for b, head, n in itertools.product(*map(range, q.shape[:3])):
        x, y = gaze[b, n].tolist()
        there = [[t for t in c if mask is None or mask[b][t]] for c in cells(x, y, h, w, e2, levels)]
        there = [c for c in there if c]
        if not there:
            continue
        keys = torch.stack([torch.stack([k[b, head][t] for t in c]).mean(0) for c in there])
        values = torch.stack([torch.stack([v[b, head][t] for t in c]).mean(0) for c in there])
        count = torch.tensor([float(len(c)) for c in there], dtype=q.dtype)
        share = (keys @ q[b, head, n] / q.shape[-1] ** 0.5 + count.log()).softmax(0)
        out[b, head, n] = share @ values
        for c, s in zip(there, share, strict=True):
            for t in c:
                weights[b, head, n][t] = s / len(c)
    return out, weights.flatten(3)


def own(b: int, h: int, w: int) -> Tensor:
    return centres(h, w, torch.device("cpu")).expand(b, h * w, 2)


LAYOUTS = [(5, 7, 2.0, 4), (1, 30, 1.0, 4), (9, 12, 0.5, 5), (11, 3, 0.3, 3), (10, 9, 3.0, 2), (6, 5, 7 / 6, 3)]
LIMITS = [(6, 5, 0.0, 3), (6, 5, inf, 3), (1, 1, 2.0, 4), (4, 4, 2.0, 1)]


@pytest.mark.slow
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("h", "w", "e2", "levels"), LAYOUTS + LIMITS)
def test_attention_is_what_a_walk_down_the_pyramid_sees(h: int, w: int, e2: float, levels: int, masked: bool) -> None:
    q, k, v = tokens(2, 1, h, w, 3)
    mask = holes(2, h, w) if masked else None
    out, weights = foveal_attention(q, k, v, None, e2, levels, mask, return_weights=True)
    want, shares = walk(q.flatten(2, 3), k, v, own(2, h, w), e2, levels, mask)
    torch.testing.assert_close(out.flatten(2, 3), want, rtol=0, atol=1e-12)
    torch.testing.assert_close(weights, shares, rtol=0, atol=1e-12)


def test_any_point_may_be_looked_at_also_one_outside() -> None:
    _, k, v = tokens(2, 2, 6, 9, 3)
    q, gaze = draw(2, 2, 5, 3).double(), torch.tensor([[0.3, 5.9], [8.7, 0.1], [4.5, 3.0], [-7.0, 2.0], [40.0, 50.0]])
    gaze = torch.stack([gaze, gaze.flip(0)])
    for mask in (None, holes(2, 6, 9)):
        out, weights = foveal_attention(q, k, v, gaze, 1.5, 3, mask, return_weights=True)
        want, shares = walk(q, k, v, gaze, 1.5, 3, mask)
        torch.testing.assert_close(out, want, rtol=0, atol=1e-12)
        torch.testing.assert_close(weights, shares, rtol=0, atol=1e-12)


@pytest.mark.parametrize("e2", [0.4, 2.0, 5.0])
@pytest.mark.parametrize("size", [(12, 16), (33, 40), (3, 500)])
def test_tiles_see_what_each_of_their_tokens_would_see(size: tuple[int, int], e2: float) -> None:
    """Both sizes of tiles: below and above so few tokens."""
    assert (size[0] * size[1] <= FEW) is (size == (12, 16))
    q, k, v = tokens(1, 1, *size, 2)
    want = foveal_attention(q.flatten(2, 3), k, v, own(1, *size), e2)
    torch.testing.assert_close(foveal_attention(q, k, v, e2=e2).flatten(2, 3), want, rtol=0, atol=1e-12)


@pytest.mark.parametrize("e2", [0.0, 0.5, 2.0, inf])
def test_equal_keys_give_the_mean_over_all_tokens(e2: float) -> None:
    q, k, v = tokens(1, 2, 9, 13, 3)
    out = foveal_attention(q, torch.ones_like(k), v, e2=e2)
    torch.testing.assert_close(out, v.mean((2, 3), keepdim=True).expand_as(v))


def test_without_a_periphery_it_is_dense_attention() -> None:
    q, k, v = tokens(2, 2, 5, 7, 3)
    want = torch.nn.functional.scaled_dot_product_attention(*flat(q, k, v)).view_as(v)
    torch.testing.assert_close(foveal_attention(q, k, v, e2=inf), want)
    torch.testing.assert_close(foveal_attention(q, k, v, levels=1), want)
    torch.testing.assert_close(foveal_attention(q.flatten(2, 3), k, v, own(2, 5, 7), inf).view_as(v), want)


def test_a_query_is_sharp_where_it_looks_and_blurred_far_away() -> None:
    q = torch.zeros(1, 1, 2, 1)
    x = torch.zeros(1, 1, 16, 32, 1)
    gaze = torch.tensor([[[4.5, 4.5], [28.5, 12.5]]])
    key = x.clone()
    key[..., 4, 4, 0] = 100.0
    _, weights = foveal_attention(q + 1, key, x, gaze, return_weights=True)
    looked, away = weights.view(2, 16, 32)
    assert looked[4, 4] > 0.99
    torch.testing.assert_close(away[:8, :8], away[0, 0].expand(8, 8))
    assert away[0, 0] > 4 * away[15, 31]  # exp(100 / 64) is 4.8


def test_weights_of_selected_queries_are_those_rows_and_add_up_to_one() -> None:
    q, k, v = tokens(2, 2, 7, 9, 3, dtype=torch.float32)
    _, every = foveal_attention(q, k, v, return_weights=True)
    out, some = foveal_attention(q, k, v, return_weights=True, rows=torch.tensor([62, 0]))
    torch.testing.assert_close(some, every[:, :, [62, 0]])
    torch.testing.assert_close(every.sum(-1), torch.ones(2, 2, 63))
    torch.testing.assert_close(out, foveal_attention(q, k, v))


def dense(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """The formula with a list of leaves for each query, in the dtype of q."""
    h, w = k.shape[2:4]
    out = []
    for x, y in own(1, h, w)[0].tolist():
        leaves = [c for c in cells(x, y, h, w, 2.0, 4) if c]
        member = torch.zeros(len(leaves), h, w, dtype=torch.bool)
        for one, c in zip(member, leaves, strict=True):
            one[tuple(zip(*c, strict=True))] = True
        there = member.flatten(1) if mask is None else member.flatten(1) & mask.flatten(1)[:, None]
        count = there.to(q).sum(-1, keepdim=True)
        mean = (there.to(q) / count.clamp(min=1)).reshape(-1, 1, len(leaves), h * w)
        logits = q[:, :, int(y), int(x), None] @ (mean @ k.flatten(2, 3)).mT / q.shape[-1] ** 0.5
        logits = logits + count.log().clamp(min=torch.finfo(q.dtype).min / 2).reshape(-1, 1, 1, len(leaves))
        out.append(logits.softmax(-1) @ (mean @ v.flatten(2, 3)))
    seen = torch.cat(out, 2).view_as(v)
    return seen if mask is None else seen * mask.any((1, 2))[:, None, None, None, None]


def plain(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    out = foveal_attention(q, k, v, mask=mask, impl="reference")
    assert isinstance(out, Tensor)
    return out


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("masked", [False, True])
def test_outputs_and_gradients_err_little(dtype: torch.dtype, masked: bool) -> None:
    given = dict(zip("qkv", tokens(2, 2, 6, 7, 4), strict=True))
    assert_errs_little(plain, dense, given, {"mask": holes(2, 6, 7) if masked else None}, dtype, noncontiguous=True)


def test_nothing_to_see_and_nobody_to_see_it() -> None:
    empty, q = torch.zeros(1, 2, 0, 4, 3), torch.ones(1, 2, 5, 3)
    out, weights = foveal_attention(q, empty, empty, torch.zeros(1, 5, 2), return_weights=True)
    assert not out.any()
    assert weights.shape == (1, 2, 5, 0)
    assert foveal_attention(empty, empty, empty).shape == empty.shape
    some = torch.ones(1, 2, 3, 4, 3)
    assert foveal_attention(q[:, :, :0], some, some, torch.zeros(1, 0, 2)).shape == (1, 2, 0, 3)


def test_tables_made_in_inference_serve_in_training() -> None:
    q, k, v = tokens(1, 1, 7, 11, 2)
    with torch.inference_mode():
        foveal_attention(q, k, v, e2=1.75)
    q.requires_grad_()
    foveal_attention(q, k, v, e2=1.75).sum().backward()
    assert q.grad is not None


def test_what_does_not_fit_is_named() -> None:
    q, k, v = tokens(1, 1, 3, 4, 2)
    for arguments, message in [
        ({"gaze": torch.zeros(1, 12, 2)}, r"q is \(1, 1, 3, 4, 2\); it must be \(b, heads, n, d\)"),
        ({"v": v[..., :3, :]}, r"v is \(1, 1, 3, 3, 2\)"),
        ({"mask": torch.ones(1, 4, 3, dtype=torch.bool)}, r"mask is \(1, 4, 3\)"),
        ({"mask": torch.ones(1, 3, 4, dtype=torch.uint8)}, "mask is torch.uint8"),
        ({"k": k.float()}, "k is torch.float32"),
        ({"e2": -1.0}, r"e2 is -1.0; it must be a number of tokens, at least 0"),
        ({"e2": float("nan")}, "e2 is nan"),
        ({"levels": 0}, "levels is 0; it must be at least 1"),
    ]:
        given: dict[str, Any] = {"q": q, "k": k, "v": v} | arguments
        with pytest.raises((ValueError, TypeError), match=message if "mask" not in arguments else "mask"):
            foveal_attention(**given)
    with pytest.raises(ValueError, match="e2 is -2"):
        FovealMixer(8, 2, e2=-2.0)


def test_reaches_double_with_the_size_of_the_cells() -> None:
    assert reaches(2.0, 4) == [0.0, 2.0, 6.0, 14.0]
    assert reaches(inf, 3) == [0.0, inf, inf]
    assert sides(1, 4) == [2, 2, 2, 1]


def test_the_mixer_is_the_operator_between_its_projections() -> None:
    torch.manual_seed(0)
    mixer = FovealMixer(8, heads=2, e2=1.0, levels=3)
    x, mask = draw(2, 5, 6, 8), draw(2, 5, 6) > 0
    q, k, v = mixer.qkv(x).unflatten(-1, (3, 2, 4)).permute(3, 0, 4, 1, 2, 5)
    seen = foveal_attention(q, k, v, None, 1.0, 3, mask)
    assert isinstance(seen, Tensor)
    torch.testing.assert_close(mixer(x, mask), mixer.out(seen.permute(0, 2, 3, 1, 4).flatten(3)))


def test_padding_at_the_right_and_below_adds_nothing() -> None:
    torch.manual_seed(0)
    mixer, x = FovealMixer(8, heads=2), draw(2, 13, 9, 8)
    padded = torch.nn.functional.pad(x, (0, 0, 0, 8, 0, 4), value=float("nan"))
    mask = torch.zeros(2, 17, 17, dtype=torch.bool)
    mask[:, :13, :9] = True
    torch.testing.assert_close(mixer(padded, mask)[:, :13, :9], mixer(x))


def test_where_there_is_nothing_there_is_still_a_gradient() -> None:
    q, k, v = (torch.zeros(1, 1, 0, 3, 4, requires_grad=True) for _ in range(3))
    foveal_attention(q, k, v).sum().backward()
    assert q.grad is not None
    gazing = draw(1, 1, 2, 4).requires_grad_()
    foveal_attention(gazing, k, v, torch.zeros(1, 2, 2)).sum().backward()
    assert gazing.grad is not None
    assert (gazing.grad == 0).all()


def test_a_size_seen_with_fake_tensors_is_no_trap_for_true_ones() -> None:
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        q, k, v = (torch.zeros(1, 1, 11, 19, 4) for _ in range(3))
        assert foveal_attention(q, k, v).shape == q.shape
    true = draw(1, 1, 11, 19, 4)
    assert foveal_attention(true, true, true).isfinite().all()
