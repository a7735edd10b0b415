"""Itti-Koch: what differs from its surround in intensity, colour or orientation pops out; no training.

    I = (r + g + b) / 3, and with r g b divided by I where I is above a tenth of its maximum (elsewhere 0):
    R = r - (g + b) / 2    G = g - (r + b) / 2    B = b - (r + g) / 2    Y = (r + g) / 2 - |r - g| / 2 - b    all >= 0
    f(c, s)  = N(|f(c) - f(s)|)        c in 2, 3, 4; s = c + 3, c + 4; f: I, R - G, B - Y, orientation at 4 angles
    saliency = [N(sum of I(c, s)) + N(sum of RG + BY) + N(sum over angles of N(sum of O(c, s)))] / 3   at scale 4

Scale c is the picture, its longer side 640 pixels, halved c times with a blur of (1 4 6 4 1) / 16 each way; scales are
compared at the finer of the two and summed at scale 4. N stretches a map to 0 to 1 and multiplies it with (1 - m)^2,
m the mean of all local maxima but one of the highest: a map with one peak stays, one with many alike vanishes. Colours
are made at each scale, where the paper halves those of the full picture. Orientation is the
answer of Gabor filters (the mean of both phases' magnitudes); the paper's steerable pyramid is not built. The surround
of a red spot on green differs in R - G from +1 to -1, which is the paper's double opponency. The sequence of the
winner-take-all network is `scanpath.baselines.winner_take_all`.
Itti, Koch and Niebur 1998, https://doi.org/10.1109/34.730558; filters as in Walther and Koch 2006,
https://doi.org/10.1016/j.neunet.2006.10.001.
"""

import functools
import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from saliency.models._classical import Classical

SIDE = 640  # pixels: the longer side in the paper
CENTRES, DELTAS, OUT = (2, 3, 4), (3, 4), 4
ANGLES = (0.0, 45.0, 90.0, 135.0)  # degrees
PERIOD, SPREAD, RADIUS = 7.0, 7.0 / 3, 4  # pixels: of the Gabor filters
WEAK = 0.1  # of a map's maximum: local maxima below do not count
FLAT = 1e-5  # of features that lie between 0 and about 1

Maps = Float[Tensor, "c h w"]


class IttiKoch(Classical):
    """The model of Itti, Koch and Niebur in the models' common interface."""

    def see(self, picture: Float[Tensor, "3 h w"]) -> Float[Tensor, "h2 w2"]:
        """The mean of the three conspicuity maps at scale 4."""
        levels = scales(picture, 9)
        intensity, colour = [intensities(level) for level in levels], [opponents(level) for level in levels]
        bars = [orientations(level) for level in intensity]
        shape = levels[OUT].shape[1:]
        angles = normalised(_conspicuous(bars, shape))  # [angle, h, w]
        parts = [_conspicuous(intensity, shape).sum(0), _conspicuous(colour, shape).sum(0), angles.sum(0)]
        return normalised(torch.stack(parts)).mean(0)


def scales(picture: Float[Tensor, "3 h w"], levels: int) -> list[Maps]:
    """The pyramid of a picture that is first brought to the size of the paper."""
    scale = SIDE / max(picture.shape[1:])
    size = [max(1, round(side * scale)) for side in picture.shape[1:]]
    return pyramid(functional.interpolate(picture[None], size, mode="bilinear", antialias=True)[0], levels)


def pyramid(picture: Maps, levels: int) -> list[Maps]:
    """The picture and its halves; no side gets shorter than one pixel."""
    weights = picture.new_tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
    found = [picture]
    for _ in range(levels - 1):
        padded = functional.pad(found[-1][:, None], (2, 2, 2, 2), mode="replicate")
        blurred = functional.conv2d(padded, weights.view(1, 1, 1, 5), stride=(1, 2))
        found.append(functional.conv2d(blurred, weights.view(1, 1, 5, 1), stride=(2, 1))[:, 0])
    return found


def intensities(picture: Float[Tensor, "3 h w"]) -> Float[Tensor, "1 h w"]:
    """The mean of the three colours."""
    return picture.mean(0, keepdim=True)


def opponents(picture: Float[Tensor, "3 h w"]) -> Float[Tensor, "2 h w"]:
    """Red against green, and blue against yellow, -3 to 3; 0 where it is too dark to see colours."""
    intensity = picture.mean(0)
    seen = intensity > WEAK * intensity.max()
    r, g, b = torch.where(seen, picture / intensity.clamp_min(1e-6), 0)
    red, green = (r - (g + b) / 2).clamp_min(0), (g - (r + b) / 2).clamp_min(0)
    blue, yellow = (b - (r + g) / 2).clamp_min(0), ((r + g) / 2 - (r - g).abs() / 2 - b).clamp_min(0)
    return torch.stack([red - green, blue - yellow])


def orientations(intensity: Float[Tensor, "1 h w"]) -> Float[Tensor, "4 h w"]:
    """How strongly the picture has bars at 0, 45, 90 and 135 degrees around each pixel."""
    padded = functional.pad(intensity[None], (RADIUS,) * 4, mode="replicate")
    answers = functional.conv2d(padded, _gabors().to(intensity)[:, None])[0]
    return answers.view(len(ANGLES), 2, *intensity.shape[1:]).abs().mean(1)


def normalised(maps: Maps) -> Maps:
    """N of each map: 0 to 1, times (1 - m)^2, m the mean of all local maxima but one highest; a flat map becomes 0."""
    stretched = stretch(maps)
    peaks = functional.max_pool2d(stretched[:, None], 3, 1, 1)[:, 0]
    local = (stretched == peaks) & (stretched > WEAK)
    others = local.sum((1, 2), keepdim=True) - 1
    mean = ((stretched * local).sum((1, 2), keepdim=True) - 1).clamp_min(0) / others.clamp_min(1)
    return stretched * (1 - mean).square()


def stretch(maps: Maps) -> Maps:
    """Each map from 0 to 1; one whose values differ by no more than rounding becomes 0."""
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    return torch.where(high - low > FLAT, (maps - low) / (high - low).clamp_min(FLAT), 0)


def _conspicuous(levels: list[Maps], shape: torch.Size) -> Maps:
    """The sum of a feature's centre-surround differences, each normalised, at scale 4."""
    total = levels[0].new_zeros(len(levels[0]), *shape)
    for centre in CENTRES:
        for delta in DELTAS:
            surround = _resized(levels[centre + delta], levels[centre].shape[1:])
            total += _resized(normalised((levels[centre] - surround).abs()), shape)
    return total


def _resized(maps: Maps, shape: torch.Size) -> Maps:
    if maps.shape[1:] == shape:
        return maps
    return functional.interpolate(maps[None], shape, mode="bilinear", align_corners=False, antialias=True)[0]


@functools.cache
def _gabors() -> Float[Tensor, "f k k"]:
    """Filters for each angle, cosine then sine, without a mean and with magnitudes that sum to one."""
    y, x = torch.meshgrid(*[torch.arange(-RADIUS, RADIUS + 1, dtype=torch.float64)] * 2, indexing="ij")
    found = []
    for angle in ANGLES:
        across = x * math.sin(math.radians(angle)) + y * math.cos(math.radians(angle))
        window = (-(x.square() + y.square()) / (2 * SPREAD**2)).exp()
        for phase in (0.0, math.pi / 2):
            wave = window * torch.cos(2 * math.pi * across / PERIOD - phase)
            wave = wave - window * wave.sum() / window.sum()
            found.append(wave / wave.abs().sum())
    return torch.stack(found).float()
