"""Cuts, flashes, dissolves and pans told apart; flow, and what moves against the picture."""

from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from jaxtyping import UInt8

from export.runtime.frame_changes import Sight, Watch, camera_motion, explained, moved, moving

SIZE = (72, 128)
Frames = Sequence[UInt8[np.ndarray, "h w 3"]]


def texture(seed: int, size: tuple[int, int] = SIZE, tint: tuple[float, float, float] = (1, 1, 1)) -> np.ndarray:
    """A scene: clouds of several sizes, in some colour."""
    chance = np.random.default_rng(seed)
    total = np.zeros((*size, 3), np.float32)
    for cells in (4, 10, 30):
        total += cv2.resize(chance.normal(0, 1, (cells, 2 * cells, 3)).astype(np.float32), size[::-1])
    return np.clip(110 + 30 * total * np.array(tint, np.float32), 0, 255).astype(np.uint8)


def noisy(frames: Frames) -> list[np.ndarray]:
    chance = np.random.default_rng(9)
    return [np.clip(frame + chance.normal(0, 2, frame.shape), 0, 255).astype(np.uint8) for frame in frames]


def seen(frames: Frames, rate: float = 25) -> list[Sight]:
    watch = Watch()
    return [watch.see(frame, number / rate) for number, frame in enumerate(noisy(frames))]


def cuts(frames: Frames, rate: float = 25) -> list[int]:
    return [number for number, sight in enumerate(seen(frames, rate)) if sight.cut]


@pytest.mark.parametrize("rate", [10, 25, 60])
def test_hard_cuts_are_found_where_they_are(rate: float) -> None:
    scenes = [texture(seed) for seed in (1, 2, 3)]
    assert cuts([scene for scene in scenes for _ in range(12)], rate) == [12, 24]


def test_a_cut_to_another_place_in_the_same_colours_is_found() -> None:
    wide = texture(4, (144, 512))
    assert cuts([wide[:72, :128]] * 8 + [wide[60:132, 300:428]] * 8) == [8]


def test_a_pan_is_no_cut_however_quick() -> None:
    wide = texture(5, (72, 900))
    for step, count in ((2, 10), (8, 12), (20, 25)):
        assert cuts([wide[:, step * n : step * n + 128] for n in range(count)]) == []


def test_a_zoom_is_no_cut() -> None:
    scene = texture(6, (288, 512))
    frames = [cv2.resize(scene[n * 3 : 288 - n * 3, n * 5 : 512 - n * 5], SIZE[::-1]) for n in range(25)]
    assert cuts(frames) == []


@pytest.mark.parametrize("light", ["white", "bright", "black", "flicker"])
def test_a_flash_is_no_cut(light: str) -> None:
    scene = texture(7)
    other = {
        "white": np.full_like(scene, 255),
        "bright": np.clip(scene.astype(int) + 70, 0, 255).astype(np.uint8),
        "black": np.zeros_like(scene),
        "flicker": (scene * 0.6).astype(np.uint8),
    }[light]
    assert cuts([scene] * 8 + [other] * 2 + [scene] * 8 + [other] + [scene] * 4) == []


def test_a_dissolve_is_no_hard_cut() -> None:
    one, other = texture(8).astype(float), texture(9).astype(float)
    shares = np.clip((np.arange(45) - 10) / 25, 0, 1)
    assert cuts([((1 - share) * one + share * other).astype(np.uint8) for share in shares]) == []


def test_a_cut_through_black_is_found_when_something_is_seen_again() -> None:
    black = np.zeros((*SIZE, 3), np.uint8)
    assert cuts([texture(1)] * 6 + [black] * 6 + [texture(2)] * 6) == [12]


def test_something_large_that_crosses_the_frame_is_no_cut() -> None:
    frames = []
    for number in range(20):
        frame = texture(10).copy()
        frame[10:60, 5 * number : 5 * number + 40] = texture(11)[10:60, :40][:, : max(0, 128 - 5 * number)]
        frames.append(frame)
    assert cuts(frames) == []


def test_a_flow_leads_back_to_where_each_place_was() -> None:
    wide = texture(12, (72, 200))
    flow = seen([wide[:, 10:138], wide[:, 13:141]], 25)[1].flow
    assert flow is not None
    assert np.median(flow[..., 0]) * 128 == pytest.approx(3, abs=0.3)
    spot = np.zeros(SIZE, np.float32)
    spot[30:34, 60:64] = 1
    place = np.argwhere(moved(spot, flow) > 0.5).mean(0)
    assert place == pytest.approx([31.5, 58.5], abs=0.7)


