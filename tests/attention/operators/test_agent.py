"""Agent attention against a loop, its pooling and its resizing against torch's, and its mixer."""

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from attention.operators.agent import BLOCK, LINE, AgentBias, AgentMixer, agent_attention, areas, stretch
from tests.proof import DTYPES, SIZES, assert_errs_little, draw, output


def inputs(b: int, heads: int, n: int, m: int, a: int, d: int, biased: bool = True) -> dict[str, Tensor]:
    shapes = {"q": (b, heads, n, d), "k": (b, heads, m, d), "v": (b, heads, m, d), "agents": (b, heads, a, d)}
    if biased:
        shapes |= {"q_bias": (1, heads, n, a), "k_bias": (b, heads, a, m)}
    return {name: draw(*shape, seed=seed) for seed, (name, shape) in enumerate(shapes.items())}


plain = output(agent_attention)


def loops(q: Tensor, k: Tensor, v: Tensor, agents: Tensor, q_bias: Tensor, k_bias: Tensor, mask: Tensor) -> Tensor:
    b, heads, n, d = q.shape
    out = torch.zeros_like(q)
    for i, h in itertools.product(range(b), range(heads)):
        seen = [j for j in range(k.shape[2]) if mask[i, 0, 0, j]]
        if not seen:
            continue
        gathered = []
        for a, agent in enumerate(agents[i, h]):
            logits = torch.stack([agent @ k[i, h, j] / d**0.5 + k_bias[i, h, a, j] for j in seen])
            gathered.append(logits.softmax(0) @ v[i, h, seen])
        for row in range(n):
            logits = torch.stack(
                [q[i, h, row] @ agent / d**0.5 + q_bias[0, h, row, a] for a, agent in enumerate(agents[i, h])]
            )
            out[i, h, row] = logits.softmax(0) @ torch.stack(gathered)
    return out


