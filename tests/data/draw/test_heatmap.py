"""Does the picture show what the density says, at any size, and does the caller's array stay as it was?"""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from data import maps
from data.draw._text import render_text
from data.draw.contours import contours as draw_contours
from data.draw.heatmap import heatmap
from data.draw.legend import legend
from data.draw.palettes import FOG, PALETTES, palette_table
from data.draw.timeline import PANEL, caption, panel_size, timeline
from data.errors import GazeError
from data.picture import Letterbox

ROOT = Path(__file__).parents[3]

HEIGHT, WIDTH = 90, 120


def blob(height: int = HEIGHT, width: int = WIDTH, x: float = 0.7, y: float = 0.4, sigma: float = 0.1) -> np.ndarray:
    """A log density with one Gaussian, centred on a pixel; lengths are shares of the width."""
    rows, columns = np.mgrid[:height, :width]
    far = (columns - round(x * width)) ** 2 + (rows - round(y * height)) ** 2
    values = -far / (2 * (sigma * width) ** 2)
    return (values - np.log(np.exp(values).sum())).astype(np.float32)


def last_colour(palette: str) -> np.ndarray:
    return np.array(palette_table(palette)[-1, :3])


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


@pytest.mark.parametrize("palette", PALETTES)
def test_the_hottest_pixel_has_the_last_colour_and_quiet_places_stay(palette: str, picture: np.ndarray) -> None:
    drawn = heatmap(picture, blob(), opacity=1.0, palette=palette)
    hottest = drawn[round(0.4 * HEIGHT), round(0.7 * WIDTH)]
    assert drawn.dtype == np.uint8
    assert drawn.shape == picture.shape
    if palette == "fog":
        np.testing.assert_array_equal(hottest, picture[round(0.4 * HEIGHT), round(0.7 * WIDTH)])
        np.testing.assert_array_equal(drawn[-1, 0], FOG)
    else:
        np.testing.assert_array_equal(hottest, last_colour(palette))
        np.testing.assert_array_equal(drawn[-1, 0], picture[-1, 0])


def test_the_heat_grows_with_the_density() -> None:
    white = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    row = heatmap(white, blob(), 0.6)[round(0.4 * HEIGHT)].astype(int)
    changed = np.abs(row - 255).sum(1)
    assert changed[0] < 5 < changed[60] < changed[72]


def test_opacity_zero_is_the_picture_itself(picture: np.ndarray) -> None:
    drawn = heatmap(picture, blob(), opacity=0.0)
    np.testing.assert_array_equal(drawn, picture)
    assert not np.shares_memory(drawn, picture)


def test_a_given_peak_makes_maps_comparable(picture: np.ndarray) -> None:
    density = blob()
    strong = heatmap(picture, density, peak=float(density.max()))
    np.testing.assert_array_equal(strong, heatmap(picture, density))
    weak = heatmap(picture, density, peak=float(density.max()) + 3)
    changes = [np.abs(each.astype(int) - picture).sum() for each in (weak, strong)]
    assert 0 < changes[0] < changes[1] / 3


def test_a_flat_density_has_no_hot_place(picture: np.ndarray) -> None:
    flat = np.full((HEIGHT, WIDTH), -np.log(HEIGHT * WIDTH), np.float32)
    np.testing.assert_array_equal(heatmap(picture, flat), picture)
    assert draw_contours(picture, flat).shape == picture.shape
    assert maps.region(flat, 0.25).all()


def test_bars_of_no_probability_are_left_alone(picture: np.ndarray) -> None:
    density = blob()
    density[:, :20] = -np.inf
    np.testing.assert_array_equal(heatmap(picture, density)[:, :20], picture[:, :20])


@pytest.mark.parametrize("level", [0.25, 0.5, 0.75, 1.0])
def test_a_region_holds_its_share_and_no_smaller_one_does(level: float) -> None:
    density = np.random.default_rng(1).normal(size=(30, 40)).astype(np.float32)
    density -= np.log(np.exp(density).sum())
    inside = maps.region(density, level)
    probability = np.exp(density, dtype=np.float64)
    assert probability[inside].sum() >= level * probability.sum() * (1 - 1e-9)
    assert probability[inside].sum() - probability[inside].min() < level * probability.sum()
    assert level == 1 or probability[inside].min() > probability[~inside].max()


