"""The centre bias: the model that never looks at the picture, and is hard to beat."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from data.gaze import condition_names
from saliency.layers.finalizer import Density, Finalizer, Slices


class CenterBias(nn.Module):
    """The finisher of every model, alone: a learned mixture of Gaussians for each viewing condition and second."""

    multiple = 32

    def __init__(self, conditions: Sequence[str] = (), slices: int = 5) -> None:
        super().__init__()
        self.arguments = {"conditions": list(conditions), "slices": slices}
        self.conditions = condition_names(conditions)
        self.slices = slices
        self.finish = Finalizer(1 + slices, len(self.conditions))

    def forward(
        self,
        picture: UInt8[Tensor, "b h w 3"],
        content: Float[Tensor, "b 4"],
        condition: Int[Tensor, " b"],
        stride: int = 1,
    ) -> tuple[Density, Slices]:
        """Log densities per cell of `stride` canvas pixels (1 or 4): the whole viewing, and each second."""
        b, h, w = picture.shape[:3]
        flat = torch.zeros(b, 1 + self.slices, h // 4, w // 4, device=picture.device)
        density, slices = self.finish(flat, content, condition, stride)
        return density, slices
