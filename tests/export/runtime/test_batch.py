import threading
import time
import weakref
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from data.errors import ModelError, PictureError
from data.picture import read, save
from export.runtime import batch
from export.runtime.batch import Budget, predict
from export.runtime.saliency import Prediction, Predictor


@pytest.fixture(scope="module")
def toy(toy_model: Path) -> Predictor:
    return Predictor(toy_model, provider="cpu", threads=1)


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{number:02}.png" for number in range(12)]
    for number, path in enumerate(paths):
        save(path, np.full((20 + number, 30, 3), 100, np.uint8))
    return paths


def nothing(path: Path, picture: np.ndarray, prediction: Prediction) -> None:
    pass


@pytest.mark.parametrize("workers", [1, 3])
def test_every_picture_comes_once_with_its_own_prediction(toy: Predictor, photos: list[Path], workers: int) -> None:
    seen: dict[Path, tuple[int, ...]] = {}

    def use(path: Path, picture: np.ndarray, prediction: Prediction) -> None:
        assert prediction.density.shape == picture.shape[:2]
        seen[path] = picture.shape

    outcomes = list(predict(toy, photos, use, workers=workers))
    assert sorted(path for path, _ in outcomes) == photos
    assert all(error is None for _, error in outcomes)
    assert [seen[path][0] for path in photos] == list(range(20, 32))


def test_a_broken_picture_comes_with_its_error_and_the_rest_is_done(toy: Predictor, photos: list[Path]) -> None:
    photos[4].write_bytes(b"")
    outcomes = dict(predict(toy, photos, nothing))
    assert len(outcomes) == 12
    assert [path for path, error in outcomes.items() if error] == [photos[4]]
    assert isinstance(outcomes[photos[4]], PictureError)


def test_any_other_error_stops_all(toy: Predictor, photos: list[Path]) -> None:
    with pytest.raises(ModelError, match="no viewing condition"):
        list(predict(toy, photos, nothing, condition="cinema"))


def test_paths_are_taken_as_they_are_needed(toy: Predictor, photos: list[Path]) -> None:
    taken = []
    outcomes = predict(toy, (taken.append(path) or path for path in photos), nothing, workers=2)
    next(outcomes)
    assert len(taken) <= 4
    outcomes.close()
    assert len(taken) <= 4


def test_closing_waits_for_what_is_in_hand_and_drops_the_rest(toy: Predictor, photos: list[Path]) -> None:
    begun, ended = [], []

    def use(path: Path, picture: np.ndarray, prediction: Prediction) -> None:
        begun.append(path)
        time.sleep(0.02)
        ended.append(path)

    outcomes = predict(toy, photos, use, workers=2)
    next(outcomes)
    outcomes.close()
    assert sorted(begun) == sorted(ended)
    assert len(ended) < 12


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_no_more_is_decoded_at_once_than_the_budget_holds(
    toy: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    paths = [tmp_path / f"{number}{suffix}" for number in range(12)]
    for path, width in zip(paths, [40, 30, 20, 50] * 3, strict=True):
        Image.fromarray(np.full((20, width, 3), 100, np.uint8)).save(path, exif=turned(width == 50))
    lock, held, most = threading.Lock(), Counter[str](), 0

    def counted(path: Path) -> np.ndarray:
        nonlocal most
        size = {"0": 800, "1": 600, "2": 400, "3": 1000}[str(int(path.stem) % 4)]
        with lock:
            held["pixels"] += size
            most = max(most, held["pixels"])
        time.sleep(0.005)  # so that the others would come in, too
        picture = read(path)
        assert picture.shape[0] * picture.shape[1] == size
        weakref.finalize(picture, held.subtract, {"pixels": size})
        return picture

    monkeypatch.setattr(batch, "read", counted)
    monkeypatch.setattr(batch, "PIXELS", 250)
    assert len(list(predict(toy, paths, nothing, workers=4))) == 12
    assert most <= 1000
    assert held["pixels"] == 0


def turned(sideways: bool) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6 if sideways else 1
    return exif


def test_a_budget_bounds_what_is_held_and_lets_the_large_in_alone() -> None:
    budget, lock = Budget(10), threading.Lock()
    held, most = 0, 0

    def work(amount: int) -> None:
        nonlocal held, most
        with budget.share(amount):
            with lock:
                held += amount
                most = max(most, held)
            time.sleep(0.005)
            with lock:
                held -= amount

    threads = [threading.Thread(target=work, args=(amount,)) for amount in [4, 5, 6, 25, 3, 4, 25, 1]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 25


def test_a_picture_that_cannot_be_written_comes_with_its_error_and_the_rest_is_done(
    toy: Predictor, photos: list[Path]
) -> None:
    def use(path: Path, picture: np.ndarray, prediction: Prediction) -> None:
        if path == photos[2]:
            raise PictureError("too long")

    outcomes = dict(predict(toy, photos, use, workers=2))
    assert [path for path, error in outcomes.items() if error] == [photos[2]]
    assert len(outcomes) == 12


def test_opencv_has_its_threads_again_when_all_is_done(toy: Predictor, photos: list[Path]) -> None:
    before = cv2.getNumThreads()
    outcomes = predict(toy, photos, nothing, workers=2)
    next(outcomes)
    assert cv2.getNumThreads() == 1
    outcomes.close()
    assert cv2.getNumThreads() == before
