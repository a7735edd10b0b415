"""Graph-based saliency: the closed forms are the equilibria of the chains that the paper builds."""

import numpy as np
import torch

from saliency.models import gbvs


def equilibrium(weights: np.ndarray) -> np.ndarray:
    """Where a walker is in the long run: a student's iteration, half a step at a time against chains with two beats."""
    chances = weights / weights.sum(1, keepdims=True)
    stays = np.full(len(weights), 1 / len(weights))
    for _ in range(5000):
        stays = (stays + stays @ chances) / 2
    return stays


def near(shape: tuple[int, int], sigma: float) -> np.ndarray:
    nodes = np.array([(y, x) for y in range(shape[0]) for x in range(shape[1])], float)
    return np.exp(-((nodes[:, None] - nodes) ** 2).sum(2) / (2 * sigma**2))


def test_both_equilibria_are_those_of_the_chains() -> None:
    feature = np.random.default_rng(0).random((5, 7))
    flat, f = feature.ravel(), near((5, 7), 1.3)
    first = equilibrium(np.abs(flat[:, None] - flat) * f)
    got = gbvs.activation(torch.from_numpy(feature)[None], 1.3)
    assert np.allclose(got[0].ravel().numpy(), first, atol=1e-9)
    second = equilibrium(first[None] * near((5, 7), 0.8))
    assert np.allclose(gbvs.gathered(got, 0.8)[0].ravel().numpy(), second, atol=1e-9)


def test_the_node_that_differs_keeps_the_walker_and_a_flat_map_keeps_nobody() -> None:
    maps = torch.zeros(2, 9, 11)
    maps[0, 4, 6] = 1
    stays = gbvs.activation(maps, 2.0)
    assert int(stays[0].argmax()) == 4 * 11 + 6
    assert torch.allclose(stays[1], torch.full((9, 11), 1 / 99))


def test_gathering_moves_mass_to_where_it_lies_together() -> None:
    stays = torch.zeros(1, 9, 9)
    stays[0, 1, 1], stays[0, 6, 6], stays[0, 6, 7] = 0.3, 0.35, 0.35
    after = gbvs.gathered(stays, 1.0)[0]
    assert after[1, 1] < 0.3
    assert after.sum() == 1
