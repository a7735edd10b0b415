"""How well guesses agree with the path that a person took: every score of `gaze evaluate scanpath`, picture by picture.

A row (a model, chance, other people) answers each trial with guesses, whole paths over the objects, and with the
probability of all that the person could have done next. All rows are scored by the same code.

    ss, sed      sequence score and edit distance, mean over guesses
    ss_length    the same, with guesses that go on for as long as the person did; only others whose path is as long
    bits         -log2 p of the object that was fixated next, given that the path goes on; mean over all fixations
    bits_all     -log2 p of all paths with their ends, divided by the number of all fixations
    ig           the bits that the row "markov" needs, less this row's; mean over all fixations
    end          P(an end is held likelier where a person ended than where a person went on), ties half: 0.5 is chance
    spread       1 - sequence score of two guesses
    recall       share of people's paths that a guess matches with the sequence score of two people on this picture
    mm_...       MultiMatch of one guess, which fixates the centres of its objects, and the person's own fixations;
                 mm_duration where both have durations
    scanmatch, stde   of the same two, without durations
    delta        how far five rates of the guesses are from people's (`scanpath.metrics.behaviour`), all trials together
    delta_trial  the same, trial by trial
    tfp_auc      P(target fixated by fixation k), summed over k = 1 to `STEPS`
    mismatch     the difference of this curve from people's, summed over k; all trials together
    ends_on_target, length, search, refixation, revisit   these rates themselves
    finds_target     share of guesses that fixate the target
    to_target        which fixation is the first on it, of guesses that find it: read it with finds_target and tfp_auc
    scanpath_ratio   how straight the way to the target is over centres of objects; of guesses that find it,
                     so that chance, which seldom finds what is not near, is high: read it with tfp_auc

Where paths are merged the object fixated already is no possibility: what a row gives to it goes to all others. A path
that the protocol cut says nothing of its end, and guesses are cut to its length before anything is compared.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float, Int64

from data.gaze import ObjectPath, Scene
from evaluation.results import DRAWS, SEED
from evaluation.scanpath.response import Order, Response
from evaluation.scanpath.trials import Trial
from scanpath.metrics import behaviour, sequence
from scanpath.metrics.behaviour import RATES
from scanpath.metrics.multimatch import DIMENSIONS, multimatches
from scanpath.metrics.scanmatch import scanmatches

STEPS = 20  # fixations of a search curve
WAYS = ("scanpath_ratio", "to_target", "finds_target")  # of the way to the target
PLACES = (*(f"mm_{name}" for name in DIMENSIONS), "scanmatch", "stde")

Scores = dict[str, Float[np.ndarray, " p"]]  # score -> value on each picture
Score = Callable[[Float[np.ndarray, "t k"]], float]
Aggregate = tuple[float, float, float]  # of all trials; low and high end of its interval


def agreement(
    trials: Sequence[Trial],
    responses: Sequence[Response],
    threshold: Float[np.ndarray, " p"],
    merged: bool,
    baseline: Float[np.ndarray, " t"] | None = None,
) -> tuple[Scores, dict[str, Aggregate]]:
    """Scores that are means over the trials of each picture, NaN where nothing is scored; and those of all trials.

    `threshold` is the sequence score of two people on each picture, `baseline` the `bits` that ig is over.
    """
    responses = _cut(trials, responses)
    picture = _pictures(trials)
    each = _sequences(trials, responses, threshold[picture]) | _placed(trials, responses)
    scores = {name: _means(values, picture, len(threshold)) for name, values in each.items()}
    surprises, scores["end"] = _surprises(trials, responses, len(threshold), merged)
    searches, together = _searching(trials, responses, len(threshold))
    rate: dict[str, Score] = {
        "bits": lambda rows: float(rows[:, 0].sum() / rows[:, 2].sum()),
        "bits_all": lambda rows: float(rows[:, 1].sum() / rows[:, 2].sum()),
    }
    answered = ~np.isnan(surprises).any(1)
    together = _resampled(surprises[answered], picture[answered], rate) | together
    return scores | searches, together | _gained(surprises, baseline, picture)


def mean_sequence_score(trials: Sequence[Trial], responses: Sequence[Response]) -> Float[np.ndarray, " p"]:
    """The mean sequence score on each picture."""
    nothing = np.full(len(trials), np.nan)
    score = _sequences(trials, _cut(trials, responses), nothing)["ss"]
    return _means(score, _pictures(trials), 1 + max(trial.picture for trial in trials))


def bits(trials: Sequence[Trial], responses: Sequence[Response], merged: bool) -> Float[np.ndarray, " t"]:
    """The bits of all fixations of each trial, given that it goes on; NaN where there is no answer."""
    rows, _ = _surprises(trials, responses, 1 + max(trial.picture for trial in trials), merged)
    return rows[:, 0]


def _gained(
    surprises: Float[np.ndarray, "t 3"], baseline: Float[np.ndarray, " t"] | None, picture: Int64[np.ndarray, " t"]
) -> dict[str, Aggregate]:
    """The conditional information gain, `metrics.information_gain` of the fixations of all trials."""
    if baseline is None:
        return {}
    rows = np.stack([baseline, surprises[:, 0], surprises[:, 2]], 1)
    finite = np.isfinite(rows).all(1)
    gain: dict[str, Score] = {"ig": lambda rows: float((rows[:, 0] - rows[:, 1]).sum() / rows[:, 2].sum())}
    return _resampled(rows[finite], picture[finite], gain)


def _searching(
    trials: Sequence[Trial], responses: Sequence[Response], size: int
) -> tuple[Scores, dict[str, Aggregate]]:
    """How searches go and end, of trials with a target and guesses."""
    searches = [(t, r) for t, r in zip(trials, responses, strict=True) if t.scene.targets and r.guesses]
    if not searches:
        return {}, {}
    rows = np.stack([_behaviour(trial, response) for trial, response in searches])
    picture = _pictures([trial for trial, _ in searches])
    names = (*RATES, *WAYS)
    guessed, people = (slice(start, start + len(RATES)) for start in (0, len(names) + STEPS))
    curve, true = (slice(start, start + STEPS) for start in (len(names), 2 * len(names) + STEPS))
    scores = {name: _means(rows[:, k], picture, size) for k, name in enumerate(names)}
    scores["tfp_auc"] = _means(rows[:, curve].sum(1), picture, size)
    together: dict[str, Score] = {
        "delta": lambda rows: behaviour.delta(rows[:, guessed], rows[:, people]),
        "delta_trial": lambda rows: behaviour.delta_by_trial(rows[:, guessed], rows[:, people]),
        "mismatch": lambda rows: behaviour.mismatch(rows[:, curve].mean(0), rows[:, true].mean(0)),
    }
    return scores, _resampled(rows, picture, together)


def _resampled(
    rows: Float[np.ndarray, "t k"], picture: Int64[np.ndarray, " t"], scores: dict[str, Score]
) -> dict[str, Aggregate]:
    """Scores of all trials, and their 95 % intervals over resamples of the pictures."""
    if not len(rows):
        return {}
    groups = [np.flatnonzero(picture == number) for number in np.unique(picture)]
    generator = np.random.default_rng(SEED)
    draws = [generator.integers(0, len(groups), len(groups)) for _ in range(DRAWS)]
    resamples = (rows[np.concatenate([groups[k] for k in draw])] for draw in draws)
    values = [[score(resample) for score in scores.values()] for resample in resamples]
    low, high = np.percentile(values, (2.5, 97.5), axis=0)
    return {name: (score(rows), low[k], high[k]) for k, (name, score) in enumerate(scores.items())}


def _behaviour(trial: Trial, response: Response) -> Float[np.ndarray, " k"]:
    """Rates, `WAYS` and search curve of the guesses, in the mean, and then of the person."""
    targets = trial.scene.targets

    def rates_and_curve(orders: Sequence[Order]) -> Float[np.ndarray, " k"]:
        first = np.array([behaviour.first_on(order, targets) for order in orders])
        found = np.isfinite(first)
        ways = np.array([_ratio(order, trial.scene) for order in orders]), np.where(found, first, np.nan), found
        rates = np.column_stack([np.array([behaviour.rates(order, targets) for order in orders]), *ways])
        defined = ~np.isnan(rates)
        mean = np.where(defined, rates, 0).sum(0) / np.maximum(defined.sum(0), 1)
        curve = behaviour.tfp(first, STEPS)
        return np.concatenate([np.where(defined.any(0), mean, np.nan), curve])

    return np.concatenate([rates_and_curve(response.guesses), rates_and_curve([trial.path.order])])


def _ratio(order: Order, scene: Scene) -> float:
    """The scanpath ratio over the centres of objects, up to the first target; NaN where none is found."""
    hit = behaviour.first_on(order, scene.targets)
    if math.isinf(hit):
        return math.nan
    way = order[: int(hit)]
    x, y, width, height = scene.objects.boxes[way[-1]]
    return behaviour.scanpath_ratio(scene.objects.centres[way], (x, y, width, height))


def _cut(trials: Sequence[Trial], responses: Sequence[Response]) -> list[Response]:
    return [response.cut(trial.path) for trial, response in zip(trials, responses, strict=True)]


def _pictures(trials: Sequence[Trial]) -> Int64[np.ndarray, " t"]:
    return np.array([trial.picture for trial in trials], np.int64)


def _means(values: Float[np.ndarray, " t"], picture: Int64[np.ndarray, " t"], size: int) -> Float[np.ndarray, " p"]:
    """The mean of each picture's trials, of `size` pictures; NaN is left out."""
    scored = ~np.isnan(values)
    picture, values = picture[scored], values[scored]
    with np.errstate(invalid="ignore"):
        return np.asarray(np.bincount(picture, values, size) / np.bincount(picture, minlength=size))


