"""Routed attention against a loop, what is routed where, and its mixer."""

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

from attention.operators.dense import dense_attention
from attention.operators.dual import dual_attention
from attention.operators.routed import RoutedMixer, route, routed_attention
from tests.proof import DTYPES, alike, assert_errs_little, draw, output

SHAPES = [(2, 2, 5, 7, 3), (1, 1, 1, 1, 1), (1, 2, 1, 9, 2), (2, 1, 8, 4, 4)]  # b, heads, h, w, d
Token = tuple[int, int]


plain = output(routed_attention)


def regions(h: int, w: int, region: tuple[int, int], mask: Tensor) -> list[list[Token]]:
    """The tokens that each region of one picture holds, row by row."""
    tokens = [(y, x) for y, x in itertools.product(range(h), range(w)) if mask[y, x]]
    places = itertools.product(range(-(-h // region[0])), range(-(-w // region[1])))
    return [[(y, x) for y, x in tokens if (y // region[0], x // region[1]) == place] for place in places]


def routes_by_loops(q: Tensor, k: Tensor, held: list[list[Token]], top: int) -> list[list[int]]:
    """Of one picture: for each region the most alike ones that hold tokens, best first."""

    def mean(x: Tensor, tokens: list[Token]) -> Tensor:
        return torch.stack([x[:, y, x_] for y, x_ in tokens]).mean(0) if tokens else torch.zeros_like(x[:, 0, 0])

    found = []
    for here in held:
        affinity = {j: float((mean(q, here) * mean(k, there)).sum()) for j, there in enumerate(held) if there}
        found.append(sorted(affinity, key=lambda j: -affinity[j])[:top])
    return found


def loops(q: Tensor, k: Tensor, v: Tensor, region: tuple[int, int], top: int, mask: Tensor) -> Tensor:
    b, heads, h, w, d = q.shape
    out = torch.zeros_like(v)
    for i in range(b):
        held = regions(h, w, region, mask[i])
        routes = routes_by_loops(q[i], k[i], held, top)
        for head, y, x in itertools.product(range(heads), range(h), range(w)):
            own = y // region[0] * -(-w // region[1]) + x // region[1]
            seen = [token for j in routes[own] for token in held[j]]
            if seen:
                logits = torch.stack([q[i, head, y, x] @ k[i, head, r, c] / d**0.5 for r, c in seen])
                out[i, head, y, x] = logits.softmax(0) @ torch.stack([v[i, head, r, c] for r, c in seen])
    return out


def some(shape: tuple[int, ...], masked: bool) -> Tensor | None:
    return draw(shape[0], *shape[2:4], seed=6) > 0.3 if masked else None


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("region", "top"), [((2, 3), 2), ((3, 2), 1), ((1, 1), 4), ((4, 4), 9)])
def test_it_is_what_a_loop_computes(shape: tuple[int, ...], masked: bool, region: tuple[int, int], top: int) -> None:
    given = {name: x.double() for name, x in alike(*shape).items()}
    mask = some(shape, masked)
    there = torch.ones(shape[0], *shape[2:4], dtype=torch.bool) if mask is None else mask
    routes = route(given["q"], given["k"], region, top, mask)
    for i in range(shape[0]):
        held = regions(*shape[2:4], region, there[i])
        expected = routes_by_loops(given["q"][i], given["k"][i], held, top)
        got = [[j for j in row if j >= 0] for row in routes[i].tolist()]
        occupied = [number for number, tokens in enumerate(held) if tokens]  # others have no queries to compare
        assert [got[j] for j in occupied] == [expected[j] for j in occupied]
        assert all((row >= 0).sum() == len(want) for row, want in zip(routes[i], expected, strict=True))
    out = plain(**given, region=region, top=top, mask=mask) * there[:, None, ..., None]
    want = loops(**given, region=region, top=top, mask=there) * there[:, None, ..., None]
    torch.testing.assert_close(out, want, rtol=0, atol=1e-12)


def formula(q: Tensor, k: Tensor, v: Tensor, routes: Tensor, region: int, mask: Tensor | None) -> Tensor:
    """All tokens to all tokens, those masked away that are not in the routes of the query's region."""
    h, w = q.shape[2:4]
    of = torch.tensor([y // region * -(-w // region) + x // region for y in range(h) for x in range(w)])
    seen = (routes[:, of][:, :, None] == of[:, None]).any(-1)[:, None]
    if mask is not None:
        seen = seen & mask.flatten(1)[:, None, None]
    logits = q.flatten(2, 3) @ k.flatten(2, 3).mT * q.shape[-1] ** -0.5
    return (logits.masked_fill(~seen, -torch.inf).softmax(-1).nan_to_num(0.0) @ v.flatten(2, 3)).view_as(q)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("masked", [False, True])
def test_output_and_gradients_err_little(dtype: torch.dtype, masked: bool) -> None:
    shape = (2, 2, 5, 7, 8)
    given = {name: x.to(dtype).float() for name, x in alike(*shape).items()}
    mask = some(shape, masked)
    routes = route(given["q"], given["k"], 2, 3, mask)
    assert torch.equal(route(given["q"].to(dtype), given["k"].to(dtype), 2, 3, mask), routes)

    def fast(routes: Tensor, **arguments: Any) -> Tensor:
        return plain(**arguments, top=3)

    others = {"routes": routes, "region": 2, "mask": mask}
    assert_errs_little(fast, formula, given, others, dtype=dtype, noncontiguous=True)


def test_with_all_regions_routed_it_is_dense_attention() -> None:
    given = alike(2, 3, 5, 6, 4)
    dense = dense_attention(*(x.flatten(2, 3) for x in given.values())).view(2, 3, 5, 6, 4)
    for top in (9, 50):
        torch.testing.assert_close(plain(**given, region=2, top=top), dense)


def test_regions_that_only_like_themselves_are_windows() -> None:
    """Keys that lie far apart, one direction a region: the best region is the own one."""
    _, _, v = alike(1, 2, 4, 4, 4).values()
    k = torch.eye(4).view(1, 1, 2, 2, 4).repeat_interleave(2, 2).repeat_interleave(2, 3).expand(1, 2, 4, 4, 4) * 9
    windows = dual_attention(k, k, v, "windows", window=2)
    assert isinstance(windows, Tensor)
    torch.testing.assert_close(plain(k, k, v, region=2, top=1), windows)


def test_all_heads_share_the_routes_and_each_counts_by_the_length_of_its_vectors() -> None:
    q = torch.zeros(1, 2, 1, 2, 1)
    q[0, 0], q[0, 1] = 1.0, 1.0
    k = torch.tensor([[1.0, 0.0], [0.0, 3.0]]).view(1, 2, 1, 2, 1)  # head 0 likes region 0, head 1 region 1 more
    assert route(q, k, region=1, top=1).flatten().tolist() == [1, 1]


def test_a_region_is_known_by_the_mean_of_its_present_tokens_alone() -> None:
    k = torch.tensor([4.0, -100.0, 3.0, 3.0]).view(1, 1, 1, 4, 1)
    mask = torch.tensor([True, False, True, True]).view(1, 1, 4)
    assert route(torch.ones_like(k), k, region=(1, 2), top=1, mask=mask).flatten().tolist() == [0, 0]
    assert route(torch.ones_like(k), k, region=(1, 2), top=1).flatten().tolist() == [1, 1]
    row = torch.tensor([3.0, 3.0, 4.0]).view(1, 1, 1, 3, 1)  # the last region is half beyond the border
    assert route(torch.ones_like(row), row, region=(1, 2), top=1).flatten().tolist() == [1, 1]


def test_missing_regions_are_marked_at_the_end_and_empty_ones_never_chosen() -> None:
    x = draw(1, 2, 4, 6, 3)
    mask = torch.ones(1, 4, 6, dtype=torch.bool)
    mask[:, :, 2:4] = False
    routes = route(x, x, 2, 5, mask)
    assert routes.shape == (1, 6, 5)
    assert (routes[..., :4].sort(-1).values == torch.tensor([0, 2, 3, 5])).all()
    assert (routes[..., 4] == -1).all()


def test_the_choice_has_no_gradient() -> None:
    given = {name: x.requires_grad_() for name, x in alike(1, 2, 4, 6, 3).items()}
    assert not route(given["q"], given["k"], 2, 2).requires_grad
    plain(**given, region=2, top=1).sum().backward()
    k = given["k"].grad
    assert k is not None
    seen = torch.zeros(6, dtype=torch.bool)
    seen[route(given["q"], given["k"], 2, 1).flatten()] = True
    unseen = ~seen.view(2, 3).repeat_interleave(2, 0).repeat_interleave(2, 1)
    assert unseen.any()
    assert (k[0, :, unseen] == 0).all()


def test_the_weights_make_the_output_and_are_zero_outside_the_routes() -> None:
    given = alike(2, 2, 5, 7, 4)
    mask = draw(2, 5, 7, seed=4) > 0
    rows = torch.tensor([0, 8, 34])
    out, weights = routed_attention(**given, region=2, top=2, mask=mask, return_weights=True, rows=rows)
    assert weights.shape == (2, 2, 3, 35)
    torch.testing.assert_close(weights @ given["v"].flatten(2, 3), out.flatten(2, 3)[:, :, rows])
    assert ((weights > 0).sum(-1) <= 8).all()
    _, every = routed_attention(**given, region=2, top=2, mask=mask, return_weights=True)
    torch.testing.assert_close(every[:, :, rows], weights)


def test_a_picture_without_tokens_gives_zeros_and_finite_gradients() -> None:
    given = {name: x.requires_grad_() for name, x in alike(2, 2, 3, 4, 4).items()}
    mask = torch.stack([torch.zeros(3, 4, dtype=torch.bool), torch.ones(3, 4, dtype=torch.bool)])
    out = plain(**given, region=2, mask=mask)
    assert (out[0] == 0).all()
    assert (out[1] != 0).any()
    out.sum().backward()
    assert all(x.grad is not None and x.grad.isfinite().all() for x in given.values())


@pytest.mark.parametrize("shape", [(1, 2, 0, 5, 4), (2, 1, 3, 0, 4), (0, 2, 3, 3, 4)])
def test_no_tokens_give_no_tokens(shape: tuple[int, ...]) -> None:
    x = torch.zeros(shape)
    assert plain(x, x, x).shape == shape


def test_what_does_not_fit_is_named() -> None:
    x = torch.zeros(1, 2, 3, 4, 5)
    wrong: Any
    for wrong, message in [
        ({"k": x[..., 1:]}, "k is"),
        ({"mask": torch.ones(1, 3, 3, dtype=torch.bool)}, "mask is"),
        ({"region": 0}, "region is 0"),
        ({"top": 0}, "top is 0"),
        ({"v": x.half()}, "v is torch.float16"),
        ({"mask": torch.ones(1, 3, 4)}, "mask"),
        ({"impl": "cuda"}, "impl"),
    ]:
        with pytest.raises((ValueError, TypeError), match=message):
            routed_attention(**({"q": x, "k": x, "v": x} | wrong))
    with pytest.raises(ValueError, match="top is 0"):
        RoutedMixer(8, 2, top=0)


def test_a_mixer_adds_the_values_nearby() -> None:
    torch.manual_seed(0)
    mixer = RoutedMixer(8, 2)
    q, k, v = alike(1, 2, 5, 6, 4).values()
    near = mixer.local(v.permute(0, 1, 4, 2, 3).flatten(1, 2)).unflatten(1, (2, 4)).permute(0, 1, 3, 4, 2)
    torch.testing.assert_close(mixer.attend(q, k, v, draw(1, 5, 6, 8), None, None), plain(q, k, v) + near)
