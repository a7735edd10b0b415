import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from data.gaze import ObjectPath, Objects, Picture, Scene
from evaluation.scanpath.response import Response, joined
from evaluation.scanpath.scoring import agreement, bits, mean_sequence_score, surprise
from evaluation.scanpath.trials import Trial
from scanpath.decode import Rollouts
from scanpath.metrics import behaviour, sequence
from scanpath.metrics.multimatch import multimatch
from scanpath.metrics.scanmatch import scanmatch

SCENE = Scene(
    Picture("a.png", 100, 80), Objects(np.array([[20.0 * i, 10 * (i % 3), 15, 20] for i in range(5)])), targets=(4,)
)
GENERATOR = np.random.default_rng(0)


def path(*order: int, ended: bool = True, scene: Scene = SCENE) -> ObjectPath:
    numbers = np.array(order, np.int64)
    return ObjectPath("s", numbers, np.full(len(order), 200.0), scene.objects.centres[numbers], 0, ended)


def table(length: int, seed: int = 0) -> np.ndarray:
    """Any natural logarithms of probabilities that sum to one."""
    logits = np.random.default_rng(seed).normal(size=(length + 1, 6))
    return np.asarray(logits - np.log(np.exp(logits).sum(1, keepdims=True)))


def orders(*guesses: tuple[int, ...]) -> list[np.ndarray]:
    return [np.array(guess, np.int64) for guess in guesses]


def test_who_guesses_every_path_has_the_best_of_every_score() -> None:
    paths = [path(0, 1, 2, 4), path(2, 1, 0, 4, 3), path(0, 3, 4)]
    trials = [Trial(SCENE, p, number % 2, number) for number, p in enumerate(paths)]
    responses = [Response([p.order, p.order], [p.order], None) for p in paths]
    scores, together = agreement(trials, responses, np.full(2, 0.9), merged=True)
    expected = {
        "ss": 1,
        "ss_length": 1,
        "sed": 0,
        "recall": 1,
        "spread": 0,
        "mm_shape": 1,
        "mm_position": 1,
        "scanmatch": 1,
    }
    expected |= {"stde": 1}
    for name, value in expected.items():
        np.testing.assert_allclose(scores[name], value, atol=1e-9, err_msg=name)
    for name in ("delta", "delta_trial", "mismatch"):
        np.testing.assert_allclose(together[name], 0, atol=1e-12, err_msg=name)
    np.testing.assert_allclose(scores["ends_on_target"], [1, 0])
    np.testing.assert_allclose(scores["length"], [3.5, 5])
    np.testing.assert_allclose(mean_sequence_score(trials, responses), 1)


def test_sequences_are_means_of_each_pictures_trials() -> None:
    trials = [Trial(SCENE, path(0, 1, 2), 0, 0), Trial(SCENE, path(3, 1), 0, 0), Trial(SCENE, path(2, 2), 1, 1)]
    guesses = [orders((0, 1), (2, 1, 0, 3)), orders((3,)), orders((1, 2, 2), (2, 2), (0,))]
    threshold = np.array([0.6, 0.2])
    scores, _ = agreement(trials, [Response(g, [], None) for g in guesses], threshold, merged=False)
    for name, score in (("ss", sequence.sequence_score), ("sed", sequence.edit_distance)):
        each = [np.mean([score(g, t.path.order) for g in some]) for t, some in zip(trials, guesses, strict=True)]
        np.testing.assert_allclose(scores[name], [np.mean(each[:2]), each[2]])
    np.testing.assert_allclose(scores["recall"], [0.5, 1])
    assert np.isnan(scores["ss_length"]).all()
    ring = [sequence.sequence_score(*np.take(np.array(guesses[2], object), [i, (i + 1) % 3])) for i in range(3)]
    np.testing.assert_allclose(scores["spread"], [1 - sequence.sequence_score(*guesses[0]), 1 - float(np.mean(ring))])


