"""Do other programs read the PNG files that are written here, with every pixel, and are these no larger than theirs?"""

from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from data import png
from data.picture import read

SAMPLES = Path(__file__).parents[2] / "data" / "samples"


def is_read_everywhere(picture: np.ndarray, content: bytes) -> bool:
    with Image.open(BytesIO(content)) as image:
        image.load()
        by_pillow = image.mode == "RGB" and np.array_equal(np.asarray(image), picture)
    by_opencv = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)[..., ::-1]
    return by_pillow and np.array_equal(by_opencv, picture) and np.array_equal(read(content), picture)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1), st.sampled_from([1, 100, 1 << 19]))
def test_every_pixel_of_any_picture_comes_back(height: int, width: int, seed: int, band: int) -> None:
    picture = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(png, "BAND", band)
        assert is_read_everywhere(picture, png.encode(picture))


def test_a_picture_of_several_bands_comes_back() -> None:
    picture = np.random.default_rng(0).integers(0, 9, (700, 500, 3), np.uint8)
    assert picture.nbytes > 2 * png.BAND
    assert is_read_everywhere(picture, png.encode(picture))
    assert is_read_everywhere(picture[:, ::-1], png.encode(picture[:, ::-1]))


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("*.jpg")), ids=lambda path: path.stem)
def test_a_photograph_is_no_larger_than_opencv_writes_it_at_the_same_filter(sample: Path) -> None:
    picture = read(sample)
    options = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP]
    content = png.encode(picture)
    assert len(content) <= 1.02 * len(cv2.imencode(".png", picture[..., ::-1], options)[1])
    assert is_read_everywhere(picture, content)
