"""The finisher: how every saliency model ends, so that a prediction is a density.

    finish(f) = log softmax( gain * blur(f) + bias(condition) )   over the pixels of the picture

`f` is `(b, 1 + t, g, g')`, one map of the whole viewing and t slices. The blur's sigma is learned; the centre bias is a
learned mixture of Gaussians for each viewing condition and map, in the picture's own coordinates. Condition "any" (0)
is for unknown pictures, the last one, "uniform", has no bias. Pixels outside the picture get probability zero. All is
computed in float32, under autocast as well: in bfloat16 a log density would be off by some hundredths.
After DeepGaze II's readout (Kuemmerer et al. 2016, https://arxiv.org/abs/1610.01563); the mixture is ours.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate, pad

from attention.operators.dense import exact

OUTSIDE = -1e4  # the logit of a pixel outside the picture: exp of it is zero
FLOOR = 1e-5  # of the mixture: no place is impossible
RADIUS = 4  # cells: the blur's half width

Density = Float[Tensor, "b y x"]  # cells, or pixels at stride 1
Slices = Float[Tensor, "b t y x"]


class Finalizer(nn.Module):
    """Blur, centre bias, normalisation.

    Args:
        maps: of the whole viewing and of each slice.
        conditions: viewing conditions, "any" and "uniform" among them.
        scale: canvas pixels per cell of the incoming map.
        kernels: Gaussians of a centre bias.
        any_bias: weight of the centre bias under "any", which is for unknown pictures.
    """

    gate: Tensor

    def __init__(self, maps: int, conditions: int, scale: int = 4, kernels: int = 6, any_bias: float = 1.0) -> None:
        super().__init__()
        self.scale = scale  # canvas pixels per cell of the incoming map
        self.log_sigma = nn.Parameter(torch.zeros(maps))
        self.log_gain = nn.Parameter(torch.zeros(conditions, maps))
        spread = torch.linspace(-1.2, 0.6, kernels)
        start = torch.stack([torch.zeros(kernels), torch.zeros(kernels), spread, spread, torch.zeros(kernels)])
        self.bias = nn.Parameter(start.repeat(conditions, maps, 1, 1))  # x, y, log width, log height, log weight
        gate = torch.ones(conditions)
        gate[0], gate[-1] = any_bias, 0  # any, uniform
        self.register_buffer("gate", gate, persistent=False)

    def _blur(self, logits: Float[Tensor, "b m g v"]) -> Float[Tensor, "b m g v"]:
        reach = torch.arange(-RADIUS, RADIUS + 1, device=logits.device, dtype=logits.dtype)
        count = logits.shape[1]
        kernel = torch.softmax(-(reach**2) / (2 * self.log_sigma[:count].exp()[:, None] ** 2), 1)
        padded = pad(logits.contiguous(), (RADIUS,) * 4, mode="replicate")
        rows = conv2d(padded, kernel[:, None, :, None], groups=count)
        return conv2d(rows, kernel[:, None, None, :], groups=count)

    def _bias(
        self, u: Float[Tensor, "b v"], v: Float[Tensor, "b g"], condition: Int[Tensor, " b"]
    ) -> Float[Tensor, "b maps g v"]:
        """The log of the mixture at the picture's coordinates, -1 to 1."""
        x, y, wide, high, weight = self.bias[condition].unbind(2)  # each (b, maps, k)
        across = torch.exp(-(((u[:, None, None] - x[..., None]) / wide[..., None].exp()) ** 2) / 2)
        down = torch.exp(-(((v[:, None, None] - y[..., None]) / high[..., None].exp()) ** 2) / 2)
        level = (weight.log_softmax(-1) - wide - high).exp()
        mixture = (down * level[..., None]).transpose(2, 3) @ across
        return torch.log(mixture + FLOOR) * self.gate[condition][:, None, None, None]

    def forward(
        self,
        logits: Float[Tensor, "b m g v"],
        content: Float[Tensor, "b 4"],
        condition: Int[Tensor, " b"],
        stride: int = 1,
    ) -> tuple[Density, Slices]:
        """Log densities per cell of `stride` canvas pixels: the whole viewing, and each slice; in float32.

        `logits` may be the first maps alone.
        """
        log = exact(self._finish)(logits.float(), content.float(), condition, stride)
        return log[:, 0], log[:, 1:]

    def _finish(
        self, logits: Float[Tensor, "b m g v"], content: Float[Tensor, "b 4"], condition: Int[Tensor, " b"], stride: int
    ) -> Float[Tensor, "b m y x"]:
        trained = condition * (condition < self.gate.shape[0] - 1)  # "uniform" is as sharp as "any"
        maps = logits.shape[1]
        logits = self._blur(logits) * self.log_gain[trained].exp()[:, :maps, None, None]
        if stride != self.scale:
            factor = self.scale // stride
            size = (logits.shape[-2] * factor, logits.shape[-1] * factor)
            logits = interpolate(logits, size, mode="bilinear", align_corners=False)
        x0, y0, x1, y1 = (c[:, None] for c in content.unbind(1))
        x = (torch.arange(logits.shape[-1], device=logits.device) + 0.5) * stride
        y = (torch.arange(logits.shape[-2], device=logits.device) + 0.5) * stride
        bias = self._bias((x - x0) / (x1 - x0) * 2 - 1, (y - y0) / (y1 - y0) * 2 - 1, condition)[:, :maps]
        inside = ((x >= x0) & (x < x1))[:, None, None, :] & ((y >= y0) & (y < y1))[:, None, :, None]
        logits = torch.where(inside, logits + bias, OUTSIDE)
        return logits.flatten(2).log_softmax(-1).reshape(logits.shape)
