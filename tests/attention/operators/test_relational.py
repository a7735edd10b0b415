"""Relational attention: its relation of boxes by hand, attention against a loop, limits, and gradients."""

import math

import pytest
import torch
from torch import Tensor

from attention.mixers import cells
from attention.operators.relational import RelationalMixer, bias, bias_of_cells, relational_attention
from tests.proof import DTYPES, SIZES, assert_errs_little, draw, qkv


def layout(n: int, b: int = 2, seed: int = 0) -> Tensor:
    """Boxes within some 10 degrees; the last of several has no size."""
    boxes = torch.cat([4 * draw(b, n, 2, seed=seed), draw(b, n, 2, seed=seed + 1).exp()], -1)
    if n > 2:
        boxes[:, -1, 2] = 0
    return boxes


def pair(one: list[float], other: list[float]) -> list[float]:
    """The 12 numbers of two boxes, with Python's own arithmetic."""
    if min(*one[2:], *other[2:]) <= 0:
        return [0.0] * 12
    dx = other[0] + other[2] / 2 - one[0] - one[2] / 2
    dy = other[1] + other[3] / 2 - one[1] - one[3] / 2
    r, size = math.hypot(dx, dy), math.sqrt(one[2] * one[3])
    fixed = [math.exp(-((r / sigma) ** 2) / 2) for sigma in (1, 2, 4, 8)]
    sized = [math.exp(-((r / (rho * size)) ** 2) / 2) for rho in (0.5, 1, 2, 4)]
    far = max(r, 1e-6)
    return [*fixed, *sized, dx / far, dy / far, math.log(other[2] / one[2]), math.log(other[3] / one[3])]


def relation(boxes: Tensor, others: Tensor) -> Tensor:
    """The bias of 12 heads that each weigh one of the numbers."""
    return bias(boxes, others, torch.eye(12))


def psi(boxes: Tensor, others: Tensor) -> Tensor:
    both = zip(boxes.tolist(), others.tolist(), strict=True)
    pairs = [[[pair(i, j) for j in keys] for i in queries] for queries, keys in both]
    return torch.tensor(pairs, dtype=torch.float64)  # (b, n, m, 12)


def formula(q: Tensor, k: Tensor, v: Tensor, weight: Tensor, features: Tensor, mask: Tensor | None = None) -> Tensor:
    logits = q @ k.mT / q.shape[-1] ** 0.5 + torch.einsum("bnmf,hf->bhnm", features.to(q.dtype), weight)
    if mask is not None:
        logits = logits.masked_fill(~mask, -math.inf).masked_fill(~mask.any(-1, keepdim=True), 0)
        return (logits.softmax(-1) * mask) @ v
    return logits.softmax(-1) @ v


def test_the_relation_is_what_plain_arithmetic_gives() -> None:
    boxes, others = layout(5), layout(7, seed=4)
    others[0, 0] = boxes[0, 0]  # the same place
    found = relation(boxes.double(), others.double())
    torch.testing.assert_close(found.permute(0, 2, 3, 1), psi(boxes, others), rtol=0, atol=1e-12)
    assert relation(boxes.half(), others.half()).dtype is torch.float32


def test_a_box_without_size_or_with_nan_as_its_size_has_no_relation() -> None:
    boxes = layout(4)
    boxes[:, 1, 2:] = math.nan
    found = relation(boxes, boxes)
    assert found.isfinite().all()
    for none in (1, 3):
        assert not found[:, :, none].any()
        assert not found[..., none].any()


def test_attention_is_what_a_loop_computes() -> None:
    x = {name: value.double() for name, value in qkv(3, 4).items()}
    boxes, others, weight = layout(3).double(), layout(4, seed=3).double(), draw(3, 12).double()
    seen = relational_attention(**x, boxes=boxes, others=others, weight=weight)
    for i, h, row in torch.cartesian_prod(torch.arange(2), torch.arange(3), torch.arange(3)).tolist():
        logits = []
        for j in range(4):
            features = torch.tensor(pair(boxes[i, row].tolist(), others[i, j].tolist()), dtype=torch.float64)
            told = float(features @ weight[h])
            logits.append(float(x["q"][i, h, row] @ x["k"][i, h, j]) / 5**0.5 + told)
        expected = torch.tensor(logits, dtype=torch.float64).softmax(0) @ x["v"][i, h]
        torch.testing.assert_close(seen[i, h, row], expected, rtol=0, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "dtype"), [*((n, torch.float32) for n in SIZES), *((17, dtype) for dtype in DTYPES[1:])])
