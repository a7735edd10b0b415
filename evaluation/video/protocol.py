"""`gaze evaluate video`: how well models predict where people look in a video, beside the centre and other people.

A map is a density of one frame, scored on the clip's own grid of pixels (or a smaller one of the same proportions,
whose longer side is `side`). The truth of a frame is every place that anybody looked at while it was shown, as counts
(auc, nss) and as a density (cc, sim): the set's own map where it has one, else the places blurred with the clip's
sigma, as a rule one degree. A score is the mean over the scored frames of a clip (every `every`th; those that nobody
looked at are left out), then over clips, with its 95 % bootstrap interval over clips. The scores are those of
`video.metrics`; with `challenge` as the script of the AIM and NTIRE challenges computes them.

    centre                      a Gaussian in the middle, whose sigma is 0.2 of the frame's height and width
    models of pictures          twice: under their name every frame as a picture of its own; and "(carried)" through
                                time by `export.runtime.temporal_model`, which sees every frame
    models of videos            what `VideoPredictor` gives; they see every frame
    people, one map a clip      what other people looked at in the whole clip: as much as a still map can know
    people at the same instant  what other people look at now: in this frame, and in those up to 40 ms from it

Nobody predicts himself. For auc and nss viewers are dealt out at random to ten groups (with fewer viewers, each is
one): 0.9 d + 0.1 c, d what all other groups looked at and c the centre, at the places of one group; the mean over
places. For cc and sim a random half predicts the density of the other half, without c: as in `gaze evaluate saliency`
these two are no ceiling, for a half is a noisier truth than everybody. Where a set does not say who looked, places are
dealt out, not people, an instant is its frame alone, and "one map a clip" holds what the same person looked at in other
frames.

`rank` is the mean rank of a row over the four scores, people left out: 1 is the best of all in each. `nss 0-0.5 s` and
the like are NSS in frames so long after the last cut (the clip's start is one); cuts are the set's, or those that
`export.runtime.frame_changes` finds: a model that remembers differs from one of pictures there, if anywhere.

Clips are shared out to processes of one thread each; every number is the same for any count of them.
"""

import logging
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from data.errors import GazeError
from data.plain_text import visible
from data.progress import Track, untracked
from data.video.made import MadeClip
from data.video.sets import open_set
from evaluation.chosen import chosen
from evaluation.results import DRAWS, SEED, WHOLE, Aggregate, Evaluation, Values
from evaluation.video import entries
from evaluation.video.gallery import draw_panels
from evaluation.video.gaze import FOLDS, WINDOW
from evaluation.video.run import ClipResult, Run, by_row, score_clips
from evaluation.video.scoring import CENTRE, CENTRE_SHARE, INSTANT, ONE_MAP, PEOPLE, RANK, SCORES, SINCE, SPREAD
from export.runtime.options import Options
from video import metrics

logger = logging.getLogger(__name__)

MADE = "These clips were made of still pictures and of the people who looked at those: nobody watched a video for them."
TRAINED = "Models that were trained on this set know what is evaluated."


class Settings(Options):
    """What is scored, and how."""

    split: str = "test"  # of the set; "all" takes every clip
    condition: str | None = None  # viewing condition; None: the folder's name where the model knows it, else "any"
    layout: str | None = None  # of the set; None: told by its folder
    every: int = Field(default=5, ge=1)  # which frames of a clip are scored
    side: int = Field(default=640, ge=16)  # pixels: the longer side of the grid on which maps are compared, at most
    challenge: bool = False  # score as the script of the AIM and NTIRE challenges does
    limit: int | None = Field(default=None, ge=1)  # clips at most, evenly spread