def test_endless_guesses_are_cut_to_the_persons_length() -> None:
    trials = [Trial(SCENE, path(0, 1, 2), 0, 0)]
    response = Response(orders((3,)), orders((0, 1, 2, 3, 3, 3), (0, 3, 1)), None)
    scores, _ = agreement(trials, [response], np.zeros(1), merged=False)
    assert scores["ss_length"][0] == pytest.approx((1 + 2 / 3) / 2)
    assert scores["ss"][0] == 0


def test_guesses_at_a_path_that_the_protocol_cut_are_cut_too_and_its_end_does_not_count() -> None:
    response = Response(orders((0, 1, 2, 3, 4)), [], table(2))
    ended, cut = (Trial(SCENE, path(0, 1, ended=ended), 0, 0) for ended in (True, False))
    (of_ended, all_of_ended), (of_cut, all_of_cut) = (
        agreement([trial], [response], np.zeros(1), merged=False) for trial in (ended, cut)
    )
    assert of_cut["ss"][0] == 1
    assert of_ended["ss"][0] == pytest.approx(2 / 5)
    assert of_cut["length"][0] == 2
    assert all_of_cut["bits"] == all_of_ended["bits"]
    end = response.log_p[-1, -1] if response.log_p is not None else 0
    assert all_of_ended["bits_all"][0] - all_of_cut["bits_all"][0] == pytest.approx(-end / math.log(2) / 2)
    assert math.isnan(of_cut["end"][0])


@pytest.mark.parametrize("merged", [False, True])
def test_bits_are_those_of_a_loop_without_the_object_that_is_fixated(merged: bool) -> None:
    order, p = (3, 0, 4, 1), np.exp(table(4))
    bits, whole = 0.0, 0.0
    for step, chosen in enumerate((*order, 5)):
        possible = [i for i in range(6) if not (merged and step and i == order[step - 1])]
        whole -= math.log2(p[step, chosen] / sum(p[step, i] for i in possible))
        if step < len(order):
            bits -= math.log2(p[step, chosen] / sum(p[step, i] for i in possible if i < 5))
    found, end = surprise(np.log(p), path(*order), merged)
    np.testing.assert_allclose(found, (bits, whole))
    assert end.shape == (5,)


def test_bits_of_a_set_are_those_of_all_fixations_not_of_the_mean_picture() -> None:
    trials = [Trial(SCENE, path(0, 1, 2, 3, 4, 0), 0, 0), Trial(SCENE, path(2, 3), 1, 1)]
    responses = [Response([], [], table(6, 1)), Response([], [], table(2, 2))]
    _, together = agreement(trials, responses, np.zeros(2), merged=False)
    rows = [surprise(a.log_p, t.path, False)[0] for t, a in zip(trials, responses, strict=True) if a.log_p is not None]
    each, low, high = together["bits"]
    assert each == pytest.approx((rows[0][0] + rows[1][0]) / 8)
    assert [low, high] == pytest.approx(sorted((rows[0][0] / 6, rows[1][0] / 2)))


def test_the_end_is_ranked_as_by_a_loop() -> None:
    trials = [Trial(SCENE, path(*order), 0, 0) for order in ((0, 1, 2), (1, 2), (3, 4, 0, 1))]
    responses = [Response([], [], table(len(t.path), seed)) for seed, t in enumerate(trials)]
    responses[1] = replace(responses[1], log_p=responses[0].log_p[:3] if responses[0].log_p is not None else None)
    scores, _ = agreement(trials, responses, np.zeros(1), merged=False)
    ends = [a.log_p[-1, -1] for a in responses if a.log_p is not None]
    goings = [p for a in responses if a.log_p is not None for p in a.log_p[1:-1, -1]]
    wins = [(e > g) + (e == g) / 2 for e, g in itertools.product(ends, goings)]
    assert scores["end"][0] == pytest.approx(np.mean(wins))


