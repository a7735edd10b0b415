import itertools

import numpy as np
import pytest

from annotation import chains


def by_hand(shares: np.ndarray, link: np.ndarray, labels: dict[int, int]) -> np.ndarray:
    """The posterior of one track, from all sequences of classes."""
    count, classes = shares.shape
    switch = chains.change(link)
    found = np.zeros((count, classes))
    for way in itertools.product(range(classes), repeat=count):
        weight = 1.0
        for step, name in enumerate(way):
            if step:
                stays = name == way[step - 1]
                weight *= (1 - switch[step]) * stays + switch[step] / classes
            seen = max(shares[step, name], chains.LEAST) ** chains.HEARD
            if step in labels:
                seen = 1.0 if labels[step] == name else chains.LEAST**2
            weight *= seen
        for step, name in enumerate(way):
            found[step, name] += weight
    return found / found.sum(1, keepdims=True)


@pytest.mark.parametrize("labels", [{}, {2: 1}, {0: 0, 4: 2}], ids=str)
def test_posteriors_are_those_of_all_sequences(labels: dict[int, int]) -> None:
    rng = np.random.default_rng(len(labels))
    shares = rng.dirichlet(np.ones(3), 5).astype(np.float32)
    link = rng.uniform(0.1, 0.9, 5).astype(np.float32)
    known, given = np.array(list(labels), np.int64), np.array(list(labels.values()), np.int64)
    found = chains.posterior(shares, np.zeros(5, np.int64), link, known, given)
    np.testing.assert_allclose(found, by_hand(shares, link, labels), rtol=1e-4)


def test_tracks_do_not_see_each_other_however_they_are_mixed() -> None:
    rng = np.random.default_rng(0)
    track = np.array([0, 1, 0, 2, 1, 0, 1])
    shares, link = rng.dirichlet(np.ones(2), 7).astype(np.float32), rng.uniform(0.2, 0.9, 7).astype(np.float32)
    found = chains.posterior(shares, track, link, np.array([2]), np.array([1]))
    for number in range(3):
        own = np.flatnonzero(track == number)
        labels = {1: 1} if number == 0 else {}
        np.testing.assert_allclose(found[own], by_hand(shares[own], link[own], labels), rtol=1e-4)


def test_a_label_goes_along_good_links_and_stops_at_a_bad_one() -> None:
    even = np.full((40, 4), 0.25, np.float32)
    link = np.full(40, 0.8, np.float32)
    link[20] = 0.0
    found = chains.posterior(even, np.zeros(40, np.int64), link, np.array([5]), np.array([2]))
    assert found[:20, 2].min() > 0.95
    assert found[20:, 2].max() < 0.8


def test_what_is_seen_in_the_boxes_tells_where_a_tracker_went_over_to_a_twin() -> None:
    shares = np.tile([0.9, 0.1], (60, 1)).astype(np.float32)
    shares[30:] = (0.1, 0.9)
    link = np.full(60, 0.7, np.float32)
    link[30] = 0.45
    found = chains.posterior(shares, np.zeros(60, np.int64), link, np.array([3]), np.array([0]))
    assert (found[:30, 0] > 0.9).all()
    assert (found[31:, 1] > 0.9).all()