class VideoEvaluation(Evaluation):
    """The scores of maps of videos."""

    kinds: ClassVar = {CENTRE: "chance", **dict.fromkeys(PEOPLE, "people")}
    question: ClassVar = "Where people look in a video:"
    meanings: ClassVar = {
        "auc": "chance that a pixel which somebody looks at stands above any pixel",
        "cc": "correlation with the density of where people look",
        "sim": "share of probability that map and people have in common",
        "nss": "how many standard deviations above its mean the map is where people look",
        RANK: "mean rank over the four scores, people left out",
    }
    charted: ClassVar = SCORES
    ranked_by: ClassVar = ("nss", INSTANT)
    curves: ClassVar = {"NSS by the seconds since the last cut": tuple(SINCE)}

    def head(self) -> list[str]:
        """What was evaluated, in a line or two."""
        facts = self.protocol
        line = f"{super().head()[0]}, {facts['frames']} frames, convention {facts['convention']}"
        return [line, *([facts["caution"]] if facts["caution"] else [])]

    def groups(self, period: str = WHOLE) -> dict[str, list[str]]:
        """The scores of all frames, and NSS by the time since the last cut."""
        return {"all frames": [*SCORES, RANK], **{title: list(names) for title, names in self.curves.items()}}

    def gist(self) -> list[str]:
        """What came out, in a sentence or two."""
        rows = {row: self.scores(row).get("nss", {"pictures": 0}) for row in (*self.models, *PEOPLE) if row in self}
        known = {row: score["mean"] for row, score in rows.items() if score["pictures"]}
        models = {row: value for row, value in known.items() if row not in PEOPLE}
        sentences = []
        if models:
            best = max(models, key=lambda row: models[row])
            sentences.append(f"{best} reaches an NSS of {models[best]:.2f}, the best of what predicts.")
        if ONE_MAP in known and INSTANT in known:
            sentences.append(
                f"One map of the whole clip, made from other people, reaches {known[ONE_MAP]:.2f}, and other people at "
                f"the same instant {known[INSTANT]:.2f}."
            )
        return [*super().gist(), *sentences]

    def __contains__(self, row: str) -> bool:
        return row in self.values[WHOLE]

    def prose(self) -> list[str]:
        """The protocol in sentences for people."""
        facts = self.protocol
        known, every = facts["viewers"], facts["every"]
        counted = "every frame is scored" if every == 1 else f"one frame in {every} is scored"
        who = f"{facts['places']:,} places looked at" + (f" by {known} people a clip" if known else "")
        groups = "each of ten groups of viewers (or each viewer)" if known else "a tenth of the places"
        left_out = [f"Left out: {' '.join(facts['left_out'])}"] if facts["left_out"] else []
        return [
            *left_out,
            f"{who} in {facts['frames']:,} frames of {super().head()[0].partition(': ')[2]} of the set {facts['data']} "
            f"(split {facts['split']}, layout {facts['layout']}); {counted}, and models that remember see all "
            "of them.",
            CONVENTIONS[facts["convention"]],
            f"The centre is a Gaussian whose sigma is {SPREAD:g} of the frame's sides. A model of pictures is there "
            "twice: every frame as a picture of its own, and “carried” through time by motion, memory and latency.",
            f"People predict each other: {groups} by all others (90 % others, 10 % centre) for AUC and NSS, one half "
            "by the other for CC and SIM, whose truth is noisier than everybody's: these two are no ceiling.",
            "“One map a clip” is what others looked at in the whole clip: as much as a still map can know. “At the "
            + (f"same instant” is within {1000 * WINDOW:g} ms." if known else SAME_FRAME),
            f"Numbers are means over clips of the means over frames; intervals hold 95 % of {DRAWS} resamples of the "
            "clips. The time since the last cut begins anew with every shot.",
        ]


SAME_FRAME = "same instant” is within the same frame. The set does not say who looked: a person may predict himself."
CONVENTIONS = {
    "tuebingen": "The truth is everybody's places, blurred by the set's own sigma for CC and SIM. AUC compares with "
    "all pixels, repeated places count, and ties earn half (the Tübingen convention).",
    "challenge": "Scores are computed as the script of the AIM 2024 and NTIRE 2026 challenges does, with its two slips "
    "in AUC; video/metrics.py describes them. Frames that nobody looked at, on which that script fails, are left out.",
}
DEFAULT = Settings()


