"""Spectral residual: what is statistically odd in a picture's spectrum pops out; no training.

    A exp(iP) = FFT(grey picture, its longer side 64 pixels);  R = log A - (3 x 3 mean of log A)
    saliency  = Gaussian blur of |inverse FFT(exp(R + iP))|^2

Everyday pictures have much the same smooth log spectrum; what sticks out of it belongs to the unusual parts. The blur
meets zeros beyond the edge, as in the authors' code: opposite edges that differ would pop out too.
Hou and Zhang 2007, https://doi.org/10.1109/CVPR.2007.383267.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from saliency.models._classical import Classical

SIDE = 64  # pixels: the scale of the paper
SIGMA = 2.5  # pixels at that scale, as in the authors' code
LUMA = (0.299, 0.587, 0.114)


class SpectralResidual(Classical):
    """The spectral residual in the models' common interface."""

    def see(self, picture: Float[Tensor, "3 h w"]) -> Float[Tensor, "h2 w2"]:
        """The residual of its grey tones, at the scale of the paper."""
        return spectral_residual(torch.einsum("chw,c->hw", picture, picture.new_tensor(LUMA)))


def spectral_residual(grey: Float[Tensor, "h w"]) -> Float[Tensor, "h2 w2"]:
    """Saliency of a grey picture of any size, on a grid whose longer side is 64."""
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
    return odd[0, 0]
