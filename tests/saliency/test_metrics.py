"""The scores agree with pysaliency, with formulas by hand, and have stated answers for odd pictures."""

import importlib.util
import itertools
import json
import math
import pkgutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from saliency import METRICS, metrics

FOLDER = Path(__file__).parent / "reference"
CONVENTIONS = ("tuebingen", "mit")


def load_recipe() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_reference", FOLDER / "make_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


RECIPE = load_recipe()
REFERENCE = json.loads((FOLDER / "pysaliency.json").read_text())
CASES = dict([*RECIPE.cases(), *RECIPE.real(REFERENCE["pictures"])])


def ours(name: str, inputs: dict[str, np.ndarray], convention: str) -> float:
    """One metric of one case; every input in a batch of two, with another picture before it."""
    maps = {key: np.stack([a[::-1], a]) for key, a in inputs.items()}
    if name == "ig":
        logs = [maps[key].astype(np.float64) for key in ("prediction", "baseline")]
        logs = [np.log(m / m.sum((1, 2), keepdims=True)) for m in logs]
        return metrics.ig(logs[0], maps["fixations"], logs[1], convention=convention)[1].item()
    wanted = {"auc_judd": ["fixations"], "sauc": ["fixations", "negatives"], "nss": ["fixations"]}.get(name, ["truth"])
    score = getattr(metrics, name)
    return score(maps["prediction"], *(maps[key] for key in wanted), convention=convention)[1].item()


@pytest.mark.parametrize("case", CASES)
def test_the_recipe_makes_the_inputs_that_were_scored(case: str) -> None:
    sums = {key: float(array.sum(dtype=np.float64)) for key, array in CASES[case].items()}
    assert sums == pytest.approx(REFERENCE["values"][case]["sums"], rel=1e-9)


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("case", CASES)
def test_every_value_equals_pysaliency(case: str, convention: str) -> None:
    expected = REFERENCE["values"][case][convention]
    got = {name: ours(name, CASES[case], convention) for name in expected}
    assert got == pytest.approx(expected, abs=1e-6, rel=0)


def test_the_reference_covers_every_metric_on_real_pictures() -> None:
    names = {name for name in CASES if name.startswith("osie")}
    assert len(names) >= 3
    assert all(
        set(REFERENCE["values"][n]["tuebingen"]) >= {"auc_judd", "sauc", "nss", "cc", "sim", "kl", "ig"} for n in names
    )


def test_the_reference_file_stays_small() -> None:
    assert (FOLDER / "pysaliency.json").stat().st_size < 200_000


# Formulas by hand, on maps small enough to loop over.


def random(*shape: int, seed: int = 0) -> np.ndarray:
    """Values from 0 to 1 in float32."""
    return np.random.default_rng(seed).random(shape, np.float32)


def log_density(values: np.ndarray) -> np.ndarray:
    """Logarithms of maps that sum to one."""
    powers = np.exp(values.astype(np.float64))
    return np.log(powers / powers.sum((1, 2), keepdims=True))


