"""The human ceiling: how well people are predicted by the others who looked at the same picture for the same target.

    another observer            the others' paths are guesses at each person's. What comes next is as likely as the
                                others' fixations on each object are frequent, one more on each, so that nothing is
                                impossible: this knows the picture and the target, but no order
    markov and other observers  the same to a power, times the Markov walk of `scanpath.baselines.chance` that knows the
                                target: this knows something of both, and guesses no paths; the power is the likeliest
                                on the split "train"

Both end as people of the split "train" do, on the target and elsewhere. A person is never among the others.

Of "another observer" `delta` and `mismatch` are near 0 by construction: the others of all trials together are the same
people as those whom they are compared with, so that leaving one out each time averages out. The ceiling to read is
`delta_trial`, which compares trial by trial.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from data.gaze import ObjectPath, Scene
from evaluation.scanpath.response import Order, Response
from evaluation.scanpath.trials import Trials, TrialSet
from scanpath.baselines import chance
from scanpath.baselines.chance import START, Chance

ROW, INFORMED = "another observer", "markov and other observers"
POWERS = np.linspace(0, 1.5, 16)
MAX_PATHS = 1000  # of the split "train", evenly spread, from which the power is chosen


def responses(data: TrialSet) -> dict[str, list[Response]]:
    """The responses of the other observers to each trial, by row; without guesses where there are no others."""
    pool = _Pool.of(data.everyone)
    walk = chance.fit("markov", data.train, merged=data.merged, target_known=data.search)
    power = _power(walk, data.train, pool)
    by_row: dict[str, list[Response]] = {ROW: [], INFORMED: []}
    for trial in data.trials:
        order, others = trial.path.order, pool.others(trial.scene, trial.path.subject)
        if not others:
            for of_row in by_row.values():
                of_row.append(Response([], [], None))
            continue
        log_share = _log_share(trial.scene, others)
        current = np.concatenate([[START], order])
        informed = walk.next(trial.scene, current) + power * log_share
        as_long = [other.order for other in others if len(other) == len(order)]
        log_p = _with_end(walk, trial.scene, current, np.tile(log_share, (len(current), 1)))
        paths, durations = [other.order for other in others], [other.duration for other in others]
        by_row[ROW].append(Response(paths, as_long, log_p, durations))
        by_row[INFORMED].append(Response([], [], _with_end(walk, trial.scene, current, informed)))
    return by_row


@dataclass(frozen=True)
class _Pool:
    """Everybody's paths, by picture, task and target."""

    paths: dict[Any, list[ObjectPath]]

    @classmethod
    def of(cls, everyone: Trials) -> "_Pool":
        pool: dict[Any, list[ObjectPath]] = {}
        for scene, paths in everyone:
            key = scene.picture.name, scene.task, scene.targets
            pool.setdefault(key, []).extend(path for path in paths if len(path))
        return cls(pool)

    def others(self, scene: Scene, subject: str) -> list[ObjectPath]:
        paths = self.paths[scene.picture.name, scene.task, scene.targets]
        return [path for path in paths if path.subject != subject]


def _log_share(scene: Scene, others: Sequence[ObjectPath]) -> Float[np.ndarray, " n"]:
    """The logarithm of the share of the others' fixations on each object, one more on each."""
    fixations = 1 + np.bincount(np.concatenate([other.order for other in others]), minlength=len(scene.objects))
    return np.asarray(np.log(fixations / fixations.sum()))


def _with_end(
    walk: Chance, scene: Scene, current: Order, log_next: Float[np.ndarray, "l+1 n"]
) -> Float[np.ndarray, "l+1 n+1"]:
    """Log probabilities of the next object joined with that of the end; each row of probabilities sums to one."""
    end = walk.end(scene, np.arange(len(current)), current)[:, None]
    with np.errstate(divide="ignore"):
        total = np.logaddexp.reduce(log_next, axis=1, keepdims=True)
        return np.concatenate([np.log1p(-end) + log_next - np.where(np.isfinite(total), total, 0), np.log(end)], 1)


def _power(walk: Chance, train: Trials, pool: _Pool) -> float:
    """The power of the others' share of fixations, of `POWERS`, that makes the train paths likeliest."""
    train_paths = [(scene, path) for scene, paths in train for path in paths if len(path)]
    score = np.zeros(len(POWERS))
    for scene, path in train_paths[:: 1 + len(train_paths) // MAX_PATHS]:
        others = pool.others(scene, path.subject)
        if others:
            steps = walk.next(scene, np.concatenate([[START], path.order[:-1]]))
            logits = steps + POWERS[:, None, None] * _log_share(scene, others)
            chosen = logits[:, np.arange(len(path)), path.order]
            score += (chosen - np.logaddexp.reduce(logits, axis=2)).sum(1)
    return float(POWERS[score.argmax()])
