"""Objects from the features of a saliency model: for each kind a map of box centres, and at each cell a box.

CenterNet (Zhou et al. 2019, https://arxiv.org/abs/1904.07850): the logit of a centre, the logarithms of width and
height in cells, and how far the centre lies from the cell's corner, learned at all cells near a centre (Liu et al.
2020, https://arxiv.org/abs/1909.00700). `boxes` turns that into what an exported file gives: at each cell a score and a
box in canvas pixels, of which `export.runtime.found_objects` takes those that stand out.

Shapes: `k` kinds, `g v` cells of `STRIDE` canvas pixels.
"""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import interpolate, smooth_l1_loss

from data.center_maps import NEAR
from saliency.layers.backbone import InvertedResidual

KINDS = ("object", "face")
STRIDE = 4  # canvas pixels a cell
RARE = 0.02  # the score at first: most cells are no centre
LARGEST = 7.0  # the logarithm of the most cells a box is wide: exp of what is not trained yet stays a number
FARTHEST = 32.0  # cells from a cell to its box's centre
BOX_WEIGHT = 1.0  # of the boxes in the loss, beside the centres

Raw = Float[Tensor, "b k 5 g v"]  # logit of a centre, log width, log height, x and y in the cell


class ObjectHead(nn.Module):
    """Reads the raw maps from features at a quarter and at an eighth of the canvas, of `fine` and `eighth` channels."""

    def __init__(self, fine: int, eighth: int, kinds: int, width: int = 48) -> None:
        super().__init__()
        self.kinds = kinds
        self.around = InvertedResidual(eighth, eighth, expand=2)
        self.join = nn.Sequential(nn.Conv2d(fine + eighth, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        self.look = nn.Sequential(
            nn.Conv2d(width, width, 5, padding=2, groups=width, bias=False),
            nn.BatchNorm2d(width),
            nn.Conv2d(width, width, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        )
        self.read = nn.Conv2d(width, kinds * 5, 1)
        with torch.no_grad():
            bias = torch.tensor([math.log(RARE / (1 - RARE)), 1.5, 1.5, 0.5, 0.5])
            self.read.weight.mul_(0.1)
            self.read.bias.copy_(bias.repeat(kinds))  # type: ignore[union-attr]

    def forward(self, fine: Float[Tensor, "b c g v"], eighth: Float[Tensor, "b d p q"]) -> Raw:
        """For every kind the five raw maps."""
        far = interpolate(self.around(eighth), fine.shape[-2:], mode="bilinear", align_corners=False)
        raw: Tensor = self.read(self.look(self.join(torch.cat([fine, far], 1))))
        return raw.unflatten(1, (self.kinds, 5))  # type: ignore[no-untyped-call, no-any-return]


def boxes(raw: Raw) -> Float[Tensor, "b k 5 g v"]:
    """At each cell a score from 0 to 1, and left, top, right and bottom in canvas pixels."""
    raw = raw.float()
    half = raw[:, :, 1:3].clamp(max=LARGEST).exp() / 2
    y, x = (torch.arange(side, device=raw.device, dtype=raw.dtype) for side in raw.shape[-2:])
    offset = raw[:, :, 3:].clamp(-FARTHEST, FARTHEST)
    centre_x, centre_y = x + offset[:, :, 0], y[:, None] + offset[:, :, 1]
    sides = (centre_x - half[:, :, 0], centre_y - half[:, :, 1], centre_x + half[:, :, 0], centre_y + half[:, :, 1])
    return torch.stack([raw[:, :, 0].sigmoid(), *(STRIDE * side for side in sides)], 2)


def object_loss(
    raw: Raw, centres: Float[Tensor, "b k g v"], goals: Float[Tensor, "b k 4 g v"], known: Bool[Tensor, "b k g v"]
) -> Float[Tensor, ""]:
    """CenterNet's penalty-reduced focal loss of the centres, and the distance of the boxes near the true centres.

    `centres` is one at the true centres and falls off around them, `goals` are the boxes where it is at least `NEAR`;
    cells that are not `known` (of a kind that was not annotated, or where an annotation is uncertain) do not count.
    Without any known cell it is zero.
    """
    logits, found = raw[:, :, 0].float(), centres == 1
    positive = nn.functional.logsigmoid(logits)
    negative = nn.functional.logsigmoid(-logits)
    score = logits.sigmoid()
    focal = torch.where(found, (1 - score) ** 2 * positive, (1 - centres) ** 4 * score**2 * negative)
    total = -(focal * known).sum() / (found & known).sum().clamp_min(1)
    near = centres * ((centres >= NEAR) & known)
    distance = smooth_l1_loss(raw[:, :, 1:].float(), goals, reduction="none", beta=0.1).sum(2)
    return total + BOX_WEIGHT * (distance * near).sum() / near.sum().clamp_min(1)
