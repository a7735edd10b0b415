"""Classes along tracks: a track is a hidden Markov chain whose links may join two things.

    P(class changes at a link) = exp(-STEEP * link), at most `LOOSEST`
    P(what the network says | class) = its probability to the power `HEARD`, as the boxes of a track are no independent
                                       witnesses; a label of a person counts alone

The posterior of every box by the forward-backward algorithm (Rabiner 1989, https://doi.org/10.1109/5.18626), all tracks
in step. So a label goes along its track as far as links are good, and what the network sees in the boxes themselves can
say that a tracker has gone over to a twin.

Shapes: `n` boxes, `c` classes, `q` tracks that are as long as this.
"""

import numpy as np
from jaxtyping import Float, Float32, Int64

STEEP, LOOSEST = 9.0, 0.3
HEARD = 0.3
LEAST = 1e-4  # of a probability


def change(link: Float32[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """How likely a link joins two different things.

    >>> change(np.array([0.9, 0.0], np.float32)).round(4).tolist()
    [0.0003, 0.3]
    """
    return np.minimum(np.exp(-STEEP * link.astype(np.float64)), LOOSEST)


def posterior(
    shares: Float32[np.ndarray, "n c"],
    track: Int64[np.ndarray, " n"],
    link: Float32[np.ndarray, " n"],
    known: Int64[np.ndarray, " k"],
    given: Int64[np.ndarray, " k"],
) -> Float32[np.ndarray, "n c"]:
    """The probabilities of each box given its whole track: what a network says, and the labels of some boxes."""
    count, classes = shares.shape
    seen = np.maximum(shares, LEAST).astype(np.float64) ** HEARD
    seen[known] = LEAST**2
    seen[known, given] = 1
    order = np.argsort(track, kind="stable")
    begins = np.flatnonzero(np.diff(track[order], prepend=-1))
    lengths = np.diff(begins, append=count)
    longest_first = np.argsort(-lengths, kind="stable")
    begins, lengths = begins[longest_first], lengths[longest_first]
    seen, switch = seen[order], change(link[order])
    forward, backward = np.empty_like(seen), np.ones_like(seen)
    going = np.searchsorted(-lengths, -np.arange(1, int(lengths.max(initial=0)) + 1), "right")  # tracks of that length
    for step, tracks in enumerate(going.tolist()):
        at = begins[:tracks] + step
        before = np.full((tracks, classes), 1 / classes)
        if step:
            before = _passed(forward[at - 1], switch[at], classes)
        forward[at] = _scaled(before * seen[at])
    for step in range(len(going) - 2, -1, -1):
        tracks = int(going[step + 1])
        at = begins[:tracks] + step
        backward[at] = _passed(_scaled(backward[at + 1] * seen[at + 1]), switch[at + 1], classes)
    found = np.empty((count, classes), np.float32)
    found[order] = _scaled(forward * backward)
    return found


def _passed(shares: np.ndarray, switch: np.ndarray, classes: int) -> np.ndarray:
    """Probabilities on the other side of a link; a change goes to any class alike."""
    return np.asarray(shares * (1 - switch[:, None]) + switch[:, None] / classes)


def _scaled(shares: np.ndarray) -> np.ndarray:
    return np.asarray(shares / shares.sum(1, keepdims=True))
