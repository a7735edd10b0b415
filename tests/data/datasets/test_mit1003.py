from pathlib import Path

import numpy as np
import pytest

from data.datasets import mit1003
from data.errors import TableError
from tests.data.datasets import tiny

pytest.importorskip("scipy.io")

SHORT, LONG = "i05june05_static_street_boston_p1010764", "istatic_outdoor_street_city_cambridge_uk_IMG_8854_" + "x" * 20
FOUND = {  # by the authors' checkFixations.m, run in Octave 7.3, in `trace(seed)`: first sample, first after it
    8: (
        "0-20 111-123 139-159 174-200 222-251 262-282 292-322 369-382 395-416 427-458 512-525 540-556 568-589 "
        "622-639 663-679"
    ),
    12: (
        "0-27 44-62 78-101 142-165 189-218 243-259 325-348 365-395 406-428 438-454 471-491 505-519 534-549 "
        "563-591 645-674 689-717 734-746 762-785 795-816 832-861"
    ),
    13: (
        "0-36 46-67 81-95 112-126 136-164 204-233 244-262 298-319 332-344 374-390 406-428 443-464 476-490 "
        "507-535 547-576 592-618 676-691 708-726 752-767"
    ),
}


def spans(found: str) -> list[tuple[int, ...]]:
    return [tuple(map(int, span.split("-"))) for span in found.split()]


AUTHORS = {seed: spans(found) for seed, found in FOUND.items()}


def trace(seed: int) -> np.ndarray:
    """Thirty places held for 4 to 39 samples, with saccades of one to eight samples between them and a little noise."""
    random = np.random.default_rng(seed)
    places = random.integers(50, 700, (30, 2))
    pieces = []
    for before, after in zip(places, np.roll(places, -1, 0), strict=True):
        steps = int(random.integers(3, 11))
        pieces += [np.tile(before, (int(random.integers(4, 40)), 1)), np.round(np.linspace(before, after, steps)[1:-1])]
    return (np.concatenate(pieces) + random.integers(-2, 3, (sum(map(len, pieces)), 2))).astype(float)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tiny.mit1003(tmp_path)
    return tmp_path


def rewrite(root: Path, samples: object, viewer: str = "CNG") -> None:
    variables = {SHORT: {"imgName": f"{SHORT}.jpeg", "DATA": {"eyeData": samples}}}
    tiny.savemat(root / "DATA" / viewer / f"{SHORT}.mat", variables)


@pytest.mark.parametrize("seed", AUTHORS)
def test_fixations_are_those_that_the_authors_code_finds(seed: int) -> None:
    assert mit1003.fixations(trace(seed)) == AUTHORS[seed]


@pytest.mark.parametrize(("count", "found"), [(25, "0-55 88-140 154-211"), (26, "0-141 155-212")])
def test_a_glide_that_does_not_slow_down_soon_is_no_saccade(count: int, found: str) -> None:
    """By the authors' code in Octave 7.3: a second saccade is short, the first lasts so many samples of 30 pixels."""
    steps = np.repeat([0.0, 30, 0, 30, 0], [60, count, 60, 6, 60])
    samples = np.stack([100 + np.cumsum(steps), np.full(len(steps), 300.0)], 1)
    assert mit1003.fixations(samples) == spans(found)


@pytest.mark.parametrize("count", [0, 1, 2, 5, 6, 7, 12])
def test_a_recording_too_short_for_a_saccade_is_one_fixation(count: int) -> None:
    assert mit1003.fixations(np.full((count, 2), 300.0)) == ([(0, count)] if count else [])


def test_a_saccade_with_which_the_recording_ends_is_no_fixation() -> None:
    samples = np.concatenate([np.full((100, 2), 300.0), 300 + 40.0 * np.arange(1, 6)[:, None] ** [[2, 1]]])
    assert mit1003.fixations(samples)[0][1] <= 100
    assert len(mit1003.fixations(samples)) == 1


def test_the_release_reads_as_pictures_and_scanpaths(root: Path) -> None:
    items = list(mit1003.read(root))
    assert [picture.name for picture, _ in items] == [f"{SHORT}.jpeg", f"{LONG}.jpeg"]  # one variable is cut at 63
    picture, scanpaths = items[1]
    assert (picture.width, picture.height) == (1024, 768)
    assert [scanpath.subject for scanpath in scanpaths] == ["CNG", "hp"]


def test_the_cross_and_blinks_are_no_fixations_and_one_is_half_a_pixel_in(root: Path) -> None:
    _, scanpaths = next(mit1003.read(root))
    np.testing.assert_allclose(scanpaths[0].xy, [[699.5, 299.5], [199.5, 499.5]])
    _, whole = next(mit1003.read(root, initial=True))
    np.testing.assert_allclose(whole[0].xy, [[511.5, 383.5], [699.5, 299.5], [199.5, 499.5]])


def blinking(nowhere: tuple[float, float]) -> np.ndarray:
    """A blink, the cross, a place, a blink and another place."""
    legs = [(nowhere, 30), ((512, 384), 40), ((700, 300), 60), (nowhere, 30), ((200, 500), 80)]
    return np.concatenate([np.tile(place, (count, 1)) for place, count in legs]).astype(float)