def test_output_and_gradients_err_no_more_than_twice_the_formula(n: int, dtype: torch.dtype) -> None:
    boxes, others = layout(n), layout(n + 2, seed=3)
    features = psi(boxes, others)
    mask = draw(2, 1, n, n + 2) > -0.5
    mask[:, :, 0] = False

    def ours(q: Tensor, k: Tensor, v: Tensor, weight: Tensor, mask: Tensor) -> Tensor:
        return relational_attention(q, k, v, boxes, others, weight, mask)  # type: ignore[return-value]

    def plain(q: Tensor, k: Tensor, v: Tensor, weight: Tensor, mask: Tensor) -> Tensor:
        return formula(q, k, v, weight, features, mask)

    inputs = {**qkv(n, n + 2), "weight": draw(3, 12, seed=8)}
    assert_errs_little(ours, plain, inputs, {"mask": mask}, dtype=dtype, noncontiguous=n == 17)


def test_with_weight_zero_it_is_softmax_attention() -> None:
    x, boxes = qkv(7), layout(7)
    expected = torch.nn.functional.scaled_dot_product_attention(*x.values())
    torch.testing.assert_close(
        relational_attention(**x, boxes=boxes, others=boxes, weight=torch.zeros(3, 12)), expected
    )


def test_a_strong_narrow_preference_for_the_same_place_returns_the_values() -> None:
    x = qkv(9)
    boxes = cells(torch.zeros(1, 3, 3, 1)).flatten(1, 2)
    weight = torch.zeros(3, 12)
    weight[:, 4] = 1e4  # half a box's size wide
    torch.testing.assert_close(relational_attention(**x, boxes=boxes, others=boxes, weight=weight), x["v"])


def test_only_the_degrees_change_when_everything_is_seen_from_nearer() -> None:
    boxes = layout(5)
    near, far = relation(boxes, boxes), relation(2 * boxes, 2 * boxes)
    torch.testing.assert_close(near[:, 4:], far[:, 4:])
    torch.testing.assert_close(near[:, :3], far[:, 1:4])  # twice as far at twice the sigma


def test_the_relation_does_not_care_where_all_is() -> None:
    boxes = layout(5)
    boxes[:, -1, 2:] = 1
    moved = boxes + torch.tensor([3.0, -2.0, 0.0, 0.0])
    torch.testing.assert_close(relation(boxes, boxes), relation(moved, moved), rtol=1e-4, atol=1e-5)


def test_one_layout_for_the_batch_is_as_the_same_for_each() -> None:
    x, boxes, others, weight = qkv(4, 6), layout(4, 1), layout(6, 1, seed=3), draw(3, 12)
    once = relational_attention(**x, boxes=boxes, others=others, weight=weight)
    each = relational_attention(**x, boxes=boxes.expand(2, 4, 4), others=others.expand(2, 6, 4), weight=weight)
    torch.testing.assert_close(once, each)


def test_the_weights_of_some_rows_make_their_output() -> None:
    x, boxes, others, weight = qkv(6, 8), layout(6), layout(8, seed=3), draw(3, 12)
    rows, mask = torch.tensor([4, 1]), draw(2, 1, 1, 8) > 0
    how = {"boxes": boxes, "others": others, "weight": weight, "mask": mask}
    seen, weights = relational_attention(**x, **how, return_weights=True, rows=rows)
    assert not weights[~mask.expand_as(weights)].any()
    torch.testing.assert_close(weights @ x["v"], seen[:, :, rows])
    _, all_of_them = relational_attention(**x, **how, return_weights=True)
    torch.testing.assert_close(all_of_them[:, :, rows], weights)