def small_maps(seed: int, levels: int = 6, size: tuple[int, int] = (5, 6)) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A prediction with ties, fixations with repetitions, and negatives."""
    generator = np.random.default_rng(seed)
    prediction = (generator.integers(0, levels, (1, *size)) / levels).astype(np.float32)
    fixations = generator.poisson(0.3, (1, *size))
    fixations[0, 1, 2] += 2
    return prediction, fixations, generator.poisson(0.7, (1, *size))


def auc_by_pairs(positives: list[float], negatives: list[float]) -> float:
    wins = sum((p > n) + (p == n) / 2 for p in positives for n in negatives)
    return wins / len(positives) / len(negatives)


def repeated(prediction: np.ndarray, counts: np.ndarray) -> list[float]:
    return np.repeat(prediction.ravel(), counts.ravel()).tolist()


@pytest.mark.parametrize("seed", range(5))
def test_auc_is_the_share_of_won_pairs(seed: int) -> None:
    prediction, fixations, negatives = small_maps(seed)
    positives = repeated(prediction, fixations)
    expected = auc_by_pairs(positives, prediction.flatten().tolist())
    assert metrics.auc_judd(prediction, fixations).item() == pytest.approx(expected, abs=1e-12)
    expected = auc_by_pairs(positives, repeated(prediction, negatives))
    assert metrics.sauc(prediction, fixations, negatives).item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_mit_auc_is_the_area_under_the_straight_lines_between_thresholds(seed: int) -> None:
    prediction, fixations, _ = small_maps(seed)
    fixated = prediction[fixations > 0].tolist()
    rest = prediction[fixations == 0].tolist()
    points = [(0.0, 0.0)]
    for threshold in sorted(set(fixated), reverse=True):
        points.append((np.mean([v >= threshold for v in rest]), np.mean([v >= threshold for v in fixated])))
    points.append((1.0, 1.0))
    area = sum((x1 - x0) * (y0 + y1) / 2 for (x0, y0), (x1, y1) in itertools.pairwise(points))
    assert metrics.auc_judd(prediction, fixations, convention="mit").item() == pytest.approx(area, abs=1e-12)


def test_mit_shuffled_auc_with_as_many_negatives_as_fixations_needs_no_luck() -> None:
    prediction = random(1, 6, 6, seed=3)
    low, high = prediction.min(), prediction.max()
    fixations, negatives = np.zeros((2, 1, 6, 6), np.int64)
    fixations[0, 0, :4], negatives[0, 4, 1:5] = 2, 1
    hits, false = (((prediction - low) / (high - low))[where > 0].astype(float) for where in (fixations, negatives))
    steps = np.arange(10, -1, -1) / 10
    y = np.array([0, *((hits >= s).mean() for s in steps), 1])
    x = np.array([0, *((false >= s).mean() for s in steps), 1])
    expected = ((x[1:] - x[:-1]) * (y[1:] + y[:-1]) / 2).sum()
    assert metrics.sauc(prediction, fixations, negatives, convention="mit").item() == pytest.approx(expected, abs=1e-12)


def test_mit_shuffled_auc_is_near_the_exact_one_and_depends_only_on_its_seed() -> None:
    prediction = random(3, 30, 40, seed=5)
    fixations = (random(3, 30, 40, seed=6) < 0.05 * prediction).astype(np.int64)
    negatives = fixations.sum(0) - fixations
    score = partial(metrics.sauc, prediction, fixations, negatives)
    drawn = score(convention="mit")
    assert drawn.tolist() == score(convention="mit").tolist()
    assert drawn.tolist() != score(convention="mit", seed=1).tolist()
    alone = metrics.sauc(prediction[1:2], fixations[1:2], negatives[1:2], convention="mit")
    assert drawn[1:2].tolist() == alone.tolist()
    np.testing.assert_allclose(drawn, score(), atol=0.05)


@pytest.mark.parametrize(("total", "count"), [(1, 1), (2, 1), (2, 2), (7, 3), (7, 7), (7, 9), (500, 20)])
def test_negatives_are_drawn_as_torch_permutes_with_the_same_seed(total: int, count: int) -> None:
    for seed in (0, 1, 2**40 + 5):
        theirs, ours = torch.Generator().manual_seed(seed), np.random.RandomState(seed % 2**32)
        for _ in range(3):
            expected = torch.randperm(total, generator=theirs)[:count].tolist()
            assert metrics._shuffled(total, count, ours) == expected


def test_mit_shuffled_auc_of_a_map_with_a_floor_is_the_same_in_both_precisions() -> None:
    floor = np.float32(0.00123456789)
    prediction = np.maximum(random(1, 20, 30, seed=7) - 0.5, floor)
    fixations, negatives = (random(1, 20, 30, seed=seed) < 0.1 for seed in (8, 9))
    narrow = metrics.sauc(prediction, fixations, negatives, convention="mit")
    for scale in (1 / 3, 1.1):  # its values are no float32
        wide = metrics.sauc(prediction.astype(np.float64) * scale, fixations, negatives, convention="mit")
        np.testing.assert_allclose(wide, narrow, atol=1e-12)


def test_the_mit_convention_collapses_repeated_fixations_and_tuebingen_does_not() -> None:
    prediction = np.array([[[1.0, 2.0, 4.0, 9.0]]])
    often, once = np.array([[[0, 0, 1, 3]]]), np.array([[[0, 0, 1, 1]]])
    negatives = np.array([[[1, 1, 1, 0]]])
    log = log_density(prediction)
    scores: list[Callable[..., np.ndarray]] = [
        partial(metrics.auc_judd, prediction),
        partial(metrics.nss, prediction),
        partial(metrics.sauc, prediction, negatives=negatives),
        lambda f, convention: metrics.ig(log, f, log[..., ::-1], convention=convention),
    ]
    for score in scores:
        assert score(often, convention="mit") == score(once, convention="mit")
    for score in scores:
        assert score(often, convention="tuebingen") != score(once, convention="tuebingen")


def test_information_gain_in_bits_by_hand() -> None:
    log_prediction, log_baseline = np.log([[[0.5, 0.25, 0.25]]]), np.log([[[0.25, 0.25, 0.5]]])
    fixations = np.array([[[2, 1, 1]]])
    assert metrics.ig(log_prediction, fixations, log_baseline).item() == pytest.approx((2 * 1 + 0 - 1) / 4)
    stretched = np.log2(2.2204e-16 + np.array([1, 0, 0])) - np.log2(2.2204e-16 + np.array([0, 0, 1]))
    got = metrics.ig(log_prediction, fixations, log_baseline, convention="mit").item()
    assert got == pytest.approx(stretched.mean(), abs=1e-9)


def test_one_baseline_serves_all_pictures() -> None:
    logs, fixations = log_density(random(3, 4, 5)), np.ones((3, 4, 5), np.int64)
    thrice = metrics.ig(logs, fixations, logs[:1].repeat(3, 0))
    np.testing.assert_array_equal(metrics.ig(logs, fixations, logs[:1]), thrice)


# Properties.

maps = st.lists(st.floats(0, 1, width=32), min_size=12, max_size=12)


def grid(values: list[float]) -> np.ndarray:
    return np.array(values, np.float32).reshape(1, 3, 4)


@given(maps, st.lists(st.integers(0, 3), min_size=12, max_size=12))
def test_auc_reads_only_the_order_of_the_values_and_mirrors_with_them(values: list[float], counts: list[int]) -> None:
    prediction, fixations = grid(values), np.array(counts).reshape(1, 3, 4)
    auc = metrics.auc_judd(prediction, fixations)
    if not sum(counts):
        assert np.isnan(auc).all()
        return
    assert 0 <= auc.item() <= 1
    assert metrics.auc_judd(-prediction, fixations).item() == pytest.approx(1 - auc.item(), abs=1e-12)
    assert metrics.auc_judd(prediction.astype(float) * 4, fixations).item() == pytest.approx(auc.item(), abs=1e-12)
    everywhere = np.ones_like(fixations)
    assert metrics.sauc(prediction, fixations, everywhere).item() == pytest.approx(auc.item(), abs=1e-12)


@given(maps, maps)
def test_bounds_symmetries_and_scale(first: list[float], second: list[float]) -> None:
    p, q = grid(first) + 0.01, grid(second) + 0.01
    assert 0 <= metrics.sim(p, q).item() <= 1 + 1e-12
    assert metrics.sim(p, q).item() == pytest.approx(metrics.sim(q, p * 4).item(), abs=1e-12)
    assert metrics.kl(p, q).item() >= -1e-12
    assert metrics.kl(p, p * 4).item() == pytest.approx(0, abs=1e-12)
    if p.min() < p.max() and q.min() < q.max():
        assert abs(metrics.cc(p, q).item()) <= 1 + 1e-12
        assert metrics.cc(p, q).item() == pytest.approx(metrics.cc(q, p * 4).item(), abs=1e-9)
        assert metrics.cc(p, p * 4).item() == pytest.approx(1, abs=1e-9)


@given(st.lists(st.floats(allow_nan=False, width=32), min_size=12, max_size=12))
def test_ranks_count_what_is_below_for_any_floats(values: list[float]) -> None:
    prediction = np.array(values, np.float32)
    for kind in (prediction, prediction.astype(float)):
        below, up_to = metrics._ranks(kind, kind[:5])
        assert below.tolist() == [int((kind < v).sum()) for v in kind[:5]]
        assert up_to.tolist() == [int((kind <= v).sum()) for v in kind[:5]]


def test_nss_of_every_pixel_once_is_zero() -> None:
    assert np.abs(metrics.nss(random(2, 9, 8, seed=1), np.ones((2, 9, 8), np.int64))).max() < 1e-12


# Stated answers.


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_flat_map_has_stated_answers(convention: str) -> None:
    flat, truth = np.full((1, 5, 7), 1 / 35, np.float32), random(1, 5, 7, seed=2)
    fixations, negatives = (truth > 0.7).astype(np.int64), (truth < 0.4).astype(np.int64)
    assert metrics.auc_judd(flat, fixations, convention=convention).item() == 0.5
    assert metrics.sauc(flat, fixations, negatives, convention=convention).item() == 0.5
    assert metrics.cc(flat, truth, convention=convention).item() == 0
    assert metrics.nss(flat, fixations, convention=convention).item() == 0
    assert 0 < metrics.sim(flat, truth, convention=convention).item() < 1
    assert metrics.kl(flat, truth, convention=convention).item() > 0
    assert metrics.ig(np.log(flat), fixations, np.log(flat), convention=convention).item() == 0


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_picture_without_fixations_is_nan_everywhere_and_its_neighbour_is_not(convention: str) -> None:
    prediction = random(2, 5, 7, seed=2)
    prediction[0, 0] = prediction[0, 1]
    fixations = np.zeros((2, 5, 7), np.int64)
    fixations[1, 2, 3] = 1
    negatives, truth = np.ones((2, 5, 7), np.int64), fixations.astype(np.float32)
    log = log_density(prediction)
    scores = [
        metrics.auc_judd(prediction, fixations, convention=convention),
        metrics.sauc(prediction, fixations, negatives, convention=convention),
        metrics.nss(prediction, fixations, convention=convention),
        metrics.cc(prediction, truth, convention=convention),
        metrics.sim(prediction, truth, convention=convention),
        metrics.kl(prediction, truth, convention=convention),
        metrics.ig(log, fixations, log, convention=convention),
    ]
    for value in scores:
        assert np.isnan(value).tolist() == [True, False]
        assert np.nanmean(value) == value[1]
    flat = np.ones((2, 5, 7))
    for value in (metrics.nss(flat, fixations), metrics.auc_judd(flat, fixations), metrics.cc(flat, truth)):
        assert np.isnan(value).tolist() == [True, False]


def test_one_fixation_and_all_fixations_in_one_pixel_score_the_same() -> None:
    prediction = np.arange(12.0).reshape(1, 3, 4)
    once, often = np.zeros((2, 1, 3, 4), np.int64)
    once[0, 2, 3], often[0, 2, 3] = 1, 40
    for convention in CONVENTIONS:
        for score in (metrics.auc_judd, metrics.nss):
            value = score(prediction, once, convention=convention)
            assert value.item() == pytest.approx(score(prediction, often, convention=convention).item(), abs=1e-12)
    assert metrics.auc_judd(prediction, once).item() == pytest.approx(11.5 / 12)
    assert metrics.nss(prediction, once).item() == pytest.approx((11 - 5.5) / np.arange(12).std())


def test_without_negatives_shuffled_auc_is_nan() -> None:
    prediction, fixations, _ = small_maps(0)
    for convention in CONVENTIONS:
        assert np.isnan(metrics.sauc(prediction, fixations, np.zeros_like(fixations), convention=convention)).all()


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_when_every_pixel_is_fixated_only_mit_has_nothing_to_compare_with(convention: str) -> None:
    score = metrics.auc_judd(random(1, 4, 5), np.ones((1, 4, 5), np.int64), convention=convention)
    assert score.item() == 0.5 if convention == "tuebingen" else np.isnan(score).all()


def test_the_bars_of_a_log_density_do_not_disturb_the_ranks() -> None:
    log = np.log(random(1, 20, 30, seed=4))
    log[:, :4], log[:, 16:] = -1e4, -1e30
    fixations = np.zeros((1, 20, 30), np.int64)
    fixations[0, 5:9, ::7] = 1
    expected = auc_by_pairs(log[fixations > 0].tolist(), log.ravel().tolist())
    assert metrics.auc_judd(log, fixations).item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4", ">f8", np.longdouble])
def test_every_float_is_taken_and_scores_are_float64(dtype: str | type) -> None:
    prediction, fixations, negatives = small_maps(0, levels=8)
    for score in (metrics.auc_judd, metrics.nss, partial(metrics.sauc, negatives=negatives)):
        for convention in CONVENTIONS:
            value = score(prediction.astype(dtype), fixations, convention=convention)
            assert value.dtype == np.float64
            assert value.item() == pytest.approx(score(prediction, fixations, convention=convention).item(), abs=1e-12)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("name", METRICS)
def test_a_tensor_in_training_scores_as_the_array_of_its_values(name: str, dtype: torch.dtype) -> None:
    score = pkgutil.resolve_name(METRICS[name])
    prediction, fixations, negatives = small_maps(0, levels=8)
    log = torch.from_numpy(log_density(prediction)).to(dtype)
    second = {"sauc": (fixations, negatives), "ig": (fixations, log)}.get(name, (fixations,))
    first = log if name == "ig" else torch.from_numpy(prediction).to(dtype)
    tensors = [torch.as_tensor(values) for values in (first, *second)]
    arrays = [(values.double() if values.is_floating_point() else values).numpy() for values in tensors]
    value = score(tensors[0].requires_grad_(), *tensors[1:])
    assert isinstance(value, np.ndarray)
    assert value.item() == pytest.approx(score(*arrays).item(), abs=1e-12)


def test_an_empty_batch_has_no_scores() -> None:
    assert metrics.cc(np.zeros((0, 3, 4)), np.zeros((0, 3, 4))).shape == (0,)


# Bad input.


@pytest.mark.parametrize("name", ["prediction", "fixations"])
def test_nan_is_refused_by_name(name: str) -> None:
    given = {"prediction": random(1, 3, 4), "fixations": np.ones((1, 3, 4))}
    given[name][0, 1, 1] = math.nan
    for score in (metrics.auc_judd, metrics.nss):
        with pytest.raises(ValueError, match=f"^{name} holds NaN"):
            score(**given)


@pytest.mark.parametrize("score", [metrics.cc, metrics.sim, metrics.kl])
def test_nan_in_the_truth_is_refused_by_name(score: Callable[..., np.ndarray]) -> None:
    with pytest.raises(ValueError, match=r"^truth holds NaN"):
        score(random(1, 3, 4), np.full((1, 3, 4), math.nan))


def test_logarithms_in_the_wrong_place_are_refused() -> None:
    log = log_density(random(1, 3, 4))
    for score in (metrics.sim, metrics.kl):
        with pytest.raises(ValueError, match=r"prediction holds negative values; .*exp\(\)"):
            score(log, np.exp(log))
    with pytest.raises(ValueError, match="fixations holds negative values, but counts"):
        metrics.nss(np.exp(log), log)
    with pytest.raises(ValueError, match="log_baseline holds values above 0"):
        metrics.ig(log, np.ones((1, 3, 4), np.int64), np.exp(log))


def test_unequal_grids_and_unknown_conventions_are_refused() -> None:
    with pytest.raises(ValueError, match=r"fixations has shape \(1, 3, 5\), but prediction has \(1, 3, 4\)"):
        metrics.nss(random(1, 3, 4), random(1, 3, 5), convention="mit")
    with pytest.raises(ValueError, match="convention is 'MIT'"):
        metrics.nss(random(1, 3, 4), random(1, 3, 4), convention="MIT")
