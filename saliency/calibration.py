"""How sharp a prediction for unknown pictures is to be, and how much of a centre bias it gets.

    log p = log softmax( gain * logits + weight * log bias )   under the condition "any"

A network is surest of the sets that it was trained on. On a set that it never saw, the two numbers are those under
which people's fixations are likeliest. Temperature scaling: Guo et al. 2017, https://arxiv.org/abs/1706.04599.
"""

import itertools
import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from saliency.models.tempsal import TempSAL

GAINS = tuple(round(0.5 + 0.1 * step, 1) for step in range(11))  # 0.5 to 1.5
WEIGHTS = tuple(round(0.2 * step, 1) for step in range(8))  # 0 to 1.4


class Calibration(NamedTuple):
    """What was found, and how likely a fixation is under it."""

    gain: float  # times as sharp as the network is
    weight: float  # of the centre bias
    bits: float  # mean log2 density of a fixation over a uniform one, with both
    plain_bits: float  # the same as the network is


@torch.inference_mode()
def surface(network: TempSAL, batches: Iterable[Mapping[str, Tensor]]) -> dict[tuple[float, float], float]:
    """Mean bits of a fixation over a uniform density, under each gain of `GAINS` and weight of `WEIGHTS`.

    `batches` are those of `saliency.datamodule`, all of whose pictures are taken to be unknown; pictures count alike.
    """
    network.eval()
    finish, total = network.finish, dict.fromkeys(itertools.product(GAINS, WEIGHTS), 0.0)
    gain, gate, count = finish.log_gain[0].clone(), finish.gate[0].clone(), 0
    try:
        for batch in batches:
            maps = network.see(batch["picture"]).maps
            fixated = batch["counts"][:, 0]
            looked = fixated.sum((1, 2)) > 0
            x0, y0, x1, y1 = batch["content"].unbind(1)
            uniform = -((x1 - x0) * (y1 - y0) / finish.scale**2).log()
            count += int(looked.sum())
            for scale, weight in total:
                finish.log_gain[0] = gain + math.log(scale)
                finish.gate[0] = gate * weight
                log_p, _ = finish(maps, batch["content"], torch.zeros_like(batch["condition"]), finish.scale)
                likely = (log_p * fixated).sum((1, 2)) / fixated.sum((1, 2)).clamp(min=1)
                total[scale, weight] += float((likely - uniform)[looked].sum()) / math.log(2)
    finally:
        finish.log_gain[0] = gain
        finish.gate[0] = gate
    return {pair: bits / max(1, count) for pair, bits in total.items()}


def best(surfaces: Iterable[Mapping[tuple[float, float], float]]) -> Calibration:
    """The gain and weight of the highest mean over several sets."""
    known = list(surfaces)
    mean = {pair: sum(each[pair] for each in known) / len(known) for pair in known[0]}
    pair = max(mean, key=lambda pair: mean[pair])
    return Calibration(*pair, mean[pair], mean[1.0, 1.0])


def calibrated(network: TempSAL, gain: float, weight: float) -> TempSAL:
    """A copy of the network whose "any" is `gain` times as sharp, with `weight` times its centre bias."""
    arguments: dict[str, Any] = {**network.arguments, "any_bias": float(network.finish.gate[0]) * weight}
    copy = TempSAL(**arguments)
    copy.load_state_dict(network.state_dict())
    with torch.no_grad():
        copy.finish.log_gain[0] += math.log(gain)
    return copy.eval()
