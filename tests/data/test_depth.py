"""Values of more than 8 bits: what would be black is spread by its finite range, and a warning names the file."""

import io
import logging
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from data.errors import PictureError
from data.picture import picture_size, read

RAMP = np.linspace(0, 1, 60 * 40).reshape(40, 60)


def tiff(values: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "TIFF", **options)
    return buffer.getvalue()


def told(data: bytes, caplog: pytest.LogCaptureFixture) -> tuple[np.ndarray, str]:
    """The picture, and what was said of it."""
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        picture = read(data, "deep.tif")
    return picture, " ".join(record.getMessage() for record in caplog.records)


def is_ramp(picture: np.ndarray, tolerance: int = 1) -> bool:
    return bool((np.abs(picture.astype(int) - np.round(RAMP * 255)[..., None]) <= tolerance).all())


@pytest.mark.parametrize("top", [1.0, 1e-3, 1e5, 3e7])
@pytest.mark.parametrize("mark", [np.nan, np.inf, -np.inf, -3.4028235e38])
def test_pixels_that_are_no_numbers_do_not_count_for_the_range(
    mark: float, top: float, caplog: pytest.LogCaptureFixture
) -> None:
    values = (RAMP * top).astype(np.float32)
    values[0, 1], values[20, 30] = mark, mark
    picture, words = told(tiff(values), caplog)
    assert words.startswith("deep.tif: 2 of its 2,400 pixels are no numbers; the others, from 0 to ")
    assert picture[0, 1].tolist() == picture[20, 30].tolist() == [255 if mark == np.inf else 0] * 3
    picture[0, 1], picture[20, 30] = (np.round(RAMP * 255)[place] for place in ((0, 1), (20, 30)))
    assert is_ramp(picture)


def wide(values: np.ndarray) -> bytes:
    """A TIFF file as OpenCV writes it."""
    return cv2.imencode(".tif", values[..., ::-1] if values.ndim == 3 else values)[1].tobytes()


COLOURS = np.dstack([RAMP, RAMP[::-1], RAMP * 0.5])