def formula(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    agents: Tensor,
    q_bias: Tensor | None = None,
    k_bias: Tensor | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    scale = q.shape[-1] ** -0.5
    asked = (q @ agents.mT * scale + (0 if q_bias is None else q_bias)).softmax(-1)
    looked = agents @ k.mT * scale + (0 if k_bias is None else k_bias)
    if mask is not None:
        looked = looked.masked_fill(~mask, -torch.inf)
    return asked @ (looked.softmax(-1).nan_to_num(0.0) @ v)


@pytest.mark.parametrize("sizes", [(5, 7, 3), (1, 1, 1), (4, 1, 6), (1, 9, 2)])
@pytest.mark.parametrize("masked", [False, True])
def test_it_is_what_a_loop_computes(sizes: tuple[int, int, int], masked: bool) -> None:
    given = {name: x.double() for name, x in inputs(2, 2, *sizes, 3).items()}
    whole = torch.ones(2, 1, 1, sizes[1], dtype=torch.bool)
    mask = draw(*whole.shape, seed=9) > 0 if masked else None
    expected = loops(**given, mask=whole if mask is None else mask)
    torch.testing.assert_close(plain(**given, mask=mask), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("biased", [False, True])
def test_any_size_errs_little(size: int, biased: bool) -> None:
    assert_errs_little(plain, formula, inputs(1, 2, size, 17, 5, 8, biased))
    assert_errs_little(plain, formula, inputs(1, 2, 17, size, 5, 8, biased))


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_errs_little(dtype: torch.dtype) -> None:
    mask = draw(2, 1, 1, 9, seed=3) > 0
    assert_errs_little(plain, formula, inputs(2, 2, 7, 9, 4, 8), {"mask": mask}, dtype=dtype, noncontiguous=True)


def test_one_agent_tells_all_queries_the_same() -> None:
    given = inputs(1, 2, 5, 9, 1, 4, biased=False)
    out = plain(**given)
    torch.testing.assert_close(out, out[:, :, :1].expand_as(out))


def test_agents_that_are_sharp_keys_and_queries_that_are_those_agents_return_the_values() -> None:
    keys = 100 * torch.eye(4).expand(1, 2, 4, 4)
    v = draw(1, 2, 4, 4)
    torch.testing.assert_close(plain(keys, keys, v, keys), v)


def test_without_keys_or_for_masked_rows_it_gives_zeros_with_finite_gradients() -> None:
    given = {name: x.requires_grad_() for name, x in inputs(2, 2, 5, 6, 3, 4).items()}
    mask = torch.tensor([True, False])[:, None, None, None].expand(2, 1, 1, 6)
    out = plain(**given, mask=mask)
    assert (out[1] == 0).all()
    assert (out[0] != 0).any()
    out.sum().backward()
    assert all(x.grad is not None and x.grad.isfinite().all() for x in given.values())
    nothing = inputs(1, 2, 5, 0, 3, 4)
    assert torch.equal(plain(**nothing), torch.zeros(1, 2, 5, 4))
    assert plain(**inputs(1, 2, 0, 5, 3, 4)).shape == (1, 2, 0, 4)


def test_the_weights_are_the_product_of_both_softmaxes() -> None:
    given = inputs(2, 2, 5, 7, 3, 4)
    mask = draw(2, 1, 1, 7, seed=3) > 0
    rows = torch.tensor([4, 1])
    out, weights = agent_attention(**given, mask=mask, return_weights=True, rows=rows)
    assert weights.shape == (2, 2, 2, 7)
    assert (weights[~mask.expand_as(weights)] == 0).all()
    torch.testing.assert_close(weights @ given["v"], out[:, :, rows])
    _, every = agent_attention(**given, mask=mask, return_weights=True)
    torch.testing.assert_close(every[:, :, rows], weights)


def test_what_does_not_fit_is_named() -> None:
    given = inputs(1, 2, 5, 7, 3, 4)
    wrong: Any
    for wrong, message in [
        ({"k": given["k"][..., 1:]}, "k is"),
        ({"agents": given["agents"][:, :1]}, "agents is"),
        ({"q_bias": given["k_bias"]}, "q_bias is"),
        ({"mask": torch.ones(1, 1, 5, 7, dtype=torch.bool)}, "mask"),
        ({"mask": torch.ones(1, 1, 1, 7)}, "mask"),
        ({"agents": given["agents"].double()}, "agents is torch.float64"),
    ]:
        with pytest.raises((ValueError, TypeError), match=message):
            agent_attention(**(given | wrong))


@pytest.mark.parametrize("parts", [1, 3, 7])
@pytest.mark.parametrize("size", [1, 2, 7, 12, 21])
def test_parts_of_a_line_are_averaged_by_exact_shares(parts: int, size: int) -> None:
    shares = areas(parts, size, torch.zeros(1, dtype=torch.float64))
    torch.testing.assert_close(shares.sum(1), torch.ones(parts, dtype=torch.float64))
    torch.testing.assert_close(shares.sum(0), torch.full((size,), parts / size, dtype=torch.float64))
    fine = torch.eye(size, dtype=torch.float64).repeat_interleave(parts, 0)  # cells cut so that borders coincide
    torch.testing.assert_close(shares, fine.unflatten(0, (parts, size)).mean(1))


def test_pooling_is_that_of_torch_where_the_parts_are_whole_cells() -> None:
    x = draw(2, 3, 14, 21, 4)
    expected = adaptive_avg_pool2d(x.permute(0, 1, 4, 2, 3).flatten(1, 2), (7, 7)).view(2, 3, 4, 49).mT
    torch.testing.assert_close(AgentMixer(12, 3).pool(x), expected)


@pytest.mark.parametrize("size", [1, 3, 7, 16, 40])
def test_resizing_is_that_of_torch(size: int) -> None:
    for parts in (1, BLOCK, LINE):
        expected = interpolate(torch.eye(parts)[None], size, mode="linear", align_corners=False)[0].T
        torch.testing.assert_close(stretch(parts, size, torch.zeros(1)), expected)


@pytest.mark.parametrize("size", [(7, 7), (5, 12), (1, 1), (20, 9)])
def test_the_bias_is_a_resized_block_plus_lines_of_rows_and_columns(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    bias = AgentBias(2, 6)
    assert bias.block.std() > 0.01
    assert bias.rows.std() > 0.01
    assert bias.columns.std() > 0.01
    block = interpolate(bias.block.permute(0, 3, 1, 2), size, mode="bilinear", align_corners=False)
    row, column = (
        interpolate(table.mT, parts, mode="linear", align_corners=False)
        for table, parts in zip((bias.rows, bias.columns), size, strict=True)
    )
    expected = (block + row[..., None] + column[:, :, None]).flatten(2).mT
    torch.testing.assert_close(bias(*size), expected[None])


def test_agents_without_tokens_are_not_asked() -> None:
    """With masked queries, half of the agents see nothing of the picture: what is left is attention over the others."""
    torch.manual_seed(0)
    mixer = AgentMixer(4, 1, agents=(1, 2))
    x, mask = draw(1, 1, 4, 4), torch.tensor([True, True, False, False]).view(1, 1, 4)
    q, k, v = (draw(1, 1, 1, 4, 4, seed=seed) for seed in range(3))
    agent = q[:, :, 0, :2].mean(2, keepdim=True)
    q_bias, k_bias = mixer.asking(1, 4)[..., :1], mixer.looking(1, 4).mT[:, :, :1]
    seen = plain(q[:, :, 0], k[:, :, 0], v[:, :, 0], agent, q_bias, k_bias, mask[:, None])
    v = v * mask[:, None, ..., None]
    near = mixer.local(v[:, 0].permute(0, 3, 1, 2)).permute(0, 2, 3, 1)[:, None]
    got = mixer.attend(q, k, v, x, mask, None)
    torch.testing.assert_close(got, seen[:, :, None] + near)


def test_a_mixer_without_agents_cannot_be_built() -> None:
    with pytest.raises(ValueError, match=r"agents is \(0, 7\)"):
        AgentMixer(8, 2, agents=(0, 7))