def _by_trial(scores: Float[np.ndarray, " q"], count: Int64[np.ndarray, " t"]) -> Float[np.ndarray, " t"]:
    """The mean of each trial's pairs, of which it has `count`."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.bincount(np.repeat(np.arange(len(count)), count), scores, len(count)) / count)


def _sequences(trials: Sequence[Trial], responses: Sequence[Response], threshold: Float[np.ndarray, " t"]) -> Scores:
    tried = list(zip([trial.path.order for trial in trials], responses, strict=True))
    pairs = [(guess, order) for order, response in tried for guess in response.guesses]
    equal = [(guess[: len(order)], order) for order, response in tried for guess in response.unterminated]
    neighbours = [pair for r in responses for pair in zip(r.guesses, [*r.guesses[1:], *r.guesses[:1]], strict=True)]
    count = np.array([len(response.guesses) for response in responses])
    unterminated = np.array([len(response.unterminated) for response in responses])
    score, edits = sequence.sequence_scores(pairs), sequence.edit_distances(pairs)
    agreement_of_guesses, of_equal_length = sequence.sequence_scores(neighbours), sequence.sequence_scores(equal)
    best = np.full(len(trials), -np.inf)
    np.maximum.at(best, np.repeat(np.arange(len(trials)), count), score)
    recall = np.where((count > 0) & ~np.isnan(threshold), best >= threshold - 1e-12, np.nan)
    return {
        "ss": _by_trial(score, count),
        "ss_length": _by_trial(of_equal_length, unterminated),
        "sed": _by_trial(edits, count),
        "spread": np.where(count > 1, 1 - _by_trial(agreement_of_guesses, count), np.nan),
        "recall": recall,
    }


def _placed(trials: Sequence[Trial], responses: Sequence[Response]) -> Scores:
    """Scores of one guess a trial in pixels, all trials on one size of picture together."""
    values = np.full((len(trials), len(PLACES)), np.nan)
    screens: dict[tuple[int, int], list[int]] = {}
    for number, trial in enumerate(trials):
        if responses[number].guesses:
            screens.setdefault((trial.scene.picture.width, trial.scene.picture.height), []).append(number)
    for screen, numbers in screens.items():
        pairs = [(_guess(trials[k], responses[k], k), trials[k].path) for k in numbers]
        near = [sequence.stde(guess.xy, path.xy, screen) for guess, path in pairs]
        values[numbers] = np.column_stack([multimatches(pairs, screen), scanmatches(pairs, screen), near])
    return {name: values[:, k] for k, name in enumerate(PLACES)}


def _guess(trial: Trial, response: Response, number: int) -> ObjectPath:
    """One of the guesses as fixations on the centres of its objects."""
    chosen = number % len(response.guesses)
    order = response.guesses[chosen]
    duration = response.durations[chosen] if response.durations else np.full(len(order), np.nan)
    return ObjectPath("", order, duration, trial.scene.objects.centres[order])


def _surprises(
    trials: Sequence[Trial], responses: Sequence[Response], size: int, merged: bool
) -> tuple[Float[np.ndarray, "t 3"], Float[np.ndarray, " p"]]:
    """Of each path: bits given that it goes on, all bits, length; of each picture: how well ends are predicted."""
    rows = np.full((len(trials), 3), np.nan)
    ends: list[list[float]] = [[] for _ in range(size)]
    continuations: list[list[float]] = [[] for _ in range(size)]
    for number, (trial, response) in enumerate(zip(trials, responses, strict=True)):
        if response.log_p is None:
            continue
        bits, end = surprise(response.log_p, trial.path, merged)
        rows[number] = *bits, len(trial.path)
        continuations[trial.picture] += end[1:-1].tolist()
        ends[trial.picture] += end[-1:].tolist() * trial.path.ended
    return rows, np.array([_auc(*pair) for pair in zip(ends, continuations, strict=True)])


def surprise(
    log_p: Float[np.ndarray, "l+1 n+1"], path: ObjectPath, merged: bool
) -> tuple[tuple[float, float], Float[np.ndarray, " l+1"]]:
    """The bits of all fixations, given that the path goes on; those of fixations and end; and each log p of the end."""
    log_p = np.array(log_p, np.float64)
    length = len(path)
    if merged:
        log_p[np.arange(1, length + 1), path.order] = -np.inf
    objects, everything = (np.logaddexp.reduce(log_p[:, :stop], axis=1) for stop in (-1, None))
    chosen = log_p[np.arange(length), path.order]
    end = log_p[:, -1] - everything
    bits = (objects[:length] - chosen).sum() / math.log(2)
    whole = (everything[:length] - chosen).sum() - end[-1] * path.ended
    return (float(bits), float(whole / math.log(2))), end


def _auc(positives: Sequence[float], negatives: Sequence[float]) -> float:
    """P(a positive is higher than a negative), ties half."""
    if not (positives and negatives):
        return math.nan
    ranked = np.sort(negatives)
    below, up_to = (np.searchsorted(ranked, positives, side).mean() for side in ("left", "right"))
    return float((below + up_to) / 2 / len(negatives))
