import itertools
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from data.errors import GazeError
from data.gaze import Objects, Picture, Scanpath, Scene
from data.picture import save
from data.table import scenes
from data.table.read import read_table
from data.table.write import write_table
from evaluation import model_card
from evaluation.report.text import render_text
from evaluation.scanpath import human_ceiling, trials
from evaluation.scanpath import protocol as scanpath_protocol
from evaluation.scanpath.protocol import ScanpathEvaluation, evaluate
from evaluation.scanpath.trials import Settings
from scanpath import decode
from scanpath.baselines.winner_take_all import Walk
from scanpath.metrics import sequence
from tests.opened import counted

CHANCE = ["uniform", "marginal", "markov"]
SIZE = (200, 150)  # width, height


def crowd(count: int, viewers: int, task: str = "free", side: float = 40.0, seed: int = 0) -> list[Any]:
    """Pictures of five boxes, and viewers who prefer the first ones; searchers end on the last one."""
    rng = np.random.default_rng(seed)
    items = []
    for number in range(count):
        corners = rng.permutation(list(itertools.product((0, 60, 120), (0, 80))))[:5] + rng.uniform(0, 10, (5, 2))
        boxes = np.concatenate([corners, np.full((5, 2), side)], 1)
        paths = []
        for viewer in range(viewers):
            order = rng.choice(5, rng.integers(2, 7), p=[0.4, 0.3, 0.1, 0.1, 0.1])
            order = np.append(order, 4) if task == "search" else order
            xy = (boxes[order, :2] + 20) + rng.uniform(-1, 1, (len(order), 2)) if side < 40 else boxes[order, :2] + 5
            clock = np.full(len(order), 200.0)
            what: dict[str, Any] = {"target": "thing", "box": tuple(boxes[4].tolist())} if task == "search" else {}
            paths.append(Scanpath(f"s{viewer}", xy, clock.cumsum(), clock, task, **what))
        items.append((Picture(f"{number}.png", *SIZE), tuple(paths), Objects(boxes)))
    return items


def dataset(root: Path, items: Sequence[Any], splits: bool = True) -> Path:
    """The last three pictures are the split test."""
    names = [picture.name for picture, _, _ in items]
    parts = {"train": names[:-4], "val": names[-4:-3], "test": names[-3:]} if splits else None
    known = {picture.name: replace(boxes, categories=("box",) * 5) for picture, _, boxes in items}
    write_table(root, [(picture, paths) for picture, paths, _ in items], parts, known)
    return root


@pytest.fixture
def free(tmp_path: Path) -> Path:
    return dataset(tmp_path / "free", crowd(10, 5))


@pytest.fixture
def search(tmp_path: Path) -> Path:
    return dataset(tmp_path / "search", crowd(10, 5, "search"))


@pytest.fixture
def oracle(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], list[dict[str, Any]]]:
    """Puts a model in place that walks as the first viewer did; gives what it was asked for."""

    def know(root: Path) -> list[dict[str, Any]]:
        asked: list[dict[str, Any]] = []
        first = {scene.picture.name: paths[0].order for scene, paths in scenes.scenes(root, merge=True)}

        class Steps:
            count = 5

            def __init__(self, order: np.ndarray) -> None:
                self.wanted = np.append(order, 5)

            def start(self, observers: int) -> int:
                return 0

            def step(self, last: np.ndarray, place: int) -> tuple[np.ndarray, np.ndarray, int]:
                logits = np.zeros((len(last), 6), np.float32)
                logits[:, self.wanted[min(place, len(self.wanted) - 1)]] = 9
                pace = np.tile(np.array([math.log(200), -math.inf], np.float32), (len(last), 5, 1))
                return logits, pace, place + 1

        class Oracle:
            contract = SimpleNamespace(
                name="oracle", version="1", commit="0", conditions=("any", "search"), decoding={}
            )

            def __init__(self, model: str) -> None:
                self.model = model

            def encode(self, scene: Scene, **conditions: Any) -> Steps:
                asked.append(conditions)
                return Steps(first[scene.picture.name])

        monkeypatch.setattr(scanpath_protocol, "ScanpathPredictor", Oracle)
        return asked

    return know