def test_searches_compare_rates_and_curves_of_all_trials() -> None:
    people = [path(0, 4), path(1, 1, 4), path(2, 0, 2)]
    guesses = [orders((0, 1), (4,)), orders((4, 4), (1, 4)), orders((0,))]
    trials = [Trial(SCENE, p, number, number) for number, p in enumerate(people)]
    scores, together = agreement(trials, [Response(g, [], None) for g in guesses], np.zeros(3), merged=False)
    ours = np.array([np.mean([behaviour.rates(g, (4,)) for g in some], axis=0) for some in guesses])
    theirs = np.array([behaviour.rates(p.order, (4,)) for p in people])
    assert together["delta"][0] == pytest.approx(behaviour.delta(ours, theirs))
    assert together["delta_trial"][0] == pytest.approx(behaviour.delta_by_trial(ours, theirs))
    np.testing.assert_allclose(scores["refixation"], ours[:, 3])
    np.testing.assert_allclose(scores["tfp_auc"], [(0 + 20) / 2, (20 + 19) / 2, 0])
    curves = (
        np.mean([[0.5] * 20, [0.5, *[1.0] * 19], [0.0] * 20], axis=0),
        np.mean([[0.0, *[1.0] * 19], [0.0, 0.0, *[1.0] * 18], [0.0] * 20], axis=0),
    )
    assert together["mismatch"][0] == pytest.approx(np.abs(curves[0] - curves[1]).sum())


def test_multimatch_takes_one_guess_a_trial_and_the_persons_own_places() -> None:
    shaken = path(0, 2, 4, 1)
    shaken = replace(shaken, xy=shaken.xy + GENERATOR.normal(size=(4, 2)))
    trials = [Trial(SCENE, shaken, 0, 0), Trial(SCENE, shaken, 1, 0)]
    guesses = [path(0, 1, 2), path(3, 2, 1, 0)]
    response = Response([guess.order for guess in guesses], [], None)
    scores, _ = agreement(trials, [response, response], np.zeros(2), merged=False)
    for number, guess in enumerate(guesses):
        expected = multimatch(guess, shaken, (100, 80))
        np.testing.assert_allclose([scores["mm_shape"][number], scores["mm_direction"][number]], expected[:2])
    assert np.isnan(scores["mm_duration"]).all()


def test_durations_of_a_guess_are_compared_with_the_persons() -> None:
    person = replace(path(0, 2, 4, 1), duration=np.array([100.0, 300, 250, 80]))
    guess = replace(path(3, 2, 1, 0), duration=np.array([150.0, 90, 410, 200]))
    trial = Trial(SCENE, person, 0, 0)
    scores, _ = agreement([trial], [Response([guess.order], [], None, [guess.duration])], np.zeros(1), merged=False)
    assert scores["mm_duration"][0] == pytest.approx(multimatch(guess, person, (100, 80))[4])
    assert 0 < scores["mm_duration"][0] < 1
    unknown = Trial(SCENE, replace(person, duration=person.duration * np.nan), 0, 0)
    scores, _ = agreement([unknown], [Response([guess.order], [], None, [guess.duration])], np.zeros(1), merged=False)
    assert np.isnan(scores["mm_duration"]).all()


def test_durations_are_cut_with_the_guess_and_add_up_where_looks_are_merged() -> None:
    order, duration = np.array([[1, 1, 2, 2, 2, 0, -1]]), np.array([[100.0, 50, 10, 20, 30, 70, np.nan]])
    rollouts = Rollouts(order, duration, np.zeros(1), np.ones(1, bool))
    apart, merged = (Response.of(rollouts, rollouts, None, merged) for merged in (False, True))
    np.testing.assert_array_equal(apart.guesses[0], [1, 1, 2, 2, 2, 0])
    np.testing.assert_array_equal(merged.guesses[0], [1, 2, 0])
    np.testing.assert_array_equal(merged.durations[0], [150, 60, 70])
    assert apart.durations[0].sum() == merged.durations[0].sum()
    cut = merged.cut(path(3, 4, ended=False))
    np.testing.assert_array_equal([cut.guesses[0], cut.durations[0]], [[1, 2], [150, 60]])
    assert merged.cut(path(3, 4)) is merged
    assert [len(part) for part in joined(np.empty(0, np.int64), np.empty(0))] == [0, 0]


