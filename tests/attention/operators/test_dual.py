"""Dual attention against loops over windows and over channels, and its mixer."""

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

from attention.operators.dense import dense_attention
from attention.operators.dual import DualMixer, cut, dual_attention, join
from tests.proof import DTYPES, alike, assert_errs_little, draw, output

SHAPES = [(2, 2, 5, 7, 3), (1, 1, 1, 1, 1), (1, 2, 1, 9, 2), (2, 1, 8, 4, 4)]  # b, heads, h, w, d
WINDOWS: list[Any] = [3, (2, 4), 1, 20]


plain = output(dual_attention)


def windows_by_loops(q: Tensor, k: Tensor, v: Tensor, size: Any, mask: Tensor) -> Tensor:
    rows, columns = (size, size) if isinstance(size, int) else size
    b, heads, h, w, d = q.shape
    out = torch.zeros_like(v)
    for i, head, y, x in itertools.product(range(b), range(heads), range(h), range(w)):
        top, left = y // rows * rows, x // columns * columns
        near = itertools.product(range(top, min(top + rows, h)), range(left, min(left + columns, w)))
        seen = [(r, c) for r, c in near if mask[i, r, c]]
        if seen:
            logits = torch.stack([q[i, head, y, x] @ k[i, head, r, c] / d**0.5 for r, c in seen])
            out[i, head, y, x] = logits.softmax(0) @ torch.stack([v[i, head, r, c] for r, c in seen])
    return out


