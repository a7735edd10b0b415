"""Damaged picture files that end as they should: each kind of damage is found, and no sound file is called damaged."""

import io
import os
import random
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from data import damage
from data import jpeg as pictures
from data.errors import DamagedError, PictureError
from data.picture import read, read_damaged

SAMPLES = Path(damage.__file__).with_name("samples")
END = b"\xff\xd9"
FORMS: dict[str, dict[str, object]] = {
    "baseline": {},
    "optimised": {"optimize": True},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_blocks": 16},
    "whole chroma": {"subsampling": 0},
    "grey": {},
    "cmyk": {},
    "as rgb": {"keep_rgb": True},
}


def street() -> Image.Image:
    return Image.open(SAMPLES / "street.jpg").convert("RGB").resize((480, 320))


def stored(kind: str, image: Image.Image | None = None, **options: object) -> bytes:
    buffer = io.BytesIO()
    (image or street()).save(buffer, kind, **options)
    return buffer.getvalue()


def jpeg(form: str) -> bytes:
    image = street().convert({"grey": "L", "cmyk": "CMYK"}.get(form, "RGB"))
    return stored("JPEG", image, quality=85, **FORMS[form])


def body(data: bytes) -> tuple[int, int]:
    """Where the data of the first scan begin, and where those of the last one end."""
    at = 2
    while data[at + 1] != 0xDA:
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return at + 2 + int.from_bytes(data[at + 2 : at + 4], "big"), data.rindex(END)