def test_scanmatch_and_stde_compare_the_guess_of_multimatch_with_the_persons_own_places() -> None:
    shaken = path(0, 2, 4, 1)
    shaken = replace(shaken, xy=shaken.xy + GENERATOR.normal(size=(4, 2)))
    guesses = [path(0, 1, 2), path(3, 2)]
    response = Response([guess.order for guess in guesses], [], None)
    scores, _ = agreement([Trial(SCENE, shaken, k, 0) for k in (0, 1)], [response] * 2, np.zeros(2), merged=False)
    np.testing.assert_allclose(scores["scanmatch"], [scanmatch(guess, shaken, (100, 80)) for guess in guesses])
    np.testing.assert_allclose(scores["stde"], [sequence.stde(guess.xy, shaken.xy, (100, 80)) for guess in guesses])


def test_the_gain_is_that_of_all_fixations_over_the_baseline() -> None:
    trials = [Trial(SCENE, path(0, 1, 2, 3, 4, 0), 0, 0), Trial(SCENE, path(2, 3), 1, 1), Trial(SCENE, path(1), 1, 1)]
    one, two = ([Response([], [], table(len(t.path), seed + k)) for k, t in enumerate(trials)] for seed in (1, 9))
    one[2] = Response([], [], None)

    def chosen(responses: list[Response]) -> np.ndarray:
        found = []
        for trial, response in zip(trials[:2], responses, strict=False):
            assert response.log_p is not None
            p = np.exp(response.log_p[:-1, :-1])
            found.append(np.log(p / p.sum(1, keepdims=True))[np.arange(len(p)), trial.path.order])
        return np.concatenate(found)

    _, together = agreement(trials, one, np.zeros(2), False, bits(trials, two, False))
    assert together["ig"][0] == pytest.approx(sequence.information_gain(chosen(one), chosen(two)))
    _, itself = agreement(trials, two, np.zeros(2), False, bits(trials, two, False))
    assert itself["ig"] == (0, 0, 0)
    assert "ig" not in agreement(trials, one, np.zeros(2), False)[1]


def test_the_way_to_the_target_is_that_of_the_guesses_that_find_it() -> None:
    trials = [Trial(SCENE, path(0, 4), 0, 0), Trial(SCENE, path(0, 4), 1, 0)]
    responses = [Response(orders((0, 2, 1, 4, 0), (0, 4), (1, 2)), [], None), Response(orders((1, 2)), [], None)]
    scores, _ = agreement(trials, responses, np.zeros(2), merged=False)
    at = SCENE.objects.centres
    steps = [np.linalg.norm(at[j] - at[i]) for i, j in ((0, 2), (2, 1), (1, 4))]
    detour = np.linalg.norm(at[4] - at[0]) / sum(steps)
    assert scores["scanpath_ratio"][0] == pytest.approx((detour + 1) / 2)
    assert np.isnan(scores["scanpath_ratio"][1])
    assert scores["to_target"][0] == pytest.approx((4 + 2) / 2)
    assert np.isnan(scores["to_target"][1])
    np.testing.assert_allclose(scores["finds_target"], [2 / 3, 0])


def test_who_has_no_answer_has_no_score() -> None:
    trials = [Trial(SCENE, path(0, 1), 0, 0), Trial(SCENE, path(0, 1), 1, 1)]
    scores, together = agreement(trials, [Response([], [], None)] * 2, np.full(2, np.nan), merged=True)
    assert all(np.isnan(values).all() and values.shape == (2,) for values in scores.values())
    assert not together