def test_the_region_of_a_gaussian_has_its_known_radius() -> None:
    density = blob(400, 400, 0.5, 0.5, 0.08)
    for level in (0.25, 0.5, 0.75):
        radius = np.sqrt(maps.region(density, level).sum() / np.pi)
        assert radius == pytest.approx(32 * np.sqrt(-2 * np.log(1 - level)), rel=0.01)


def test_contours_run_around_the_region_and_are_labelled() -> None:
    grey = np.full((600, 800, 3), 128, np.uint8)
    density = blob(600, 800, 0.5, 0.5)
    drawn = draw_contours(grey, density, (0.5,))
    changed = (drawn != 128).any(2)
    edge = maps.region(density, 0.5) ^ cv2.erode(maps.region(density, 0.5).astype(np.uint8), np.ones((3, 3))).astype(
        bool
    )
    assert changed[edge].mean() > 0.99
    assert not changed[300, 400]
    top = np.argwhere(edge)[0]
    label = drawn[top[0] - 18 : top[0] - 2, top[1] - 16 : top[1] + 16]
    assert (label.min(2) > 240).any()
    assert (label.max(2) < 40).mean() > 0.4


@pytest.mark.slow
def test_each_level_adds_a_label_that_covers_no_other() -> None:
    black = np.zeros((900, 1200, 3), np.uint8)
    levels = (0.25, 0.5, 0.75)
    ink = [(draw_contours(black, blob(900, 1200), levels[:count]) == 28).all(2).sum() for count in (1, 2, 3)]
    boxes = [(draw_contours(black, blob(900, 1200), levels[:count])[..., 2] == 36).sum() for count in (1, 2, 3)]
    assert ink[0] == 0
    assert boxes[1] - boxes[0] == pytest.approx(boxes[0], rel=0.1)
    assert boxes[2] - boxes[1] == pytest.approx(boxes[0], rel=0.1)