def test_the_motion_of_the_camera_is_found_beside_something_that_moves_otherwise() -> None:
    flow = np.zeros((72, 128, 2), np.float32)
    flow[..., 0] = 2
    flow[20:50, 30:70] = (-6, 3)
    matrix = camera_motion(flow)
    assert matrix == pytest.approx(np.array([[1, 0, -2], [0, 1, 0]]), abs=0.05)


def test_a_still_frame_has_no_motion_and_what_moves_has() -> None:
    watch = Watch()
    scene = texture(13)
    for number, frame in enumerate(noisy([scene] * 10)):
        watch.see(frame, number / 25)
    assert watch.motion((36, 64)) is None
    frames = []
    for number in range(12):
        frame = scene.copy()
        frame[30:42, 20 + 4 * number : 32 + 4 * number] = (240, 240, 30)
        frames.append(frame)
    for number, frame in enumerate(noisy(frames)):
        watch.see(frame, 1 + number / 25)
    motion = watch.motion((72, 128))
    assert motion is not None
    assert 0 <= motion.min() <= motion.max() <= 1
    y, x = np.unravel_index(motion.argmax(), motion.shape)
    assert 26 <= y <= 46
    assert 50 <= x <= 80
    assert motion[:20].max() < 0.3 * motion.max()


def test_a_pan_alone_moves_nothing_against_the_picture() -> None:
    wide = texture(14, (72, 300))
    watch = Watch()
    for number in range(20):
        watch.see(noisy([wide[:, 3 * number : 3 * number + 128]])[0], number / 25)
    motion = watch.motion((72, 128))
    assert motion is None or float(motion[5:-5, 15:-15].max()) < 0.15


def test_contrast_does_not_decide_how_much_something_moves() -> None:
    """A faint square on a faint ground moves as much as a strong one on a strong ground."""
    found = []
    for strength in (0.4, 1.0):
        before, now = (np.full(SIZE, 100, np.float32) for _ in range(2))
        pattern = cv2.GaussianBlur(np.random.default_rng(1).normal(0, 60, SIZE).astype(np.float32), (0, 0), 2)
        before += strength * pattern
        now += strength * pattern
        before[30:40, 40:50] += strength * 60
        now[30:40, 48:58] += strength * 60
        still = np.array([[1.0, 0, 0], [0, 1, 0]])
        frames = [np.clip(each, 0, 255).astype(np.uint8) for each in (before, now)]
        found.append(float(moving(frames[0], frames[1], still).max()))
    assert found[0] > 0.6 * found[1] > 0.1


def test_what_a_flow_does_not_explain_is_known() -> None:
    one, other = (cv2.cvtColor(texture(seed), cv2.COLOR_RGB2GRAY) for seed in (15, 16))
    none = np.zeros((*SIZE, 2), np.float32)
    assert explained(one, one, none).min() > 0.95
    mixed = one.copy()
    mixed[:, 64:] = other[:, 64:]
    sure = explained(one, mixed, none)
    assert sure[:, :50].mean() > 0.95
    assert sure[:, 78:].mean() < 0.6


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 2), (16, 16)])
def test_frames_of_any_size_are_compared(size: tuple[int, int]) -> None:
    chance = np.random.default_rng(3)
    watch = Watch()
    for number in range(4):
        sight = watch.see(chance.integers(0, 255, (*size, 3), np.uint8), number / 10)
        assert 0 <= sight.change <= 1


@pytest.mark.slow
@pytest.mark.parametrize("rate", [50, 60, 120, 240])
def test_a_cut_between_quick_frames_is_found_at_once(rate: float) -> None:
    frames = [texture(seed) for seed in (1, 2) for _ in range(40)]
    assert cuts(frames, rate) == [40]


def test_flow_between_quick_frames_waits() -> None:
    watch = Watch()
    watch.see(texture(1), 0)
    assert watch.see(texture(1), 0.01).flow is None
    assert watch.see(texture(1), 0.04).flow is not None


@pytest.mark.parametrize("light", [0.08, 0.2])
def test_a_cut_in_the_dark_is_found(light: float) -> None:
    frames = [(texture(seed) * light).astype(np.uint8) for seed in (1, 2) for _ in range(10)]
    assert cuts(frames) == [10]
    wide = (texture(5, (72, 900)) * light).astype(np.uint8)
    assert cuts([wide[:, 6 * n : 6 * n + 128] for n in range(15)]) == []


def test_the_noise_of_a_black_picture_is_no_cut() -> None:
    black = [np.zeros((*SIZE, 3), np.uint8)] * 20
    assert cuts(black) == []
    assert cuts([*[texture(1)] * 5, *black, *[texture(1)] * 5]) == []