def test_chance_and_people_are_scored_where_there_is_no_model(free: Path) -> None:
    result = evaluate(free, [])
    assert list(result.values["whole"]) == [*CHANCE, human_ceiling.ROW, human_ceiling.INFORMED]
    for row in (*CHANCE, human_ceiling.ROW):
        for name, score in result.scores(row).items():
            if score["pictures"]:
                assert score["low"] <= score["mean"] <= score["high"], (row, name)
    facts = result.protocol
    assert (facts["pictures"], facts["trials"], facts["merged"], facts["within_pixels"]) == (3, 15, True, 0.0)
    assert "delta" not in result.scores("uniform")


def test_a_walk_that_is_told_the_target_is_no_rival_of_those_that_are_not(free: Path) -> None:
    with pytest.raises(GazeError, match="There is no row 'markov, told the target'; it needs --target-known"):
        evaluate(free, [], against=scanpath_protocol.TARGET_KNOWN)


def test_no_model_takes_the_row_of_another(free: Path, oracle: Callable[[Path], list[dict[str, Any]]]) -> None:
    oracle(free)
    result = evaluate(free, ["a/oracle.onnx", "b/oracle.onnx", "oracle"], Settings(observers=2))
    assert result.models == ["oracle", "b/oracle.onnx", "oracle (model)"]


def test_uniform_has_the_bits_of_all_other_objects(free: Path) -> None:
    scores = evaluate(free, []).scores("uniform")
    paths = [p for scene, some in scenes.scenes(free, merge=True) if scene.picture.name in "7.png 8.png" for p in some]
    paths += [p for scene, some in scenes.scenes(free, merge=True) if scene.picture.name == "9.png" for p in some]
    fixations = sum(map(len, paths))
    expected = (len(paths) * math.log2(5) + (fixations - len(paths)) * math.log2(4)) / fixations
    assert scores["bits"]["mean"] == pytest.approx(expected)


def test_another_observer_is_the_mean_over_pairs_of_people(free: Path) -> None:
    values = evaluate(free, []).values["whole"][human_ceiling.ROW]
    test = [
        paths for scene, paths in scenes.scenes(free, merge=True) if scene.picture.name in ("7.png", "8.png", "9.png")
    ]
    for name, score in (("ss", sequence.sequence_score), ("sed", sequence.edit_distance)):
        means = [np.mean([score(a.order, b.order) for a, b in itertools.permutations(some, 2)]) for some in test]
        np.testing.assert_allclose(values[name], means)


def test_another_observers_bits_are_those_of_the_others_counts(free: Path) -> None:
    bits, fixations = 0.0, 0
    for scene, some in scenes.scenes(free, merge=True):
        for path in some if scene.picture.name in ("7.png", "8.png", "9.png") else ():
            looks = [1 + sum((p.order == i).sum() for p in some if p is not path) for i in range(5)]
            for step, chosen in enumerate(path.order):
                possible = [looks[i] for i in range(5) if not step or i != path.order[step - 1]]
                bits -= math.log2(looks[chosen] / sum(possible))
                fixations += 1
    assert evaluate(free, []).scores(human_ceiling.ROW)["bits"]["mean"] == pytest.approx(bits / fixations)


def test_who_knows_the_picture_and_the_walk_is_surprised_less(tmp_path: Path) -> None:
    root = dataset(tmp_path / "many", crowd(24, 8))
    result = evaluate(root, [])
    uniform, others, informed = (
        result.scores(row)["bits"]["mean"] for row in ("uniform", human_ceiling.ROW, human_ceiling.INFORMED)
    )
    assert informed < others + 0.02 < uniform


@pytest.mark.slow
def test_a_model_is_asked_under_the_protocol_and_scored_beside_the_others(
    search: Path, oracle: Callable[[Path], list[dict[str, Any]]]
) -> None:
    asked = oracle(search)
    result = evaluate(search, ["oracle"], Settings(target_known=True, observers=3, limit=9, merge=True))
    scores = result.scores("oracle")
    assert list(result.values["whole"]) == [
        *CHANCE,
        "markov, told the target",
        "oracle",
        human_ceiling.ROW,
        human_ceiling.INFORMED,
    ]
    assert {(a["condition"], a["target_known"]) for a in asked} == {("search", True)}
    assert result.protocol["limit"] == 9
    test = [paths for _, paths in scenes.scenes(search, merge=True)][-3:]
    alike = [np.mean([sequence.sequence_score(paths[0].order, p.order) for p in paths]) for paths in test]
    np.testing.assert_allclose(result.values["whole"]["oracle"]["ss"], alike, atol=0.03)
    assert scores["bits"]["mean"] > result.scores("uniform")["bits"]["mean"]  # sure, and wrong of all but one
    assert scores["mm_duration"]["mean"] > 0.5
    assert result.scores("markov")["mm_duration"]["pictures"] == 0
    assert scores["ig"]["mean"] == pytest.approx(result.scores("markov")["bits"]["mean"] - scores["bits"]["mean"])
    assert scores["scanpath_ratio"]["pictures"] == 3
    assert scores["spread"]["mean"] < 0.1
    assert scores["ends_on_target"]["mean"] > 0.95
    assert scores["delta"]["mean"] < result.scores("markov")["delta"]["mean"]
    assert result.protocol["models"]["oracle"]["condition"] == "search"
    target_known, blind = (
        result.scores(row)["ends_on_target"]["mean"] for row in ("markov, told the target", "markov")
    )
    assert target_known > 0.8 > blind


