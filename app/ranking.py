"""`gaze evaluate scanpath`: how well models predict in which order people look, beside chance and beside other people.

The scores are those of `app.agreement`. A result is the mean over the pictures of a split with its 95 % bootstrap
interval; every row is scored by the same protocol:

    uniform, marginal, markov  chance (`scanpath.chance`), fitted to the split "train"; without one, to what is scored
    markov, told the target    the same, knowing where the target is; only with `told`
    another observer, markov and other observers           the human ceilings of `app.people`

Models and chance answer with `observers` sampled paths a scene, of at most `limit` fixations.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64
from rich.console import Console
from rich.table import Table

from app import evaluate as saliency
from app import people, trials
from app.agreement import Aggregate, Answer, Order, agreement, likeness
from app.evaluate import WHOLE
from app.trials import Set, Settings
from data.gaze import Scene
from export import runtime
from export.paths import Pathfinder
from scanpath import chance, decode
from scanpath.behaviour import RATES
from scanpath.chance import Chance, Kind
from scanpath.decode import Step, Walker
from scanpath.multimatch import DIMENSIONS

GROUPS = {
    "order": ("ss", "ss_length", "sed", "bits", "bits_all", "end", "spread", "recall"),
    "multimatch": tuple(f"mm_{name}" for name in DIMENSIONS),
    "search": ("delta", "delta_trial", "tfp_auc", "mismatch", *RATES),
}


@dataclass(frozen=True)
class Ask:
    """What a row is asked for in a scene."""

    observers: int
    seed: int
    limit: int  # fixations of a path that ends


Row = Callable[[Scene, list[Order], Ask], list[Answer]]  # answers to the paths of people in a scene


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
        models: Names in `export/weights`, or .onnx files; None takes the one that ships for such a set, if any.
        settings: Of the protocol.
    """
    root = Path(root)
    data = trials.read(root, settings)
    opened = _open(_shipped(data) if models is None else models, settings, data)
    limit = settings.limit or max(len(path) for _, paths in data.train for path in paths)
    rows: dict[str, Row] = {name: partial(_by_chance, row) for name, row in _chance(data, settings.told).items()}
    rows |= {name: partial(_by_model, *model, settings.told) for name, model in opened.items()}
    answers = {name: _ask(row, data, settings, limit) for name, row in rows.items()}
    answers |= people.answers(data)
    alike = likeness(data.trials, answers[people.ROW])
    scored = {name: agreement(data.trials, answer, alike, data.merged) for name, answer in answers.items()}
    scores, together = {n: pair[0] for n, pair in scored.items()}, {n: pair[1] for n, pair in scored.items()}
    facts = {"limit": limit, "observers": settings.observers, "seed": settings.seed, "told": settings.told}
    return Ranking(data.facts | facts | _versions(opened), {WHOLE: scores}, together)


def show(ranking: Ranking) -> None:
    """Print the scores in groups; below each is its 95 % interval."""
    console = Console()
    console = console if console.is_terminal else Console(width=140)
    facts = ranking.protocol
    line = f"{facts['data']}, {facts['split']} by {facts['by']}: {facts['pictures']} pictures, {facts['trials']} paths"
    line += f", objects {facts['objects']}, {facts['unassigned']:.0%} of fixations on none"
    console.print(f"{line}; below: 95 % intervals over pictures", highlight=False)
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


def _chance(data: Set, told: bool) -> dict[str, Chance]:
    kinds: tuple[Kind, ...] = ("uniform", "marginal", "markov")
    rows: dict[str, Chance] = {kind: chance.fit(kind, data.train, merged=data.merged) for kind in kinds}
    if told and data.search:
        rows["markov, told the target"] = chance.fit("markov", data.train, merged=data.merged, told=True)
    return rows


def _ask(row: Row, data: Set, settings: Settings, limit: int) -> list[Answer]:
    answers: list[Answer] = []
    for number, group in groupby(data.trials, lambda trial: trial.number):
        ask = Ask(settings.observers, settings.seed + number, limit)
        answers += row(data.scenes[number], [trial.path.order for trial in group], ask)
    return answers


def _by_chance(row: Chance, scene: Scene, orders: list[Order], ask: Ask) -> list[Answer]:
    guesses = row.sample(scene, ask.observers, seed=ask.seed, limit=ask.limit).paths()
    endless = row.sample(scene, ask.observers, seed=ask.seed, limit=max(map(len, orders)), endless=True).paths()
    return [Answer(guesses, endless, row.likelihood(scene, order)) for order in orders]


def _by_model(
    model: Pathfinder, condition: str, told: bool, scene: Scene, orders: list[Order], ask: Ask
) -> list[Answer]:
    walker = model.walker(scene, condition=condition, told=told and bool(scene.targets))
    how: dict[str, Any] = dict(model.contract.decoding)
    guesses = decode.sample(walker, ask.observers, seed=ask.seed, limit=ask.limit, **how).paths()
    endless = decode.sample(_Endless(walker), ask.observers, seed=ask.seed, limit=max(map(len, orders)), **how).paths()
    return [Answer(guesses, endless, log_p) for log_p in decode.likelihood(walker, orders)]


class _Endless:
    """A walker that never chooses to end."""

    def __init__(self, walker: Walker) -> None:
        self._walker, self.count, self.start = walker, walker.count, walker.start

    def step(self, last: Int64[np.ndarray, " s"], state: Any) -> Step:
        logits, pace, state = self._walker.step(last, state)
        logits = logits.copy()
        logits[:, -1] = -np.inf
        return logits, pace, state


def _shipped(data: Set) -> list[str]:
    name = "oat-search" if data.search else "oat-free"
    return [name] if (runtime.folder() / f"{name}.onnx").is_file() else []


def _open(models: Sequence[str | Path], settings: Settings, data: Set) -> dict[str, tuple[Pathfinder, str]]:
    """The models by row, and the viewing condition that each is asked for."""
    opened: dict[str, tuple[Pathfinder, str]] = {}
    for model in models:
        pathfinder = Pathfinder(model)
        contract = pathfinder.contract
        fitting = [name for name in (data.facts["data"], data.task) if name in contract.conditions]
        condition = settings.condition or (*fitting, "any")[0]
        opened[contract.name if contract.name not in opened else str(model)] = pathfinder, condition
    return opened


def _versions(opened: Mapping[str, tuple[Pathfinder, str]]) -> dict[str, Any]:
    return {
        "versions": {name: version(name) for name in ("gaze", "numpy")},
        "models": {
            row: {
                "version": model.contract.version,
                "commit": model.contract.commit,
                "condition": condition,
                "decoding": model.contract.decoding,
            }
            for row, (model, condition) in opened.items()
        },
    }


def _cell(score: dict[str, float]) -> str:
    return f"{score['mean']:.3f}\n{score['low']:.2f} {score['high']:.2f}" if score["pictures"] else "-"