def channels_by_loops(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
    b, heads, _, _, d = q.shape
    out = torch.zeros_like(v)
    for i, head, channel in itertools.product(range(b), range(heads), range(d)):
        tokens = mask[i].nonzero().tolist()
        logits = [
            sum((q[i, head, y, x, channel] * k[i, head, y, x, other] for y, x in tokens), q.new_zeros(()))
            for other in range(d)
        ]
        weights = (torch.stack(logits) / d**0.5).softmax(0)
        for y, x in tokens:
            out[i, head, y, x, channel] = weights @ v[i, head, y, x]
    return out


def window_formula(q: Tensor, k: Tensor, v: Tensor, window: Any, mask: Tensor | None = None) -> Tensor:
    """All tokens to all tokens, those in other windows masked away."""
    rows, columns = (window, window) if isinstance(window, int) else window
    of = torch.tensor([(y // rows, x // columns) for y in range(q.shape[2]) for x in range(q.shape[3])])
    seen = (of[:, None] == of).all(-1)
    if mask is not None:
        seen = seen & mask.flatten(1)[:, None, None]
    logits = q.flatten(2, 3) @ k.flatten(2, 3).mT * q.shape[-1] ** -0.5
    weights = logits.masked_fill(~seen, -torch.inf).softmax(-1).nan_to_num(0.0)
    return (weights @ v.flatten(2, 3)).view_as(q)


def channel_formula(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    wide = torch.float64 if q.dtype is torch.float64 else torch.float32
    q, k, v = (x if mask is None else x * mask[:, None, ..., None] for x in (q, k, v))
    table = torch.einsum("bhyxi,bhyxj->bhij", k.to(wide), q.to(wide) * q.shape[-1] ** -0.5).softmax(-2)
    return torch.einsum("bhyxi,bhij->bhyxj", v, table.to(q.dtype))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("masked", [False, True])
def test_both_are_what_loops_compute(shape: tuple[int, ...], masked: bool) -> None:
    given = {name: x.double() for name, x in alike(*shape).items()}
    whole = torch.ones(shape[0], *shape[2:4], dtype=torch.bool)
    mask = draw(*whole.shape, seed=4) > 0.2 if masked else None
    there = whole if mask is None else mask
    for size in WINDOWS:
        expected = windows_by_loops(**given, size=size, mask=there)
        torch.testing.assert_close(plain(**given, over="windows", window=size, mask=mask), expected, rtol=0, atol=1e-12)
    got = plain(**given, over="channels", mask=mask) * there[:, None, ..., None]
    torch.testing.assert_close(got, channels_by_loops(**given, mask=there), rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("masked", [False, True])
def test_output_and_gradients_err_little(dtype: torch.dtype, masked: bool) -> None:
    given = alike(2, 2, 5, 7, 8)
    others: dict[str, Any] = {"mask": draw(2, 5, 7, seed=4) > 0.2 if masked else None}

    def windows(**arguments: Any) -> Tensor:
        return plain(**arguments, over="windows")

    def channels(**arguments: Any) -> Tensor:
        return plain(**arguments, over="channels")

    assert_errs_little(windows, window_formula, given, others | {"window": (2, 3)}, dtype=dtype, noncontiguous=True)
    assert_errs_little(channels, channel_formula, given, others, dtype=dtype, noncontiguous=True)


def test_one_window_over_all_is_dense_attention_and_windows_of_one_token_return_it() -> None:
    given = alike(2, 3, 4, 5, 6)
    dense = dense_attention(*(x.flatten(2, 3) for x in given.values())).view(2, 3, 4, 5, 6)
    torch.testing.assert_close(plain(**given, over="windows", window=(4, 5)), dense)
    torch.testing.assert_close(plain(**given, over="windows", window=1), given["v"])


def test_one_channel_has_nothing_to_compare() -> None:
    given = alike(2, 3, 4, 5, 1)
    torch.testing.assert_close(plain(**given, over="channels"), given["v"])


def test_channels_are_attention_on_the_transposed_tokens() -> None:
    q, k, v = (x.flatten(2, 3).mT for x in alike(2, 3, 4, 5, 6).values())  # tokens are channels, of width 20
    dense = dense_attention(q * (20 / 6) ** 0.5, k, v).mT.unflatten(2, (4, 5))
    torch.testing.assert_close(plain(**alike(2, 3, 4, 5, 6), over="channels"), dense)


def test_windows_of_a_grid_are_joined_to_the_same_grid() -> None:
    x = draw(2, 3, 5, 7, 4)
    for size in [(2, 3), (5, 7), (7, 9), (1, 1)]:
        assert torch.equal(join(cut(x, size), size, 5, 7), x)


def test_the_weights_of_windows_make_the_output_and_are_zero_elsewhere() -> None:
    given = alike(2, 2, 5, 7, 4)
    mask = draw(2, 5, 7, seed=4) > 0
    rows = torch.tensor([0, 8, 34])
    out, weights = dual_attention(**given, over="windows", window=3, mask=mask, return_weights=True, rows=rows)
    torch.testing.assert_close(weights @ given["v"].flatten(2, 3), out.flatten(2, 3)[:, :, rows])
    assert weights.shape == (2, 2, 3, 35)
    assert (weights[:, :, 0].unflatten(-1, (5, 7))[:, :, 3:] == 0).all()
    _, every = dual_attention(**given, over="windows", window=3, mask=mask, return_weights=True)
    torch.testing.assert_close(every[:, :, rows], weights)


def test_the_weights_of_channels_make_the_output() -> None:
    given = alike(2, 2, 5, 7, 4)
    out, weights = dual_attention(**given, over="channels", return_weights=True)
    assert weights.shape == (2, 2, 4, 4)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 2, 4))
    torch.testing.assert_close(torch.einsum("bhij,bhyxj->bhyxi", weights, given["v"]), out)


@pytest.mark.parametrize("over", ["windows", "channels"])
def test_a_picture_without_tokens_gives_zeros_and_finite_gradients(over: Any) -> None:
    given = {name: x.requires_grad_() for name, x in alike(2, 2, 3, 4, 4).items()}
    mask = torch.stack([torch.zeros(3, 4, dtype=torch.bool), torch.ones(3, 4, dtype=torch.bool)])
    out = plain(**given, over=over, window=2, mask=mask)
    assert (out[0] == 0).all()
    out.sum().backward()
    for x in given.values():
        assert x.grad is not None
        assert x.grad.isfinite().all()


@pytest.mark.parametrize("over", ["windows", "channels"])
@pytest.mark.parametrize("shape", [(1, 2, 0, 5, 4), (2, 1, 3, 0, 4), (0, 2, 3, 3, 4)])
def test_no_tokens_give_no_tokens(over: Any, shape: tuple[int, ...]) -> None:
    x = torch.zeros(shape)
    assert plain(x, x, x, over).shape == shape


def test_many_tokens_of_half_precision_do_not_overflow() -> None:
    x = torch.full((1, 1, 64, 64, 4), 8.0, dtype=torch.float16)  # sums of 2^18
    torch.testing.assert_close(plain(x, x, x, "channels"), x)


def test_what_does_not_fit_is_named() -> None:
    x = torch.zeros(1, 2, 3, 4, 5)
    wrong: Any
    for wrong, message in [
        ({"k": x[..., 1:]}, "k is"),
        ({"mask": torch.ones(1, 3, 3, dtype=torch.bool)}, "mask is"),
        ({"window": 0}, "window is 0"),
        ({"v": x.half()}, "v is torch.float16"),
        ({"over": "places"}, "over"),
        ({"mask": torch.ones(1, 3, 4)}, "mask"),
        ({"over": "channels", "rows": torch.tensor([0])}, "rows"),
    ]:
        with pytest.raises((ValueError, TypeError), match=message):
            dual_attention(**({"q": x, "k": x, "v": x, "over": "windows"} | wrong))


def test_a_mixer_joins_what_its_windows_keep_apart() -> None:
    torch.manual_seed(0)
    mixer = DualMixer(8, 2, window=2)
    x = draw(1, 2, 4, 8)
    changed = x.clone()
    changed[:, :, 2:] += 1
    q, k, v = mixer.qkv(torch.cat([x, changed])).unflatten(-1, (3, 2, -1)).permute(3, 0, 4, 1, 2, 5).unbind(0)
    near = mixer.attend(q, k, v, x, None, None)
    assert torch.equal(near[0, :, :, :2], near[1, :, :, :2])
    assert not torch.allclose(mixer(x)[:, :, :2], mixer(changed)[:, :, :2], atol=1e-4)
