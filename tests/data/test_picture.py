import contextlib
import io
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from data.atomic import atomic_write
from data.errors import PictureError
from data.picture import FILL, LIMIT, Letterbox, area, encode, read, save

WHITE, RED, BLACK = (255, 255, 255), (255, 0, 0), (0, 0, 0)


def photo(height: int = 40, width: int = 60) -> np.ndarray:
    """Soft colours without symmetry, so that every turn of it differs."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 / width, y * 255 / height, (x + 2 * y) % 200], -1).astype(np.uint8)


def stored(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP"])
def test_a_picture_comes_back_as_it_was_saved(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    assert np.array_equal(read(stored(Image.fromarray(photo()), kind, **options)), photo())


@pytest.mark.parametrize("options", [{"quality": 90}, {"quality": 90, "progressive": True}])
def test_a_jpeg_has_the_pixels_that_pillow_sees(options: dict[str, object]) -> None:
    data = stored(Image.fromarray(photo(123, 77)), "JPEG", **options)
    expected = np.asarray(Image.open(io.BytesIO(data)))
    assert np.array_equal(read(data), expected)
    assert np.array_equal(read(data + b"trailer of a telephone"), expected)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_its_exif_data_says(orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = stored(Image.fromarray(photo()), kind, exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))
    assert np.array_equal(read(data), expected)
    assert read(data).shape == ((60, 40, 3) if orientation > 4 else (40, 60, 3))


def test_broken_exif_data_does_not_spoil_a_sound_picture() -> None:
    data = stored(Image.fromarray(photo()), "JPEG", exif=b"Exif\x00\x00II*\x00\x08\x00\x00\x00\xff\xff\x12\x01")
    assert read(data).shape == (40, 60, 3)


def test_grey_and_bilevel_pictures_become_grey_rgb() -> None:
    grey = photo()[..., 0]
    assert np.array_equal(read(stored(Image.fromarray(grey), "PNG")), np.repeat(grey[..., None], 3, 2))
    assert np.array_equal(read(stored(Image.fromarray(grey), "JPEG", quality=100)).std(2), np.zeros(grey.shape))
    assert set(np.unique(read(stored(Image.fromarray(grey > 100), "PNG")))) == {0, 255}


def test_palettes_are_resolved() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([*RED, *BLACK])
    image.putpixel((1, 0), 1)
    for kind in ("PNG", "GIF", "BMP", "TIFF"):
        assert read(stored(image, kind)).tolist() == [[list(RED), list(BLACK)]]


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_transparent_shows_white(mode: str) -> None:
    image = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    image.putpixel((1, 0), (0, 0, 0, 255))
    for kind in ("PNG", "TIFF", "WEBP"):
        options = {"lossless": True} if kind == "WEBP" else {}
        assert read(stored(image.convert(mode), kind, **options)).tolist() == [[list(WHITE), list(BLACK)]]


def test_the_transparent_colour_of_a_palette_shows_white() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([*RED, *BLACK])
    image.putpixel((1, 0), 1)
    for kind in ("PNG", "GIF"):
        assert read(stored(image, kind, transparency=0)).tolist() == [[list(WHITE), list(BLACK)]]


def test_half_transparent_red_on_white_is_pink() -> None:
    (pixel,) = read(stored(Image.new("RGBA", (1, 1), (255, 0, 0, 128)), "PNG"))[0].tolist()
    assert pixel == [255, 127, 127]


def test_sixteen_bits_keep_their_upper_eight() -> None:
    deep = np.array([[0, 255, 256, 32768, 65535]], np.uint16)
    for suffix in (".png", ".tif"):
        assert read(cv2.imencode(suffix, deep)[1].tobytes())[0, :, 0].tolist() == [0, 0, 1, 128, 255]
    colours = cv2.imencode(".png", np.repeat(deep[..., None], 3, 2))[1].tobytes()
    assert read(colours)[0, :, 1].tolist() == [0, 0, 1, 128, 255]


def test_fractions_are_spread_from_black_to_white() -> None:
    image = Image.fromarray(np.array([[-1.0, 0.0, 1.0]], np.float32))
    assert read(stored(image, "TIFF"))[0, :, 2].tolist() == [0, 128, 255]
    assert read(stored(Image.new("F", (1, 1), 0.5), "TIFF")).tolist() == [[[0, 0, 0]]]


def test_cmyk_becomes_rgb() -> None:
    image = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    for kind in ("JPEG", "TIFF"):
        assert np.abs(read(stored(image, kind)).astype(int) - RED).max() <= 3


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_is_read(kind: str) -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in (RED, BLACK)]
    data = stored(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)
    assert np.abs(read(data).astype(int) - RED).max() <= 3


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_one_pixel_is_a_picture(kind: str) -> None:
    assert read(stored(Image.new("RGB", (1, 1)), kind)).shape == (1, 1, 3)


def test_a_path_reads_like_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "ein Bild ü.png"
    save(path, photo())
    assert np.array_equal(read(path), photo())
    assert np.array_equal(read(path.read_bytes()), photo())


def test_what_is_read_belongs_to_the_caller() -> None:
    picture = read(stored(Image.fromarray(photo()), "PNG"))
    picture[0, 0] = 7
    assert picture.flags.c_contiguous


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"name,x,y\n", "not a picture"),
        (b"%PDF-1.7 \x00", "not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
        (b"\xff\xd8\xff\xe0", "not a picture"),
        (stored(Image.fromarray(photo()), "PNG")[:-40], "damaged or cut off"),
        (stored(Image.fromarray(photo()), "JPEG")[:-40], "damaged or cut off"),
        (stored(Image.fromarray(photo()), "WEBP")[:-40], "damaged"),
        (stored(Image.fromarray(photo()), "GIF")[:-40], "damaged or cut off"),
        (stored(Image.fromarray(photo()), "BMP")[:-40], "damaged or cut off"),
    ],
)
def test_what_is_no_picture_is_named_with_a_reason(data: bytes, reason: str) -> None:
    with pytest.raises(PictureError, match=f"holiday.jpg: .*{reason}"):
        read(data, "holiday.jpg")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_picture_cut_or_changed_anywhere_never_raises_anything_else(kind: str) -> None:
    whole_file = stored(Image.fromarray(photo()), kind)
    rng = np.random.default_rng(0)
    for _ in range(60):
        data = bytearray(whole_file[: rng.integers(1, len(whole_file) + 1)])
        for position in rng.integers(0, len(data), 3):
            data[position] = rng.integers(256)
        with contextlib.suppress(PictureError):
            assert read(bytes(data)).dtype == np.uint8


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jpg", tmp_path):
        with pytest.raises(PictureError, match=f"{path}: cannot be read"):
            read(path)


@pytest.mark.parametrize("side", [7100, 9600, 14000, 60000])
def test_a_bomb_is_refused_before_it_is_decoded(side: int) -> None:
    data = bytearray(stored(Image.new("1", (8, 8)), "BMP"))
    data[18:26] = np.array([side, side], "<i4").tobytes()
    with pytest.raises(PictureError, match=rf"bomb: the picture has {side * side / 1e6:.1f} megapixels.*limit is 50"):
        read(bytes(data), "bomb")
    assert side * side > LIMIT


def test_pictures_are_read_by_several_threads_at_once() -> None:
    data = stored(Image.fromarray(photo()), "PNG")
    results: list[bool] = []

    def work() -> None:
        results.extend(np.array_equal(read(data), photo()) for _ in range(20))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 80


def test_png_keeps_every_pixel_and_jpeg_nearly(tmp_path: Path) -> None:
    for suffix, tolerance in ((".png", 0), (".JPG", 12), (".jpeg", 12)):
        save(tmp_path / f"x{suffix}", photo())
        difference = read(tmp_path / f"x{suffix}").astype(int) - photo()
        assert np.abs(difference).max() <= tolerance


def test_other_suffixes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"not as '\.xyz'"):
        save(tmp_path / "x.xyz", photo())
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_interrupted_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("old")

    def interrupted() -> None:
        with atomic_write(path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_files_have_the_usual_rights(tmp_path: Path) -> None:
    (tmp_path / "usual").write_bytes(b"")
    with atomic_write(tmp_path / "ours") as file:
        file.write(b"x")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (480, 640), (1000, 600), (192, 256), (20, 30)])
def test_a_letterboxed_density_sums_to_one_at_the_pictures_size(size: tuple[int, int]) -> None:
    box = Letterbox.fit(size, (192, 256))
    maps = box.back(np.random.default_rng(0).normal(size=(3, 192, 256)).astype(np.float32))
    assert maps.shape == (3, *size)
    assert maps.dtype == np.float32
    assert np.allclose(np.exp(maps, dtype=np.float64).sum((1, 2)), 1, atol=1e-5)


def test_back_is_a_bilinear_copy_of_the_content_up_to_a_constant() -> None:
    box = Letterbox.fit((30, 100), (32, 64))
    log_density = np.random.default_rng(1).normal(size=(32, 64)).astype(np.float32)
    top, left, height, width = box.content
    expected = cv2.resize(log_density[top : top + height, left : left + width], (100, 30))
    assert np.ptp(box.back(log_density) - expected) < 1e-5


def test_points_and_pixels_go_to_the_same_place() -> None:
    picture = np.zeros((100, 200, 3), np.uint8)
    picture[40:60, 100:120] = 255
    box = Letterbox.fit((100, 200), (192, 256))
    canvas = box.apply(picture)
    ys, xs = np.nonzero((canvas == 255).all(2))
    centre = np.array([[xs.mean() + 0.5, ys.mean() + 0.5]])
    assert np.allclose(box.points(np.array([[110.0, 50.0]])), centre, atol=0.6)
    assert (canvas[0] == FILL).all()


def test_encode_writes_what_the_suffix_says() -> None:
    assert encode(photo())[:4] == b"\x89PNG"
    assert encode(photo(), ".jpg")[:2] == b"\xff\xd8"


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".gif", ".bmp", ".tif", ".webp"])
def test_the_area_of_a_picture_is_in_its_header(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    Image.fromarray(photo(123, 77)).save(path)
    assert area(path) == 123 * 77
    path.write_bytes(path.read_bytes()[:10])
    assert area(path) == area(tmp_path) == area(tmp_path / "none.png") == 0


def test_a_picture_over_the_limit_has_no_area_to_decode(tmp_path: Path) -> None:
    Image.new("1", (LIMIT // 1000 + 1, 1000)).save(tmp_path / "large.png")
    assert area(tmp_path / "large.png") == 0


@pytest.mark.parametrize("size", [(1, 1), (61, 700), (400, 30)])
def test_maps_one_after_another_are_those_of_all_at_once(size: tuple[int, int]) -> None:
    box = Letterbox.fit(size, (48, 64))
    canvas = np.random.default_rng(0).normal(size=(3, 48, 64)).astype(np.float32)
    each = [plane.copy() for plane in box.each(canvas)]
    np.testing.assert_array_equal(np.stack(each), box.back(canvas))
    at_its_size = box.sampled(canvas, size)
    np.testing.assert_allclose(at_its_size - at_its_size.max((1, 2), keepdims=True), 0, atol=99)
    np.testing.assert_allclose(np.ptp(at_its_size - np.stack(each), (1, 2)), 0, atol=1e-5)


def test_a_map_sums_to_one_as_the_plain_formula_says() -> None:
    box = Letterbox.fit((300, 500), (48, 64))  # of several bands
    plane = (np.random.default_rng(1).normal(size=(48, 64)) * 4).astype(np.float32)
    top, left, height, width = box.content
    wide = cv2.resize(plane[top : top + height, left : left + width], (500, 300)).astype(np.float64)
    np.testing.assert_allclose(box.back(plane), wide - np.log(np.exp(wide).sum()), atol=4e-6)


def test_pictures_are_written_as_webp_and_what_is_too_long_is_refused() -> None:
    picture = cv2.resize(photo(), (90, 60), interpolation=cv2.INTER_CUBIC)
    assert np.abs(read(encode(picture, ".webp")).astype(int) - picture).mean() < 12
    for suffix, longest in ((".webp", 16_383), (".jpg", 65_500)):
        assert read(encode(np.zeros((1, longest, 3), np.uint8), suffix)).shape == (1, longest, 3)
        with pytest.raises(PictureError, match=f"{longest + 1} x 1 cannot be written as {suffix}.*choose .png"):
            encode(np.zeros((1, longest + 1, 3), np.uint8), suffix)
    assert read(encode(np.zeros((1, 65_501, 3), np.uint8), ".png")).shape == (1, 65_501, 3)
