"""`gaze evaluate saliency`: how well models predict where people look, beside chance and beside other people.

A map is a density at the picture's own size, scored on each picture; a result is the mean over pictures with its 95 %
bootstrap interval. The truth is every fixation of every observer on the picture, as counts (nss, auc, sauc, ig) and as
the density that `data.maps.density` makes of them with `sigma` picture pixels (cc, sim, kl). The scores are those of
`saliency.metrics`, convention "tuebingen"; sauc's negatives are the fixations on all other evaluated pictures, scaled
to the picture's size, and ig's baseline is the centre bias.

    uniform                 every pixel alike
    centre bias c           0.999 b + 0.001 / pixels; b: the fixations on the pictures of the split "train" (without
                            one, or when it is evaluated itself: on all other evaluated pictures), scaled to the
                            picture's size and blurred with sigma. Made of all other evaluated pictures, it has
                            a sauc far below 0.5: it is made of the negatives
    spectral residual, Itti-Koch, graph-based   the classical baselines of `saliency/`, on a canvas of 384 x 512 pixels
    models                  by name or file, the density that `Predictor` gives; or a folder of maps, as in
                            `evaluation.saliency.map_folder`
    half of the observers   the density of a random half (the smaller one) as a prediction of the other half's; it has
                            no floor, so that its kl suffers from zeros, which begin 4 sigma from every fixation, and
                            is no ceiling
    leave one observer out  for each observer 0.9 d + 0.1 c, d: the density of all others, on this observer's fixations;
                            the mean over observers

`explained` is a row's information gain as a share of that of `leave one observer out`, both summed over the pictures
that have both: 0 is the centre bias, 1 is what the others know of one more observer. Pictures are worst and best by the
bits by which a model's ig misses that of `leave one observer out`. With `slices`, the same for each second, of which
truth and centre bias are the fixations that begin in it (`data.maps.onsets`): a model's slice, its density of the whole
viewing ("time-blind"), and the first less the second, picture by picture.

How long pictures were shown says where the last second ends, and when fixations without onsets begin. Where nobody
says it (`seconds`) it is taken from all trials of the set (`data.table.viewing.presentation_time`).

Pictures are shared out to processes of one thread each; every number is the same for any count of them.
"""

import math
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from data.errors import GazeError
from data.plain_text import visible
from data.progress import Track, untracked
from data.table.viewing import MAX_SECONDS
from evaluation import model_card
from evaluation.results import DRAWS, SEED, WHOLE, Aggregate, Evaluation, ratio
from evaluation.saliency import entries, fixations, gallery
from evaluation.saliency.entries import BASELINES
from evaluation.saliency.run import PEOPLE, Run, by_row, score_pictures
from evaluation.saliency.scoring import (
    BLIND,
    CENTRE,
    CENTRE_SHARE,
    FLOOR,
    LEFT_OUT,
    LESS_BLIND,
    OF_A_SECOND,
    SCORES,
    UNIFORM,
)
from export.runtime.options import Options

CHANCE = (UNIFORM, CENTRE)
LATE = 0.01  # of the fixations, beyond which the length of the viewing is called wrong
VIEWING = {  # what says how long pictures were shown
    "given": "each shown for {:g} seconds",
    "recorded": "each taken to be shown for {:g} s: 95 % of the recorded trials end by then",
    "durations": "each taken to be shown for {:g} s: that is what the fixations of the median trial last",
    "unknown": "each taken to be shown for {:g} s: the set holds no times",
}


class Settings(Options):
    """What is scored, and how."""

    split: str = "test"  # of splits.json; "all", or a set without that file, takes every picture
    condition: str | None = None  # viewing condition; None: the folder's name where the model knows it, else "any"
    seconds: float | None = Field(default=None, gt=0, le=MAX_SECONDS)  # pictures were shown; None: as recorded
    sigma: float = Field(default=15.36, gt=0)  # of the true densities, in pixels of the pictures
    slices: bool = False  # score each second, too
    baselines: bool = True  # score the classical baselines, too
    limit: int | None = Field(default=None, ge=1)  # pictures at most, evenly spread


