"""The scores agree with pysaliency, with formulas by hand, and have stated answers for odd pictures."""

import importlib.util
import itertools
import json
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from evaluation import bootstrap
from saliency import metrics

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
    maps = {key: torch.stack([torch.from_numpy(a).flip(0), torch.from_numpy(a)]) for key, a in inputs.items()}
    if name == "ig":
        logs = [maps[key].double() for key in ("prediction", "baseline")]
        logs = [(m / m.sum((1, 2), keepdim=True)).log() for m in logs]
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


def small_maps(seed: int, levels: int = 6, size: tuple[int, int] = (5, 6)) -> tuple[Tensor, Tensor, Tensor]:
    """A prediction with ties, fixations with repetitions, and negatives."""
    generator = torch.Generator().manual_seed(seed)
    prediction = torch.randint(0, levels, (1, *size), generator=generator) / levels
    fixations = torch.poisson(torch.full((1, *size), 0.3), generator=generator).long()
    fixations[0, 1, 2] += 2
    return prediction, fixations, torch.poisson(torch.full((1, *size), 0.7), generator=generator).long()


def auc_by_pairs(positives: list[float], negatives: list[float]) -> float:
    wins = sum((p > n) + (p == n) / 2 for p in positives for n in negatives)
    return wins / len(positives) / len(negatives)


def repeated(prediction: Tensor, counts: Tensor) -> list[float]:
    return [v for v, n in zip(prediction.flatten().tolist(), counts.flatten().tolist(), strict=True) for _ in range(n)]


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
    prediction = torch.rand(1, 6, 6, generator=torch.Generator().manual_seed(3))
    low, high = prediction.min(), prediction.max()
    fixations, negatives = torch.zeros(2, 1, 6, 6).long()
    fixations[0, 0, :4], negatives[0, 4, 1:5] = 2, 1
    hits, false = (((prediction - low) / (high - low))[where > 0].double().numpy() for where in (fixations, negatives))
    steps = np.arange(10, -1, -1) / 10
    y = np.array([0, *((hits >= s).mean() for s in steps), 1])
    x = np.array([0, *((false >= s).mean() for s in steps), 1])
    expected = ((x[1:] - x[:-1]) * (y[1:] + y[:-1]) / 2).sum()
    assert metrics.sauc(prediction, fixations, negatives, convention="mit").item() == pytest.approx(expected, abs=1e-12)


def test_mit_shuffled_auc_is_near_the_exact_one_and_depends_only_on_its_seed() -> None:
    generator = torch.Generator().manual_seed(5)
    prediction = torch.rand(3, 30, 40, generator=generator)
    fixations = (torch.rand(3, 30, 40, generator=generator) < 0.05 * prediction).long()
    negatives = fixations.sum(0) - fixations
    score = partial(metrics.sauc, prediction, fixations, negatives)
    drawn = score(convention="mit")
    assert torch.equal(drawn, score(convention="mit"))
    assert not torch.equal(drawn, score(convention="mit", seed=1))
    alone = metrics.sauc(prediction[1:2], fixations[1:2], negatives[1:2], convention="mit")
    assert torch.equal(drawn[1:2], alone)
    assert torch.allclose(drawn, score(), atol=0.05)


def test_the_mit_convention_collapses_repeated_fixations_and_tuebingen_does_not() -> None:
    prediction = torch.tensor([[[1.0, 2.0, 4.0, 9.0]]])
    often, once = torch.tensor([[[0, 0, 1, 3]]]), torch.tensor([[[0, 0, 1, 1]]])
    negatives = torch.tensor([[[1, 1, 1, 0]]])
    log = prediction.log_softmax(-1)
    scores: list[Callable[..., Tensor]] = [
        partial(metrics.auc_judd, prediction),
        partial(metrics.nss, prediction),
        partial(metrics.sauc, prediction, negatives=negatives),
        lambda f, convention: metrics.ig(log, f, log.flip(-1), convention=convention),
    ]
    for score in scores:
        assert torch.equal(score(often, convention="mit"), score(once, convention="mit"))
    for score in scores:
        assert not torch.equal(score(often, convention="tuebingen"), score(once, convention="tuebingen"))


def test_information_gain_in_bits_by_hand() -> None:
    log_prediction = torch.tensor([[[0.5, 0.25, 0.25]]]).double().log()
    log_baseline = torch.tensor([[[0.25, 0.25, 0.5]]]).double().log()
    fixations = torch.tensor([[[2, 1, 1]]])
    assert metrics.ig(log_prediction, fixations, log_baseline).item() == pytest.approx((2 * 1 + 0 - 1) / 4)
    stretched = np.log2(2.2204e-16 + np.array([1, 0, 0])) - np.log2(2.2204e-16 + np.array([0, 0, 1]))
    got = metrics.ig(log_prediction, fixations, log_baseline, convention="mit").item()
    assert got == pytest.approx(stretched.mean(), abs=1e-9)


