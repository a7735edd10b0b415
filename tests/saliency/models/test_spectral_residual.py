"""The spectral residual is the paper's formula."""

import cv2
import numpy as np
import torch

from saliency.models.spectral_residual import spectral_residual


def test_the_spectrum_by_hand() -> None:
    """The formula in numpy, at the scale where nothing is resized."""
    grey = np.random.default_rng(0).random((48, 64)).astype(np.float32)
    spectrum = np.fft.fft2(grey)
    log = np.log(np.abs(spectrum))
    around = sum(np.roll(log, (dy, dx), (0, 1)) for dy in (-1, 0, 1) for dx in (-1, 0, 1)) / 9
    odd = np.abs(np.fft.ifft2(np.exp(log - around + 1j * np.angle(spectrum)))) ** 2
    expected = cv2.GaussianBlur(odd, (17, 17), 2.5, borderType=cv2.BORDER_CONSTANT)
    got = spectral_residual(torch.from_numpy(grey)).numpy()
    assert np.allclose(got / got.max(), expected / expected.max(), atol=1e-4)