class SaliencyEvaluation(Evaluation):
    """The scores of maps."""

    kinds: ClassVar = {
        **dict.fromkeys(CHANCE, "chance"),
        **dict.fromkeys(BASELINES.values(), "baseline"),
        **dict.fromkeys(PEOPLE, "people"),
    }
    question: ClassVar = "Where people look:"
    meanings: ClassVar = {
        "cc": "correlation with the density of people's fixations",
        "nss": "how many standard deviations above its mean the map is where people looked",
        "sim": "share of probability that map and people have in common",
        "kl": "divergence from people's density in nats; punishes zeros where people looked",
        "auc": "chance that a fixated pixel stands above any pixel",
        "sauc": "the same against pixels fixated on other pictures, so that a centre bias earns nothing",
        "ig": "bit per fixation above the centre bias",
        "explained": "information gain as a share of the other observers'",
    }
    charted: ClassVar = (*SCORES, "explained")
    ranked_by: ClassVar = ("ig", LEFT_OUT)

    def kind(self, row: str) -> str:
        """What a row is: chance, baseline, model or people; the rows of a second are their predictors'."""
        return super().kind(row.removesuffix(BLIND).removesuffix(LESS_BLIND))

    def head(self) -> list[str]:
        """What was evaluated, in a line or two."""
        facts = self.protocol
        line = (
            f"{facts['data']}, {facts['split']}: {model_card.pictures(facts)}, sigma {facts['sigma_pixels']:g} pixels"
        )
        return [f"{line}, convention {facts['convention']}", *([facts["caution"]] if facts["caution"] else [])]

    def groups(self, period: str = WHOLE) -> dict[str, list[str]]:
        """One table a period."""
        return {period: [*SCORES, "explained"] if period == WHOLE else list(OF_A_SECOND)}

    def gist(self) -> list[str]:
        """What came out, in a sentence or two."""
        shares = {row: self.scores(row).get("explained", {"pictures": 0}) for row in self.models}
        sentences = [
            f"{row} explains {score['mean']:.0%} ({score['low']:.0%} to {score['high']:.0%}) of what other people "
            "tell, beyond the centre bias, of where one more person looks."
            for row, score in shares.items()
            if score["pictures"]
        ]
        return [*super().gist(), *sentences]

    def prose(self) -> list[str]:
        """The protocol in sentences for people."""
        facts = self.protocol
        held_out = facts["centre_bias"] == "train"
        centre = "the split train" if held_out else "all other evaluated pictures"
        return [
            f"{facts['fixations']:,} fixations of {facts['observers']} people on {model_card.pictures(facts)} of the "
            f"set {facts['data']} (split {facts['split']}), "
            f"{VIEWING[facts['seconds_source']].format(facts['seconds'])}.",
            f"The truth is everybody's fixations, blurred with a Gaussian of {facts['sigma_pixels']:g} picture pixels "
            "for CC, SIM and KL. AUC compares with all pixels, shuffled AUC with fixations on other pictures, repeated "
            "fixations count, and ties earn half (the Tübingen convention).",
            f"The centre bias is made of the fixations on {centre}.{'' if held_out else CROSSED}",
            "Information gain (IG) is in bit per fixation over the centre bias; “explained” is its share of what the "
            "other observers know of one observer.",
            "Half of the observers predict the other half, and all others predict one observer (90 % others, 10 % "
            "centre bias): that is as much as people know of each other. Only the KL of a half is no such ceiling: it "
            "is punished for zeros where the other half looked.",
            f"Numbers are means over pictures; intervals hold 95 % of {facts['interval']['draws']} resamples of them.",
        ]


CROSSED = (
    " Shuffled AUC compares with the same fixations, so that the centre bias is far below 0.5 there: it is made of "
    "what it is compared with."
)
DEFAULT = Settings()