@pytest.mark.parametrize("side", [200, 1000, pytest.param(4000, marks=pytest.mark.slow)])
def test_lines_scale_with_the_picture(side: int) -> None:
    black = np.zeros((side * 3 // 4, side, 3), np.uint8)
    row = draw_contours(black, blob(side * 3 // 4, side, 0.5, 0.5), (0.5,))[round(0.5 * side * 3 // 4)]
    thickness = (row.min(1) > 200).sum() / 2
    assert thickness == pytest.approx(max(1, 2 * side / 1000), abs=2)


def test_a_strip_shows_each_slice_with_its_time(picture: np.ndarray) -> None:
    slices = np.stack([blob(x=0.2), blob(x=0.8)])
    drawn = timeline(picture, slices, [(0, 1), (1, 2.5)])
    gap = (drawn.shape[1] - 2 * WIDTH) // 3
    assert drawn.dtype == np.uint8
    for panel in range(2):
        left = gap + panel * (WIDTH + gap)
        np.testing.assert_array_equal(
            drawn[gap : gap + HEIGHT, left : left + WIDTH],
            heatmap(picture, slices[panel], 0.6),
        )
        below = drawn[gap + HEIGHT :, left : left + WIDTH]
        assert (below.max(2) < 80).sum() > 10
        assert (below[:, :5] == 255).all()
    first, second = (drawn[gap + HEIGHT :, gap + panel * (WIDTH + gap) :][:, :WIDTH] for panel in range(2))
    assert (first != second).any()


def test_each_slice_of_a_strip_has_its_own_scale() -> None:
    white = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    drawn = timeline(white, np.stack([blob(sigma=0.05), blob(sigma=0.2)]), [(0, 1), (1, 2)])
    half = drawn.shape[1] // 2
    sharp, wide = (np.abs(part[:HEIGHT].astype(int) - 255).max() for part in (drawn[:, :half], drawn[:, half:]))
    assert abs(sharp - wide) < 0.1 * sharp


def test_a_strip_of_a_large_picture_stays_small() -> None:
    picture = np.zeros((1500, 2000, 3), np.uint8)
    drawn = timeline(picture, blob(1500, 2000)[None], [(0, 1)])
    assert PANEL < drawn.shape[1] < 1.1 * PANEL


def test_a_strip_needs_a_time_for_each_slice(picture: np.ndarray) -> None:
    with pytest.raises(ValueError, match="1 slices, 2 times"):
        timeline(picture, blob()[None], [(0, 1), (1, 2)])
    with pytest.raises(ValueError, match="0 slices"):
        timeline(picture, blob()[None][:0], [])


def test_a_caption_is_in_seconds_and_every_letter_of_it_is_drawn() -> None:
    assert caption((0.0, 1.0)) == "0–1 s"
    assert caption((0.5, 2.5)) == "0.5–2.5 s"
    missing = render_text("\uffff", 40, (0, 0, 0), (255, 255, 255))
    for letter in "0123456789.–s%lesmor":
        drawn = render_text(letter, 40, (0, 0, 0), (255, 255, 255))
        assert (drawn < 128).any(), letter
        assert drawn.shape != missing.shape or (drawn != missing).any(), f"the font lacks {letter!r}"


@pytest.mark.parametrize("palette", PALETTES)
@pytest.mark.parametrize("width", [1, 40, 200, 1200])
def test_a_legend_has_its_width_and_runs_from_quiet_to_hot(palette: str, width: int) -> None:
    drawn = legend(width, palette)
    assert drawn.dtype == np.uint8
    assert drawn.shape[1] == width
    if width >= 200:
        middle = drawn[drawn.shape[0] // 2]
        strongest = np.array(FOG) if palette == "fog" else last_colour(palette)
        places = np.flatnonzero((middle == strongest).all(1)) / width
        assert places.size
        assert places.max() < 0.3 if palette == "fog" else places.min() > 0.7
        assert (drawn[:, : width // 10].max(2) < 100).any(), "no word at the quiet end"
        assert (drawn[:, -width // 10 :].max(2) < 100).any(), "no word at the hot end"


def test_no_drawer_writes_to_its_arguments(picture: np.ndarray) -> None:
    slices = np.stack([blob(), blob(x=0.3)])
    before = picture.copy(), slices.copy()
    picture.flags.writeable = slices.flags.writeable = False
    drawn = [
        heatmap(picture, slices[0]),
        draw_contours(picture, slices[0]),
        timeline(picture, slices, [(0, 1), (1, 2)]),
    ]
    np.testing.assert_array_equal(picture, before[0])
    np.testing.assert_array_equal(slices, before[1])
    assert not any(np.shares_memory(each, picture) for each in drawn)
    assert all(each.flags.writeable for each in drawn)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (7, 5)])
def test_tiny_pictures_are_drawn(size: tuple[int, int]) -> None:
    picture = np.full((*size, 3), 90, np.uint8)
    density = blob(*size)
    assert heatmap(picture, density).shape == picture.shape
    assert draw_contours(picture, density).shape == picture.shape
    assert timeline(picture, density[None], [(0, 1)]).min() < 80


def test_a_density_of_another_size_is_named_with_both_shapes(picture: np.ndarray) -> None:
    for drawer in (heatmap, draw_contours):
        with pytest.raises(ValueError, match=r"\(91, 120\).*\(90, 120, 3\)"):
            drawer(picture, blob(91))
    with pytest.raises(ValueError, match=r"\(91, 120\).*\(90, 120, 3\)"):
        timeline(picture, blob(91)[None], [(0, 1)])


def test_what_is_no_picture_or_no_density_is_refused(picture: np.ndarray) -> None:
    with pytest.raises(ValueError, match="float64"):
        heatmap(picture / 255, blob())
    with pytest.raises(ValueError, match="NaN"):
        heatmap(picture, np.full((HEIGHT, WIDTH), np.nan, np.float32))


def test_wrong_options_are_answered_in_one_sentence(picture: np.ndarray) -> None:
    with pytest.raises(GazeError, match=r"no palette 'jet'; choose one of: plasma, viridis, .*fog\."):
        heatmap(picture, blob(), palette="jet")
    with pytest.raises(GazeError, match=r"opacity is 1\.5"):
        heatmap(picture, blob(), opacity=1.5)
    with pytest.raises(GazeError, match="cannot hold 50 "):
        draw_contours(picture, blob(), (50,))


def test_drawing_loads_no_torch_scipy_or_matplotlib() -> None:
    rooms = ("_text", "heatmap", "contours", "frame", "legend", "palettes", "peaks", "regions", "scanpath", "timeline")
    code = f"import sys, {', '.join(f'data.draw.{room}' for room in rooms)}; "
    code += "print(*{'torch', 'scipy', 'matplotlib', 'onnxruntime'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_the_samples_are_small_and_come_from_their_script() -> None:
    folder = ROOT / "data" / "samples"
    names = {path.stem for path in folder.glob("*.jpg")}
    assert names == {"advert", "street", "shelf"}
    for name in names:
        assert (folder / f"{name}.jpg").stat().st_size < 120_000
        assert cv2.imread(str(folder / f"{name}.jpg")).shape == (768, 1024, 3)
        assert f'"{name}.jpg"' in (folder / "make.py").read_text("utf-8")


def formula(picture: np.ndarray, density: np.ndarray, opacity: float, palette: str) -> np.ndarray:
    """The heat map in floats, as its definition reads."""
    relative = np.exp(density.astype(np.float64) - density.max())
    ramp = np.sin(np.minimum(relative * (3 if palette == "fog" else 2), 1) * np.pi / 2)
    alpha = opacity * (1 - ramp if palette == "fog" else ramp)[..., None]
    levels = np.rint(relative * 255).astype(np.uint8)
    colours = palette_table(palette)[levels, :3].astype(int)
    return colours * alpha + picture * (1 - alpha)


@pytest.mark.parametrize("palette", PALETTES)
@pytest.mark.parametrize("opacity", [0.0, 0.35, 0.6, 1.0])
def test_heat_from_a_table_is_the_formula_within_three_grey_levels(opacity: float, palette: str) -> None:
    picture = np.random.default_rng(2).integers(0, 256, (500, 400, 3), np.uint8)  # of several bands
    density = blob(500, 400, sigma=0.2)
    drawn = heatmap(picture, density, opacity, palette)
    # half a level of alpha: 1.6 of 255 steps where it is steepest, of fog 2.4; three sums in 8 bits: 0.5 each
    assert np.abs(drawn - formula(picture, density, opacity, palette)).max() <= (3.9 if palette == "fog" else 3.1)
    np.testing.assert_array_equal(drawn[::-1], heatmap(picture[::-1], density[::-1], opacity, palette))


@pytest.mark.parametrize("size", [(300, 900), (1200, 700), (200, 300), (3000, 10)])
def test_a_strip_from_slices_at_its_own_size_is_the_strip_within_two_levels_of_heat(size: tuple[int, int]) -> None:
    picture = np.random.default_rng(3).integers(0, 256, (*size, 3), np.uint8)
    canvas = np.stack([blob(192, 256, 0.6, 0.5, 0.06), blob(192, 256, 0.4, 0.5, 0.2)])
    box, times = Letterbox.fit(size, (192, 256)), [(0, 1), (1, 2)]
    full = timeline(picture, box.back(canvas), times, 1.0, "fog")
    small = timeline(picture, box.sampled(canvas, panel_size(size)), times, 1.0, "fog")
    # "fog" at full opacity: one of 256 levels of heat is 4.7 of 255 steps of alpha, between pixels and grey
    assert np.abs(full.astype(int) - small).max() <= 2 * 4.7 * max(FOG) / 255 + 2
    with pytest.raises(ValueError, match="does not fit"):
        timeline(picture, box.sampled(canvas, (7, 5)), times)
