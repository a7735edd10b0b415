import csv
import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from data import maps
from data.errors import GazeError
from data.gaze import Picture, Scanpath
from data.picture import read, save
from data.synthetic import scenes as synthetic_scenes
from data.table.read import read_table
from data.table.viewing import presentation_time
from data.table.write import write_table
from evaluation import model_card
from evaluation.report.html import write_report
from evaluation.report.text import render_text, write_per_picture
from evaluation.saliency import entries
from evaluation.saliency import fixations as saliency_fixations
from evaluation.saliency import protocol as saliency_protocol
from evaluation.saliency.fixations import ViewedImage
from evaluation.saliency.protocol import SaliencyEvaluation, Settings
from evaluation.saliency.scoring import CENTRE, HALVES, LEFT_OUT, UNIFORM
from export.runtime.saliency import Prediction, Predictor
from saliency import metrics
from tests import toy_model as toy
from tests.opened import counted

SIZE = (40, 60)  # height, width
Item = tuple[Picture, tuple[Scanpath, ...]]


def evaluate(
    root: Path, models: Sequence[str | Path], *, against: str | None = None, workers: int = 1, **settings: Any
) -> SaliencyEvaluation:
    """An evaluation without the classical baselines, unless they are asked for."""
    known = Settings(**{"baselines": False, **settings})
    return saliency_protocol.evaluate(root, models, known, against=against, workers=workers)


def path(subject: str, *fixations: tuple[float, float, float]) -> Scanpath:
    """A scanpath of (x, y, onset in seconds)."""
    numbers = np.array(fixations, float).reshape(-1, 3)
    return Scanpath(subject, numbers[:, :2], 1000 * numbers[:, 2], np.full(len(numbers), 200.0))


def crowd(rng: np.random.Generator, subjects: int = 4, size: tuple[int, int] = SIZE) -> tuple[Scanpath, ...]:
    """Viewers who look about for three seconds."""
    return tuple(path(f"s{i}", *(rng.random((6, 3)) * (size[1], size[0], 3))) for i in range(subjects))


def dataset(root: Path, images: Sequence[tuple[Scanpath, ...]], sizes: Sequence[tuple[int, int]] = ()) -> list[Item]:
    """A set of grey pictures, the n-th of them of grey n; the last two are the split test, the others train."""
    items = []
    for number, (paths, (height, width)) in enumerate(zip(images, sizes or [SIZE] * len(images), strict=True)):
        file = root.parent / f"{number}.png"
        save(file, np.full((height, width, 3), number, np.uint8))
        items.append((Picture(file.name, width, height, file), paths))
    names = [picture.name for picture, _ in items]
    write_table(root, items, {"train": names[:-2], "test": names[-2:], "none": []})
    return items


@pytest.fixture
def oracle(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[Item]], None]:
    """Puts a model in place that knows who looked where; its slices know the second, its density does not."""

    def know(items: list[Item], times: int = 2) -> None:
        class Oracle:
            contract = toy.CONTRACT.model_copy(update={"name": "oracle"})

            def __init__(self, model: str, provider: str, threads: int) -> None:
                assert (provider, threads) == ("cpu", 1)

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

        monkeypatch.setattr(entries, "Predictor", Oracle)

    return know


