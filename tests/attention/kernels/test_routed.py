"""The kernel of routed attention against a masked dense matrix in double precision."""

from typing import Any

import pytest
import torch
from torch import Tensor

from attention.operators.routed import route, routed_attention
from tests.proof import DTYPES, SIZES, assert_errs_little, draw

pytestmark = pytest.mark.usefixtures("poison")
GRIDS = dict(zip(SIZES, [(1, 1), (1, 16), (17, 1), (7, 9), (10, 10)], strict=True))


def formula(q: Tensor, k: Tensor, v: Tensor, routes: Tensor, region: tuple[int, int], mask: Tensor | None) -> Tensor:
    """All tokens to all tokens, those masked away that are not in the routes of the query's region."""
    h, w = q.shape[2:4]
    wide = -(-w // region[1])
    of = torch.tensor([y // region[0] * wide + x // region[1] for y in range(h) for x in range(w)], device=q.device)
    seen = (routes[:, of][:, :, None] == of[:, None]).any(-1)[:, None]
    if mask is not None:
        seen = seen & mask.flatten(1)[:, None, None]
    logits = q.flatten(2, 3) @ k.flatten(2, 3).mT * q.shape[-1] ** -0.5
    weights = logits.masked_fill(~seen, -torch.inf).softmax(-1).nan_to_num(0.0)
    return (weights @ v.flatten(2, 3)).view_as(q)


def kernel(q: Tensor, k: Tensor, v: Tensor, routes: Tensor, region: tuple[int, int], mask: Tensor | None) -> Tensor:
    from attention.kernels.routed import forward

    return forward(q, k, v, routes, region, mask)


def inputs(b: int, heads: int, h: int, w: int, d: int) -> dict[str, Tensor]:
    return {name: draw(b, heads, h, w, d, seed=seed) for seed, name in enumerate("qkv")}


def check(given: dict[str, Tensor], region: Any, top: int, mask: Tensor | None, device: str, **how: Any) -> None:
    routes = route(given["q"], given["k"], region, top, mask)
    others = {"routes": routes, "region": region, "mask": mask}
    assert_errs_little(kernel, formula, given, others, device=device, gradients=False, **how)


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("region", [(4, 4), (2, 3)])
def test_any_size_errs_little(size: int, region: tuple[int, int], device: str) -> None:
    check(inputs(1, 2, *GRIDS[size], 5), region, 3, None, device)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("masked", [False, True])
def test_every_dtype_errs_little(dtype: torch.dtype, masked: bool, device: str) -> None:
    mask = draw(2, 7, 9, seed=5) > 0 if masked else None
    check(inputs(2, 1, 7, 9, 24), (4, 4), 4, mask, device, dtype=dtype)


@pytest.mark.slow
def test_regions_larger_than_a_block_of_queries_and_of_keys(device: str) -> None:
    mask = draw(1, 19, 11, seed=3) > -1
    check(inputs(1, 1, 19, 11, 16), (9, 7), 3, mask, device)


@pytest.mark.slow
@pytest.mark.parametrize("masked", [False, True])
def test_strides_do_not_matter(masked: bool, device: str) -> None:
    mask = (draw(9, 2, 7, seed=4) > 0).permute(1, 2, 0) if masked else None
    check(inputs(2, 2, 7, 9, 8), (3, 4), 2, mask, device, noncontiguous=True)


@pytest.mark.slow
def test_the_heads_of_one_projection_are_read_in_place(device: str) -> None:
    q, k, v = draw(2, 6, 5, 3, 3, 8).to(device).permute(3, 0, 4, 1, 2, 5).unbind(0)
    routes = route(q, k, 2, 3)
    expected = formula(q, k, v, routes, (2, 2), None)
    torch.testing.assert_close(kernel(q, k, v, routes, (2, 2), None), expected, rtol=1e-5, atol=1e-5)


def test_a_program_writes_the_tokens_of_its_own_region_alone(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it wrote elsewhere would be overwritten by later programs in the interpreter, but not on a GPU."""
    from attention.kernels import routed

    class First:
        def __getitem__(self, grid: tuple[int]) -> Any:
            return gather[(1,)]

    gather = routed.gather
    monkeypatch.setattr(routed, "gather", First())
    given = {name: x.to(device) for name, x in inputs(1, 1, 7, 9, 4).items()}
    out = kernel(**given, routes=route(given["q"], given["k"], (2, 3), 2), region=(2, 3), mask=None)
    assert out[0, 0, :2, :3].isfinite().all()
    assert out.isfinite().all(-1).sum() == 6


@pytest.mark.slow
def test_pictures_without_tokens_and_missing_regions_give_zeros_and_no_nan(device: str) -> None:
    given = {name: x.to(device) for name, x in inputs(3, 1, 5, 6, 4).items()}
    mask = torch.ones(3, 5, 6, dtype=torch.bool, device=device)
    mask[1] = False
    mask[2, :, 1:] = False
    routes = route(given["q"], given["k"], 2, 11, mask)
    assert (routes[0] < 0).sum(-1).eq(2).all()
    assert (routes[1] < 0).all()
    out = kernel(**given, routes=routes, region=(2, 2), mask=mask)
    torch.testing.assert_close(out, formula(**given, routes=routes, region=(2, 2), mask=mask), rtol=1e-5, atol=1e-5)
    assert (out[1] == 0).all()


@pytest.mark.slow
def test_what_may_not_be_seen_is_never_read(device: str) -> None:
    given = {name: x.to(device) for name, x in inputs(1, 2, 6, 7, 4).items()}
    mask = (draw(1, 6, 7, seed=8) > 0).to(device)
    routes = route(given["q"], given["k"], 3, 2, mask)
    clean = kernel(**given, routes=routes, region=(3, 3), mask=mask)
    hidden = ~mask[:, None, ..., None]
    spoiled = {name: x if name == "q" else x.masked_fill(hidden, torch.nan) for name, x in given.items()}
    assert torch.equal(kernel(**spoiled, routes=routes, region=(3, 3), mask=mask), clean)


@pytest.mark.parametrize("shape", [(1, 2, 0, 5, 4), (0, 1, 2, 2, 4), (2, 1, 3, 0, 4)])
def test_nothing_gives_nothing(shape: tuple[int, ...], device: str) -> None:
    x = torch.zeros(shape, device=device)
    assert routed_attention(x, x, x, impl="triton").shape == shape


@pytest.mark.slow
def test_the_operator_agrees_with_its_reference(device: str) -> None:
    given = {name: x.to(device) for name, x in inputs(2, 2, 7, 10, 8).items()}
    mask = (draw(2, 7, 10, seed=6) > -1).to(device)
    rows = torch.tensor([3, 64], device=device)
    fast, fast_weights = routed_attention(**given, mask=mask, impl="triton", return_weights=True, rows=rows)
    slow, weights = routed_attention(**given, mask=mask, impl="reference", return_weights=True, rows=rows)
    torch.testing.assert_close(fast, slow, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(fast_weights, weights)


def test_a_gradient_is_refused_by_name_and_auto_takes_the_reference(device: str) -> None:
    given = {name: x.to(device) for name, x in inputs(1, 1, 4, 4, 4).items()}
    given["v"].requires_grad_()
    with pytest.raises(RuntimeError, match="no gradient"):
        routed_attention(**given, impl="triton")
    out = routed_attention(**given)
    assert isinstance(out, Tensor)
    out.sum().backward()
    assert given["v"].grad is not None
    with torch.no_grad():
        torch.testing.assert_close(routed_attention(**given, impl="triton"), out.detach(), rtol=1e-5, atol=1e-5)


def test_what_it_does_not_take_is_named(device: str) -> None:
    given = {name: x.to(device) for name, x in inputs(1, 1, 4, 4, 4).items()}
    with pytest.raises(ValueError, match="float64"):
        routed_attention(**{name: x.double() for name, x in given.items()}, impl="triton")
    with pytest.raises((ValueError, TypeError), match="mask"):
        routed_attention(**given, mask=torch.ones(1, 4, 5, dtype=torch.bool, device=device), impl="triton")


@pytest.mark.slow
def test_torch_knows_it_as_an_operator(device: str) -> None:
    from attention.kernels.routed import attend

    given = {name: x.to(device) for name, x in inputs(1, 2, 3, 5, 4).items()}
    routes = route(given["q"], given["k"], 2, 2)
    tests = ("test_schema", "test_faketensor", "test_autograd_registration")
    torch.library.opcheck(attend, (*given.values(), routes, 2, 2, None), test_utils=tests)
