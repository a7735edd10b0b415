"""A network over the graph of boxes: what a box is follows from itself and from the means of its neighbours.

    m_v^r = mean of h_u over the neighbours u of v in the relation r
    h_v'  = ReLU(W [h_v; m_v^1; ...; m_v^r] + b)        two layers
    p_v   = softmax(U h_v'' + c)

Inductive as GraphSAGE is (Hamilton et al. 2017, https://arxiv.org/abs/1706.02216): it never learns a node, so what a
few labelled boxes teach holds for all. Messages between boxes relabel look-alikes by what lies around them, as in I-MPN
(https://arxiv.org/abs/2406.06239); there one mean is over all neighbours, here each relation has its own, so that "a
tablet lies to the right" can be told from "to the left". Numpy, with the gradient written by hand; Adam (Kingma & Ba
2015, https://arxiv.org/abs/1412.6980) with decoupled weight decay.

Shapes: `n` nodes, `t` of them with labels, `m` that these look at, `d` numbers a node, `r` relations, `u` hidden, `c`
classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int64

from annotation.graph import RELATIONS, Edges

HIDDEN = 32
RATE, DECAY = 0.01, 0.02
STEPS, LEAST_STEPS = 120, 20
ENOUGH = 0.03  # nats: a loss below which training ends
KEPT = 0.8  # of the inputs, drawn anew each step; the others are silent
Parameters = dict[str, np.ndarray]


class Means:
    """The means over the neighbours of some targets, and their gradient."""

    def __init__(self, edges: Edges, targets: int, sources: int) -> None:
        self.source, self.weight = edges.source, edges.weight[:, None]
        key = edges.target * len(RELATIONS) + edges.relation
        self.begins = np.flatnonzero(np.diff(key, prepend=-1))
        self.rows = key[self.begins]
        self.shape = targets, sources
        self._key = key
        self._order = np.argsort(self.source, kind="stable")
        of_source = self.source[self._order]
        self._ends = np.flatnonzero(np.diff(of_source, prepend=-1))
        self._nodes = of_source[self._ends]

    def __call__(self, values: Float[np.ndarray, "m d"]) -> Float[np.ndarray, "t rd"]:
        """For each target the mean in each relation, one behind the other; zeros where there is no neighbour."""
        targets, width = self.shape[0], values.shape[1]
        found = np.zeros((targets * len(RELATIONS), width), values.dtype)
        if len(self.begins):
            found[self.rows] = np.add.reduceat(values[self.source] * self.weight, self.begins)
        return found.reshape(targets, -1)

    def back(self, gradient: Float[np.ndarray, "t rd"]) -> Float[np.ndarray, "m d"]:
        """The gradient of the values, from that of the means."""
        by_row = gradient.reshape(self.shape[0] * len(RELATIONS), -1)
        found = np.zeros((self.shape[1], by_row.shape[1]), gradient.dtype)
        if len(self._ends):
            order = self._order
            found[self._nodes] = np.add.reduceat(by_row[self._key[order]] * self.weight[order], self._ends)
        return found


@dataclass(frozen=True)
class Batch:
    """What a step of training sees: the inputs of `m` nodes, of which some are labelled, and who looks at whom."""

    inputs: Float[np.ndarray, "m i"]  # [x; means of x]
    own: Int64[np.ndarray, " t"]  # which of these nodes are the labelled ones
    means: Means  # of these nodes, for the labelled ones
    labels: Int64[np.ndarray, " t"]
    weights: Float[np.ndarray, " t"]  # sum to one


def start(inputs: int, classes: int, seed: int, hidden: int = HIDDEN) -> Parameters:
    """Parameters before training (He et al. 2015)."""
    rng = np.random.default_rng(seed)
    sizes = {"1": (inputs, hidden), "2": (hidden * (1 + len(RELATIONS)), hidden), "3": (hidden, classes)}
    weights = {f"w{name}": rng.normal(0, np.sqrt(2 / size[0]), size) for name, size in sizes.items()}
    biases = {f"b{name}": np.zeros(size[1]) for name, size in sizes.items()}
    return {name: value.astype(np.float32) for name, value in (weights | biases).items()}


def loss(parameters: Parameters, batch: Batch) -> tuple[float, Parameters]:
    """The weighted cross-entropy in nats, and its gradient."""
    p = parameters
    first = batch.inputs @ p["w1"] + p["b1"]
    hidden = np.maximum(first, 0)
    seen = np.concatenate([hidden[batch.own], batch.means(hidden)], 1)
    second = seen @ p["w2"] + p["b2"]
    top = np.maximum(second, 0)
    log_p = log_softmax(top @ p["w3"] + p["b3"])
    rows = np.arange(len(batch.labels))
    value = -float((log_p[rows, batch.labels] * batch.weights).sum())

    out = np.exp(log_p)
    out[rows, batch.labels] -= 1
    out *= batch.weights[:, None]
    gradient = {"w3": top.T @ out, "b3": out.sum(0)}
    to_second = (out @ p["w3"].T) * (second > 0)
    gradient |= {"w2": seen.T @ to_second, "b2": to_second.sum(0)}
    to_seen = to_second @ p["w2"].T
    width = hidden.shape[1]
    to_hidden = batch.means.back(np.ascontiguousarray(to_seen[:, width:]))
    to_hidden[batch.own] += to_seen[:, :width]  # each labelled node is there once
    to_first = to_hidden * (first > 0)
    return value, gradient | {"w1": batch.inputs.T @ to_first, "b1": to_first.sum(0)}


def log_softmax(values: Float[np.ndarray, "n c"]) -> Float[np.ndarray, "n c"]:
    """The natural logarithms of the shares."""
    values = values - values.max(1, keepdims=True)
    return np.asarray(values - np.log(np.exp(values).sum(1, keepdims=True)))


def fit(batches: Sequence[Batch], classes: int, seed: int) -> Parameters:
    """Train on one batch after the other until the loss is small on all, or for `STEPS` steps."""
    width = batches[0].inputs.shape[1]
    parameters = start(width, classes, seed)
    rng = np.random.default_rng(seed)
    mean = {name: np.zeros_like(value) for name, value in parameters.items()}
    square = {name: np.zeros_like(value) for name, value in parameters.items()}
    losses = np.full(len(batches), np.inf)
    for step in range(1, STEPS + 1):
        heard = (rng.random((width, 1)) < KEPT).astype(np.float32)
        silenced = parameters | {"w1": parameters["w1"] * (heard / np.float32(KEPT))}
        losses[step % len(batches)], gradient = loss(silenced, batches[step % len(batches)])
        gradient["w1"] = gradient["w1"] * (heard / np.float32(KEPT))
        for name, slope in gradient.items():
            mean[name] += 0.1 * (slope - mean[name])
            square[name] += 0.01 * (slope**2 - square[name])
            change = mean[name] / (1 - 0.9**step) / (np.sqrt(square[name] / (1 - 0.99**step)) + 1e-8)
            if name.startswith("w"):
                change = change + DECAY * parameters[name]
            parameters[name] -= np.float32(RATE) * change.astype(np.float32)
        if step >= LEAST_STEPS and losses.max() < ENOUGH:
            break
    return parameters


def classify(parameters: Parameters, inputs: Float32[np.ndarray, "n i"], means: Means) -> Float32[np.ndarray, "n c"]:
    """The probabilities of each node."""
    hidden = np.maximum(inputs @ parameters["w1"] + parameters["b1"], 0)
    seen = np.concatenate([hidden, means(hidden)], 1)
    top = np.maximum(seen @ parameters["w2"] + parameters["b2"], 0)
    return np.asarray(np.exp(log_softmax(top @ parameters["w3"] + parameters["b3"])), np.float32)
