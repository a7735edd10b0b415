"""A head on a canvas against loops: which cells its box reads, and how places lie to it."""

import math

import pytest
import torch

from following.layers.heads import GEOMETRY, covers, geometry, grown, tents, within

CONTENT = torch.tensor([[0.0, 8.0, 64.0, 40.0]])


def test_a_box_as_fine_as_the_cells_reads_each_cell_once() -> None:
    features = torch.arange(16.0).reshape(1, 1, 4, 4)
    head = torch.tensor([[0.0, 0.0, 32.0, 32.0]])
    torch.testing.assert_close(within(features, head, 4, 8), features)


def test_a_small_box_is_interpolated_between_cells() -> None:
    """On a plane that rises by 1 a cell, what is read is where it is read."""
    columns = torch.arange(8.0).expand(1, 1, 8, 8)
    found = within(columns, torch.tensor([[16.0, 16.0, 24.0, 24.0]]), 4, 8)[0, 0, 0]
    torch.testing.assert_close(found, torch.tensor([17.0, 19, 21, 23]) / 8 - 0.5)


def test_of_a_large_box_no_cell_is_passed_over() -> None:
    weights = tents(torch.tensor([0.0]), torch.tensor([128.0]), 4, 8, 16)
    assert (weights.sum((0, 1)) > 0.05).all()
    torch.testing.assert_close(weights.sum(-1), torch.ones(1, 4))


@pytest.mark.parametrize(
    "head",
    [(-50.0, -50, -40, -40), (500.0, 500, 501, 501), (0.0, 0, 1e-3, 1e-3), (0.0, 0, 64, 48)],
    ids=["before the canvas", "behind it", "nearly nothing", "all of it"],
)
def test_every_box_reads_finite_numbers(head: tuple[float, ...]) -> None:
    found = within(torch.rand(1, 3, 6, 8), torch.tensor([head]), 7, 8)
    assert found.shape == (1, 3, 7, 7)
    assert found.isfinite().all()
    assert ((found >= 0) & (found <= 1)).all()


def test_one_picture_serves_many_heads() -> None:
    features = torch.rand(1, 2, 6, 8)
    heads = torch.tensor([[0.0, 0, 16, 16], [20.0, 10, 60, 40], [5.0, 5, 6, 6]])
    together = within(features, heads, 3, 8)
    for number in range(3):
        torch.testing.assert_close(together[number], within(features, heads[number : number + 1], 3, 8)[0])


def test_a_margin_is_cut_to_the_picture() -> None:
    found = grown(torch.tensor([[0.0, 10.0, 20.0, 30.0]]), CONTENT, 0.25)
    torch.testing.assert_close(found, torch.tensor([[0.0, 8.0, 25.0, 35.0]]))


def test_cells_with_some_of_the_picture_are_covered() -> None:
    found = covers(CONTENT, 16, (3, 4))
    assert found[0].tolist() == [[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1]]
    assert covers(torch.tensor([[0.0, 16.0, 20.0, 32.0]]), 16, (3, 4))[0].tolist() == [
        [0, 0, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0],
    ]  # fmt: skip


def test_directions_and_distances_are_those_of_a_loop() -> None:
    head = torch.tensor([[10.0, 12.0, 20.0, 32.0]])
    found = geometry(head, CONTENT, 8, (5, 8))[0]
    assert found.shape == (GEOMETRY, 5, 8)
    radius, whole = math.sqrt(10 * 20) / 2, math.hypot(64, 32)
    for row in range(5):
        for column in range(8):
            dx, dy = (column + 0.5) * 8 - 15, (row + 0.5) * 8 - 22
            far = math.sqrt(dx**2 + dy**2 + radius**2 / 4)
            inside = float(abs(dx) < 5 and abs(dy) < 10)
            want = [dx / far, dy / far, math.log(far / radius), far / whole, inside, 1.0]
            torch.testing.assert_close(found[:, row, column], torch.tensor(want))