def evaluate(
    root: Path | str,
    models: Sequence[str | Path] | None = None,
    settings: Settings = DEFAULT,
    *,
    against: str | None = None,
    workers: int = 1,
    track: Track = untracked,
) -> SaliencyEvaluation:
    """Score models on a data set in the table format.

    Args:
        root: The data set.
        models: Names in `export/weights`, .onnx files, or folders of maps; None takes every saliency model there is.
        settings: Of the protocol.
        against: A row, or a model that becomes one, with which the others are compared picture by picture.
        workers: Processes; more than 1 need a script that guards its main part, as multiprocessing says.
        track: Passes the scored pictures on and shows how many are done, of how many.

    Raises:
        GazeError: The set, a model or a folder of maps cannot be used, or there is no row `against`.
    """
    root = Path(root)
    models = None if models is None else [entries.current_name(str(model)) for model in models]
    against = None if against is None else entries.current_name(against)
    run = _prepare(root, models, settings, against)
    rows = track(score_pictures(run, workers), "pictures", len(run.images.chosen))
    values = by_row(list(rows))
    return SaliencyEvaluation(
        _protocol(root, run, settings),
        values,
        _explained(values[WHOLE]),
        tuple(image.name for image in run.images.chosen),
        next((c.row for c in run.entries if against in (c.row, c.source)), against or ""),
        gallery.draw_panels(run),
    )


def _prepare(root: Path, models: Sequence[str | Path] | None, settings: Settings, against: str | None) -> Run:
    images = fixations.read(root, settings.split, settings.seconds, settings.limit)
    if against in PEOPLE and all(len(np.unique(image.observer)) < 2 for image in images.chosen):
        raise GazeError(f"There is no row {against!r}, for no picture was looked at by two people; choose another one.")
    also = None if against in (*CHANCE, *PEOPLE) else against
    rows = entries.collect(models, settings.baselines, settings.condition, root.resolve().name, images.chosen, also)
    seconds = range(math.ceil(images.seconds)) if settings.slices else ()
    return Run(images, rows, {WHOLE: None, **{f"{s}-{s + 1} s": s for s in seconds}}, settings.sigma)


def _explained(rows: dict[str, dict[str, Any]]) -> dict[str, dict[str, Aggregate]]:
    ceiling = rows.get(LEFT_OUT, {}).get("ig")
    gains = {row: scores["ig"] for row, scores in rows.items() if "ig" in scores}
    return {} if ceiling is None else {row: {"explained": ratio(gain, ceiling)} for row, gain in gains.items()}


def _protocol(root: Path, run: Run, settings: Settings) -> dict[str, Any]:
    chosen, split = run.images.chosen, settings.split if run.images.has_splits else "all"
    trained_on = split in ("train", "all") and any(entry.kind == "model" for entry in run.entries)
    seconds, late = run.images.seconds, run.images.late
    classical = any(entry.kind == "baseline" for entry in run.entries)
    cautions = ["Models that were trained on this set know what is evaluated."] if trained_on else []
    if run.images.seconds_source == "given" and late > LATE:
        cautions.append(
            f"{late:.0%} of the fixations begin after {seconds:g} seconds of viewing, and are counted in the last; "
            "leave out --seconds, or give more."
        )
    return {
        "data": visible(root.resolve().name),
        "split": split,
        "seconds": seconds,
        "seconds_source": run.images.seconds_source,
        "sigma_pixels": settings.sigma,
        "centre_bias": "train" if run.images.held_out else "all other pictures",
        "caution": " ".join(cautions),
        "pictures": len(chosen),
        "pictures_of_split": run.images.split_size,
        "observers": len({name for image in chosen for name in image.observer.tolist()}),
        "fixations": sum(len(image.xy) for image in chosen),
        "size": "each picture's own",
        "convention": "tuebingen",
        "centre_bias_floor": FLOOR,
        "leave_one_observer_out_centre_bias": CENTRE_SHARE,
        "interval": {"percent": 95, "over": "pictures", "draws": DRAWS, "seed": SEED},
        "versions": {name: version(name) for name in ("gaze", "numpy", *(["torch"] if classical else []))},
        "models": {entry.row: entry.facts for entry in run.entries},
    }