def test_without_a_key_to_see_there_are_zeros_and_finite_gradients() -> None:
    x = {name: value.requires_grad_() for name, value in qkv(3, 4).items()}
    weight = draw(3, 12).requires_grad_()
    none = torch.zeros(1, 1, 1, 4, dtype=torch.bool)
    seen = relational_attention(**x, boxes=layout(3), others=layout(4), weight=weight, mask=none)
    assert not seen.any()
    seen.sum().backward()
    assert all(value.grad is not None and not value.grad.any() for value in [*x.values(), weight])
    for n, m in ((3, 0), (0, 4)):
        out = relational_attention(**qkv(n, m), boxes=layout(n), others=layout(m), weight=draw(3, 12))
        assert torch.equal(out, torch.zeros(2, 3, n, 5))


def test_errors_name_the_argument() -> None:
    x, boxes, weight = qkv(3), layout(3), draw(3, 12)
    with pytest.raises(ValueError, match=r"others is \(2, 3, 3\); it must be \(b or 1, m, 4\)"):
        relational_attention(**x, boxes=boxes, others=boxes[..., :3], weight=weight)
    with pytest.raises(ValueError, match=r"weight is \(2, 12\); it must be \(heads, 12\) with heads = 3"):
        relational_attention(**x, boxes=boxes, others=boxes, weight=weight[:2])
    with pytest.raises(ValueError, match="boxes requires a gradient"):
        relational_attention(**x, boxes=boxes.requires_grad_(), others=boxes.detach(), weight=weight)
    with pytest.raises(ValueError, match=r"weight is torch.int64; it must be torch.float32 or as q"):
        relational_attention(**x, boxes=boxes.detach(), others=boxes.detach(), weight=weight.long())


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 3), (4, 4)])
def test_the_short_way_for_a_grid_is_the_bias_of_its_cells(size: tuple[int, int]) -> None:
    weight, lie = draw(3, 12).double(), cells(torch.zeros(1, *size, 1)).flatten(1, 2).double()
    torch.testing.assert_close(
        bias_of_cells(*size, weight), bias(lie, lie, weight), rtol=0, atol=4e-6
    )  # 64 roundings: three fourth powers


def test_the_mixer_takes_the_cells_of_its_grid_unless_there_are_boxes() -> None:
    torch.manual_seed(0)
    mixer, x = RelationalMixer(6, heads=2), draw(2, 3, 4, 6)
    assert torch.equal(mixer(x, boxes=5 * cells(x)), mixer(x, boxes=cells(x)))  # it starts without any place
    torch.nn.init.normal_(mixer.weight)
    torch.testing.assert_close(mixer(x), mixer(x, boxes=cells(x)))
    assert not torch.allclose(mixer(x), mixer(x, boxes=5 * cells(x)), atol=1e-3)


def test_the_mixer_is_the_operator_between_its_projections() -> None:
    torch.manual_seed(0)
    mixer, x, mask, boxes = RelationalMixer(6, heads=2), draw(2, 3, 4, 6), draw(2, 3, 4) > 0, layout(12)
    torch.nn.init.normal_(mixer.weight)
    q, k, v = mixer.qkv(x).flatten(1, 2).unflatten(-1, (3, 2, 3)).permute(2, 0, 3, 1, 4)
    seen = relational_attention(q, k, v, boxes, boxes, mixer.weight, mask.flatten(1)[:, None, None])
    expected = mixer.out(seen.transpose(1, 2).reshape(2, 3, 4, 6))
    torch.testing.assert_close(mixer(x, mask, boxes.unflatten(1, (3, 4))), expected)


@pytest.mark.slow
def test_in_onnx_too_a_box_without_size_has_no_place() -> None:
    import onnxruntime

    from export.onnx import convert

    class Bias(torch.nn.Module):
        def forward(self, boxes: Tensor, weight: Tensor) -> Tensor:
            return bias(boxes, boxes, weight)

    lie, weight = layout(7).float()[:1], draw(3, 12)
    lie[:, -2:] = 0
    n = torch.export.Dim("n", min=1, max=99)
    given = {"boxes": lie.numpy(), "weight": weight.numpy()}
    model = convert(Bias(), given, {"boxes": {1: n}, "weight": {}}, ["bias"], "bias")
    got = onnxruntime.InferenceSession(model.SerializeToString()).run(None, given)[0]
    torch.testing.assert_close(torch.from_numpy(got), bias(lie, lie, weight), rtol=0, atol=1e-5)
