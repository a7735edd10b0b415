"""The spectral residual finds the odd one out, keeps to the content, and sums to one."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from data.picture import FILL, Letterbox
from saliency import metrics
from saliency.spectral import SpectralResidual, spectral_residual


def clutter(size: tuple[int, int] = (96, 128), odd: tuple[int, int] | None = (32, 80)) -> Tensor:
    """A cloudy ground, and one bright patch of 16 x 16 pixels."""
    clouds = torch.rand(1, 1, size[0] // 8, size[1] // 8, generator=torch.Generator().manual_seed(0))
    picture = torch.nn.functional.interpolate(clouds, size, mode="bilinear")[0, 0] * 120 + 20
    if odd is not None:
        top, left = odd
        picture[top : top + 16, left : left + 16] = 230
    return picture.to(torch.uint8)[..., None].repeat(1, 1, 3)


def run(picture: Tensor, box: tuple[float, float, float, float] | None = None, stride: int = 1) -> Tensor:
    height, width = picture.shape[:2]
    content = torch.tensor([box or (0, 0, width, height)], dtype=torch.float32)
    density, slices = SpectralResidual()(picture[None], content, torch.zeros(1, dtype=torch.long), stride)
    assert slices.shape == (1, 0, *density.shape[1:])
    return density[0]


def test_the_odd_patch_pops_out() -> None:
    density = run(clutter()).exp()
    assert density.shape == (96, 128)
    y, x = divmod(int(density.argmax()), 128)
    assert 28 <= y < 52
    assert 76 <= x < 100
    assert density[32:48, 80:96].mean() > 4 / (96 * 128)  # four times its share


@pytest.mark.parametrize("stride", [1, 4, 16])
def test_a_density_sums_to_one_at_every_stride(stride: int) -> None:
    density = run(clutter(), stride=stride)
    assert density.shape == (96 // stride, 128 // stride)
    assert density.dtype == torch.float32
    assert density.exp().sum().item() == pytest.approx(1, abs=1e-5)
    assert density.isfinite().all()


def test_a_coarse_cell_holds_the_probability_of_its_pixels() -> None:
    fine, coarse = run(clutter()).exp(), run(clutter(), stride=8).exp()
    assert torch.allclose(fine.view(12, 8, 16, 8).sum((1, 3)), coarse, atol=1e-6)


def test_the_bars_have_no_probability_and_no_influence() -> None:
    whole = clutter()
    canvas = torch.full((96, 192, 3), FILL, dtype=torch.uint8)
    canvas[:, 32:160] = whole
    density = run(canvas, (32, 0, 160, 96))
    assert density[:, :32].max() <= -1e4
    assert density[:, 160:].max() <= -1e4
    assert torch.allclose(density[:, 32:160], run(whole), atol=1e-4)


def test_a_flat_picture_has_a_flat_map() -> None:
    density = run(torch.full((64, 96, 3), 90, dtype=torch.uint8))
    assert torch.allclose(density, torch.full((64, 96), -np.log(64 * 96), dtype=torch.float32), atol=1e-4)


def test_a_picture_scores_the_same_alone_and_in_a_batch_whatever_the_condition() -> None:
    pair = torch.stack([clutter(), clutter(odd=(8, 8))])
    content = torch.tensor([[0.0, 0, 128, 96]]).repeat(2, 1)
    density, _ = SpectralResidual(("osie", "crowd"), 5)(pair, content, torch.tensor([0, 3]))
    assert torch.equal(density[1], run(clutter(odd=(8, 8))))


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (5, 3), (300, 7), (64, 64), (63, 100)])
def test_any_size_of_content_has_a_map_above_zero(size: tuple[int, int]) -> None:
    grey = torch.rand(size, generator=torch.Generator().manual_seed(0))
    saliency = spectral_residual(grey)
    assert saliency.shape == size
    assert saliency.isfinite().all()
    assert saliency.min() > 0


def test_the_spectrum_by_hand() -> None:
    """The formula in numpy, at the scale where nothing is resized."""
    grey = np.random.default_rng(0).random((48, 64)).astype(np.float32)
    spectrum = np.fft.fft2(grey)
    log = np.log(np.abs(spectrum))
    around = sum(np.roll(log, (dy, dx), (0, 1)) for dy in (-1, 0, 1) for dx in (-1, 0, 1)) / 9
    odd = np.abs(np.fft.ifft2(np.exp(log - around + 1j * np.angle(spectrum)))) ** 2
    expected = cv2.GaussianBlur(odd, (17, 17), 2.5, borderType=cv2.BORDER_CONSTANT)
    got = spectral_residual(torch.from_numpy(grey)).numpy()
    assert np.allclose(got, expected / expected.max(), atol=1e-4)


def test_it_beats_chance_on_real_pictures(shared: Path) -> None:
    names = [f"{n}.jpg" for n in (1001, 1002, 1005, 1006, 1007, 1008)]
    folder = shared / "osie"
    counts = {name: torch.zeros(192, 256, dtype=torch.long) for name in names}
    with (folder / "fixations.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            x, y = int(float(row["x"]) / 2), int(float(row["y"]) / 2)
            if row["image"] in counts and 0 <= x < 256 and 0 <= y < 192:
                counts[row["image"]][y, x] += 1
    pictures = [cv2.cvtColor(cv2.imread(str(folder / "images" / name)), cv2.COLOR_BGR2RGB) for name in names]
    box = Letterbox.fit(pictures[0].shape[:2], (192, 256))
    batch = torch.from_numpy(np.stack([box.apply(picture) for picture in pictures]))
    content = torch.from_numpy(box.box).repeat(len(names), 1)
    density, _ = SpectralResidual()(batch, content, torch.zeros(len(names), dtype=torch.long))
    fixations = torch.stack(list(counts.values()))
    assert metrics.auc_judd(density.exp(), fixations).mean() > 0.65
    assert metrics.nss(density.exp(), fixations).mean() > 0.6
