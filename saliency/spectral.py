"""Spectral residual: what is statistically odd in a picture's spectrum pops out; no training.

    A exp(iP) = FFT(grey picture, its longer side 64 pixels);  R = log A - (3 x 3 mean of log A)
    saliency  = Gaussian blur of |inverse FFT(exp(R + iP))|^2

Everyday pictures have much the same smooth log spectrum; what sticks out of it belongs to the unusual parts. Only the
content of a canvas is transformed: the edges of its bars would pop out first. A flat picture has a flat map. The blur
meets zeros beyond the edge, as in the authors' code: opposite edges that differ would pop out too. There is no centre
bias beside that, so every viewing condition has the same answer, and nothing is known about time.
Hou and Zhang 2007, https://doi.org/10.1109/CVPR.2007.383267.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor, nn
from torch.nn import functional

SIDE = 64  # pixels: the scale of the paper
SIGMA = 2.5  # pixels at that scale, as in the authors' code
LOWEST = -1e4  # log density in the bars


class SpectralResidual(nn.Module):
    """The models' common interface: `conditions` and `slices` are taken for its sake and change nothing."""

    multiple = 32

    def __init__(self, conditions: Sequence[str] = (), slices: int = 0) -> None:
        super().__init__()
        self.arguments: dict[str, object] = {}
        self.conditions = ("any", "uniform")
        self.slices = 0

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
        grey = picture.float() @ picture.new_tensor([0.299, 0.587, 0.114], dtype=torch.float32) / 255
        density = torch.zeros_like(grey)
        for index, (x0, y0, x1, y1) in enumerate(content.round().long().tolist()):
            density[index, y0:y1, x0:x1] = spectral_residual(grey[index, y0:y1, x0:x1])
        logits = functional.avg_pool2d(density, stride).log().clamp_min(LOWEST)
        log_density = logits.flatten(1).log_softmax(1).view_as(logits)
        return log_density, log_density.new_empty(len(picture), 0, *logits.shape[1:])


def spectral_residual(grey: Float[Tensor, "h w"]) -> Float[Tensor, "h w"]:
    """Saliency above zero of each pixel of a grey picture of any size."""
    if grey.min() == grey.max():
        return torch.ones_like(grey)
    scale = SIDE / max(grey.shape)
    size = [max(1, round(side * scale)) for side in grey.shape]
    small = functional.interpolate(grey[None, None], size, mode="bilinear", antialias=True)
    spectrum = torch.fft.fft2(small)
    log_amplitude = spectrum.abs().clamp_min(1e-6).log()
    around = functional.avg_pool2d(functional.pad(log_amplitude, (1, 1, 1, 1), mode="circular"), 3, 1)
    odd = torch.fft.ifft2(torch.polar((log_amplitude - around).exp(), spectrum.angle())).abs().square()
    radius = round(3 * SIGMA)
    offsets = torch.arange(-radius, radius + 1, device=grey.device, dtype=grey.dtype)
    kernel = (-(offsets**2) / (2 * SIGMA**2)).exp()
    odd = functional.conv2d(odd, kernel.view(1, 1, 1, -1), padding=(0, radius))
    odd = functional.conv2d(odd, kernel.view(1, 1, -1, 1), padding=(radius, 0))
    whole = functional.interpolate(odd, grey.shape, mode="bilinear", align_corners=False)[0, 0]
    return whole / whole.max() + 1e-6
