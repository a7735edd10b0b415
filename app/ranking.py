"""`gaze evaluate scanpath`: how well models predict in which order people look, beside chance and beside other people.

The scores are those of `app.agreement`. A result is the mean over the pictures of a split with its 95 % bootstrap
interval; every row is scored by the same protocol:

    uniform, marginal, markov  chance (`scanpath.chance`), fitted to the split "train"; without one, to what is scored
    markov, told the target    the same, knowing where the target is; only with `told`
    walk                       `scanpath.walk` over the density that `tempsal` sees, which ends as often as people of
                               the split "train" do; a model that is asked for by this name
    another observer, markov and other observers           the human ceilings of `app.people`

Models and chance answer with `observers` sampled paths a scene, of at most `limit` fixations.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int64
from rich.console import Console
from rich.table import Table

from app import evaluate as saliency
from app import people, trials
from app.agreement import PLACES, Aggregate, agreement, bits, likeness
from app.answer import Answer, Order
from app.evaluate import WHOLE
from app.regions import DENSITY
from app.trials import Set, Settings
from data import TableError
from data.gaze import Picture, Scene
from data.picture import read
from export import runtime
from export.paths import Pathfinder
from export.runtime import Contract, Predictor
from scanpath import chance, decode
from scanpath.behaviour import RATES
from scanpath.chance import Chance, Kind
from scanpath.decode import LONGEST, Step, Walker
from scanpath.walk import Walk

WALK = "walk"
GROUPS = {
    "order": ("ss", "ss_length", "sed", "bits", "bits_all", "ig", "end", "spread", "recall"),
    "places": PLACES,
    "search": ("delta", "delta_trial", "tfp_auc", "mismatch", "scanpath_ratio", *RATES),
}


@dataclass(frozen=True)
class Ask:
    """What a row is asked for in a scene."""

    observers: int
    seed: int
    limit: int  # fixations of a path that ends


Row = Callable[[Scene, list[Order], Ask], list[Answer]]  # answers to the paths of people in a scene
Density = Float32[np.ndarray, "h w"]  # natural-log density of where people look
Facts = dict[str, Any]  # of a model, for the protocol


@dataclass(frozen=True)
class Ranking(saliency.Evaluation):
    """Every row's scores; beside those that are means over pictures, those that only all pictures together have."""

    aggregates: dict[str, dict[str, Aggregate]]  # row -> score -> value, low and high end of its interval

    def scores(self, row: str, period: str = WHOLE) -> dict[str, dict[str, float]]:
        """For each score: mean, low and high end of its 95 % interval, and how many pictures have it."""
        together = {
            name: dict(zip(("mean", "low", "high", "pictures"), (*value, self.protocol["pictures"]), strict=True))
            for name, value in self.aggregates[row].items()
        }
        return super().scores(row, period) | together


DEFAULT = Settings()


def evaluate(root: Path | str, models: Sequence[str | Path] | None = None, settings: Settings = DEFAULT) -> Ranking:
    """Score models on a data set in the table format.

    Args:
        root: The data set.
        models: Names in `export/weights`, .onnx files, or "walk"; None takes the one that ships for such a set, if any.
        settings: Of the protocol.
    """
    root = Path(root)
    data = trials.read(root, settings)
    opened = _open(_shipped(data) if models is None else models, settings, data)
    limit = min(settings.limit or max(len(path) for _, paths in data.train for path in paths), LONGEST)
    rows = _chance(data, settings.told) | {name: row for name, (row, _) in opened.items()}
    answers = {name: _ask(row, data, settings, limit) for name, row in rows.items()}
    answers |= people.answers(data)
    alike = likeness(data.trials, answers[people.ROW])
    markov = bits(data.trials, answers["markov"], data.merged)
    scored = {name: agreement(data.trials, answer, alike, data.merged, markov) for name, answer in answers.items()}
    scores, together = {n: pair[0] for n, pair in scored.items()}, {n: pair[1] for n, pair in scored.items()}
    facts = {"limit": limit, "observers": settings.observers, "seed": settings.seed, "told": settings.told}
    versions = {
        "versions": {name: version(name) for name in ("gaze", "numpy")},
        "models": {name: told for name, (_, told) in opened.items()},
    }
    return Ranking(data.facts | facts | versions, {WHOLE: scores}, together)


def show(ranking: Ranking) -> None:
    """Print the scores in groups; below each is its 95 % interval."""
    console = Console()
    console = console if console.is_terminal else Console(width=160)
    facts = ranking.protocol
    line = f"{facts['data']}, {facts['split']} by {facts['by']}: {facts['pictures']} pictures, {facts['trials']} paths"
    line += f", objects {facts['objects']}, {facts['unassigned']:.0%} of fixations on none"
    console.print(f"{line}; below: 95 % intervals over pictures", highlight=False)
    if facts["caution"]:
        console.print(facts["caution"], highlight=False)
    rows = {row: ranking.scores(row) for row in ranking.values[WHOLE]}
    for group, names in GROUPS.items():
        known = [name for name in names if any(s.get(name, {}).get("pictures") for s in rows.values())]
        if not known:
            continue
        shown = Table(group, *known, box=None, pad_edge=False)
        for row, scores in rows.items():
            shown.add_row(row, *(_cell(scores[name]) if name in scores else "" for name in known))
        console.print()
        console.print(shown)


