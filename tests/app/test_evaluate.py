import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from app import evaluate as machinery
from app.evaluate import CENTRE, HALVES, LEFT_OUT, evaluate
from data import GazeError, PictureError, maps, synthetic, table
from data.gaze import Picture, Scanpath
from data.picture import save
from export.runtime import Prediction
from saliency import metrics
from tests import toy_model as toy

SIZE = (40, 60)  # height, width
Item = tuple[Picture, tuple[Scanpath, ...]]


def path(subject: str, *fixations: tuple[float, float, float]) -> Scanpath:
    """A scanpath of (x, y, onset in seconds)."""
    numbers = np.array(fixations, float).reshape(-1, 3)
    return Scanpath(subject, numbers[:, :2], 1000 * numbers[:, 2], np.full(len(numbers), 200.0))


def crowd(rng: np.random.Generator, subjects: int = 4, size: tuple[int, int] = SIZE) -> tuple[Scanpath, ...]:
    """Viewers who look about for three seconds."""
    return tuple(path(f"s{i}", *(rng.random((6, 3)) * (size[1], size[0], 3))) for i in range(subjects))


def dataset(root: Path, viewings: Sequence[tuple[Scanpath, ...]], sizes: Sequence[tuple[int, int]] = ()) -> list[Item]:
    """A set of grey pictures, the n-th of them of grey n; the last two are the split test, the others train."""
    items = []
    for number, (paths, (height, width)) in enumerate(zip(viewings, sizes or [SIZE] * len(viewings), strict=True)):
        file = root.parent / f"{number}.png"
        save(file, np.full((height, width, 3), number, np.uint8))
        items.append((Picture(file.name, width, height, file), paths))
    names = [picture.name for picture, _ in items]
    table.write(root, items, {"train": names[:-2], "test": names[-2:], "none": []})
    return items


