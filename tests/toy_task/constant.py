"""One map for every picture."""

import torch
from torch import Tensor, nn

from data.gaze import condition_names
from saliency.layers.finalizer import Finalizer


class Constant(nn.Module):
    """A grid of 3 x 4 logits, stretched over the picture; it has the interface of saliency models."""

    multiple = 32

    def __init__(self, conditions: tuple[str, ...] = (), slices: int = 1) -> None:
        super().__init__()
        self.arguments = {"conditions": list(conditions), "slices": slices}
        self.slices = slices
        self.conditions = condition_names(conditions)
        self.grid = nn.Parameter(torch.zeros(1, 1 + slices, 3, 4))
        self.finish = Finalizer(1 + slices, len(self.conditions))

    def forward(self, picture: Tensor, content: Tensor, condition: Tensor, stride: int = 1) -> tuple[Tensor, Tensor]:
        """The same log densities for every picture (b, h, w) and for each slice (b, t, h, w)."""
        b, h, w = picture.shape[:3]
        flat = torch.zeros(b, 1 + self.slices, h // self.finish.scale, w // self.finish.scale)
        logits = flat + nn.functional.interpolate(self.grid, flat.shape[2:], mode="bilinear", align_corners=False)
        density, slices = self.finish(logits, content, condition, stride)
        return density, slices