def _chance(data: Set, told: bool) -> dict[str, Row]:
    kinds: tuple[Kind, ...] = ("uniform", "marginal", "markov")
    rows: dict[str, Chance] = {kind: chance.fit(kind, data.train, merged=data.merged) for kind in kinds}
    if told and data.search:
        rows["markov, told the target"] = chance.fit("markov", data.train, merged=data.merged, told=True)
    return {name: partial(_by_chance, row) for name, row in rows.items()}


def _ask(row: Row, data: Set, settings: Settings, limit: int) -> list[Answer]:
    answers: list[Answer] = []
    for number, group in groupby(data.trials, lambda trial: trial.number):
        ask = Ask(settings.observers, settings.seed + number, limit)
        answers += row(data.scenes[number], [trial.path.order for trial in group], ask)
    return answers


def _by_chance(row: Chance, scene: Scene, orders: list[Order], ask: Ask) -> list[Answer]:
    guesses = row.sample(scene, ask.observers, seed=ask.seed, limit=ask.limit)
    endless = row.sample(scene, ask.observers, seed=ask.seed, limit=max(map(len, orders)), endless=True)
    return [Answer.of(guesses, endless, row.likelihood(scene, order), row.merged) for order in orders]


def _by_model(
    model: Pathfinder, condition: str, told: bool, merged: bool, scene: Scene, orders: list[Order], ask: Ask
) -> list[Answer]:
    walker = model.walker(scene, condition=condition, told=told and bool(scene.targets))
    how: dict[str, Any] = dict(model.contract.decoding)
    guesses = decode.sample(walker, ask.observers, seed=ask.seed, limit=ask.limit, **how)
    longest = max(map(len, orders))
    endless = decode.sample(_Endless(walker, merged), ask.observers, seed=ask.seed, limit=longest, **how)
    return [Answer.of(guesses, endless, log_p, merged) for log_p in decode.likelihood(walker, orders)]


class _Endless:
    """A walker that never chooses to end nor, where paths are merged, to stay on its object if there is another."""

    def __init__(self, walker: Walker, merged: bool) -> None:
        self._walker, self.count, self.start = walker, walker.count, walker.start
        self._moving = merged and walker.count > 1
        self.longest: int = getattr(walker, "longest", LONGEST)

    def step(self, last: Int64[np.ndarray, " s"], state: Any) -> Step:
        logits, pace, state = self._walker.step(last, state)
        logits = logits.copy()
        logits[:, -1] = -np.inf
        if self._moving:
            logits[np.arange(len(last)), last] = -np.inf  # before the first fixation, that is the end again
        return logits, pace, state


def _by_walk(
    walk: Walk, density: Callable[[Picture], Density], merged: bool, scene: Scene, orders: list[Order], ask: Ask
) -> list[Answer]:
    seen = density(scene.picture)
    guesses = walk.sample(scene, ask.observers, ask.seed, density=seen, limit=ask.limit)
    on = replace(walk, end=0.0)
    endless = on.sample(scene, ask.observers, ask.seed, density=seen, limit=max(map(len, orders)))
    return [Answer.of(guesses, endless, walk.likelihood(scene, order, density=seen), merged) for order in orders]


def _shipped(data: Set) -> list[str]:
    name = "oat-search" if data.search else "oat-free"
    return [name] if (runtime.folder() / f"{name}.onnx").is_file() else []


def _open(models: Sequence[str | Path], settings: Settings, data: Set) -> dict[str, tuple[Row, Facts]]:
    """The models by row, and what the protocol says of each."""
    opened: dict[str, tuple[Row, Facts]] = {}
    for model in models:
        name, row, facts = _walk(settings, data) if str(model) == WALK else _model(model, settings, data)
        opened[name if name not in opened else str(model)] = row, facts
    return opened


def _model(model: str | Path, settings: Settings, data: Set) -> tuple[str, Row, Facts]:
    pathfinder = Pathfinder(model)
    contract = pathfinder.contract
    condition = settings.condition or _condition(contract.conditions, data)
    row = partial(_by_model, pathfinder, condition, settings.told, data.merged)
    return contract.name, row, _facts(contract, condition, dict(contract.decoding))


def _walk(settings: Settings, data: Set) -> tuple[str, Row, Facts]:
    for scene in data.scenes:
        if scene.picture.path is None:
            name = f"images/{scene.picture.name}"
            raise TableError(f"{name}: the picture is missing, but the model walk sees it; add it, or leave walk out.")
    predictor = Predictor(DENSITY)
    known = predictor.contract.conditions
    condition = settings.condition if settings.condition in known else _condition(known, data)
    people = [path for _, paths in data.train for path in paths if len(path)]
    walk = Walk(end=sum(path.ended for path in people) / sum(map(len, people)))

    @lru_cache(maxsize=1)  # the scenes of a picture follow each other
    def density(picture: Picture) -> Density:
        return predictor(read(picture.path or Path(picture.name)), condition).density

    return WALK, partial(_by_walk, walk, density, data.merged), _facts(predictor.contract, condition, asdict(walk))


def _condition(known: Sequence[str], data: Set) -> str:
    """The viewing condition that a model is asked for."""
    return next((name for name in (data.facts["data"], data.task) if name in known), "any")


def _facts(contract: Contract, condition: str, decoding: dict[str, float]) -> Facts:
    return {
        "version": contract.version,
        "commit": contract.commit,
        "condition": condition,
        "decoding": decoding,
    }


def _cell(score: dict[str, float]) -> str:
    return f"{score['mean']:.3f}\n{score['low']:.2f} {score['high']:.2f}" if score["pictures"] else "-"
