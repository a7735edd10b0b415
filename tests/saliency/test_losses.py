"""Losses against loops, their gradients against finite differences, and their limits."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from saliency import losses

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
ALL: list[Loss] = [losses.kl, losses.cc, losses.nss, losses.sim, losses.euclidean]


def case(shape: tuple[int, int, int] = (3, 4, 5), seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """A log density, a true density and counts, in double precision."""
    generator = torch.Generator().manual_seed(seed)
    logits, truth = (torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(2))
    counts = torch.randint(0, 3, shape, generator=generator).double()
    return normal(logits), truth.flatten(1).softmax(1).view(shape), counts


def normal(logits: Tensor) -> Tensor:
    return logits.flatten(1).log_softmax(1).view_as(logits)


def by_hand(name: str, p: list[float], q: list[float], counts: list[float]) -> float:
    n = len(p)
    mean_p, mean_q = sum(p) / n, sum(q) / n
    spread_p = math.sqrt(sum((x - mean_p) ** 2 for x in p))
    spread_q = math.sqrt(sum((x - mean_q) ** 2 for x in q))
    if name == "kl":
        return sum(b * math.log(b / a) for a, b in zip(p, q, strict=True) if b > 0)
    if name == "cc":
        return 1 - sum((a - mean_p) * (b - mean_q) for a, b in zip(p, q, strict=True)) / (spread_p * spread_q)
    if name == "sim":
        return 1 - sum(min(a, b) for a, b in zip(p, q, strict=True))
    if name == "euclidean":
        return sum((a - b) ** 2 for a, b in zip(p, q, strict=True)) / sum(b * b for b in q)
    at = [(a - mean_p) / (spread_p / math.sqrt(n)) for a, k in zip(p, counts, strict=True) for _ in range(int(k))]
    return -sum(at) / len(at)


@pytest.mark.parametrize("loss", ALL)
def test_a_loss_is_what_a_loop_computes_for_each_map(loss: Loss) -> None:
    log_p, truth, counts = case()
    truth[1, 0, :3] = 0  # nobody looked there
    truth[1] /= truth[1].sum()
    expected = [
        by_hand(loss.__name__, p, q, c)
        for p, q, c in zip(
            log_p.exp().flatten(1).tolist(), truth.flatten(1).tolist(), counts.flatten(1).tolist(), strict=True
        )
    ]
    torch.testing.assert_close(loss(log_p, truth, counts), torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("loss", ALL)
def test_gradients_are_those_of_finite_differences(loss: Loss) -> None:
    log_p, truth, counts = case((2, 3, 4))
    logits = log_p.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss(normal(x), truth, counts), (logits,))


def test_a_perfect_prediction_has_no_loss() -> None:
    log_p, _, counts = case()
    for loss in (losses.kl, losses.cc, losses.sim, losses.euclidean):
        torch.testing.assert_close(
            loss(log_p, log_p.exp(), counts), torch.zeros(3, dtype=torch.float64), rtol=0, atol=1e-12
        )


def test_the_worst_predictions_have_the_worst_losses() -> None:
    truth = torch.zeros(1, 2, 2)
    truth[0, 0, 0] = 1
    elsewhere = torch.tensor([[[-1e4, 0.0], [-1e4, -1e4]]])
    assert losses.sim(elsewhere, truth, truth).item() == 1
    assert losses.kl(elsewhere, truth, truth).item() == pytest.approx(1e4)
    opposite = torch.full((1, 2, 2), 1 / 3).log()
    opposite[0, 0, 0] = -1e4
    assert losses.cc(opposite, truth, truth).item() == pytest.approx(2)
    assert losses.nss(opposite, truth, truth).item() == pytest.approx(math.sqrt(3))


def test_kl_is_never_negative_and_nss_rises_with_every_fixation_at_the_peak() -> None:
    log_p, truth, counts = case((20, 6, 7))
    assert (losses.kl(log_p, truth, counts) >= 0).all()
    peak = (log_p == log_p.amax((1, 2), keepdim=True)).double()
    assert (losses.nss(log_p, truth, counts + peak) < losses.nss(log_p, truth, counts)).all()


@pytest.mark.parametrize("loss", ALL)
@pytest.mark.parametrize("place", [(0, 0), (3, 4)])
def test_a_prediction_of_one_cell_has_finite_losses_and_gradients(loss: Loss, place: tuple[int, int]) -> None:
    _, truth, counts = case()
    logits = torch.full((3, 4, 5), -1e4)
    logits[:, place[0], place[1]] = 1e4
    logits.requires_grad_()
    value = loss(normal(logits), truth.float(), counts.float())
    value.sum().backward()
    assert value.isfinite().all()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("loss", ALL)
def test_a_flat_prediction_has_a_finite_loss_and_gradient(loss: Loss) -> None:
    _, truth, counts = case()
    logits = torch.zeros(3, 4, 5, requires_grad=True)
    value = loss(normal(logits), truth.float(), counts.float())
    value.sum().backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    rounding = torch.finfo(torch.float32).eps / losses.FLAT
    flat = {"cc": 1.0, "nss": 0.0}.get(loss.__name__)
    assert flat is None or value.tolist() == pytest.approx([flat] * 3, abs=rounding)


@pytest.mark.parametrize("loss", ALL)
def test_maps_do_not_know_of_each_other(loss: Loss) -> None:
    log_p, truth, counts = case()
    alone = torch.cat([loss(log_p[i : i + 1], truth[i : i + 1], counts[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(loss(log_p, truth, counts), alone)


def test_euclidean_is_the_same_on_any_grid_and_below_one_where_all_cells_are_alike() -> None:
    log_p, truth, counts = case()
    fine = [each.repeat_interleave(2, 1).repeat_interleave(2, 2) for each in (log_p - math.log(4), truth / 4, counts)]
    torch.testing.assert_close(losses.euclidean(*fine), losses.euclidean(log_p, truth, counts))
    flat = losses.euclidean(normal(torch.zeros_like(log_p)), truth, counts)
    assert ((flat > 0) & (flat < 1)).all()
    nobody = losses.euclidean(log_p, torch.zeros_like(truth), counts)
    assert nobody.isfinite().all()


def test_euclidean_of_a_sure_and_wrong_map_is_large_but_finite() -> None:
    truth = torch.full((1, 4, 5), 1 / 20)
    sure = torch.full((1, 4, 5), -1e4)
    sure[0, 1, 2] = 0
    assert losses.euclidean(sure, truth, truth).item() == pytest.approx(19)
