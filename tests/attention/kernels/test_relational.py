"""The relational kernel against its formula with bias and weights in memory: outputs, and slopes in the weight too."""

import math

import pytest
import torch
from torch import Tensor

from tests.proof import DTYPES, SIZES, assert_errs_little, draw

pytestmark = pytest.mark.usefixtures("poison")


def kernel(q: Tensor, k: Tensor, v: Tensor, weight: Tensor, **others: Tensor) -> Tensor:
    from attention.kernels.relational import forward

    return forward(q, k, v, others["boxes"], others["others"], weight, others.get("mask"))


def relation(boxes: Tensor, others: Tensor) -> Tensor:
    """The twelve features of all pairs. [b, n, m, 12]"""
    here, there = boxes[:, :, None], others[:, None]
    dx, dy = ((there[..., i] + there[..., i + 2] / 2) - (here[..., i] + here[..., i + 2] / 2) for i in (0, 1))
    r = (dx**2 + dy**2).sqrt()
    real = (here[..., 2:] > 0).all(-1) & (there[..., 2:] > 0).all(-1)
    size = here[..., 2:].clamp(min=0).prod(-1).sqrt()
    features = [torch.exp(-((r / sigma) ** 2) / 2) for sigma in (1, 2, 4, 8)]
    features += [torch.exp(-((r / (rho * size)) ** 2) / 2) for rho in (0.5, 1, 2, 4)]
    features += [dx / r.clamp(min=1e-6), dy / r.clamp(min=1e-6)]
    features += [(there[..., i] / here[..., i]).log() for i in (2, 3)]
    return torch.where(real[..., None], torch.stack(features, -1), 0)


def formula(
    q: Tensor, k: Tensor, v: Tensor, weight: Tensor, boxes: Tensor, others: Tensor, mask: Tensor | None = None
) -> Tensor:
    wide = torch.promote_types(q.dtype, torch.float32)
    psi = relation(boxes.to(wide), others.to(wide))
    logits = (q * q.shape[-1] ** -0.5) @ k.mT + torch.einsum("hf,bnmf->bhnm", weight.to(wide), psi).to(q.dtype)
    if mask is None:
        return logits.softmax(-1) @ v
    return torch.where(mask, torch.where(mask, logits, -3e4).softmax(-1), 0) @ v


def given(n: int, m: int, d: int = 24, b: int = 1) -> dict[str, Tensor]:
    v = draw(b, 2, m, d, seed=3) / 4
    return {"q": draw(b, 2, n, d), "k": draw(b, 2, m, d, seed=2), "v": v, "weight": draw(2, 12, seed=5) / 2}


def boxes(b: int, n: int, seed: int = 0) -> Tensor:
    """Corners a few degrees apart, widths and heights of 0.4 to 6 degrees."""
    numbers = draw(b, n, 4, seed=seed)
    return torch.cat([4 * numbers[..., :2], 1.5 * torch.exp(numbers[..., 2:].clamp(-1.4, 1.4))], -1)


def places(n: int, m: int, b: int = 1) -> dict[str, Tensor]:
    return {"boxes": boxes(b, n, seed=6), "others": boxes(b, m, seed=7)}


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
def test_boxes_and_the_weight_s_slopes_at_any_number_of_objects(size: int, device: str) -> None:
    assert_errs_little(kernel, formula, given(size, size), places(size, size), device=device)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES[1:])
@pytest.mark.parametrize(("n", "m"), [(40, 35), (1, 63)])
def test_the_other_dtypes_with_boxes_in_float32(n: int, m: int, dtype: torch.dtype, device: str) -> None:
    assert_errs_little(kernel, formula, given(n, m), places(n, m), dtype, device)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_picture_has_its_own_boxes_and_its_own_mask(dtype: torch.dtype, device: str) -> None:
    mask = draw(3, 1, 1, 20, seed=8) > -0.5
    mask[2] = False
    assert_errs_little(kernel, formula, given(17, 20, b=3), places(17, 20, b=3) | {"mask": mask}, dtype, device)