@pytest.fixture
def oracle(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[Item]], None]:
    """Puts a model in place that knows who looked where; its slices know the second, its density does not."""

    def know(items: list[Item], times: int = 2) -> None:
        class Oracle:
            contract = replace(toy.CONTRACT, name="oracle")

            def __init__(self, model: str) -> None:
                self.asked: list[str] = []

            def index(self, condition: str) -> int:
                return self.contract.conditions.index(condition)

            def __call__(self, pixels: np.ndarray, condition: str) -> Prediction:
                picture, paths = items[int(pixels[0, 0, 0])]
                xy, onset = np.concatenate([p.xy for p in paths]), np.concatenate([p.onset for p in paths])
                parts = [xy, *(xy[onset // 1000 == second] for second in range(times))]
                size = picture.height, picture.width
                planes = [np.log(maps.density(maps.counts(part, size), 5.0) + 1e-12) for part in parts]
                seconds = tuple((float(s), s + 1.0) for s in range(times))
                return Prediction(planes[0], np.stack(planes[1:]), seconds, "oracle", "0", condition, "cpu")

        monkeypatch.setattr(machinery, "Predictor", Oracle)

    return know


def log(maps_: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.log(maps_).astype(np.float32))[None]


@pytest.mark.parametrize("sigma", [0.7, 3.0, 15.36])
def test_the_quick_density_is_the_one_of_maps(sigma: float) -> None:
    rng = np.random.default_rng(0)
    xy = np.concatenate([rng.random((20, 2)) * SIZE[::-1], [[0.0, 0.0], [59.9, 39.9], [59.9, 0.1], [7.5, 7.5]]])
    want = maps.density(maps.counts(np.repeat(xy, 2, 0), SIZE), sigma)
    np.testing.assert_allclose(machinery.density(np.repeat(xy, 2, 0), SIZE, sigma), want, rtol=1e-4, atol=1e-9)


def test_who_knows_the_truth_has_cc_1_and_no_divergence(tmp_path: Path, oracle: Callable[[list[Item]], None]) -> None:
    rng = np.random.default_rng(1)
    oracle(dataset(tmp_path / "set", [crowd(rng) for _ in range(5)]))
    result = evaluate(tmp_path / "set", ["oracle"], sigma=5.0)
    scores = result.scores("oracle")
    assert scores["cc"]["mean"] == pytest.approx(1, abs=1e-5)
    assert scores["sim"]["mean"] == pytest.approx(1, abs=1e-4)
    assert scores["kl"]["mean"] == pytest.approx(0, abs=1e-4)
    assert scores["cc"]["pictures"] == 2
    assert scores["nss"]["low"] <= scores["nss"]["mean"] <= scores["nss"]["high"]
    for score in ("nss", "auc", "sauc", "ig"):
        assert (result.values["whole"]["oracle"][score] > result.values["whole"][CENTRE][score]).all()


def test_people_who_look_alike_predict_each_other(tmp_path: Path) -> None:
    same = [(10.0, 10.0, 0.1), (30.0, 20.0, 0.6), (30.0, 20.0, 1.5)]
    items = dataset(tmp_path / "set", [tuple(path(f"s{i}", *same) for i in range(4)) for _ in range(4)])
    result = evaluate(tmp_path / "set", [], sigma=3.0)
    halves = result.values["whole"][HALVES]
    np.testing.assert_allclose(halves["cc"], 1, atol=1e-5)
    np.testing.assert_allclose(halves["kl"], 0, atol=1e-5)
    d = maps.density(maps.counts(items[0][1][0].xy, SIZE), 3.0)
    c = 0.999 * d + 0.001 / d.size
    counts = torch.from_numpy(maps.counts(items[0][1][0].xy, SIZE))[None]
    want = metrics.nss(torch.from_numpy(0.9 * d + 0.1 * c)[None], counts).item()
    np.testing.assert_allclose(result.values["whole"][LEFT_OUT]["nss"], want, rtol=1e-4)


def test_rows_of_people_are_what_their_definition_says(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    items = dataset(tmp_path / "set", [crowd(rng) for _ in range(5)])
    values = evaluate(tmp_path / "set", [], sigma=4.0).values["whole"]
    seen = [maps.counts(np.concatenate([p.xy for p in paths]), SIZE) for _, paths in items]
    centre = 0.999 * maps.density(seen[0] + seen[1] + seen[2], 4.0) + 0.001 / seen[0].size
    for place, number in enumerate((3, 4)):
        truth, counts = maps.density(seen[number], 4.0), torch.from_numpy(seen[number])[None]
        negatives = torch.from_numpy(seen[7 - number])[None]
        c = torch.from_numpy(centre)[None]
        assert values[CENTRE]["cc"][place] == pytest.approx(metrics.cc(c, torch.from_numpy(truth)[None]).item(), 1e-4)
        assert values[CENTRE]["sauc"][place] == pytest.approx(metrics.sauc(c, counts, negatives).item(), abs=1e-3)
        assert values[CENTRE]["ig"][place] == 0
        gains, areas = [], []
        for own in (maps.counts(p.xy, SIZE) for p in items[number][1]):
            others = 0.9 * maps.density(seen[number] - own, 4.0) + 0.1 * centre
            own_counts = torch.from_numpy(own)[None]
            gains.append(metrics.ig(log(others), own_counts, log(centre)).item())
            areas.append(metrics.auc_judd(log(others).exp(), own_counts).item())
        assert values[LEFT_OUT]["ig"][place] == pytest.approx(np.mean(gains), abs=1e-4)
        assert values[LEFT_OUT]["auc"][place] == pytest.approx(np.mean(areas), abs=1e-3)
        assert "cc" not in values[LEFT_OUT]


def test_without_a_train_split_the_centre_bias_never_sees_its_own_picture(tmp_path: Path) -> None:
    left, right = [(tuple(path(f"s{i}", (x, 20.0, 0.5)) for i in range(3))) for x in (8.0, 52.0)]
    dataset(tmp_path / "set", [left, left, left, right])
    (tmp_path / "set" / "splits.json").unlink()
    result = evaluate(tmp_path / "set", [], sigma=3.0)
    nss = result.values["whole"][CENTRE]["nss"]
    assert (nss[:3] > 1).all()
    assert nss[3] < 0
    assert result.protocol["split"] == "all"
    assert result.protocol["centre_bias"] == "all other pictures"
    assert evaluate(tmp_path / "set", [], sigma=3.0, split="test").protocol["pictures"] == 4


def test_a_second_is_scored_on_the_fixations_that_begin_in_it(
    tmp_path: Path, oracle: Callable[[list[Item]], None]
) -> None:
    fixations = (10.0, 20.0, 0.2), (12.0, 20.0, 0.9), (50.0, 20.0, 1.0), (50.0, 22.0, 1.9), (30.0, 5.0, 2.5)
    oracle(dataset(tmp_path / "set", [tuple(path(f"s{i}", *fixations) for i in range(3))] * 4))
    result = evaluate(tmp_path / "set", ["oracle"], sigma=5.0, slices=True, seconds=3)
    assert list(result.values) == ["whole", "0-1 s", "1-2 s", "2-3 s"]
    for second in ("0-1 s", "1-2 s"):
        rows = result.values[second]
        np.testing.assert_allclose(rows["oracle"]["cc"], 1, atol=1e-5)
        np.testing.assert_allclose(rows[CENTRE]["cc"], 1, atol=0.01)  # everybody looks there in this second
        assert (rows["oracle, time-blind"]["cc"] < 0.9).all()
        for score in ("cc", "nss", "kl"):
            want = rows["oracle"][score] - rows["oracle, time-blind"][score]
            np.testing.assert_array_equal(rows["oracle - time-blind"][score], want)
    assert "oracle" not in result.values["2-3 s"]  # it has two slices
    assert "oracle, time-blind" in result.values["2-3 s"]
    short = evaluate(tmp_path / "set", ["oracle"], sigma=5.0, slices=True, seconds=1)
    assert list(short.values) == ["whole", "0-1 s"]


def test_pictures_of_several_sizes_and_without_fixations_are_fine(
    tmp_path: Path, oracle: Callable[[list[Item]], None]
) -> None:
    rng = np.random.default_rng(3)
    sizes = [(40, 60), (30, 50), (64, 32), (50, 50), (20, 90)]
    viewings = [crowd(rng, size=size) for size in sizes[:-1]] + [(path("s0", (95.0, 10.0, 0.1)),)]
    oracle(dataset(tmp_path / "set", viewings, sizes))
    result = evaluate(tmp_path / "set", ["oracle"], sigma=5.0, slices=True)
    assert result.scores("oracle")["cc"] == pytest.approx(
        {"mean": 1.0, "low": 1.0, "high": 1.0, "pictures": 1}, abs=1e-5
    )
    assert math.isnan(result.values["whole"]["oracle"]["nss"][1])
    assert math.isnan(result.values["whole"][LEFT_OUT]["nss"][1])
    lonely = evaluate(tmp_path / "set", [], sigma=5.0, split="all")
    assert lonely.scores(LEFT_OUT)["nss"]["pictures"] == 4


def test_a_model_of_bright_places_finds_synthetic_faces(
    tmp_path: Path, toy_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    synthetic.write(tmp_path / "osie", 20, seed=1)
    result = evaluate(tmp_path / "osie", [toy_model, toy_model], sigma=4.0, slices=True)
    rows = result.values["whole"]
    assert list(rows) == [CENTRE, HALVES, LEFT_OUT, "toy", str(toy_model)]
    assert np.nanmean(rows["toy"]["nss"]) > 0.5
    assert np.nanmean(rows[LEFT_OUT]["nss"]) > np.nanmean(rows["toy"]["nss"])
    np.testing.assert_array_equal(rows["toy"]["auc"], rows[str(toy_model)]["auc"])
    np.testing.assert_array_equal(result.values["0-1 s"]["toy - time-blind"]["cc"], 0)
    assert result.protocol["models"]["toy"]["condition"] == "osie"
    machinery.show(result)
    shown = capsys.readouterr().out
    assert "osie, test: 4 pictures, sigma 4 pixels, convention tuebingen" in shown
    for word in ("centre bias", "leave one observer out", "half of the observers", "0-1 s", "toy - time-blind", "sauc"):
        assert word in shown


def test_the_json_is_valid_and_says_how_it_was_made(tmp_path: Path, toy_model: Path) -> None:
    dataset(tmp_path / "set", [(path("s0", (10.0, 10.0, 0.1)), path("s1", (12.0, 10.0, 2.1)))] * 3)
    result = evaluate(tmp_path / "set", [toy_model], sigma=4.0, slices=True)
    record = json.loads(result.to_json(), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    protocol = record["protocol"]
    for key, value in {"data": "set", "split": "test", "pictures": 2, "fixations": 4, "sigma_pixels": 4.0}.items():
        assert protocol[key] == value
    assert protocol["models"] == {"toy": {"version": "0.0.1", "commit": "0" * 40, "condition": "any"}}
    assert set(protocol["versions"]) == {"gaze", "numpy", "torch"}
    assert record["scores"]["whole"]["toy"]["nss"]["mean"] == result.scores("toy")["nss"]["mean"]
    assert record["scores"]["1-2 s"]["toy"]["cc"] == {"mean": None, "low": None, "high": None, "pictures": 0}


def test_the_condition_can_be_named(tmp_path: Path, toy_model: Path) -> None:
    dataset(tmp_path / "set", [crowd(np.random.default_rng(4))] * 3)
    result = evaluate(tmp_path / "set", [toy_model], condition="uniform")
    assert result.protocol["models"]["toy"]["condition"] == "uniform"
    with pytest.raises(GazeError, match="no viewing condition 'cinema'; choose one of: any, osie, uniform"):
        evaluate(tmp_path / "set", [toy_model], condition="cinema")


def test_a_mistake_is_told_in_one_sentence(tmp_path: Path, toy_model: Path) -> None:
    root = tmp_path / "set"
    dataset(root, [crowd(np.random.default_rng(5))] * 3)
    with pytest.raises(GazeError, match=r"splits.json: no split 'tset'; choose one of: train, test, none, all\."):
        evaluate(root, [toy_model], split="tset")
    with pytest.raises(GazeError, match="no picture of the split 'none' has a fixation on it"):
        evaluate(root, [toy_model], split="none")
    with pytest.raises(GazeError, match="There is no model 'nova'"):
        evaluate(root, ["nova"])
    with pytest.raises(GazeError, match=r"fixations.csv"):
        evaluate(tmp_path / "nowhere", [])


def test_people_can_be_scored_on_pictures_that_are_not_there(tmp_path: Path, toy_model: Path) -> None:
    rng = np.random.default_rng(6)
    items = [(Picture(f"{i}.png", 60, 40), crowd(rng)) for i in range(3)]
    table.write(tmp_path / "set", items)
    assert evaluate(tmp_path / "set", []).scores(LEFT_OUT)["nss"]["pictures"] == 3
    with pytest.raises(PictureError, match=r"images/0.png: cannot be read"):
        evaluate(tmp_path / "set", [toy_model])


def test_people_and_the_centre_bias_on_real_pictures(shared: Path) -> None:
    result = evaluate(shared / "scene", [], sigma=15.36)
    assert result.protocol["pictures"] == 50
    known = {(LEFT_OUT, "nss"): 2.14, (HALVES, "cc"): 0.76, (CENTRE, "cc"): 0.64, (CENTRE, "nss"): 1.27}
    for (row, score), value in known.items():
        assert result.scores(row)[score]["mean"] == pytest.approx(value, abs=0.02)
