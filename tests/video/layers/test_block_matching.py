"""Flow is what shifts a frame into the next one; what is carried along it lands where it was."""

import pytest
import torch

from video.layers.block_matching import REACH, BlockMatching, carried, structure


def texture(seed: int = 0) -> torch.Tensor:
    """A picture with something to hold on to everywhere, canvas pixels."""
    torch.manual_seed(seed)
    noise = torch.rand(1, 3, 24, 32) * 255
    return torch.nn.functional.interpolate(noise, (192, 256), mode="bicubic", align_corners=False).clamp(0, 255)


def matched(now: torch.Tensor, before: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    with torch.no_grad():
        flow, error = BlockMatching()(now, before)
    return flow, error


@pytest.mark.parametrize(("x", "y"), [(0, 0), (1, 0), (0, -2), (3, 2), (-3, -3)])
def test_the_flow_of_a_shifted_frame_is_its_shift(x: int, y: int) -> None:
    before = structure(texture())
    now = before.roll((y, x), (2, 3))
    flow, error = matched(now, before)
    inner = (slice(None), slice(None), slice(8, -8), slice(8, -8))
    assert float((flow[inner] - torch.tensor([-x, -y])[None, :, None, None]).abs().mean()) < 0.1
    assert float(error[inner].mean()) < 1e-6
    if x == y == 0:
        return
    left = float((carried(before, flow)[inner] - now[inner]).abs().mean())
    apart = float((before.roll((1, 1), (2, 3)) - before)[inner].abs().mean())  # of frames that are a cell apart
    assert left < apart / 10


def test_shifts_of_parts_of_a_cell_are_told() -> None:
    wide = texture()
    moved = wide.roll(6, 3)  # one cell and a half
    flow, _ = matched(structure(moved), structure(wide))
    assert float(flow[:, 0, 8:-8, 8:-8].mean()) == pytest.approx(-1.5, abs=0.25)


def test_what_the_flow_does_not_explain_has_an_error() -> None:
    before = structure(texture())
    other = structure(texture(5))
    now = before.clone()
    now[..., 16:32, 24:40] = other[..., 16:32, 24:40]
    _, error = matched(now, before)
    assert float(error[..., 20:28, 28:36].mean()) > 10 * float(error[..., :8, :8].mean() + 1e-3)


def test_light_does_not_move() -> None:
    """A darker frame has nearly the same structure, and no flow."""
    wide = texture()
    flow, _ = matched(structure(wide * 0.7), structure(wide))
    assert float(flow.abs().mean()) < 0.1


def test_a_plain_frame_is_finite_and_still() -> None:
    plain = structure(torch.full((1, 3, 64, 64), 90.0))
    flow, error = matched(plain, plain)
    assert torch.isfinite(flow).all()
    assert float(error.max()) == 0
    assert float(flow.mean().abs()) < REACH / 10


def test_a_map_that_does_not_move_stays_as_it_is() -> None:
    values = torch.rand(2, 3, 6, 8)
    torch.testing.assert_close(carried(values, torch.zeros(2, 2, 6, 8)), values, rtol=0, atol=1e-5)