def test_a_box_without_width_or_height_has_no_place(device: str) -> None:
    where = places(9, 20)
    where["boxes"][0, 2, 2] = 0
    where["others"][0, 5, 3] = -1
    where["others"][0, 6] = torch.tensor([1.0, 1.0, 0.0, 0.0])
    assert_errs_little(kernel, formula, given(9, 20), where, device=device)
    tensors = {name: x.to(device) for name, x in (given(9, 20) | where).items()}
    moved = tensors | {"others": tensors["others"].clone()}
    moved["others"][0, 6, :2] = 50
    assert torch.equal(kernel(**tensors), kernel(**moved))


def test_one_set_of_boxes_for_queries_and_keys_and_equal_centres(device: str) -> None:
    where = boxes(1, 20, seed=6)
    where[0, 1] = where[0, 0]
    assert_errs_little(kernel, formula, given(20, 20), {"boxes": where, "others": where}, device=device)


def test_axes_may_lie_in_memory_in_any_way(device: str) -> None:
    where = {name: x.mT.contiguous().mT for name, x in places(20, 35).items()}
    assert_errs_little(kernel, formula, given(20, 35), where, device=device, noncontiguous=True)


@pytest.mark.parametrize("feature", range(12))
def test_each_feature_is_where_it_belongs(feature: int, device: str) -> None:
    """A weight on one feature alone, between two boxes that differ in all: the odds of the two keys tell its value."""
    here = torch.tensor([[[0.0, 0.0, 2.0, 1.0]]])
    there = torch.tensor([[[1.5, 0.75, 3.0, 2.0], [0.0, 0.0, 0.0, 0.0]]])
    psi = relation(here.double(), there.double())[0, 0, 0, feature].item()
    q, v = torch.zeros(1, 1, 1, 2), torch.eye(2)[None, None]
    weight = torch.zeros(1, 12)
    weight[0, feature] = 2
    tensors = {"q": q, "k": torch.zeros(1, 1, 2, 2), "v": v, "weight": weight, "boxes": here, "others": there}
    out = kernel(**{name: x.to(device) for name, x in tensors.items()})
    assert math.log(out[0, 0, 0, 0] / out[0, 0, 0, 1]) == pytest.approx(2 * psi, abs=1e-5)


def test_no_keys_give_zeros_and_no_slope(device: str) -> None:
    assert_errs_little(kernel, formula, given(3, 0), places(3, 0), device=device)
    assert_errs_little(kernel, formula, given(0, 3), places(0, 3), device=device)


def test_the_operator_takes_the_kernel_and_refuses_what_does_not_fit(device: str) -> None:
    from attention.operators.relational import relational_attention

    tensors = {name: x.to(device) for name, x in (given(5, 7) | places(5, 7)).items()}
    torch.testing.assert_close(relational_attention(**tensors, impl="triton"), kernel(**tensors))
    with pytest.raises((ValueError, TypeError), match="weight"):
        relational_attention(**tensors | {"weight": tensors["weight"][:, :11]}, impl="triton")
    with pytest.raises((ValueError, TypeError), match="others"):
        relational_attention(**tensors | {"others": tensors["others"][:, :6]}, impl="triton")


@pytest.mark.slow
@pytest.mark.parametrize("score", ["softmax", "sigmoid"])
def test_torch_knows_the_slopes_whole(score: str, device: str) -> None:
    """Shapes and strides of what the backward pass gives are those that torch.compile is told."""
    from attention.kernels._fused import attend, slopes

    q, k, v = (draw(2, 2, 17, 16, seed=i).to(device) for i in range(3))
    box = torch.cat([draw(2, 17, 2), draw(2, 17, 2, seed=4).exp()], -1).to(device)
    lie = (box, box, draw(2, 12).to(device)) if score == "softmax" else (None, None, None)
    beta = None if score == "softmax" else draw(1, 2, 1).to(device)
    given = (q, k, v, None, *lie, beta, None, None, score)
    out, lse = attend(*given)
    found = torch.library.opcheck(slopes, (out, out, lse, *given), test_utils=("test_schema", "test_faketensor"))
    assert set(found.values()) == {"SUCCESS"}