def test_one_baseline_serves_all_pictures() -> None:
    logs = torch.rand(3, 4, 5, generator=torch.Generator().manual_seed(0)).flatten(1).log_softmax(1).view(3, 4, 5)
    fixations = torch.ones(3, 4, 5).long()
    assert torch.equal(metrics.ig(logs, fixations, logs[:1]), metrics.ig(logs, fixations, logs[:1].repeat(3, 1, 1)))


# Properties.

maps = st.lists(st.floats(0, 1, width=32), min_size=12, max_size=12)


def grid(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float32).view(1, 3, 4)


@settings(max_examples=60, deadline=None)
@given(maps, st.lists(st.integers(0, 3), min_size=12, max_size=12))
def test_auc_reads_only_the_order_of_the_values_and_mirrors_with_them(values: list[float], counts: list[int]) -> None:
    prediction, fixations = grid(values), torch.tensor(counts).view(1, 3, 4)
    auc = metrics.auc_judd(prediction, fixations)
    if not sum(counts):
        assert auc.isnan().all()
        return
    assert 0 <= auc.item() <= 1
    assert metrics.auc_judd(-prediction, fixations).item() == pytest.approx(1 - auc.item(), abs=1e-12)
    assert metrics.auc_judd(prediction.double() * 4, fixations).item() == pytest.approx(auc.item(), abs=1e-12)
    everywhere = torch.ones_like(fixations)
    assert metrics.sauc(prediction, fixations, everywhere).item() == pytest.approx(auc.item(), abs=1e-12)


@settings(max_examples=60, deadline=None)
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


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(allow_nan=False, width=32), min_size=12, max_size=12))
def test_ranks_count_what_is_below_for_any_floats(values: list[float]) -> None:
    prediction = torch.tensor(values, dtype=torch.float32)
    for kind in (prediction, prediction.double()):
        below, up_to = metrics._ranks(kind, kind[:5])
        assert below.tolist() == [int((kind < v).sum()) for v in kind[:5]]
        assert up_to.tolist() == [int((kind <= v).sum()) for v in kind[:5]]


def test_nss_of_every_pixel_once_is_zero() -> None:
    prediction = torch.rand(2, 9, 8, generator=torch.Generator().manual_seed(1))
    assert metrics.nss(prediction, torch.ones(2, 9, 8).long()).abs().max() < 1e-12


# Stated answers.


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_flat_map_has_stated_answers(convention: str) -> None:
    flat = torch.full((1, 5, 7), 1 / 35)
    truth = torch.rand(1, 5, 7, generator=torch.Generator().manual_seed(2))
    fixations, negatives = (truth > 0.7).long(), (truth < 0.4).long()
    assert metrics.auc_judd(flat, fixations, convention=convention).item() == 0.5
    assert metrics.sauc(flat, fixations, negatives, convention=convention).item() == 0.5
    assert metrics.cc(flat, truth, convention=convention).item() == 0
    assert metrics.nss(flat, fixations, convention=convention).item() == 0
    assert 0 < metrics.sim(flat, truth, convention=convention).item() < 1
    assert metrics.kl(flat, truth, convention=convention).item() > 0
    assert metrics.ig(flat.log(), fixations, flat.log(), convention=convention).item() == 0


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_picture_without_fixations_is_nan_everywhere_and_its_neighbour_is_not(convention: str) -> None:
    prediction = torch.rand(2, 5, 7, generator=torch.Generator().manual_seed(2))
    prediction[0, 0] = prediction[0, 1]
    fixations = torch.zeros(2, 5, 7).long()
    fixations[1, 2, 3] = 1
    negatives = torch.ones(2, 5, 7).long()
    log = prediction.flatten(1).log_softmax(1).view_as(prediction)
    scores = [
        metrics.auc_judd(prediction, fixations, convention=convention),
        metrics.sauc(prediction, fixations, negatives, convention=convention),
        metrics.nss(prediction, fixations, convention=convention),
        metrics.cc(prediction, fixations.float(), convention=convention),
        metrics.sim(prediction, fixations.float(), convention=convention),
        metrics.kl(prediction, fixations.float(), convention=convention),
        metrics.ig(log, fixations, log, convention=convention),
    ]
    for value in scores:
        assert value.isnan().tolist() == [True, False]
        assert torch.equal(value.nanmean(), value[1])
    flat = torch.ones(2, 5, 7)
    for value in (metrics.nss(flat, fixations), metrics.auc_judd(flat, fixations), metrics.cc(flat, fixations.float())):
        assert value.isnan().tolist() == [True, False]