def test_who_never_ends_goes_as_far_as_its_walker_can() -> None:
    class Short:
        count, longest = 2, 3

        def start(self, observers: int) -> int:
            return 0

        def step(self, last: np.ndarray, state: int) -> tuple[np.ndarray, np.ndarray, int]:
            logits = np.tile(np.array([9, 1, 5], np.float32), (len(last), 1))
            return logits, np.zeros((len(last), 2, 2), np.float32), state

    staying, moving = (scanpath_protocol._Unterminated(Short(), merged) for merged in (False, True))
    assert moving.longest == 3
    np.testing.assert_array_equal(decode.sample(staying, 2, greedy=True, limit=3).order, [[0, 0, 0]] * 2)
    np.testing.assert_array_equal(decode.sample(moving, 2, greedy=True, limit=3).order, [[0, 1, 0]] * 2)
    with pytest.raises(GazeError, match="limit must be at most 3"):
        decode.sample(moving, limit=4)


@pytest.mark.slow
def test_paths_longer_than_a_model_can_walk_are_cut_and_counted(
    tmp_path: Path, oracle: Callable[[Path], list[dict[str, Any]]]
) -> None:
    items = crowd(8, 3)
    picture, (first, *others), boxes = items[-1]
    xy = np.tile(boxes.boxes[:2, :2] + 5, (150, 1))
    clock = np.full(300, 200.0)
    items[-1] = picture, (replace(first, xy=xy, onset=clock.cumsum(), duration=clock), *others), boxes
    root = dataset(tmp_path / "long", items)
    data = trials.read(root, Settings())
    assert data.facts["trials_cut_to_longest"] == 1
    (cut,) = (trial.path for trial in data.trials if len(trial.path) > 20)
    assert (len(cut), len(cut.duration), len(cut.xy), cut.ended) == (255, 255, 255, False)
    oracle(root)
    result = evaluate(root, ["oracle"], Settings(limit=999, observers=2))
    assert result.protocol["limit"] == 256
    assert math.isfinite(result.scores("oracle")["bits"]["mean"])
    whole = Settings(split="all", observers=2)
    assert evaluate(root, ["oracle"], whole).protocol["limit"] == 256


def draw(root: Path) -> Path:
    """Puts the pictures of a set beside it."""
    (root / "images").mkdir(exist_ok=True)
    for number in range(10):
        save(root / "images" / f"{number}.png", np.full((SIZE[1], SIZE[0], 3), 20 * number, np.uint8))
    return root


