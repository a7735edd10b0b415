"""`gaze evaluate following`: how well what people in pictures look at is predicted, beside priors and annotators.

A map is a density over the picture for one head, scored by `following.metrics` as published: AUC at the picture's own
size (or smaller, in the same proportions, where its longer side exceeds `side`), distances on 64 x 64 cells as shares
of the picture, and of heads with one annotator the AUC of VideoAttentionTarget (`auc_cells`). These are of people who
look into the picture; a score is the mean over heads, with its 95 % bootstrap interval over heads. `ap` is the average
precision of in the frame over all heads of which it is known, where both kinds are there.

    chance                  a flat map, and the distance that a place drawn at random is expected to have
    centre                  where targets of the train split are in the picture, blurred; without one a Gaussian
    prior around the head   where they are seen from the middle of the head, moved to each head
    saliency, "no head"     where anybody looks in the picture, whosever head it is
    cone, no direction      the same times a disc around the head (`following.baselines.cone`)
    cone                    times a cone of view, where head-pose models are given
    models                  of the task `following`
    annotators              each predicts all others, by a Gaussian of 3 cells around the own point

Pictures are shared out to processes of one thread each; every number is the same for any count of them.
"""

import logging
import math
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from data.errors import GazeError
from data.following.sets import open_set
from data.plain_text import visible
from data.progress import Track, untracked
from evaluation.chosen import chosen
from evaluation.following import entries, priors, scoring
from evaluation.following.gallery import draw_panels
from evaluation.following.run import HeadResult, PictureResult, Run, by_picture, by_row, score_pictures
from evaluation.following.scoring import CENTRE, CHANCE, PEOPLE, PRECISION, PRIOR, ROWS, SCORES
from evaluation.results import DRAWS, SEED, Aggregate, Evaluation
from export.runtime.options import Options
from following.metrics import average_precision

logger = logging.getLogger(__name__)

TRAINED = "Models that were trained on this set know what is evaluated."


class Settings(Options):
    """What is scored, and how."""

    split: str = "test"  # of the set; "all" takes everybody
    layout: str | None = None  # of the set; None: told by its folder
    side: int = Field(default=1024, ge=16)  # pixels: the longer side at which AUC is computed, at most
    head_pose: tuple[str, ...] = ()  # files of head-pose models, for the cone
    limit: int | None = Field(default=None, ge=1)  # heads at most, evenly spread


class FollowingEvaluation(Evaluation):
    """The scores of maps of what people look at."""

    kinds: ClassVar = {CHANCE: "chance", CENTRE: "baseline", PRIOR: "baseline", PEOPLE: "people"}
    question: ClassVar = "What people in pictures look at:"
    meanings: ClassVar = {
        scoring.AUC: "chance that a pixel at which an annotator points stands above any other",
        scoring.AUC_CELLS: "the same over 64 x 64 cells, with the 19 x 19 cells around the target",
        scoring.AVERAGE: "from the highest cell to the mean of the annotators' points, in shares of the picture",
        scoring.MINIMUM: "from the highest cell to the nearest annotator's point, in shares of the picture",
        PRECISION: "average precision of whether the target is in the picture",
    }
    charted: ClassVar = (*SCORES, PRECISION)
    ranked_by: ClassVar = (scoring.AUC, PEOPLE)

    def head(self) -> list[str]:
        """What was evaluated, in a line or two."""
        facts = self.protocol
        line = f"{super().head()[0]} in {facts['images']} pictures, {facts['in_frame']} of them look into the picture"
        return [line, *([facts["caution"]] if facts["caution"] else [])]

    def gist(self) -> list[str]:
        """What came out, in a sentence or two."""
        known = {row: self.scores(row).get(scoring.AUC, {"pictures": 0}) for row in self.models}
        known = {row: score for row, score in known.items() if score["pictures"]}
        if not known:
            return super().gist()
        best = max(known, key=lambda row: known[row]["mean"])
        return [*super().gist(), f"{best} reaches an AUC of {known[best]['mean']:.3f}, the best of what predicts."]

    def prose(self) -> list[str]:
        """The protocol in sentences for people."""
        facts = self.protocol
        left_out = [f"Left out: {' '.join(facts['left_out'])}"] if facts["left_out"] else []
        counted = f"{facts['prior']:,} targets of the train split" if facts["prior"] else "a Gaussian in the middle"
        return [
            *left_out,
            f"{facts['pictures']:,} heads in {facts['images']:,} pictures of the set {facts['data']} (split "
            f"{facts['split']}, layout {facts['layout']}), with {facts['annotators']} annotators each; maps are scored "
            f"for the {facts['in_frame']:,} that look into the picture.",
            "AUC is that of GazeFollow: positives are the pixels at which annotators point, at the picture's own size "
            f"(its longer side {facts['side']} pixels at most). Distances are from the highest of 64 x 64 cells, in "
            "shares of the picture.",
            f"The centre and the prior around the head are made of {counted}. Annotators predict each other, each by a "
            "Gaussian of 3 cells.",
            f"Numbers are means over heads; intervals hold 95 % of {DRAWS} resamples of the heads.",
        ]