@pytest.mark.parametrize(("kind", "top"), [(np.float32, 1), (np.float32, 3e4), (np.float64, 1), (np.int32, 255)])
@pytest.mark.parametrize("colours", [False, True])
def test_pixels_that_pillow_has_no_mode_for_are_read(
    colours: bool, kind: type, top: float, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    values = COLOURS if colours else RAMP[..., None].repeat(3, 2)
    content = wide(np.round(values * top).astype(kind) if top == 255 else (values * top).astype(kind))
    if not colours:
        content = wide((np.round(RAMP * top) if top == 255 else RAMP * top).astype(kind))
    picture, _ = told(content, caplog)
    assert np.abs(picture.astype(int) - np.round(values * 255)).max() <= 1
    assert "TIFF_" not in capfd.readouterr().err  # what OpenCV calls libtiff's words


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("mark", [np.nan, np.inf, -np.inf])
def test_colours_that_are_no_numbers_do_not_count_for_the_range(
    mark: float, kind: type, caplog: pytest.LogCaptureFixture
) -> None:
    values = COLOURS.astype(kind)
    values[3, 4], values[5, 6, 1] = mark, mark
    picture, words = told(wide(values), caplog)
    assert words.startswith("deep.tif: 2 of its 2,400 pixels are no numbers; the others, from 0 to 1, are spread")
    assert picture[3, 4].tolist() == [255 if mark == np.inf else 0] * 3
    picture[3, 4], picture[5, 6] = (np.round(COLOURS * 255)[place] for place in ((3, 4), (5, 6)))
    assert np.abs(picture.astype(int) - np.round(COLOURS * 255)).max() <= 1


def raw(kind: int, bits: int, count: int, orientation: int = 1, photometric: int = 2) -> bytes:
    """A TIFF file of 60 x 40 pixels in one strip."""
    size = 60 * 40 * count * bits // 8
    entries = [(256, 60), (257, 40), (258, bits), (259, 1), (262, photometric), (273, 200), (274, orientation)]
    entries += [(277, count), (278, 40), (279, size), (339, kind)]
    tags = b"".join(t.to_bytes(2, "little") + b"\4\0\1\0\0\0" + v.to_bytes(4, "little") for t, v in entries)
    head = b"II*\0\x08\0\0\0" + len(entries).to_bytes(2, "little") + tags + bytes(4)
    number = np.random.default_rng(0).random(60 * 40 * count)
    content = number.astype(f"f{bits // 8}").tobytes() if kind == 3 and bits != 24 else bytes(size)
    return head.ljust(200, b"\0") + content


@pytest.mark.parametrize(("kind", "bits", "count"), [(3, 16, 3), (1, 32, 5), (3, 24, 1)])
def test_pixels_that_nobody_reads_are_not_called_damaged(kind: int, bits: int, count: int) -> None:
    with pytest.raises(PictureError, match=rf"deep\.tif: a TIFF file of {count} .* of {bits} bits a pixel is not read"):
        read(raw(kind, bits, count), "deep.tif")


@pytest.mark.parametrize("share", [0.3, 0.6, 0.99])
def test_wide_pixels_that_are_cut_off_are_damaged(share: float) -> None:
    for content in (raw(3, 32, 3), raw(3, 64, 1, photometric=1)):
        with pytest.raises(PictureError, match="damaged or cut off"):
            read(content[: int(len(content) * share)])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_wide_pixels_are_turned_as_others_are(orientation: int, tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(raw(3, 64, 1, orientation, photometric=1))
    picture = read(tmp_path / "a.tif")
    assert picture_size(tmp_path / "a.tif") == picture.shape[1::-1] == ((40, 60) if orientation > 4 else (60, 40))
    upright = read(raw(3, 64, 1, photometric=1))
    turned = upright.swapaxes(0, 1) if orientation > 4 else upright
    rows, columns = (orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7))
    assert np.array_equal(picture, turned[:: -1 if rows else 1, :: -1 if columns else 1])


def test_wide_pixels_have_a_limit_too() -> None:
    content = bytearray(raw(3, 32, 3))
    content[18:22] = (40_000_000).to_bytes(4, "little")
    with pytest.raises(PictureError, match="but the limit is 50"):
        read(bytes(content))


@pytest.mark.parametrize("mark", [np.nan, np.inf])
def test_a_picture_without_a_finite_pixel_is_refused(mark: float) -> None:
    with pytest.raises(PictureError, match=r"deep\.tif: none of its pixels is a finite number; save it again"):
        read(tiff(np.full((4, 4), mark, np.float32)), "deep.tif")


@pytest.mark.parametrize("kind", [np.int32, np.uint16])
@pytest.mark.parametrize("low", [0, 7])
def test_values_of_8_bits_in_a_wider_type_stay_as_they_are(
    kind: type, low: int, caplog: pytest.LogCaptureFixture
) -> None:
    values = (low + RAMP * (255 - low)).round().astype(kind)
    picture, words = told(tiff(values), caplog)
    assert np.array_equal(picture[..., 0], values)
    assert words == f"deep.tif: its values reach from {low} to 255 only, and are taken for 8 bits."


def test_a_mask_of_zero_and_one_is_black_and_white(caplog: pytest.LogCaptureFixture) -> None:
    picture, words = told(tiff((RAMP > 0.5).astype(np.int32)), caplog)
    assert set(np.unique(picture)) == {0, 255}
    assert "deep.tif" in words


@pytest.mark.parametrize("bits", [9, 10, 12, 14, 15])
@pytest.mark.parametrize("suffix", [".png", ".tif", "int32"])
def test_fewer_bits_than_the_type_has_are_spread(bits: int, suffix: str, caplog: pytest.LogCaptureFixture) -> None:
    values = (RAMP * ((1 << bits) - 1)).round().astype(np.uint16)
    data = tiff(values.astype(np.int32)) if suffix == "int32" else cv2.imencode(suffix, values)[1].tobytes()
    picture, words = told(data, caplog)
    assert is_ramp(picture)
    assert words.startswith(f"deep.tif: its values reach from 0 to {(1 << bits) - 1} of 65535, and are spread")


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [3, 4])
def test_colours_of_fewer_bits_are_spread_together(
    channels: int, suffix: str, caplog: pytest.LogCaptureFixture
) -> None:
    values = (RAMP * 4095).round().astype(np.uint16)
    planes = [values, values // 2, values // 4, np.full_like(values, 65535)][:channels]
    picture, words = told(cv2.imencode(suffix, np.dstack(planes))[1].tobytes(), caplog)
    assert is_ramp(picture[..., 2:])  # OpenCV's first is blue
    assert np.abs(picture[..., 1].astype(int) * 2 - picture[..., 2]).max() <= 3
    assert words == "deep.tif: its values reach from 0 to 4095 of 65535, and are spread from black to white."


def test_grey_of_fewer_bits_with_transparency_is_spread(caplog: pytest.LogCaptureFixture) -> None:
    values = np.dstack([(RAMP * 1023).round(), np.full(RAMP.shape, 65535)]).astype(">u2")
    values[:, :10, 1] = 0
    rows = b"".join(b"\0" + row.tobytes() for row in values)
    head = (60).to_bytes(4, "big") + (40).to_bytes(4, "big") + bytes([16, 4, 0, 0, 0])
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    chunks = [len(c).to_bytes(4, "big") + k + c + zlib.crc32(k + c).to_bytes(4, "big") for k, c in parts]
    picture, words = told(b"\x89PNG\r\n\x1a\n" + b"".join(chunks), caplog)
    assert (picture[:, :10] == 255).all()
    assert np.ptp(picture[:, 10:]) > 200
    assert "of 65535, and are spread" in words


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_what_fills_16_bits_is_read_by_its_upper_half_without_a_word(
    channels: int, suffix: str, caplog: pytest.LogCaptureFixture
) -> None:
    values = (RAMP * 65535).astype(np.uint16)
    planes = [*[values] * min(3, channels), np.full_like(values, 65535)][:channels]
    picture, words = told(cv2.imencode(suffix, np.dstack(planes))[1].tobytes(), caplog)
    assert np.array_equal(picture[..., 0], values >> 8)
    assert words == ""


def test_wide_whole_numbers_are_spread_and_marks_of_missing_data_left_out(caplog: pytest.LogCaptureFixture) -> None:
    values = (RAMP * 1e6 - 5e5).astype(np.int32)
    assert is_ramp(told(tiff(values), caplog)[0])
    values[3, 3] = np.iinfo(np.int32).min
    picture, words = told(tiff(values), caplog)
    assert picture[3, 3, 0] == 0
    assert "1 of its 2,400 pixels are no numbers" in words
    picture[3, 3] = np.round(RAMP * 255)[3, 3]
    assert is_ramp(picture)


@pytest.mark.parametrize(("value", "grey"), [(0, 0), (200, 200), (3000, 11), (65535, 255)])
def test_a_picture_of_one_value_is_one_grey(value: int, grey: int) -> None:
    assert np.unique(read(tiff(np.full((4, 4), value, np.uint16)))).tolist() == [grey]


def test_a_number_that_signals_is_told_like_any_other(
    caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    values = (RAMP * 5).astype(np.float32)
    values.view(np.uint32)[0, 0] = 0x7F800001  # a signalling not-a-number
    assert "1 of its 2,400 pixels are no numbers" in told(tiff(values), caplog)[1]
    assert not recwarn.list
