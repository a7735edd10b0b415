"""Raw maps of centres and boxes: their loss, and the boxes that they say."""

import math

import pytest
import torch

from saliency.layers.object_head import FARTHEST, LARGEST, RARE, STRIDE, ObjectHead, boxes, object_loss

GRID = (6, 8)


def raw(centre: tuple[int, int] = (2, 3), size: tuple[float, float] = (4.0, 2.0)) -> torch.Tensor:
    """One object: a sure centre at a cell, its sides in cells, in the middle of the cell."""
    maps = torch.zeros(1, 1, 5, *GRID)
    maps[:, :, 0] = -8
    maps[:, :, 0, *centre] = 8
    maps[:, :, 1] = math.log(size[0])
    maps[:, :, 2] = math.log(size[1])
    maps[:, :, 3:] = 0.5
    return maps


def truth(centre: tuple[int, int] = (2, 3)) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    centres, goals = torch.zeros(1, 1, *GRID), torch.zeros(1, 1, 4, *GRID)
    centres[0, 0, *centre] = 1
    goals[0, 0, :, *centre] = torch.tensor([math.log(4), math.log(2), 0.5, 0.5])
    return centres, goals, torch.ones(1, 1, *GRID, dtype=torch.bool)


def test_boxes_are_in_canvas_pixels() -> None:
    found = boxes(raw())[0, 0, :, 2, 3]
    wanted = [torch.tensor(8.0).sigmoid().item(), *(STRIDE * side for side in (1.5, 1.5, 5.5, 3.5))]
    assert found.tolist() == pytest.approx(wanted)


def test_what_nobody_learned_stays_finite() -> None:
    wild = boxes(torch.full((1, 2, 5, *GRID), 1e6))
    assert wild.isfinite().all()
    assert wild[0, 0, 3].max() <= STRIDE * (GRID[1] + FARTHEST + math.exp(LARGEST) / 2)


def test_what_is_right_costs_next_to_nothing_and_every_mistake_costs() -> None:
    right = object_loss(raw(), *truth())
    assert 0 <= right < 1e-3
    assert object_loss(raw((3, 3)), *truth()) > 1
    assert object_loss(raw(size=(8.0, 2.0)), *truth()) > right + 0.05
    two = raw()
    two[0, 0, 0, 5, 7] = 8  # an object that nobody drew
    assert object_loss(two, *truth()) > 1


def test_what_is_not_known_costs_nothing_either_way() -> None:
    centres, goals, known = truth()
    known[0, 0, 5, 7] = False
    two = raw()
    two[0, 0, 0, 5, 7] = 8
    torch.testing.assert_close(object_loss(two, centres, goals, known), object_loss(raw(), centres, goals, known))
    nothing = object_loss(raw().requires_grad_(), centres * 0, goals, known & False)
    assert nothing == 0
    nothing.backward()


def test_cells_around_a_centre_are_spared() -> None:
    centres, goals, known = truth()
    centres[0, 0, 2, 4] = 0.8
    goals[0, 0, :, 2, 4] = goals[0, 0, :, 2, 3]
    beside = raw()
    beside[0, 0, 0, 2, 4] = 2
    sharp = truth()
    assert object_loss(beside, centres, goals, known) < 0.1 * object_loss(beside, *sharp)


def test_boxes_are_learned_beside_their_centre_too() -> None:
    centres, goals, known = truth()
    centres[0, 0, 2, 4] = 0.7
    goals[0, 0, :, 2, 4] = torch.tensor([math.log(4), math.log(2), -0.5, 0.5])
    right = raw()
    right[0, 0, 3, 2, 4] = -0.5
    assert object_loss(right, centres, goals, known) < object_loss(raw(), centres, goals, known) - 0.1


def test_a_new_head_finds_nothing_and_learns() -> None:
    torch.manual_seed(0)
    head = ObjectHead(6, 8, 2)
    features = torch.randn(2, 6, *GRID), torch.randn(2, 8, GRID[0] // 2, GRID[1] // 2)
    assert head(*features).shape == (2, 2, 5, *GRID)
    assert boxes(head(*features))[:, :, 0].mean().item() == pytest.approx(RARE, rel=0.5)
    centres, goals, known = (t.expand(2, 2, *t.shape[2:]) for t in truth())
    optimiser = torch.optim.Adam(head.parameters(), 0.02)
    losses = []
    for _ in range(60):
        loss = object_loss(head(*features), centres, goals, known)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]
