"""Losses against loops and limits."""

import math

import pytest
import torch

from following.losses import head_patches, in_frame, kl


def test_kl_is_that_of_a_loop_and_nothing_where_both_agree() -> None:
    torch.manual_seed(0)
    truth = torch.rand(2, 3, 4).flatten(1).softmax(1).reshape(2, 3, 4)
    logits = torch.randn(2, 3, 4).flatten(1).log_softmax(1).reshape(2, 3, 4)
    for row in range(2):
        pairs = zip(truth[row].flatten().tolist(), logits[row].flatten().tolist(), strict=True)
        assert kl(logits, truth)[row].item() == pytest.approx(sum(p * (math.log(p) - q) for p, q in pairs), rel=1e-5)
    assert kl(truth.log(), truth).abs().max().item() < 1e-6


def test_kl_of_cells_that_hold_a_part_of_each_density_is_the_same() -> None:
    truth, logits = torch.tensor([[[0.25, 0.75]]]), torch.tensor([[[0.1, 0.9]]]).log()
    torch.testing.assert_close(kl(logits - 5, truth), kl(logits, truth))


def test_a_truth_of_zeros_costs_nothing_and_gives_no_nan() -> None:
    logits = torch.zeros(1, 2, 2, requires_grad=True)
    loss = kl(logits, torch.zeros(1, 2, 2))
    loss.sum().backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_a_focal_loss_counts_sure_answers_less() -> None:
    logits, label = torch.tensor([0.0, 4.0, -4.0]), torch.ones(3)
    plain, focal = in_frame(logits, label), in_frame(logits, label, 2.0)
    assert plain[0].item() == pytest.approx(math.log(2))
    assert focal[0].item() == pytest.approx(math.log(2) / 4)
    assert (focal / plain)[1].item() < 1e-3 < 0.9 < (focal / plain)[2].item()


def test_patches_of_either_kind_count_as_much() -> None:
    there = torch.zeros(1, 4, 4, dtype=torch.bool)
    there[0, 0, 0] = True
    logits = torch.zeros(1, 4, 4)
    assert head_patches(logits, there).item() == pytest.approx(math.log(2))
    logits[0, 0, 0] = -20.0
    assert head_patches(logits, there).item() == pytest.approx((20 + math.log(2)) / 2, rel=1e-3)


def test_a_picture_without_any_head_patch_has_a_loss() -> None:
    assert head_patches(torch.zeros(1, 2, 2), torch.zeros(1, 2, 2, dtype=torch.bool)).isfinite().all()