@pytest.mark.parametrize("nowhere", [(-300, -300), (512, -32768), (-np.finfo(float).max,) * 2, (-np.inf, -np.inf)])
def test_a_blink_with_which_the_trial_begins_is_not_taken_for_the_cross(
    root: Path, nowhere: tuple[float, float]
) -> None:
    rewrite(root, blinking(nowhere))
    _, scanpaths = next(mit1003.read(root))
    np.testing.assert_allclose(scanpaths[0].xy, [[699.5, 299.5], [199.5, 499.5]])
    _, scanpaths = next(mit1003.read(root, initial=True))
    np.testing.assert_allclose(scanpaths[0].xy, [[511.5, 383.5], [699.5, 299.5], [199.5, 499.5]])


def test_samples_that_are_missing_do_not_hinder_the_others_of_their_fixation(root: Path) -> None:
    samples = np.tile([[300.0, 200.0]], (200, 1))
    samples[100:] = (800, 600)
    samples[[20, 30, 150]] = np.nan
    rewrite(root, samples)
    _, scanpaths = next(mit1003.read(root, initial=True))
    np.testing.assert_allclose(scanpaths[0].xy, [[299.5, 199.5], [799.5, 599.5]])


def test_what_is_beside_the_picture_is_no_fixation(root: Path) -> None:
    places = [(0.4, 300), (1024.4, 9), (500, 768.5), (0.5, 0.5), (1024.5, 9), (700, 0.4)]
    rewrite(root, np.repeat(np.array(places, float), 40, 0))
    _, scanpaths = next(mit1003.read(root, initial=True))
    np.testing.assert_allclose(scanpaths[0].xy, [[1023.9, 8.5], [0, 0]], atol=1e-9)


def test_onsets_and_durations_are_milliseconds_of_240_samples_a_second(root: Path) -> None:
    samples = trace(8)
    rewrite(root, samples)
    _, (scanpath, _) = next(mit1003.read(root, initial=True))
    begin, end = np.array(AUTHORS[8], float).T
    np.testing.assert_allclose(scanpath.onset, begin / 240 * 1000)
    np.testing.assert_allclose(scanpath.duration, (end - begin) / 240 * 1000)
    np.testing.assert_allclose(scanpath.xy[1], np.median(samples[slice(*AUTHORS[8][1])], 0) - 0.5)


def test_y_before_x_is_seen_in_the_fixations_of_all_viewers(root: Path) -> None:
    places = np.random.default_rng(4).uniform(1, (768, 1024), (40, 2))  # on 1024 x 768 pixels
    for viewer in ("CNG", "hp"):
        rewrite(root, np.concatenate([np.linspace(place, place, 40) for place in places]), viewer)
        (root / "DATA" / viewer / ".svn").mkdir()
    (root / "DATA" / ".svn").mkdir()
    with pytest.raises(TableError, match="y seems to come before x"):
        list(mit1003.read(root))


def test_a_viewer_who_only_blinked_has_no_scanpath(root: Path) -> None:
    rewrite(root, np.full((700, 2), -32768.0))
    _, scanpaths = next(mit1003.read(root, initial=True))
    assert [scanpath.subject for scanpath in scanpaths] == ["hp"]
    rewrite(root, np.full((700, 2), np.nan))
    _, scanpaths = next(mit1003.read(root, initial=True))
    assert [scanpath.subject for scanpath in scanpaths] == ["hp"]


def test_a_recording_without_its_picture_and_a_picture_without_its_recording_are_refused(root: Path) -> None:
    (root / "ALLSTIMULI" / f"{SHORT}.jpeg").rename(root / "kept.jpeg")
    with pytest.raises(TableError, match=rf"{SHORT}\.jpeg: the picture is missing"):
        list(mit1003.read(root))
    (root / "kept.jpeg").rename(root / "ALLSTIMULI" / f"{SHORT}.jpeg")
    (root / "DATA" / "hp" / f"{SHORT}.mat").unlink()
    with pytest.raises(TableError, match=rf"hp/{SHORT}\.mat: the file is missing"):
        list(mit1003.read(root))
    with pytest.raises(TableError, match="give the folder of the MIT1003 release"):
        mit1003.read(root / "DATA")


def test_another_form_and_other_units_are_refused(root: Path) -> None:
    for samples, problem in (
        (np.zeros((5, 3)), "eyeData has the shape 5 x 3, not n x 2"),
        ("none", "eyeData is no matrix of numbers"),
        (trace(1) / 1024, "all coordinates lie in 0 to 1"),
        (np.concatenate([trace(1) / 1024, np.full((9, 2), -300)]), "all coordinates lie in 0 to 1"),
    ):
        rewrite(root, samples)
        with pytest.raises(TableError, match=problem):
            list(mit1003.read(root))
    path = root / "DATA" / "CNG" / f"{SHORT}.mat"
    tiny.savemat(path, {SHORT: {"imgName": "a.jpeg"}})
    with pytest.raises(TableError, match="it has not the form of the release"):
        list(mit1003.read(root))
    tiny.savemat(path, {"other": np.zeros(3)})
    with pytest.raises(TableError, match=f"no variable {SHORT}"):
        list(mit1003.read(root))