def test_one_fixation_and_all_fixations_in_one_pixel_score_the_same() -> None:
    prediction = torch.arange(12.0).view(1, 3, 4)
    once, often = torch.zeros(2, 1, 3, 4).long()
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
        assert metrics.sauc(prediction, fixations, torch.zeros_like(fixations), convention=convention).isnan().all()


def test_the_bars_of_a_log_density_do_not_disturb_the_ranks() -> None:
    log = torch.rand(1, 20, 30, generator=torch.Generator().manual_seed(4)).log()
    log[:, :4], log[:, 16:] = -1e4, -math.inf
    fixations = torch.zeros(1, 20, 30).long()
    fixations[0, 5:9, ::7] = 1
    expected = auc_by_pairs(log[fixations > 0].tolist(), log.flatten().tolist())
    assert metrics.auc_judd(log, fixations).item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_every_float_is_taken_and_scores_are_float64(dtype: torch.dtype) -> None:
    prediction, fixations, _ = small_maps(0, levels=8)
    value = metrics.auc_judd(prediction.to(dtype), fixations)
    assert value.dtype == torch.float64
    assert value.item() == pytest.approx(metrics.auc_judd(prediction, fixations).item(), abs=1e-12)
    assert metrics.nss(prediction.to(dtype), fixations).item() == pytest.approx(
        metrics.nss(prediction, fixations).item(), abs=1e-12
    )


def test_a_prediction_in_training_can_be_scored() -> None:
    prediction, fixations, negatives = small_maps(0)
    for score in (metrics.auc_judd, metrics.nss):
        for convention in CONVENTIONS:
            value = score(prediction.clone().requires_grad_(), fixations, convention=convention)
            assert torch.equal(value.detach(), score(prediction, fixations, convention=convention))
    assert metrics.sauc(prediction.requires_grad_(), fixations, negatives).isfinite().all()


def test_an_empty_batch_has_no_scores() -> None:
    assert metrics.cc(torch.zeros(0, 3, 4), torch.zeros(0, 3, 4)).shape == (0,)


# Bad input.


@pytest.mark.parametrize("name", ["prediction", "fixations"])
def test_nan_is_refused_by_name(name: str) -> None:
    given = {"prediction": torch.rand(1, 3, 4), "fixations": torch.ones(1, 3, 4)}
    given[name][0, 1, 1] = math.nan
    for score in (metrics.auc_judd, metrics.nss):
        with pytest.raises(ValueError, match=f"^{name} holds NaN"):
            score(**given)


@pytest.mark.parametrize("score", [metrics.cc, metrics.sim, metrics.kl])
def test_nan_in_the_truth_is_refused_by_name(score: Callable[..., Tensor]) -> None:
    with pytest.raises(ValueError, match=r"^truth holds NaN"):
        score(torch.rand(1, 3, 4), torch.full((1, 3, 4), math.nan))


def test_logarithms_in_the_wrong_place_are_refused() -> None:
    log = torch.rand(1, 3, 4).flatten(1).log_softmax(1).view(1, 3, 4)
    for score in (metrics.sim, metrics.kl):
        with pytest.raises(ValueError, match=r"prediction holds negative values; .*exp\(\)"):
            score(log, log.exp())
    with pytest.raises(ValueError, match="fixations holds negative values, but counts"):
        metrics.nss(log.exp(), log)
    with pytest.raises(ValueError, match="log_baseline holds values above 0"):
        metrics.ig(log, torch.ones(1, 3, 4).long(), log.exp())


def test_unequal_grids_and_unknown_conventions_are_refused() -> None:
    with pytest.raises(ValueError, match=r"fixations has shape \(1, 3, 5\), but prediction has \(1, 3, 4\)"):
        metrics._check("mit", prediction=torch.rand(1, 3, 4), fixations=torch.rand(1, 3, 5))
    with pytest.raises(ValueError, match="convention is 'MIT'"):
        metrics._check("MIT", prediction=torch.rand(1, 3, 4))


# The interval.


def test_the_bootstrap_interval_holds_the_mean_skips_nan_and_shrinks_with_pictures() -> None:
    values = np.random.default_rng(0).normal(2, 1, 400)
    mean, low, high = bootstrap.bootstrap(np.append(values, np.nan))
    assert mean == pytest.approx(values.mean())
    assert low < mean < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.15)
    assert bootstrap.bootstrap(values, seed=1) == bootstrap.bootstrap(values, seed=1)
    assert all(math.isnan(v) for v in bootstrap.bootstrap(np.array([np.nan])))