@pytest.fixture(scope="module")
def osie(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic set of 20 pictures, 4 of them the split test; no test writes into it."""
    root = tmp_path_factory.mktemp("synthetic") / "osie"
    synthetic_scenes.write(root, 20, seed=1)
    return root


def log(maps_: np.ndarray) -> np.ndarray:
    return np.log(maps_).astype(np.float32)[None]


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
    counts = maps.counts(items[0][1][0].xy, SIZE)[None]
    want = metrics.nss((0.9 * d + 0.1 * c)[None], counts).item()
    np.testing.assert_allclose(result.values["whole"][LEFT_OUT]["nss"], want, rtol=1e-4)


def by_definition(log_p: np.ndarray, counts: np.ndarray, others: np.ndarray, centre: np.ndarray) -> dict[str, float]:
    """Every score of a log density on a picture with these counts of fixations; `others`: on other pictures."""
    p, truth = np.exp(log_p), maps.density(counts, 4.0)[None]
    values = {
        "cc": metrics.cc(p, truth),
        "nss": metrics.nss(p, counts[None]),
        "sim": metrics.sim(p, truth),
        "kl": metrics.kl(p, truth),
        "auc": metrics.auc_judd(p, counts[None]),
        "sauc": metrics.sauc(p, counts[None], others[None]),
        "ig": metrics.ig(log_p, counts[None], log(centre)),
    }
    return {name: value.item() for name, value in values.items()}


def test_every_row_has_the_scores_of_its_definition(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    items = dataset(tmp_path / "set", [crowd(rng) for _ in range(5)])
    (tmp_path / "maps").mkdir()
    for number in (3, 4):
        np.save(tmp_path / "maps" / f"{number}.npy", rng.random(SIZE))
    values = evaluate(tmp_path / "set", [tmp_path / "maps"], sigma=4.0).values["whole"]
    seen = [maps.counts(np.concatenate([p.xy for p in paths]), SIZE) for _, paths in items]
    centre = 0.999 * maps.density(seen[0] + seen[1] + seen[2], 4.0) + 0.001 / seen[0].size
    for place, number in enumerate((3, 4)):
        counts, others = seen[number], seen[7 - number]
        given = np.load(tmp_path / "maps" / f"{number}.npy")
        densities = {
            UNIFORM: np.full(SIZE, 1 / counts.size),
            CENTRE: centre,
            "maps": 0.999 * given / given.sum() + 0.001 / given.size,
        }
        for row, density in densities.items():
            expected = by_definition(log(density), counts, others, centre)
            assert set(expected) == set(values[row])
            for score, value in expected.items():
                assert values[row][score][place] == pytest.approx(value, rel=1e-4, abs=1e-3), (row, score)
        left_out = []
        for own in (maps.counts(p.xy, SIZE) for p in items[number][1]):
            density = 0.9 * maps.density(counts - own, 4.0) + 0.1 * centre
            left_out.append(by_definition(log(density), own, others, centre))
        assert set(values[LEFT_OUT]) == {"nss", "auc", "sauc", "ig"}
        for score in values[LEFT_OUT]:
            value = np.mean([scores[score] for scores in left_out])
            assert values[LEFT_OUT][score][place] == pytest.approx(value, rel=1e-4, abs=1e-3), score


def test_one_half_of_the_observers_predicts_the_other(tmp_path: Path) -> None:
    items = dataset(tmp_path / "set", [crowd(np.random.default_rng(i), subjects=3) for i in range(3)])
    values = evaluate(tmp_path / "set", [], sigma=4.0).values["whole"][HALVES]
    assert set(values) == {"cc", "sim", "kl"}
    for place, (_, paths) in enumerate(items[-2:]):
        xy = [path.xy for path in paths]
        splits = [(xy[k], np.concatenate([other for other in xy if other is not xy[k]])) for k in range(3)]
        rendered = [[maps.rendered(half, SIZE, 4.0)[None].astype(np.float32) for half in split] for split in splits]
        for name, score in (("cc", metrics.cc), ("sim", metrics.sim), ("kl", metrics.kl)):
            possible = [score(p, q).item() for p, q in rendered]  # which observer is the smaller half is drawn
            assert min(abs(values[name][place] - value) for value in possible) < 1e-5, name


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
    images = [crowd(rng, size=size) for size in sizes[:-1]] + [(path("s0", (95.0, 10.0, 0.1)),)]
    oracle(dataset(tmp_path / "set", images, sizes))
    result = evaluate(tmp_path / "set", ["oracle"], sigma=5.0, slices=True)
    assert result.scores("oracle")["cc"] == pytest.approx(
        {"mean": 1.0, "low": 1.0, "high": 1.0, "pictures": 1}, abs=1e-5
    )
    assert math.isnan(result.values["whole"]["oracle"]["nss"][1])
    assert math.isnan(result.values["whole"][LEFT_OUT]["nss"][1])
    lonely = evaluate(tmp_path / "set", [], sigma=5.0, split="all")
    assert lonely.scores(LEFT_OUT)["nss"]["pictures"] == 4


def test_a_model_of_bright_places_finds_synthetic_faces(osie: Path, toy_model: Path) -> None:
    result = evaluate(osie, [toy_model, toy_model], sigma=4.0, slices=True)
    rows = result.values["whole"]
    assert list(rows) == [UNIFORM, CENTRE, "toy", str(toy_model), HALVES, LEFT_OUT]
    assert np.nanmean(rows["toy"]["nss"]) > 0.5
    assert np.nanmean(rows[LEFT_OUT]["nss"]) > np.nanmean(rows["toy"]["nss"])
    np.testing.assert_array_equal(rows["toy"]["auc"], rows[str(toy_model)]["auc"])
    np.testing.assert_array_equal(result.values["0-1 s"]["toy - time-blind"]["cc"], 0)
    assert result.protocol["models"]["toy"]["condition"] == "osie"
    shown = render_text(result, "table")
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
    assert set(protocol["versions"]) == {"gaze", "numpy"}  # no classical baseline, no torch
    assert record["scores"]["whole"]["toy"]["nss"]["mean"] == result.scores("toy")["nss"]["mean"]
    (tmp_path / "evaluation.json").write_text(result.to_json())
    (found,) = model_card.read([tmp_path / "evaluation.json"])
    assert "| leave one observer out |" in model_card.tables([found])
    assert model_card.scores([found], "toy")["set"]["nss"] == round(result.scores("toy")["nss"]["mean"], 3)
    assert record["scores"]["1-2 s"]["toy"]["cc"] == {"mean": None, "low": None, "high": None, "pictures": 0}


def test_a_broken_model_is_named_and_all_others_are_scored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("GAZE_MODELS", str(tmp_path / "weights"))
    toy.write(tmp_path / "weights" / "sound.onnx")
    broken = toy.spoil(tmp_path / "weights")
    dataset(tmp_path / "set", [crowd(np.random.default_rng(i)) for i in range(4)])
    result = saliency_protocol.evaluate(tmp_path / "set", None, Settings(baselines=False))
    assert result.models == ["toy"]
    assert len(caplog.messages) == len(broken)
    assert all(any(words in message for message in caplog.messages) for words in broken.values())


def test_the_condition_can_be_named(tmp_path: Path, toy_model: Path) -> None:
    dataset(tmp_path / "set", [crowd(np.random.default_rng(4))] * 3)
    result = evaluate(tmp_path / "set", [toy_model], condition="uniform")
    assert result.protocol["models"]["toy"]["condition"] == "uniform"
    with pytest.raises(GazeError, match="no viewing condition 'cinema'; choose one of: any, osie, uniform"):
        evaluate(tmp_path / "set", [toy_model], condition="cinema")


def test_a_mistake_is_told_in_one_sentence(tmp_path: Path, toy_model: Path) -> None:
    root = tmp_path / "set"
    dataset(root, [crowd(np.random.default_rng(5))] * 3)
    with pytest.raises(GazeError, match=r"splits.json: no split 'tset'; choose one of: train, val, test, none, all\."):
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
    write_table(tmp_path / "set", items)
    assert evaluate(tmp_path / "set", []).scores(LEFT_OUT)["nss"]["pictures"] == 3
    with pytest.raises(GazeError, match=r"images/0.png: the picture is missing, but toy looks at it; add it"):
        evaluate(tmp_path / "set", [toy_model])
    with pytest.raises(GazeError, match=r"but spectral residual looks at it; .* \(--no-baselines, --model none\)"):
        evaluate(tmp_path / "set", [], baselines=True)


@pytest.mark.slow
def test_people_and_the_centre_bias_on_real_pictures(shared: Path) -> None:
    result = evaluate(shared / "scene", [], sigma=15.36)
    assert result.protocol["pictures"] == 50
    known = {(LEFT_OUT, "nss"): 2.14, (HALVES, "cc"): 0.76, (CENTRE, "cc"): 0.64, (CENTRE, "nss"): 1.27}
    for (row, score), value in known.items():
        assert result.scores(row)[score]["mean"] == pytest.approx(value, abs=0.02)


def test_a_flat_map_has_the_scores_of_knowing_nothing(tmp_path: Path) -> None:
    dataset(tmp_path / "set", [crowd(np.random.default_rng(7)) for _ in range(5)])
    result = evaluate(tmp_path / "set", [], sigma=4.0)
    rows = result.values["whole"]
    for score, value in {"cc": 0, "nss": 0, "auc": 0.5, "sauc": 0.5}.items():
        np.testing.assert_array_equal(rows[UNIFORM][score], value)
    assert (rows[UNIFORM]["kl"] > 0).all()
    explained = result.aggregates
    ceiling = rows[LEFT_OUT]["ig"]
    if ceiling.sum() > 0:
        assert explained[UNIFORM]["explained"][0] == pytest.approx(rows[UNIFORM]["ig"].sum() / ceiling.sum())
    assert set(explained) == {UNIFORM, CENTRE, LEFT_OUT}


def test_what_is_explained_is_a_share_of_what_people_know_of_each_other(osie: Path, toy_model: Path) -> None:
    result = evaluate(osie, [toy_model], sigma=4.0)
    gain, ceiling = (result.values["whole"][row]["ig"] for row in ("toy", LEFT_OUT))
    found = result.scores("toy")["explained"]
    assert found["mean"] == pytest.approx(gain.sum() / ceiling.sum())
    assert found["low"] < found["mean"] < found["high"]
    assert result.scores(LEFT_OUT)["explained"] == {"mean": 1, "low": 1, "high": 1, "pictures": 4}
    assert result.scores(CENTRE)["explained"]["mean"] == 0
    assert "toy explains" in result.gist()[1]


def test_the_classical_baselines_are_rows_between_chance_and_models(osie: Path, toy_model: Path) -> None:
    result = evaluate(osie, [toy_model], sigma=4.0, baselines=True, slices=True, limit=1)
    rows = list(result.values["whole"])
    assert rows == [UNIFORM, CENTRE, *entries.BASELINES.values(), "toy", HALVES, LEFT_OUT]
    assert [result.kind(row) for row in rows] == ["chance"] * 2 + ["baseline"] * 3 + ["model", "people", "people"]
    assert result.kind("graph-based, time-blind") == "baseline"
    assert result.models == ["toy"]
    for row in entries.BASELINES.values():
        assert np.isfinite(result.values["whole"][row]["ig"]).all()
    alone = evaluate(osie, ["itti"], sigma=4.0, limit=1)
    assert list(alone.values["whole"])[2] == "Itti-Koch"
    assert set(alone.protocol["versions"]) == set(result.protocol["versions"]) == {"gaze", "numpy", "torch"}


def test_a_classical_baseline_has_one_thread_of_torch_and_gives_the_others_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = []

    class Flat(torch.nn.Module):
        def forward(self, canvas: torch.Tensor, *_: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            counted.append(torch.get_num_threads())
            return torch.zeros(1, *entries.CANVAS), torch.zeros(0)

    monkeypatch.setattr("pkgutil.resolve_name", lambda name: Flat)
    image = ViewedImage("grey", tmp_path, SIZE, np.zeros((0, 2)), np.zeros(0, np.int16), np.zeros(0, np.int32))
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        predict = entries.Entry("graph-based", "baseline", "gbvs").open()
        predict(image, lambda: np.zeros((*SIZE, 3), np.uint8))
        assert counted == [1]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_without_torch_a_classical_baseline_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset(tmp_path / "set", [crowd(np.random.default_rng(9))] * 3)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(
        GazeError, match=r"'spectral_residual' needs torch, .*; run `make setup`, or .*\(--no-baselines\)"
    ):
        evaluate(tmp_path / "set", [], baselines=True, workers=2)


@pytest.mark.slow
def test_any_number_of_processes_finds_the_same_numbers(osie: Path, toy_model: Path) -> None:
    alone, together = (
        evaluate(osie, [toy_model, "gbvs"], sigma=6.0, slices=True, workers=workers, against="toy", limit=2)
        for workers in (1, 2)
    )
    assert alone.protocol["pictures"] > 1
    assert alone.to_json() == together.to_json()


@pytest.mark.slow
def test_a_mistake_in_a_process_is_still_told_in_one_sentence(tmp_path: Path, toy_model: Path) -> None:
    dataset(tmp_path / "set", [crowd(np.random.default_rng(8)) for _ in range(5)])
    file = tmp_path / "set" / "images" / "4.png"
    file.write_bytes(file.read_bytes()[:60])  # its header still tells the size
    with pytest.raises(GazeError, match=r"4\.png: the picture is damaged or cut off"):
        evaluate(tmp_path / "set", [toy_model], workers=2)


def test_a_folder_of_maps_is_scored_as_the_model_that_made_it(osie: Path, tmp_path: Path, toy_model: Path) -> None:
    folder, predictor = tmp_path / "mine", Predictor(toy_model, provider="cpu", threads=1)
    folder.mkdir()
    for picture, _ in read_table(osie):
        assert picture.path is not None
        np.save(folder / f"{Path(picture.name).stem}.density.npy", predictor(read(picture.path), "osie").density)
    result = evaluate(osie, [toy_model, folder], sigma=4.0)
    for score, values in result.values["whole"]["toy"].items():
        np.testing.assert_allclose(result.values["whole"]["mine"][score], values, rtol=1e-5, atol=1e-6)
    assert result.protocol["models"]["mine"] == {"maps": "mine"}
    next(folder.iterdir()).unlink()
    with pytest.raises(GazeError, match=r"mine: no map for 1 of 20 pictures, the first is"):
        evaluate(osie, [folder], split="all")


def test_maps_need_no_pictures(tmp_path: Path) -> None:
    items = [(Picture(f"{i}.png", 60, 40), crowd(np.random.default_rng(i))) for i in range(3)]
    write_table(tmp_path / "set", items)
    (tmp_path / "maps").mkdir()
    for i in range(3):
        np.save(tmp_path / "maps" / f"{i}.npy", np.random.default_rng(i).random((20, 30)))
    result = evaluate(tmp_path / "set", [tmp_path / "maps"], sigma=4.0)
    assert result.scores("maps")["auc"]["pictures"] == 3
    assert result.draw_panels is not None
    assert result.draw_panels("maps", "0.png") == []


def test_rows_are_compared_picture_by_picture(osie: Path, toy_model: Path) -> None:
    result = evaluate(osie, [toy_model], sigma=4.0, against="spectral")
    assert result.against == "spectral residual"  # it came for the comparison alone
    rows = result.values["whole"]
    test = result.compared["toy"]["nss"]
    assert test["difference"] == pytest.approx((rows["toy"]["nss"] - rows["spectral residual"]["nss"]).mean())
    record = json.loads(result.to_json())
    assert record["paired"]["against"] == "spectral residual"
    assert record["paired"]["rows"]["toy"]["kl"]["won"] == pytest.approx(
        np.mean(rows["toy"]["kl"] < rows["spectral residual"]["kl"])
    )
    assert "explained" not in record["paired"]["rows"]["toy"]
    centre = evaluate(osie, [toy_model], sigma=4.0, against=CENTRE, limit=2)
    assert list(centre.compared) == [UNIFORM, "toy", HALVES, LEFT_OUT]
    with pytest.raises(GazeError, match="There is no model 'nobody'"):
        evaluate(osie, [toy_model], against="nobody")


def test_pictures_are_worst_where_the_model_misses_most_of_what_people_know(osie: Path, toy_model: Path) -> None:
    result = evaluate(osie, [toy_model], sigma=4.0, split="all", limit=6)
    gap = result.values["whole"]["toy"]["ig"] - result.values["whole"][LEFT_OUT]["ig"]
    worst, best = result.extremes("toy", 2)
    assert [name for name, _ in worst] == [result.pictures[k] for k in gap.argsort()[:2]]
    assert [name for name, _ in best] == [result.pictures[k] for k in gap.argsort()[::-1][:2]]
    everything = result.extremes("toy", 99)
    assert [len(pictures) for pictures in everything] == [len(gap), 0]
    assert result.extremes("toy", 0) == ([], [])


def test_of_many_pictures_some_are_taken_evenly(tmp_path: Path) -> None:
    dataset(tmp_path / "set", [crowd(np.random.default_rng(i)) for i in range(9)])
    result = evaluate(tmp_path / "set", [], split="all", limit=4)
    assert result.pictures == ("0.png", "2.png", "4.png", "6.png")
    assert result.protocol["pictures"] == 4


def test_one_observer_is_scored_without_people(tmp_path: Path, toy_model: Path) -> None:
    dataset(tmp_path / "set", [crowd(np.random.default_rng(i), subjects=1) for i in range(4)])
    result = evaluate(tmp_path / "set", [toy_model], sigma=4.0, slices=True)
    assert list(result.values["whole"]) == [UNIFORM, CENTRE, "toy"]
    assert result.aggregates == {}
    worst, _ = result.extremes("toy", 1)
    assert worst[0][1] == pytest.approx(result.values["whole"]["toy"]["ig"].min())
    for form in ("table", "markdown", "csv", "json"):
        assert "toy" in render_text(result, form)


def test_sets_without_times_and_with_empty_paths_are_scored(tmp_path: Path, toy_model: Path) -> None:
    nothing = np.zeros(0)
    images = []
    for i in range(4):
        paths = crowd(np.random.default_rng(i))
        still = [replace(p, onset=np.full(6, np.nan), duration=np.full(6, np.nan)) for p in paths]
        images.append((*still, Scanpath("s9", np.zeros((0, 2)), nothing, nothing)))
    dataset(tmp_path / "set", images)
    result = evaluate(tmp_path / "set", [toy_model], sigma=4.0, slices=True)
    assert all(result.scores("toy, time-blind", period)["cc"]["pictures"] == 2 for period in list(result.values)[1:])


def test_the_table_of_pictures_holds_every_score(tmp_path: Path, toy_model: Path) -> None:
    dataset(tmp_path / "set", [crowd(np.random.default_rng(i)) for i in range(5)])
    result = evaluate(tmp_path / "set", [toy_model], sigma=4.0, slices=True)
    write_per_picture(result, tmp_path / "all.csv")
    rows = list(csv.DictReader((tmp_path / "all.csv").read_text().splitlines()))
    assert len(rows) == sum(2 * len(some) for some in result.values.values())
    toy_row = next(r for r in rows if r["row"] == "toy" and r["picture"] == "4.png" and r["period"] == "whole")
    assert float(toy_row["ig"]) == result.values["whole"]["toy"]["ig"][1]
    assert next(r for r in rows if r["row"] == HALVES)["nss"] == ""
    with pytest.raises(GazeError, match="cannot be written"):
        write_per_picture(result, tmp_path / "none" / "all.csv")


def test_models_may_know_what_they_are_asked_in_a_split_they_were_trained_on(tmp_path: Path, toy_model: Path) -> None:
    dataset(tmp_path / "set", [crowd(np.random.default_rng(i)) for i in range(5)])
    assert "know what is evaluated" in render_text(evaluate(tmp_path / "set", [toy_model], split="train"), "table")
    assert evaluate(tmp_path / "set", [toy_model]).protocol["caution"] == ""
    assert evaluate(tmp_path / "set", [], split="all").protocol["caution"] == ""


def test_markdown_has_no_number_where_there_is_none(osie: Path, toy_model: Path) -> None:
    text = render_text(evaluate(osie, [toy_model], sigma=4.0, against=CENTRE), "markdown")
    assert "nan" not in text
    assert "**osie, test: whole viewing** (4 pictures)" in text
    assert "**Difference from centre bias, 95 % interval, p, share of pictures won**" in text
    assert "- toy: worst on " in text


def test_no_row_hides_another_whatever_people_name_their_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset(tmp_path / "set", [crowd(np.random.default_rng(i)) for i in range(4)])
    for folder in ("uniform", "Itti-Koch", "a/[bold]", "b/[bold]", "[link]"):
        (tmp_path / folder).mkdir(parents=True)
        for i in range(4):
            np.save(tmp_path / folder / f"{i}.npy", np.random.default_rng(i).random(SIZE))
    monkeypatch.chdir(tmp_path)
    models = ["uniform", "Itti-Koch", "a/[bold]", "b/[bold]", "[link]", "itti"]
    result = evaluate(tmp_path / "set", models, baselines=True)
    rows = ["uniform (maps)", "Itti-Koch (maps)", "[bold]", "b/[bold]", "[link]"]
    assert list(result.values["whole"]) == [UNIFORM, CENTRE, *entries.BASELINES.values(), *rows, HALVES, LEFT_OUT]
    shown = render_text(result, "table")
    assert all(row in shown for row in rows)


@pytest.mark.parametrize(
    ("models", "rows"),
    [
        (["a/x", "b/x", "x"], ["x", "b/x", "x (maps)"]),
        (["a/toy", "toy"], ["toy", "toy (model)"]),
        (["x", "x", "x"], ["x", "x (maps)", "x (2)"]),
        (["toy, time-blind", "toy"], ["toy, time-blind (maps)", "toy"]),
    ],
)
def test_every_model_has_a_row_of_its_own(
    models: list[str], rows: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset(tmp_path / "set", [crowd(np.random.default_rng(i)) for i in range(4)])
    monkeypatch.setenv("GAZE_MODELS", str(tmp_path / "weights"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights").mkdir()
    toy.write(tmp_path / "weights" / "toy.onnx")
    for number, folder in enumerate(("a/x", "b/x", "x", "a/toy", "toy, time-blind")):
        (tmp_path / folder).mkdir(parents=True)
        for i in range(4):
            np.save(tmp_path / folder / f"{i}.npy", np.random.default_rng([number, i]).random(SIZE))
    result = evaluate(tmp_path / "set", models, slices=True)
    assert [row for row in result.values["whole"] if result.kind(row) == "model"] == rows
    assert list(result.protocol["models"]) == rows
    for row, model in zip(rows, models, strict=True):
        alone = evaluate(tmp_path / "set", [model])
        np.testing.assert_array_equal(result.values["whole"][row]["cc"], alone.values["whole"][alone.models[0]]["cc"])


def test_how_long_pictures_were_shown_is_taken_from_the_trials(tmp_path: Path, toy_model: Path) -> None:
    def lasting(seconds: float, recorded: bool) -> tuple[Scanpath, ...]:
        count = int(seconds * 4)
        onset = 1000 * seconds * np.arange(count) / count if recorded else np.full(count, np.nan)
        xy = np.random.default_rng(count).random((count, 2)) * (60, 40)
        return tuple(Scanpath(f"s{k}", xy, onset, np.full(count, 180.0)) for k in range(3))

    sentences = {
        "recorded": "95 % of the recorded trials end by then",
        "durations": "the fixations of the median trial last",
    }
    for source, words in sentences.items():
        root = tmp_path / source / "set"
        root.parent.mkdir()
        dataset(root, [lasting(5, source == "recorded")] * 4)
        result = evaluate(root, [], sigma=4.0, slices=True)
        assert (result.protocol["seconds"], result.protocol["seconds_source"]) == (5, source)
        assert list(result.values)[1:] == ["0-1 s", "1-2 s", "2-3 s", "3-4 s", "4-5 s"]
        assert f"each taken to be shown for 5 s: {'' if source == 'recorded' else 'that is what '}{words}" in " ".join(
            result.prose()
        )
        assert result.protocol["caution"] == ""
        short = evaluate(root, [], sigma=4.0, slices=True, seconds=3.0)
        assert (short.protocol["seconds"], short.protocol["seconds_source"]) == (3, "given")
        assert "of the fixations begin after 3 seconds of viewing" in short.head()[1]
        assert "each shown for 3 seconds" in " ".join(short.prose())
        assert evaluate(root, [], sigma=4.0, seconds=5.0).protocol["caution"] == ""


def test_without_times_nobody_claims_to_know_how_long_pictures_were_shown(tmp_path: Path) -> None:
    paths = [replace(p, onset=np.full(6, np.nan), duration=np.full(6, np.nan)) for p in crowd(np.random.default_rng(1))]
    dataset(tmp_path / "set", [tuple(paths)] * 4)
    result = evaluate(tmp_path / "set", [], sigma=4.0)
    assert "each taken to be shown for 3 s: the set holds no times" in result.prose()[0]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "seconds"), [("osie", 3), ("scene", 3), ("crowd", 5)])
def test_the_sets_of_the_shipped_conditions_last_as_long_as_their_authors_say(
    name: str, seconds: int, shared: Path
) -> None:
    assert presentation_time(read_table(shared / name))[0] == seconds


def test_fixations_elsewhere_are_brought_to_the_pictures_size(tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    places, onsets = rng.random((12, 2)), rng.random((12, 1)) * 3
    paths = [
        tuple(path(f"s{i}", *np.hstack([places[i::3] * (width, height), onsets[i::3]])) for i in range(3))
        for height, width in ((40, 60), (80, 120))
    ]
    dataset(tmp_path / "set", paths, [(40, 60), (80, 120)])
    result = evaluate(tmp_path / "set", [], sigma=4.0, split="all")
    for score in ("cc", "nss"):  # what is seen elsewhere is what is seen here
        assert (result.values["whole"][CENTRE][score] > {"cc": 0.99, "nss": 1.5}[score]).all()
    seen = saliency_fixations.read(tmp_path / "set", "all")
    elsewhere = saliency_fixations.OtherImages(seen.chosen)
    for image, other in zip(seen.chosen, seen.chosen[::-1], strict=True):
        scaled = other.xy / other.size[::-1] * image.size[::-1]
        np.testing.assert_array_equal(elsewhere.counts(image), maps.counts(scaled, image.size))


def test_some_pictures_of_a_split_are_called_some(tmp_path: Path, toy_model: Path) -> None:
    dataset(tmp_path / "set", [crowd(np.random.default_rng(i)) for i in range(9)])
    result = evaluate(tmp_path / "set", [toy_model], split="all", limit=4)
    assert (result.protocol["pictures"], result.protocol["pictures_of_split"]) == (4, 9)
    assert "set, all: 4 of 9 pictures" in render_text(result, "table")
    assert "(4 of 9 pictures)" in render_text(result, "markdown")
    assert "on 4 of 9 pictures of the set" in result.prose()[0]
    assert result.gist()[0] == "toy; 4 of 9 pictures."
    assert "test: 2 pictures," in evaluate(tmp_path / "set", [toy_model]).head()[0]


def test_the_page_says_why_a_centre_bias_of_its_own_negatives_has_a_poor_sauc(tmp_path: Path) -> None:
    dataset(tmp_path / "set", [crowd(np.random.default_rng(i)) for i in range(9)])
    said = "the centre bias is far below 0.5 there"
    assert said in " ".join(evaluate(tmp_path / "set", [], split="all").prose())
    assert said not in " ".join(evaluate(tmp_path / "set", []).prose())


def test_a_row_that_cannot_be_there_is_refused_before_anything_is_scored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset(tmp_path / "set", [crowd(np.random.default_rng(i), subjects=1) for i in range(4)])
    with monkeypatch.context() as patch:
        patch.setattr(saliency_protocol, "score_pictures", lambda *_: pytest.fail("scored"))
        with pytest.raises(GazeError, match="There is no row 'half of the observers', for no picture was looked at by"):
            evaluate(tmp_path / "set", [], against=HALVES)
    result = evaluate(tmp_path / "set", [])
    with pytest.raises(GazeError, match="There is no row 'mine' to compare with; choose one of: uniform, centre bias"):
        replace(result, against="mine")


def test_the_comparison_is_in_the_csv(tmp_path: Path) -> None:
    dataset(tmp_path / "set", [crowd(np.random.default_rng(i)) for i in range(5)])
    result = evaluate(tmp_path / "set", [], against=CENTRE)
    lines = list(csv.DictReader(render_text(result, "csv").splitlines()))
    line = next(line for line in lines if (line["row"], line["score"]) == (UNIFORM, "nss"))
    test = result.compared[UNIFORM]["nss"]
    assert line["against"] == CENTRE
    for column, name in {"difference": "difference", "p": "p", "won": "win_rate"}.items():
        assert float(line[column]) == test[name]
    assert (float(line["less_low"]), float(line["less_high"])) == (test["low"], test["high"])
    assert float(line["low"]) == result.scores(UNIFORM)["nss"]["low"]
    assert next(line for line in lines if line["row"] == CENTRE)["p"] == ""


def test_names_that_are_no_unicode_are_escaped(tmp_path: Path) -> None:
    dataset(tmp_path / "set", [crowd(np.random.default_rng(i)) for i in range(4)])
    folder = tmp_path / "m\udcff"
    folder.mkdir()
    for i in range(4):
        np.save(folder / f"{i}.npy", np.random.default_rng(i).random(SIZE))
    result = evaluate(tmp_path / "set", [folder])
    for form in ("table", "markdown", "csv"):
        assert "m\\xff" in render_text(result, form).replace("\\\\", "\\")  # Markdown doubles it
    json.loads(render_text(result, "json"))
    write_per_picture(result, tmp_path / "all.csv")
    write_report(result, tmp_path / "page.html", 0)
    assert "m\\xff" in (tmp_path / "page.html").read_text("utf-8")
    assert "m\\xff" in (tmp_path / "all.csv").read_text("utf-8")


def test_observers_are_told_apart_by_their_names(tmp_path: Path) -> None:
    names = ["zoë", "10", "9", "A"]
    dataset(tmp_path / "set", [tuple(path(name, (10.0, 10.0, 0.1)) for name in names)] * 3)
    seen = saliency_fixations.read(tmp_path / "set", "all").chosen[0]
    assert seen.observer.tolist() == [sorted(names).index(name) for name in names]
    assert seen.during(None) is seen


def test_the_files_of_a_set_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "set"
    dataset(root, [crowd(np.random.default_rng(seed)) for seed in range(4)])
    with counted(monkeypatch) as once:
        list(read_table(root))
    with counted(monkeypatch) as read:
        evaluate(root, [])
    assert read[root / "fixations.csv"] == once[root / "fixations.csv"] > 0
    assert read[root / "splits.json"] == (root / "splits.json").stat().st_size