def test_the_walk_of_the_winner_is_a_row_where_there_are_pictures(free: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    density = np.log(np.random.default_rng(0).dirichlet(np.ones(SIZE[0] * SIZE[1])).reshape(SIZE[1], SIZE[0]) + 1e-12)

    class Eye:
        contract = SimpleNamespace(name="tempsal", version="2", commit="0", conditions=("any", "free"))

        def __init__(self, model: str) -> None:
            assert model == "tempsal"

        def __call__(self, picture: np.ndarray, condition: str) -> SimpleNamespace:
            assert condition == "free"
            looked.append(int(picture[0, 0, 0]))
            return SimpleNamespace(density=density.astype(np.float32))

    monkeypatch.setattr(scanpath_protocol, "Predictor", Eye)
    result = evaluate(draw(free), ["walk"], Settings(observers=3))
    assert looked == [140, 160, 180]
    data = trials.read(free, Settings())
    people = [len(path) for _, paths in data.train for path in paths]
    walk = Walk(end=len(people) / sum(people))
    surprise, fixations = 0.0, 0
    for trial in data.trials:
        p = np.exp(walk.likelihood(trial.scene, trial.path.order, density=density.astype(np.float32)))[:-1, :-1]
        for step, chosen in enumerate(trial.path.order):
            possible = [i for i in range(5) if not step or i != trial.path.order[step - 1]]
            surprise -= math.log2(p[step, chosen] / p[step, possible].sum())
        fixations += len(trial.path)
    assert result.scores("walk")["bits"]["mean"] == pytest.approx(surprise / fixations)
    assert result.scores("walk")["ss"]["pictures"] == 3
    facts = result.protocol["models"]["walk"]
    assert (facts["version"], facts["condition"], facts["decoding"]["end"]) == ("2", "free", walk.end)


def test_the_walk_is_refused_without_pictures(free: Path) -> None:
    with pytest.raises(GazeError, match=r"images/7.png: the picture is missing, but the model walk sees it"):
        evaluate(free, ["walk"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "caution"),
    [
        (Settings(), ""),
        (Settings(split="val"), ""),
        (Settings(by="observer"), "unless trained with --data.by observer"),
        (Settings(split="all"), "no split of splits.json"),
    ],
)
def test_what_models_may_know_is_told(free: Path, settings: Settings, caution: str) -> None:
    result = evaluate(free, [], settings)
    assert caution in result.protocol["caution"]
    assert ("odels" in render_text(result, "table")) == bool(caution) == bool(result.protocol["caution"])


def test_a_condition_that_is_asked_for_is_taken(free: Path, oracle: Callable[[Path], list[dict[str, Any]]]) -> None:
    asked = oracle(free)
    evaluate(free, ["oracle"])
    assert {(a["condition"], a["target_known"]) for a in asked} == {("any", False)}
    asked.clear()
    evaluate(free, ["oracle"], Settings(condition="search"))
    assert {a["condition"] for a in asked} == {"search"}


def test_a_search_beside_small_boxes_takes_the_nearest_object(tmp_path: Path) -> None:
    small = dataset(tmp_path / "small", crowd(10, 3, "search", side=12.0))
    data = trials.read(small, Settings())
    assert (data.facts["within_pixels"], data.facts["unassigned"], data.merged) == ("any distance", 0, False)
    with pytest.raises(GazeError, match="nobody"):
        trials.read(small, Settings(within=0.0))


def test_a_search_among_large_boxes_does_not(search: Path) -> None:
    data = trials.read(search, Settings())
    assert (data.facts["within_pixels"], data.merged, data.task, data.search) == (0.0, False, "search", True)
    assert {trial.scene.targets for trial in data.trials} == {(4,)}


def test_sets_are_divided_as_asked(free: Path) -> None:
    by_picture = trials.read(free, Settings(split="val"))
    assert {trial.scene.picture.name for trial in by_picture.trials} == {"6.png"}
    assert {scene.picture.name for scene, _ in by_picture.train} == {f"{i}.png" for i in range(6)}
    by_observer = trials.read(free, Settings(by="observer"))
    tested = {trial.path.subject for trial in by_observer.trials}
    assert {trial.scene.picture.name for trial in by_observer.trials} == {f"{i}.png" for i in range(10)}
    assert len(tested) == 1
    assert tested.isdisjoint(path.subject for _, paths in by_observer.train for path in paths)
    everything = trials.read(free, Settings(split="all"))
    assert (everything.facts["pictures"], everything.facts["chance_fitted_to"]) == (10, "what is evaluated")


def test_a_set_without_splits_is_evaluated_whole(tmp_path: Path) -> None:
    data = trials.read(dataset(tmp_path / "set", crowd(4, 3), splits=False), Settings())
    assert (data.facts["pictures"], data.facts["split"], len(data.train)) == (4, "all", 4)


def test_no_one_is_among_the_others(free: Path) -> None:
    data = trials.read(free, Settings())
    for trial, response in zip(data.trials, human_ceiling.responses(data)[human_ceiling.ROW], strict=True):
        assert len(response.guesses) == 4
        assert all(guess is not trial.path.order for guess in response.guesses)
        assert response.log_p is not None
        np.testing.assert_allclose(np.exp(response.log_p).sum(1), 1)


def test_who_looks_alone_has_no_ceiling(tmp_path: Path) -> None:
    result = evaluate(dataset(tmp_path / "alone", crowd(8, 1)), [])
    assert all(score["pictures"] == 0 for score in result.scores(human_ceiling.ROW).values())
    assert result.scores("markov")["ss"]["pictures"] == 3
    assert human_ceiling.ROW in render_text(result, "table")


@pytest.mark.slow
def test_the_json_makes_a_model_card(search: Path, oracle: Callable[[Path], list[dict[str, Any]]]) -> None:
    oracle(search)
    result = evaluate(search, ["oracle"], Settings(within=math.inf))
    document = json.loads(result.to_json())
    text = model_card.tables([document])
    assert "search, test: whole viewing** (3 pictures)" in text
    assert "| markov |" in text
    assert model_card.scores([document], "oracle")["search"]["delta"] == round(
        result.scores("oracle")["delta"]["mean"], 3
    )


@pytest.mark.slow
def test_the_table_shows_each_group_with_its_rows(search: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    text = render_text(evaluate(search, []), "table")
    assert text.startswith("search, test by picture: 3 pictures, 15 paths, objects file, 0% of fixations on none")
    for word in ("order", "places", "search", "ss_length", "delta_trial", human_ceiling.ROW):
        assert word in text
    assert text.count("uniform") == 3


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (Settings(split="tset"), "no split 'tset'; choose one of: train, val, test, all."),
        (Settings(by="colour"), "cannot be split by 'colour'"),
        (Settings(objects="cells"), "Objects cannot come from 'cells'"),
        (Settings(within=-1.0), "must be 0 or more"),
    ],
)
def test_mistakes_are_told_in_a_sentence(free: Path, settings: Settings, problem: str) -> None:
    with pytest.raises(GazeError, match=problem):
        evaluate(free, [], settings)


