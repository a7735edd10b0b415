"""`gaze evaluate scanpath`: how well models predict in which order people look, beside chance and beside other people.

The scores are those of `evaluation.scanpath.scoring`. A result is the mean over the pictures of a split with its 95 %
bootstrap interval; every row is scored by the same protocol:

    uniform, marginal, markov  chance (`scanpath.baselines.chance`), fitted to the split "train", else to what is scored
    markov, told the target    the same, knowing where the target is; only with `target_known`
    eccnet                     a model that searches places (`evaluation.scanpath.places`); asked for by its name
    walk                       winner-take-all over the density that `tempsal` sees, which ends as often as people of
                               the split "train" do (`scanpath.baselines.winner_take_all`); asked for by this name
    another observer, markov and other observers           the human ceilings of `evaluation.scanpath.human_ceiling`

Models and chance respond with `observers` sampled paths a scene, of at most `limit` fixations.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import lru_cache, partial
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float32, Int64

from data.errors import GazeError, TableError
from data.gaze import Picture, Scene
from data.picture import read
from evaluation.results import WHOLE, Evaluation, row_names
from evaluation.scanpath import gallery, human_ceiling, places, trials
from evaluation.scanpath.response import Order, Request, Response
from evaluation.scanpath.scoring import PLACES, WAYS, agreement, bits, mean_sequence_score
from evaluation.scanpath.trials import Settings, TrialSet
from export.runtime import registry
from export.runtime.contract import Contract, condition_index
from export.runtime.dataset_objects import DENSITY
from export.runtime.saliency import Predictor
from export.runtime.scanpath import ScanpathPredictor
from scanpath import decode
from scanpath.baselines import chance
from scanpath.baselines.chance import Chance, Kind
from scanpath.baselines.winner_take_all import Walk
from scanpath.decode import Step, StepModel
from scanpath.inputs import MAX_STEPS
from scanpath.metrics.behaviour import RATES

WALK, TARGET_KNOWN = "walk", "markov, told the target"  # names of rows
GROUPS = {
    "order": ("ss", "ss_length", "sed", "bits", "bits_all", "ig", "end", "spread", "recall"),
    "places": PLACES,
    "search": ("delta", "delta_trial", "tfp_auc", "mismatch", *WAYS, *RATES),
}


RespondFn = Callable[[Scene, list[Order], Request], list[Response]]  # the responses to the paths of people in a scene
Density = Float32[np.ndarray, "h w"]  # natural-log density of where people look
Facts = dict[str, Any]  # of a model, for the protocol


class ScanpathEvaluation(Evaluation):
    """The scores of paths."""

    kinds: ClassVar = {
        **dict.fromkeys(("uniform", "marginal", "markov", TARGET_KNOWN), "chance"),
        **dict.fromkeys((human_ceiling.ROW, human_ceiling.INFORMED), "people"),
    }
    question: ClassVar = "In which order people look:"
    meanings: ClassVar = {
        "ss": "sequence score: share of two orders of objects that can be aligned",
        "bits": "surprise at the object that was fixated next, given that the path goes on",
        "bits_all": "surprise at whole paths with their ends, per fixation",
        "ig": "bits that the Markov walk needs, less this row's",
        "end": "chance that an end is held likelier where a person ended; 0.5 knows nothing",
        "mm_position": "MultiMatch: how near the aligned fixations are",
        "scanmatch": "ScanMatch over places",
        "delta_trial": "how far five rates of behaviour are from people's, trial by trial",
        "tfp_auc": "how early the target is fixated",
        "to_target": "which fixation is the first on the target, of searches that find it",
    }
    charted: ClassVar = tuple(meanings)
    ranked_by: ClassVar = ("ss", human_ceiling.ROW)

    def head(self) -> list[str]:
        """What was evaluated, in a line or two."""
        facts = self.protocol
        line = f"{facts['data']}, {facts['split']} by {facts['by']}: {facts['pictures']} pictures"
        line += f", {facts['trials']} paths, objects {facts['objects']}, {facts['unassigned']:.0%} of fixations on none"
        return [line, *([facts["caution"]] if facts["caution"] else [])]

    def groups(self, period: str = WHOLE) -> dict[str, list[str]]:
        """The scores that some row has, by what they are about."""
        rows = self.summaries[period].values()
        scored = {name for scores in rows for name, score in scores.items() if score["pictures"]}
        groups = {group: [name for name in names if name in scored] for group, names in GROUPS.items()}
        return {group: names for group, names in groups.items() if names}

    def prose(self) -> list[str]:
        """The protocol in sentences for people."""
        facts = self.protocol
        source = "objects.json" if facts["objects"] == "file" else facts["objects"]
        fitted = "the split train" if facts["chance_fitted_to"] == "train" else "what is evaluated"
        return [
            f"{facts['trials']:,} paths with {facts['fixations']:,} fixations on {facts['pictures']} pictures of the "
            f"set {facts['data']} (split {facts['split']} by {facts['by']}), over objects from {source}.",
            f"Models and chance answer with {facts['observers']} simulated paths a scene, of at most {facts['limit']} "
            f"fixations; chance is fitted to {fitted}.",
            "The ceiling is another observer: the paths of all others who looked at the same picture for the same "
            "target.",
            f"Numbers are means over pictures; intervals hold 95 % of {facts['interval']['draws']} resamples of them.",
        ]


DEFAULT = Settings()


def evaluate(
    root: Path | str,
    models: Sequence[str | Path] | None = None,
    settings: Settings = DEFAULT,
    *,
    against: str | None = None,
) -> ScanpathEvaluation:
    """Score models on a data set in the table format.

    Args:
        root: The data set.
        models: Names in `export/weights`, .onnx files, or "walk"; None takes the one that ships for such a set, if any.
        settings: Of the protocol.
        against: A row, or a model that becomes one, with which the others are compared picture by picture.

    Raises:
        GazeError: The set or a model cannot be used, or there is no row `against`.
    """
    root = Path(root)
    data = trials.read(root, settings)
    limit = min(settings.limit or max(len(path) for _, paths in data.train for path in paths), MAX_STEPS)
    rows = _chance(data, settings.target_known)
    opened, rival = _collect(_shipped(data) if models is None else models, against, settings, data)
    rows |= {name: respond for name, (respond, _) in opened.items()}
    responses = {name: _respond(respond, data, settings, limit) for name, respond in rows.items()}
    responses |= human_ceiling.responses(data)
    threshold = mean_sequence_score(data.trials, responses[human_ceiling.ROW])
    markov = bits(data.trials, responses["markov"], data.merged)
    values, aggregates = {}, {}
    for name, of_row in responses.items():
        values[name], aggregates[name] = agreement(data.trials, of_row, threshold, data.merged, markov)
    facts = {"limit": limit, "observers": settings.observers, "seed": settings.seed, "told": settings.target_known}
    versions = {
        "versions": {name: version(name) for name in ("gaze", "numpy")},
        "models": {name: model_facts for name, (_, model_facts) in opened.items()},
    }
    names = tuple(dict.fromkeys(trial.scene.picture.name for trial in data.trials))
    draw_panels = gallery.draw_panels(data.trials, responses)
    return ScanpathEvaluation(data.facts | facts | versions, {WHOLE: values}, aggregates, names, rival, draw_panels)


def _collect(
    models: Sequence[str | Path], against: str | None, settings: Settings, data: TrialSet
) -> tuple[dict[str, tuple[RespondFn, Facts]], str]:
    """The models by row, `against` among them unless it is another row; and the row that `against` means."""
    given = [str(model) for model in models]
    if against == TARGET_KNOWN and not (settings.target_known and data.search):
        raise GazeError(f"There is no row {TARGET_KNOWN!r}; it needs --target-known and a set of searches.")
    opened = _open_models(given, settings, data)
    if not against or against in opened or against in ScanpathEvaluation.kinds:
        return opened, against or ""
    if against not in given:
        given, opened = [*given, against], _open_models([*given, against], settings, data)
    return opened, list(opened)[given.index(against)]


def _chance(data: TrialSet, target_known: bool) -> dict[str, RespondFn]:
    kinds: tuple[Kind, ...] = ("uniform", "marginal", "markov")
    rows: dict[str, Chance] = {kind: chance.fit(kind, data.train, merged=data.merged) for kind in kinds}
    if target_known and data.search:
        rows[TARGET_KNOWN] = chance.fit("markov", data.train, merged=data.merged, target_known=True)
    return {name: partial(_chance_responses, row) for name, row in rows.items()}


def _respond(respond: RespondFn, data: TrialSet, settings: Settings, limit: int) -> list[Response]:
    """The responses of a row to all trials, scene by scene."""
    responses: list[Response] = []
    for number, group in groupby(data.trials, lambda trial: trial.number):
        request = Request(settings.observers, settings.seed + number, limit)
        responses += respond(data.scenes[number], [trial.path.order for trial in group], request)
    return responses


def _chance_responses(row: Chance, scene: Scene, orders: list[Order], request: Request) -> list[Response]:
    guesses = row.sample(scene, request.observers, seed=request.seed, limit=request.limit)
    unterminated = row.sample(
        scene, request.observers, seed=request.seed, limit=max(map(len, orders)), unterminated=True
    )
    return [Response.of(guesses, unterminated, row.likelihood(scene, order), row.merged) for order in orders]


def _model_responses(
    predictor: ScanpathPredictor,
    condition: str,
    target_known: bool,
    merged: bool,
    scene: Scene,
    orders: list[Order],
    request: Request,
) -> list[Response]:
    model = predictor.encode(scene, condition=condition, target_known=target_known and bool(scene.targets))
    decoding: dict[str, Any] = dict(predictor.contract.decoding)
    guesses = decode.sample(model, request.observers, seed=request.seed, limit=request.limit, **decoding)
    longest = max(map(len, orders))
    unending = _Unterminated(model, merged)
    unterminated = decode.sample(unending, request.observers, seed=request.seed, limit=longest, **decoding)
    return [Response.of(guesses, unterminated, log_p, merged) for log_p in decode.likelihood(model, orders)]


class _Unterminated:
    """A model that never chooses to end nor, where paths are merged, to stay on its object if there is another."""

    def __init__(self, model: StepModel, merged: bool) -> None:
        self._model, self.count, self.start = model, model.count, model.start
        self._moving = merged and model.count > 1
        self.longest: int = getattr(model, "longest", MAX_STEPS)

    def step(self, last: Int64[np.ndarray, " s"], state: Any) -> Step:
        logits, log_duration, state = self._model.step(last, state)
        logits = logits.copy()
        logits[:, -1] = -np.inf
        if self._moving:
            logits[np.arange(len(last)), last] = -np.inf  # before the first fixation, that is the end again
        return logits, log_duration, state


def _walk_responses(
    walk: Walk, density: Callable[[Picture], Density], merged: bool, scene: Scene, orders: list[Order], request: Request
) -> list[Response]:
    log_density = density(scene.picture)
    guesses = walk.sample(scene, request.observers, request.seed, density=log_density, limit=request.limit)
    longest, unending = max(map(len, orders)), replace(walk, end=0.0)
    unterminated = unending.sample(scene, request.observers, request.seed, density=log_density, limit=longest)
    log_p = [walk.likelihood(scene, order, density=log_density) for order in orders]
    return [Response.of(guesses, unterminated, of_order, merged) for of_order in log_p]


def _shipped(data: TrialSet) -> list[str]:
    name = "oat-search" if data.search else "oat-free"
    return [name] if registry.named_file(name) else []


def _open_models(
    models: Sequence[str | Path], settings: Settings, data: TrialSet
) -> dict[str, tuple[RespondFn, Facts]]:
    """The models by row, and what the protocol says of each."""
    opened: dict[str, tuple[RespondFn, Facts]] = {}
    for model in models:
        name, respond, facts = _opened(model, settings, data)
        taken = {*ScanpathEvaluation.kinds, *opened}
        row = next(free for free in row_names(name, str(model), "model") if free not in taken)
        opened[row] = respond, facts
    return opened


def _opened(model: str | Path, settings: Settings, data: TrialSet) -> tuple[str, RespondFn, Facts]:
    if str(model) == WALK:
        return _walk(settings, data)
    file = registry.named_file(str(model)) or Path(model)
    if file.is_file() and registry.read_contract(file).searches_places:
        return _searcher(model, settings, data)
    return _model(model, settings, data)


def _searcher(model: str | Path, settings: Settings, data: TrialSet) -> tuple[str, RespondFn, Facts]:
    row = places.Row.of(model, data)
    contract = row.searcher.contract
    condition = settings.condition or _condition(contract.conditions, data)
    condition_index(condition, contract.conditions, contract.name)
    facts = {"degrees": places.DEGREES, "starts": "first fixations of people of the split train"}
    return contract.name, row.respond, _facts(contract, condition, {}) | facts


def _model(model: str | Path, settings: Settings, data: TrialSet) -> tuple[str, RespondFn, Facts]:
    predictor = ScanpathPredictor(model)
    contract = predictor.contract
    condition = settings.condition or _condition(contract.conditions, data)
    respond = partial(_model_responses, predictor, condition, settings.target_known, data.merged)
    return contract.name, respond, _facts(contract, condition, dict(contract.decoding))


def _walk(settings: Settings, data: TrialSet) -> tuple[str, RespondFn, Facts]:
    for scene in data.scenes:
        if scene.picture.path is None:
            name = f"images/{scene.picture.name}"
            raise TableError(f"{name}: the picture is missing, but the model walk sees it; add it, or leave walk out.")
    predictor = Predictor(DENSITY)
    conditions = predictor.contract.conditions
    condition = settings.condition if settings.condition in conditions else _condition(conditions, data)
    people = [path for _, paths in data.train for path in paths if len(path)]
    walk = Walk(end=sum(path.ended for path in people) / sum(map(len, people)))

    @lru_cache(maxsize=1)  # the scenes of a picture follow each other
    def density(picture: Picture) -> Density:
        return predictor(read(picture.path or Path(picture.name)), condition).density

    return (
        WALK,
        partial(_walk_responses, walk, density, data.merged),
        _facts(predictor.contract, condition, asdict(walk)),
    )


def _condition(conditions: Sequence[str], data: TrialSet) -> str:
    """The viewing condition that a model is asked for, of those that it knows."""
    return next((name for name in (data.facts["data"], data.task) if name in conditions), "any")


def _facts(contract: Contract, condition: str, decoding: dict[str, float]) -> Facts:
    return {
        "version": contract.version,
        "commit": contract.commit,
        "condition": condition,
        "decoding": decoding,
    }