DEFAULT = Settings()


def evaluate(
    root: Path | str,
    models: Sequence[str | Path] | None = None,
    settings: Settings = DEFAULT,
    *,
    against: str | None = None,
    workers: int = 1,
    track: Track = untracked,
) -> FollowingEvaluation:
    """Score what predicts what people look at.

    Args:
        root: The set, in any layout that `data.following.sets` knows.
        models: As `entries.collect` takes them.
        settings: Of the protocol.
        against: A row, or a model that becomes one, with which the others are compared head by head.
        workers: Processes; more than 1 need a script that guards its main part, as multiprocessing says.
        track: Passes the scored pictures on and shows how many are done, of how many.

    Raises:
        GazeError: The set, everybody in it or a model cannot be used, or there is no row `against`.
    """
    root = Path(root)
    opened = open_set(root, settings.layout)
    people, of_split = chosen(opened.splits, root, settings.split, settings.limit, "nobody")
    rows = entries.collect(models, settings.head_pose, None if against in ROWS else against)
    prior = priors.fit(opened.splits["train"] if settings.split != "train" else [])
    run = Run(by_picture(people), rows, prior, settings.side)
    heads = kept(list(track(score_pictures(run, workers), "pictures", len(run.pictures))), root)
    results = [head for each in heads for head in each.heads]
    facts = {
        "data": visible(root.resolve().name),
        "split": settings.split,
        "layout": opened.layout,
        "unit": "head",
        "pictures_of_split": of_split,
        **_protocol(run, heads, results, settings),
    }
    return FollowingEvaluation(
        facts,
        by_row(results, rows),
        _together(results, rows),
        tuple(result.person.name for result in results),
        next((entry.row for entry in rows if against in (entry.row, entry.source)), against or ""),
        draw_panels(run),
    )


def kept(results: Sequence[PictureResult], root: Path) -> list[PictureResult]:
    """What came out of the pictures that could be scored; each other one is named in a warning.

    Raises:
        GazeError: None could.
    """
    for result in results:
        if result.problem:
            logger.warning("%s Its heads are left out.", result.problem)
    if not any(result.heads for result in results):
        raise GazeError(f"{root}: none of the {len(results)} pictures can be used; see the warnings.")
    return list(results)


def _together(results: Sequence[HeadResult], rows: Sequence[entries.Entry]) -> dict[str, dict[str, Aggregate]]:
    """The average precision of each row that says whether somebody looks into the picture; of chance, the share."""
    truth = [result.person.in_frame for result in results]
    labels = np.array([math.nan if each is None else float(each) for each in truth])
    flat = {CHANCE: np.zeros(len(results))}
    told = flat | {
        entry.row: np.array([result.in_frame.get(entry.row, math.nan) for result in results]) for entry in rows
    }
    found = {row: scoring.resampled(average_precision, sure, labels, SEED, DRAWS) for row, sure in told.items()}
    return {row: {PRECISION: each} for row, each in found.items() if math.isfinite(each[0])}


def _protocol(
    run: Run, pictures: Sequence[PictureResult], results: Sequence[HeadResult], settings: Settings
) -> dict[str, Any]:
    """What was done, beside the name of the set."""
    counts = [len(result.person.gaze) for result in results if len(result.person.gaze)] or [0]
    low, high = min(counts), max(counts)
    return {
        "pictures": len(results),
        "images": sum(bool(each.heads) for each in pictures),
        "in_frame": sum(bool(len(result.person.gaze)) for result in results),
        "annotators": str(low) if low == high else f"{low} to {high}",
        "left_out": [visible(each.problem) for each in pictures if each.problem],
        "prior": run.priors.counted,
        "side": settings.side,
        "caution": TRAINED if settings.split in ("train", "all") and run.entries else "",
        "interval": {"percent": 95, "over": "heads", "draws": DRAWS, "seed": SEED},
        "versions": {name: version(name) for name in ("gaze", "numpy")},
        "models": {entry.row: entry.facts for entry in run.entries},
    }