def test_a_split_where_nobody_fixates_an_object_is_told(tmp_path: Path) -> None:
    items = [(p, tuple(replace(s, xy=s.xy * 0 + 199.5) for s in paths), boxes) for p, paths, boxes in crowd(6, 2)]
    with pytest.raises(GazeError, match="nobody in the split 'test' fixates an object"):
        evaluate(dataset(tmp_path / "off", items), [])


@pytest.mark.slow
def test_real_searchers_agree_as_others_measured(shared: Path) -> None:
    result = evaluate(
        shared / "amazon_covers", [], Settings(by="observer", within=math.inf, target_known=True, observers=3)
    )
    ss = {row: result.scores(row)["ss"]["mean"] for row in result.values["whole"]}
    measured = {"uniform": 0.058, "marginal": 0.062, "markov": 0.061, "markov, told the target": 0.162}
    for row, value in {**measured, human_ceiling.ROW: 0.21}.items():
        assert ss[row] == pytest.approx(value, abs=0.015), row
    assert (
        result.scores(human_ceiling.ROW)["delta"]["mean"]
        < 0.15
        < result.scores("markov, told the target")["delta"]["mean"]
    )


@pytest.mark.slow
def test_the_same_seed_gives_the_same_numbers(free: Path) -> None:
    one, same, other = (evaluate(free, [], Settings(seed=seed, observers=4)) for seed in (0, 0, 1))

    def numbers(result: ScanpathEvaluation) -> list[float]:
        return [score["mean"] for row in CHANCE for score in result.scores(row).values() if score["pictures"]]

    assert numbers(one) == numbers(same)
    assert numbers(one) != numbers(other)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["free", "search"])
@pytest.mark.parametrize(
    ("source", "by"), [(None, "picture"), ("file", "layout"), ("grid:3x3", "observer"), ("{other}", "picture")]
)
def test_the_files_of_a_set_are_read_once(
    kind: str,
    source: str | None,
    by: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = request.getfixturevalue(kind)
    other = tmp_path / "other.json"
    other.write_bytes((root / "objects.json").read_bytes())
    asked = source and source.replace("{other}", str(other))
    table = root / "fixations.csv"
    with counted(monkeypatch) as once:
        list(read_table(root))
    with counted(monkeypatch) as read:
        evaluate(root, [], Settings(observers=2, objects=asked, by=by))
    assert read[table] == once[table] > 0
    files = {file for file in [*root.glob("*.json"), other] if read[file]}
    assert root / "objects.json" in files
    assert {file.name: read[file] for file in files} == {file.name: file.stat().st_size for file in files}
