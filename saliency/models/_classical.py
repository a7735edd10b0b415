"""What the models without training share: they see the content of each canvas alone, and every condition alike.

The content is cut from its canvas, for the edges of the bars would pop out before anything else. There is no centre
bias, so that every viewing condition has the same answer; nothing is known about time; nothing is exported to ONNX.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor, nn
from torch.nn import functional

from attention.operators.dense import exact

LOWEST = -1e4  # log density in the bars
FLOOR = 1e-6  # of the highest value: no place on the picture is impossible


class Classical(nn.Module):
    """The models' common interface: `conditions` and `slices` are taken for its sake and change nothing."""

    multiple = 32

    def __init__(self, conditions: Sequence[str] = (), slices: int = 0) -> None:
        super().__init__()
        self.arguments: dict[str, object] = {}
        self.conditions = ("any", "uniform")
        self.slices = 0

    def see(self, picture: Float[Tensor, "3 h w"]) -> Float[Tensor, "h2 w2"]:
        """The saliency, zero or more, of an RGB picture (0 to 1) on a grid of any size; what each model is."""
        raise NotImplementedError

    def forward(
        self,
        picture: UInt8[Tensor, "b h w 3"],
        content: Float[Tensor, "b 4"],
        condition: Int64[Tensor, " b"],
        stride: int = 1,
    ) -> tuple[Float[Tensor, "b ch cw"], Float[Tensor, "b 0 ch cw"]]:
        """The log density per cell of `stride` x `stride` canvas pixels, summing to one, and no slices.

        `content` is x0, y0, x1, y1 in canvas pixels; outside of it the log density is -1e4.
        """
        density = torch.zeros(picture.shape[:3], device=picture.device)
        for index, (x0, y0, x1, y1) in enumerate(content.round().long().tolist()):
            seen = picture[index, y0:y1, x0:x1].permute(2, 0, 1).float() / 255
            density[index, y0:y1, x0:x1] = exact(self._whole)(seen)
        logits = functional.avg_pool2d(density, stride).log().clamp_min(LOWEST)
        log_density = logits.flatten(1).log_softmax(1).view_as(logits)
        return log_density, log_density.new_empty(len(picture), 0, *logits.shape[1:])

    def _whole(self, picture: Float[Tensor, "3 h w"]) -> Float[Tensor, "h w"]:
        """What is seen, on the picture's own grid, from FLOOR to 1 + FLOOR; a flat picture has a flat map."""
        flat = torch.equal(picture.amin((1, 2)), picture.amax((1, 2)))
        saliency = picture[0] * 0 if flat else self.see(picture)
        if saliency.max() <= 0:
            return torch.ones_like(picture[0])
        wide = functional.interpolate(saliency[None, None], picture.shape[1:], mode="bilinear", align_corners=False)
        return wide[0, 0] / wide.max() + FLOOR