def evaluate(
    root: Path | str,
    models: Sequence[str | Path] | None = None,
    settings: Settings = DEFAULT,
    *,
    against: str | None = None,
    workers: int = 1,
    track: Track = untracked,
) -> VideoEvaluation:
    """Score models on clips with gaze.

    Args:
        root: The set, in any layout that `data.video.sets` knows; of a still set in the table format clips are made.
        models: Names in `export/weights` or .onnx files, of pictures or of videos; None takes `entries.STILL` and every
            video model there is.
        settings: Of the protocol.
        against: A row, or a model that becomes one, with which the others are compared clip by clip.
        workers: Processes; more than 1 need a script that guards its main part, as multiprocessing says.
        track: Passes the scored clips on and shows how many are done, of how many.

    Raises:
        GazeError: The set, all of its clips or a model cannot be used, or there is no row `against`.
    """
    root = Path(root)
    opened = open_set(root, settings.layout)
    clips, of_split = chosen(opened.splits, root, settings.split, settings.limit, "no clip")
    also = None if against in (CENTRE, *PEOPLE) else against
    rows = entries.collect(models, settings.condition, root.resolve().name, also)
    run = Run(clips, rows, settings.every, settings.side, settings.challenge)
    every = list(track(score_clips(run, workers), "clips", len(clips)))
    results = kept(every, root)
    values = by_row(results, rows)
    facts = {
        "data": visible(root.resolve().name),
        "split": settings.split,
        "layout": opened.layout,
        "unit": "clip",
        "pictures_of_split": of_split,
        **_protocol(run, every, settings),
    }
    return VideoEvaluation(
        facts,
        values,
        ranked(values),
        tuple(result.name for result in results),
        next((entry.row for entry in rows if against in (entry.row, entry.source)), against or ""),
        draw_panels({result.name: result.snapshot for result in results}),
    )


def kept(results: Sequence[ClipResult], root: Path) -> list[ClipResult]:
    """What came out of the clips that could be scored; each other one is named in a warning.

    Raises:
        GazeError: None could.
    """
    for result in results:
        if result.problem:
            logger.warning("%s The clip is left out.", result.problem)
    scored = [result for result in results if not result.problem]
    if not scored:
        raise GazeError(f"{root}: none of the {len(results)} clips that were asked for can be used; see the warnings.")
    return scored


def ranked(values: Values) -> dict[str, dict[str, Aggregate]]:
    """The mean rank of each row but people's over the scores, and its 95 % interval over resampled clips."""
    rows = [row for row in values[WHOLE] if row not in PEOPLE]
    table = np.array([[values[WHOLE][row][name] for name in SCORES] for row in rows])  # [rows, scores, clips]
    generator, clips = np.random.default_rng(SEED), table.shape[2]
    known, filled = ~np.isnan(table), np.nan_to_num(table)
    drawn = generator.multinomial(clips, np.full(clips, 1 / clips), DRAWS).T  # [clips, draws] how often each is drawn
    often = np.column_stack([np.ones(clips, np.int64), drawn])
    with np.errstate(invalid="ignore"):
        ranks = metrics.mean_ranks((filled @ often) / (known @ often))
    low, high = np.nanpercentile(ranks[:, 1:], (2.5, 97.5), axis=1)
    return {row: {RANK: (float(ranks[k, 0]), float(low[k]), float(high[k]))} for k, row in enumerate(rows)}


def _protocol(run: Run, results: Sequence[ClipResult], settings: Settings) -> dict[str, Any]:
    """What was done, beside the name of the set."""
    made = any(isinstance(clip, MadeClip) for clip in run.clips)
    cautions = [*([MADE] if made else []), *([TRAINED] if settings.split in ("train", "all") and run.entries else [])]
    scored = [result for result in results if not result.problem]
    viewers = [result.viewers for result in scored]
    low, high = min(viewers), max(viewers)
    return {
        "pictures": len(scored),
        "left_out": [visible(result.problem) for result in results if result.problem],
        "made": made,
        "frames": sum(result.frames for result in results),
        "every": settings.every,
        "side": settings.side,
        "places": sum(result.places for result in results),
        "viewers": "" if not low else str(low) if low == high else f"{low} to {high}",
        "caution": " ".join(cautions),
        "convention": "challenge" if settings.challenge else "tuebingen",
        "people": {"groups": FOLDS, "window_s": WINDOW, "centre_share": CENTRE_SHARE},
        "interval": {"percent": 95, "over": "clips", "draws": DRAWS, "seed": SEED},
        "versions": {name: version(name) for name in ("gaze", "numpy")},
        "models": {entry.row: entry.facts for entry in run.entries},
    }