def halved(data: bytes, rng: random.Random) -> bytes:
    start, stop = body(data)
    return data[: rng.randrange(start + (stop - start) // 8, stop - (stop - start) // 8)] + END


def holed(data: bytes, rng: random.Random) -> bytes:
    start, stop = body(data)
    size = (stop - start) // rng.choice([2, 4, 8])
    at = rng.randrange(start, stop - size)
    return data[:at] + data[at + size :]


def swapped(data: bytes, rng: random.Random) -> bytes:
    start, stop = body(data)
    first, second, third = sorted(rng.sample(range(start, stop), 3))
    return data[:first] + data[second:third] + data[first:second] + data[third:]


def zeroed(data: bytes, rng: random.Random) -> bytes:
    start, stop = body(data)
    at = rng.randrange(start, stop - 4096)
    return data[:at] + bytes(4096) + data[at + 4096 :]


def found(data: bytes) -> bool:
    """Whether the damage is told, by a sentence with the file's name."""
    try:
        read(data, "holiday.jpg")
    except PictureError as error:
        assert str(error).startswith("holiday.jpg: the picture is damaged or cut off (")  # noqa: PT017
        return True
    return False


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("spoil", [halved, holed])
def test_a_jpeg_that_lacks_a_part_is_damaged_although_it_ends_well(
    spoil: Callable[[bytes, random.Random], bytes], form: str
) -> None:
    whole, rng = jpeg(form), random.Random(0)
    assert not found(whole)
    assert all(found(spoil(whole, rng)) for _ in range(25))


@pytest.mark.parametrize("form", FORMS)
def test_most_jpegs_with_wrong_bytes_are_damaged(form: str) -> None:
    whole, rng = jpeg(form), random.Random(1)
    assert sum(found(zeroed(whole, rng)) for _ in range(25)) >= 20  # others decode without a warning


@pytest.mark.parametrize(
    ("form", "least"),
    [
        ("progressive", 25),
        ("restarts", 25),
        ("baseline", 23),
        ("optimised", 22),
        ("whole chroma", 20),
        ("grey", 14),
        ("cmyk", 25),
    ],
)
def test_most_jpegs_with_parts_in_another_order_are_damaged(form: str, least: int) -> None:
    """Where one scan has no restart markers, a decoder finds its way again after each seam, often without a warning."""
    whole, rng = jpeg(form), random.Random(1)
    assert sum(found(swapped(whole, rng)) for _ in range(25)) >= least


@pytest.mark.parametrize("quality", [50, 75, 90])
def test_cmyk_jpegs_with_parts_in_another_order_are_damaged(quality: int) -> None:
    """As programs for print make them: black ink where all colours are dark."""
    inks = 255 - np.asarray(street()).astype(int)
    black = inks.min(-1, keepdims=True)
    image = Image.fromarray(np.dstack([inks - black, black]).astype(np.uint8), "CMYK")
    whole, rng = stored("JPEG", image, quality=quality), random.Random(5)
    assert not found(whole)
    assert sum(found(swapped(whole, rng)) for _ in range(20)) >= 18


def test_a_rare_sampling_is_no_damage() -> None:
    head = stored("JPEG", Image.new("RGB", (16, 16)))
    frame = head.index(b"\xff\xc0")
    head = head[:frame] + head[frame:].replace(b"\x02\x11\x01\x03", b"\x02\x12\x01\x03", 1)
    bits = "001010" * 4 + "0000" * 3 + "1111"  # nothing but grey: four blocks of Y, two of Cb, one of Cr
    data = head[: body(head)[0]] + int(bits, 2).to_bytes(5, "big") + END
    assert pictures.read(data, "RGB") == (None, "")
    assert read_damaged(data)[1] == ""
    assert np.unique(read(data)).tolist() == [128]


@pytest.mark.parametrize("quality", [1, 20, 50, 75, 90, 95, 96, 97, 98, 100])
@pytest.mark.parametrize("form", FORMS)
def test_no_contrast_and_no_quality_is_taken_for_damage(form: str, quality: int) -> None:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:120, :160]
    for grey in (
        rng.integers(0, 2, (120, 160)) * 255,
        (x // 3 + y // 3) % 2 * 255,
        x * 0,
        x * 0 + 255,
        x % 8 // 7 * 255,
    ):
        image = Image.fromarray(np.dstack([grey, grey, 255 - grey]).astype(np.uint8))
        image = image.convert({"grey": "L", "cmyk": "CMYK"}.get(form, "RGB"))
        assert not found(stored("JPEG", image, quality=quality, **FORMS[form]))


def test_a_progressive_jpeg_without_its_last_scans_is_damaged() -> None:
    whole = jpeg("progressive")
    places = [at for at in range(len(whole)) if whole[at : at + 2] == b"\xff\xda"]
    assert len(places) > 5
    for at in places[1:]:  # what comes before a scan also has its tables, which do no harm
        with pytest.raises(DamagedError, match="scans of the picture are missing"):
            read(whole[:at] + END)


def test_what_is_left_of_a_damaged_picture_can_be_had() -> None:
    whole = jpeg("baseline")
    start, stop = body(whole)
    picture, reason = read_damaged(whole[: (start + stop) // 2] + END)
    assert reason == "Corrupt JPEG data: premature end of data segment"
    assert np.array_equal(picture[:100], read(whole)[:100])
    assert not np.array_equal(picture, read(whole))
    assert read_damaged(whole)[1] == ""


def with_jfif(data: bytes, major: int) -> bytes:
    at = data.index(b"JFIF\0") + 5
    return data[:at] + bytes([major]) + data[at + 1 :]


def with_profile() -> bytes:
    data = stored("JPEG", icc_profile=bytes(500))
    at = data.index(b"ICC_PROFILE\0") + 12
    return data[:at] + b"\5\1" + data[at + 2 :]


def with_adobe() -> bytes:
    data = stored("JPEG", keep_rgb=True)
    at = data.index(b"Adobe") + 11
    return data[:at] + b"\7" + data[at + 1 :]


def exif() -> Image.Exif:
    tags = Image.Exif()
    tags[0x0110] = "Camera"
    return tags


def wide_tables(data: bytes) -> bytes:
    """The same picture with quantisation tables of 16 bits."""
    while (at := data.find(b"\xff\xdb\x00\x43")) >= 0:
        table = data[at + 4 : at + 69]
        wide = bytes([table[0] | 16]) + b"".join(bytes([0, step]) for step in table[1:])
        data = data[:at] + b"\xff\xdb\x00\x83" + wide + data[at + 69 :]
    return data.replace(b"\xff\xc0", b"\xff\xc1")


def with_thumbnail() -> bytes:
    small = stored("JPEG", street().resize((160, 120)))
    segment = b"Exif\0\0" + small  # as good as any: nobody looks inside
    return stored("JPEG")[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment + stored("JPEG")[2:]


SOUND: dict[str, Callable[[], bytes]] = {
    "bytes after the end": lambda: stored("JPEG") + bytes(range(256)) * 9,
    "a second picture after the end": lambda: stored("JPEG") + stored("JPEG"),
    "a picture of two views": lambda: stored("MPO", save_all=True, append_images=[street()]),
    "a thumbnail": with_thumbnail,
    "exif": lambda: stored("JPEG", exif=exif()),
    "a comment": lambda: stored("JPEG", comment=b"\xff\xda\xff\xd9"),
    "a broken profile": lambda: stored("JPEG", icc_profile=b"no profile at all"),
    "stored as rgb": lambda: stored("JPEG", keep_rgb=True),
    "filling before a marker": lambda: stored("JPEG").replace(b"\xff\xda", b"\xff\xff\xff\xda", 1),
    "filling before the end": lambda: stored("JPEG")[:-2] + b"\xff\xff\xff\xd9",
    "a newer jfif": lambda: with_jfif(stored("JPEG"), 3),
    "a profile out of order": with_profile,
    "a transform of Adobe that nobody knows": with_adobe,
    "a newer jfif, progressive": lambda: with_jfif(jpeg("progressive"), 2),
    "a newer jfif, grey": lambda: with_jfif(jpeg("grey"), 0),
    "the least quality": lambda: stored("JPEG", quality=1, progressive=True),
    "one pixel": lambda: stored("JPEG", Image.new("RGB", (1, 1)), progressive=True),
    "wide tables": lambda: wide_tables(stored("JPEG")),
    "rows of restarts": lambda: stored("JPEG", restart_marker_rows=1, progressive=True),
    "bytes after a png": lambda: stored("PNG") + b"more",
    "a png of words": lambda: stored("PNG", pnginfo=None, icc_profile=b"none", dpi=(72, 72)),
    "an animated png": lambda: stored("PNG", save_all=True, append_images=[street()]),
    **{f"tiff {name}": lambda name=name: stored("TIFF", compression=name)
       for name in ("raw", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "jpeg")},
    "grey tiff jpeg": lambda: stored("TIFF", street().convert("L"), compression="jpeg"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", SOUND)
def test_no_sound_picture_is_called_damaged(kind: str) -> None:
    data = SOUND[kind]()
    assert np.array_equal(read(data), np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))


def test_no_picture_of_the_real_sets_is_called_damaged(shared: Path) -> None:
    pictures = sorted(shared.rglob("*.jpg"))[::9]
    assert [path for path in [*pictures, *SAMPLES.glob("*.jpg")] if found(path.read_bytes())] == []


HEADS: dict[str, Callable[[], bytes]] = {
    "jfif": lambda: with_jfif(stored("JPEG"), 2),
    "progressive jfif": lambda: with_jfif(jpeg("progressive"), 2),
    "grey jfif": lambda: with_jfif(jpeg("grey"), 3),
    "profile": with_profile,
    "adobe": with_adobe,
}


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("spoil", [halved, holed])
def test_a_harmless_warning_hides_no_damage(spoil: Callable[[bytes, random.Random], bytes], head: str) -> None:
    whole, rng = HEADS[head](), random.Random(3)
    assert not found(whole)
    assert all(found(spoil(whole, rng)) for _ in range(15))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("ends", [(b"\n", b"\r\n"), (b"\r", b"\n"), (b"\r", b"\r\n")])
def test_a_jpeg_whose_bytes_were_taken_for_text_is_damaged(ends: tuple[bytes, bytes], form: str) -> None:
    whole = jpeg(form)
    assert whole.count(ends[0]) > 20
    assert found(whole.replace(*ends))


def without_scan(data: bytes, number: int) -> bytes:
    """A progressive JPEG file without one of its scans; what comes before a scan are its tables."""
    places = [at for at in range(len(data)) if data[at : at + 2] == b"\xff\xda"]
    start = places[number]
    stop = start + 2
    while data[stop] != 0xFF or data[stop + 1] in (0, *range(0xD0, 0xD8)):
        stop += 1
    return data[:start] + data[stop:]


@pytest.mark.parametrize("number", range(10))
def test_a_progressive_jpeg_that_lacks_any_of_its_scans_is_damaged(number: int) -> None:
    assert found(without_scan(jpeg("progressive"), number))


def test_a_chain_of_scans_has_all_its_links() -> None:
    def scans(*scans: tuple[int, int, int, int]) -> bytes:
        head = b"\xff\xd8\xff\xc2\0\x0b\x08\0\x08\0\x08\1\1\x11\0"
        return head + b"".join(
            b"\xff\xda\0\x08\1\1\0" + bytes([first, last, high << 4 | low]) for first, last, high, low in scans
        )

    rest = [(1, 63, 0, 0)]
    assert pictures._silent(scans((0, 0, 0, 0), *rest)) == ""
    assert pictures._silent(scans((0, 0, 0, 2), (0, 0, 2, 1), *rest, (0, 0, 1, 0))) == ""
    for broken in ([], [(0, 0, 1, 0)], [(0, 0, 0, 1)], [(0, 0, 0, 2), (0, 0, 1, 0)], [(0, 0, 2, 1), (0, 0, 1, 0)]):
        assert pictures._silent(scans(*broken, *rest)) == "scans of the picture are missing"


def chunks(data: bytes) -> list[bytes]:
    """The chunks of a PNG file, its data in pieces of 8 KB as most programs write them."""
    pieces, at = [], 8
    while at < len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        kind, content = data[at + 4 : at + 8], data[at + 8 : end - 4]
        step = 8192 if kind == b"IDAT" else max(1, len(content))
        pieces += [chunk(kind, content[i : i + step]) for i in range(0, max(1, len(content)), step)]
        at = end
    return pieces


def chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


def flipped(piece: bytes) -> bytes:
    return piece[:-6] + bytes([piece[-6] ^ 1]) + piece[-5:]


PNG: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "two chunks in the other order": lambda c: [*c[:3], c[4], c[3], *c[5:]],
    "a chunk is missing": lambda c: c[:3] + c[4:],
    "a chunk is there twice": lambda c: [*c[:3], c[3], *c[3:]],
    "the last data are missing": lambda c: c[:-2] + c[-1:],
    "no end": lambda c: c[:-1],
    "a wrong bit in the data": lambda c: [*c[:3], flipped(c[3]), *c[4:]],
    "a wrong bit in words before the data": lambda c: [c[0], flipped(chunk(b"tEXt", b"a\0b")), *c[1:]],
    "a wrong bit in words after the data": lambda c: [*c[:-1], flipped(chunk(b"tEXt", b"a\0b")), c[-1]],
}


@pytest.mark.parametrize("kind", PNG)
def test_a_damaged_png_is_found(kind: str) -> None:
    pieces = chunks(stored("PNG"))
    assert len(pieces) > 8
    assert not found(b"\x89PNG\r\n\x1a\n" + b"".join(pieces))
    assert found(b"\x89PNG\r\n\x1a\n" + b"".join(PNG[kind](pieces)))


def png(kind: tuple[int, int], size: tuple[int, int], interlaced: bool = False, **change: int) -> bytes:
    """A PNG file whose rows are all there, but for `change` of the height and the bytes that it tells or has."""
    bits = kind[0] * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[kind[1]]
    passes = (
        ("0 0 8 8", "4 0 8 8", "0 4 4 8", "2 0 4 4", "0 2 2 4", "1 0 2 2", "0 1 1 2") if interlaced else ("0 0 1 1",)
    )
    data = b""
    for x, y, right, down in (map(int, line.split()) for line in passes):
        columns, rows = len(range(x, size[0], right)), len(range(y, size[1], down))
        data += (b"\0" + bytes([90]) * ((columns * bits + 7) // 8)) * rows if columns else b""
    data = data[: change["keep"]] if "keep" in change else data + bytes(change.get("more", 0))
    told = (size[0].to_bytes(4, "big"), change.get("height", size[1]).to_bytes(4, "big"))
    head = b"".join(told) + bytes([*kind, 0, 0, interlaced])
    colours = [chunk(b"PLTE", bytes(range(256)) * 3)] if kind[1] == 3 else []
    content = [chunk(b"IHDR", head), *colours, chunk(b"IDAT", zlib.compress(data)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(content)


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (3, 9), (17, 4), (40, 30)])
@pytest.mark.parametrize(
    "kind", [(8, 2), (8, 6), (16, 2), (16, 6), (8, 4), (16, 4), (8, 0), (16, 0), (1, 0), (2, 3), (8, 3)]
)
def test_a_png_has_as_many_bytes_as_its_size_asks_for(
    kind: tuple[int, int], size: tuple[int, int], interlaced: bool
) -> None:
    assert not found(png(kind, size, interlaced))
    for change in ({"more": 1}, {"more": 5000}, {"keep": 0}, {"keep": size[1]}, {"height": 2 * size[1]}):
        assert found(png(kind, size, interlaced, **change)), change
    if size[1] > 3:
        assert found(png(kind, size, interlaced, height=size[1] // 2))


def test_a_png_that_grows_without_end_is_counted_only_so_far() -> None:
    bomb = zlib.compressobj(9)
    data = b"".join(bomb.compress(bytes(1 << 20)) for _ in range(200)) + bomb.flush()
    assert damage._inflated([data], 1000) == "its data have more rows than the picture"


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "jpeg"])
def test_a_damaged_tiff_is_found_and_libtiff_says_nothing_by_itself(
    compression: str, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    whole, rng, told = stored("TIFF", compression=compression), random.Random(2), 0
    for _ in range(20):
        at = rng.randrange(len(whole) // 10, len(whole) * 8 // 10)
        told += found(whole[:at] + bytes(2048) + whole[at + 2048 :])
        assert found(whole[:at])
    assert told >= 17  # others decode without a word
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list


def cut(data: bytes, share: float = 0.5) -> bytes:
    return data[: int(len(data) * share)]


def with_broken_words(data: bytes) -> bytes:
    return data[:33] + flipped(chunk(b"tEXt", b"a\0b")) + data[33:]


PARTLY: dict[str, Callable[[], bytes]] = {
    "png": lambda: cut(stored("PNG")),
    "png with transparency": lambda: cut(stored("PNG", street().convert("RGBA"))),
    "png of a palette": lambda: cut(stored("PNG", street().quantize(99))),
    "png with a hole": lambda: cut(stored("PNG")) + bytes(900) + stored("PNG")[len(cut(stored("PNG"))) + 900 :],
    "png without its last rows": lambda: png((8, 2), (40, 30), keep=2000),
    "interlaced png": lambda: png((8, 2), (40, 30), True, keep=2000),
    "png with wrong bits in words": lambda: with_broken_words(stored("PNG")),
    "png with wrong bits in words, cut": lambda: cut(with_broken_words(stored("PNG"))),
    "bmp": lambda: cut(stored("BMP")),
    "bmp of a palette": lambda: cut(stored("BMP", street().quantize(99))),
    "bmp without its last byte": lambda: stored("BMP")[:-1],
    "gif": lambda: cut(stored("GIF", street().quantize(99))),
    "animated gif": lambda: cut(stored("GIF", street().quantize(99), save_all=True, append_images=[street()]), 0.2),
    "tiff": lambda: cut(stored("TIFF")),
    "grey tiff": lambda: cut(stored("TIFF", street().convert("L"))),
    "tiff of 16 bits": lambda: cut(stored("TIFF", Image.fromarray(np.full((90, 90), 40_000, np.uint16)))),
    "jpeg": lambda: cut(jpeg("baseline")),
    "cmyk jpeg": lambda: cut(jpeg("cmyk")),
    "jpeg of a newer jfif": lambda: cut(with_jfif(jpeg("baseline"), 2)),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", PARTLY)
def test_what_can_be_decoded_of_a_file_is_there(kind: str) -> None:
    data = PARTLY[kind]()
    with pytest.raises(DamagedError, match="or predict it with --accept-damaged"):
        read(data)
    picture, reason = read_damaged(data)
    assert reason
    assert np.ptp(picture) > 0 or "16 bits" in kind
    if picture.shape == (320, 480, 3) and not kind.startswith(("bmp", "gif", "anim")):
        whole = np.asarray(street().convert("L"), float)
        assert np.corrcoef(picture[:60].mean(-1).ravel(), whole[:60].ravel())[0, 1] > 0.95
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (png((8, 3), (8, 8)).replace(chunk(b"PLTE", bytes(range(256)) * 3), b""), "its palette is missing"),
        (png((8, 2), (8, 8), keep=0), "fewer rows than the picture"),
        (stored("BMP")[:54], "image file is truncated"),
        (stored("GIF")[:800], "image file is truncated"),
        (stored("PNG")[:33] + stored("PNG")[-12:], "fewer rows"),
        (stored("WEBP")[:900], "could not create decoder object"),
    ],
)
def test_a_file_without_a_single_pixel_is_refused(content: bytes, reason: str) -> None:
    for reader in (read, read_damaged):
        with pytest.raises(PictureError, match=rf"damaged or cut off \(.*{reason}") as refusal:
            reader(content)
        assert not isinstance(refusal.value, DamagedError)


def test_long_words_in_a_png_are_no_damage() -> None:
    data = stored("PNG")
    words = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 22)))
    assert not found(data[:33] + words + data[33:])


OURS = [
    "photo.jpg: the file is empty (0 bytes); copy it again.",
    "IMG_0001: cannot be read (Permission denied); check its permissions.",
    "Error: Stopped.",
    "1 done; out (toy on cpu)",
]
THEIRS = {
    "LZWDecode: Using code not yet in table.": "Using code not yet in table",
    "tempfile.tif: Using code not yet in table.": "Using code not yet in table",
    "JPEGLib: Not a JPEG file: starts with 0x5c 0x0f.": "Not a JPEG file: starts with 0x5c 0x0f",
    'MissingRequired: TIFF directory is missing required "StripOffsets" field.': (
        'TIFF directory is missing required "StripOffsets" field'
    ),
    "_TIFFVSetField: Null count.": "Null count",
    "TIFFFillStrip: Read error on strip 0; got 9 bytes.": "Read error on strip 0; got 9 bytes",
    "libpng error: IDAT: CRC error": "IDAT: CRC error",
    "[ERROR:0@0.91] global grfmt_tiff.cpp:117 TIFF_Error Odd code\n\n": "Odd code",
    "[ERROR:0@9.1] global loadsave.cpp:998 imdecode_ can't read: OpenCV(5) a.cpp:9: error: (-2) Odd\n> :\n>": (
        "(-2) Odd"
    ),
    "[ WARN:0@0.147] global grfmt_tiff.cpp:123 TIFF_Warning TIFFReadDirectory: Odd.": "Odd",
}


def test_what_others_say_meanwhile_is_not_lost(capfd: pytest.CaptureFixture[str]) -> None:
    with damage.quiet() as said:
        for line in (*OURS, *THEIRS):
            os.write(2, f"{line}\n".encode())
    assert said == list(THEIRS.values())
    assert capfd.readouterr().err.splitlines() == OURS


def test_without_a_standard_error_tiffs_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(number: int) -> int:
        raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr(os, "dup", closed)
    assert read(stored("TIFF", compression="tiff_lzw")).shape == (320, 480, 3)
