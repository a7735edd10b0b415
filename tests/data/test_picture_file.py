"""Which files are read as pictures, what is said of those that are not, and what is refused before it is read."""

import base64
import io
import os
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from app.cli.main import main
from data import picture_file
from data.errors import PictureError, TableError
from data.picture import area, picture_size, read, save
from data.picture_file import AVIF, HEIF, MOST, unread
from data.recorders import PicturesByName

# 64 x 48: red and green meet, yellow above, black below; made by libheif's heif-enc
HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAa1tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAAA5waXRt"
    "AAAAAAACAAAAEGlkYXQAAAAAAEAAMAAAADhpbG9jAQAAAERAAAIAAQAAAAAAAAHRAAEAAAAAAAAAnQACAAEAAAAAAAAAAQAAAAAAAAAIAAAA"
    "OGlpbmYAAAAAAAIAAAAVaW5mZQIAAAEAAQAAaHZjMQAAAAAVaW5mZQIAAAAAAgAAZ3JpZAAAAADYaXBycAAAALZpcGNvAAAAdmh2Y0MBA3AA"
    "AAAAAAAAAAAe8AD8/fj4AAAPAyAAAQAYQAEMAf//A3AAAAMAkAAAAwAAAwAeugJAIQABACpCAQEDcAAAAwCQAAADAAADAB6gIIEFlurkprm4"
    "EBAwIAAAAwAgAAADACEiAAEABkQBwXPAiQAAABRpc3BlAAAAAAAAAEAAAABAAAAAFGlzcGUAAAAAAAAAQAAAADAAAAAQcGl4aQAAAAADCAgI"
    "AAAAGmlwbWEAAAAAAAAAAgABAoECAAICA4QAAAAaaXJlZgAAAAAAAAAOZGltZwACAAEAAQAAAKVtZGF0AAAAmSgBrwngIzhG8esan/8n+aGs"
    "JvFV35Te/+6Ou7nb2/X9lPlPezyLiJm8GMAucRFjm/3/2RXymRJ1jnASPTfThzr01k4RXTOwpRyyMiAfh4rfUrjUMqSuCTy+3X0t8wITUulw"
    "3bWnlVhiIJvY9nY/K4gI8US0m5zmfHcMAU5OaGHUcnLj5boRbkAm3Utf81UVZ2WZBUqVq4jNIA=="
)


def gaze(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)


def stored(kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    ramp = np.dstack([np.linspace(0, 255, 64)[None].repeat(48, 0)] * 3).astype(np.uint8)
    Image.fromarray(ramp).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with one picture that is read, and with many files that are not."""
    folder = tmp_path / "photos"
    (folder / "deep").mkdir(parents=True)
    save(folder / "a.png", np.full((20, 30, 3), 90, np.uint8))
    for name in (
        "x.cr2",
        "y.NEF",
        "deep/z.nef",
        "b.dng",
        "c.arw",
        "clip.MOV",
        "d.mp4",
        "e.psd",
        ".hidden.nef",
        "n.txt",
    ):
        (folder / name).write_bytes(b"anything")
    return folder


SAID = {
    "1 .cr2 file is not read; save as JPEG, PNG or TIFF with a raw converter.",
    "2 .nef files are not read; save as JPEG, PNG or TIFF with a raw converter.",
    "1 .dng file is not read; save as JPEG, PNG or TIFF with a raw converter.",
    "1 .arw file is not read; save as JPEG, PNG or TIFF with a raw converter.",
    f"1 .mov file is not read; {picture_file.FRAMES}.",
    f"1 .mp4 file is not read; {picture_file.FRAMES}.",
    "1 .psd file is not read; save as JPEG or PNG.",
}


def test_what_a_folder_holds_and_is_not_read_is_counted_by_suffix(
    photos: Path, tmp_path: Path, toy_model: Path
) -> None:
    result = gaze("predict", photos, "-o", tmp_path / "out", "--model", toy_model, "--format", "json")
    assert (result.exit_code, result.stdout.split(";")[0]) == (0, "1 done")
    of_videos = "2 videos left out: --format json names none of mp4, jsonl, parquet, npz."
    of_pictures = {line for line in SAID if ".mov" not in line and ".mp4" not in line}
    assert {line.removeprefix(f"{photos}: ") for line in result.stderr.splitlines()} == of_pictures | {of_videos}


def test_a_folder_of_nothing_else_says_why_there_is_no_picture(photos: Path, tmp_path: Path, toy_model: Path) -> None:
    for name in ("a.png", "clip.MOV", "d.mp4"):
        (photos / name).unlink()
    result = gaze("predict", photos, "-o", tmp_path / "out", "--model", toy_model)
    assert result.exit_code == 2
    assert "2 .nef files are not read" in result.stderr
    assert f"Error: No pictures found in {photos}" in result.stderr


def test_data_check_counts_them_too(photos: Path, tmp_path: Path) -> None:
    root = tmp_path / "set"
    root.mkdir()
    photos.rename(root / "images")
    (root / "fixations.csv").write_text("image,subject,index,x,y,duration_ms,start_ms\na.png,s1,0,10,10,200,0\n")
    result = gaze("data", "check", root)
    assert (result.exit_code, result.stdout) == (0, f"{root}: no defects\n")
    assert {line.removeprefix(f"{root / 'images'}: ") for line in result.stderr.splitlines()} == SAID


def test_without_pi_heif_heic_is_counted_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_file, "SUFFIXES", tuple(s for s in picture_file.SUFFIXES if not s.startswith(".hei")))
    monkeypatch.setattr(picture_file, "HEIF", False)
    words = "2 .heic files are not read; install pi-heif (pip install pi-heif), or save as JPEG"
    assert unread([Path("a.heic"), Path("b.HEIC"), Path("c.jpg")]) == [words]
    with pytest.raises(PictureError, match=r"photo\.jpg: a HEIC picture is not read; install pi-heif"):
        read(HEIC, "photo.jpg")


def test_without_avif_in_pillow_avif_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_file, "AVIF", False)
    data = b"\0\0\0\x1cftypavif\0\0\0\0avifmif1" + bytes(40)
    with pytest.raises(PictureError, match="an AVIF picture is not read by this Pillow; save as JPEG or PNG"):
        read(data, "a.avif")


@pytest.mark.skipif(not HEIF, reason="pi-heif is not installed: pip install pi-heif")
@pytest.mark.parametrize("name", ["photo.heic", "photo.HEIF", "photo.jpg"])
def test_heic_is_read_where_pi_heif_is(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(HEIC)
    picture = read(path)
    assert picture.shape == (48, 64, 3)
    assert np.abs(picture[5, [5, 50]].astype(int) - [[230, 230, 40], [20, 230, 40]]).max() < 12
    assert (picture_size(path), area(path)) == ((64, 48), 64 * 48)
    with pytest.raises(PictureError, match="damaged"):
        read(HEIC[:-60], name)


@pytest.mark.skipif(not HEIF, reason="pi-heif is not installed: pip install pi-heif")
def test_a_folder_of_heic_is_predicted_where_pi_heif_is(tmp_path: Path, toy_model: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.heic").write_bytes(HEIC)
    result = gaze("predict", tmp_path / "in", "-o", tmp_path / "out", "--model", toy_model, "--format", "json")
    assert (result.exit_code, result.stderr) == (0, "")


@pytest.mark.skipif(not AVIF, reason="this Pillow has no AVIF")
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_avif_is_read_the_way_a_person_sees_it(orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "a.avif"
    path.write_bytes(stored("AVIF", quality=95, exif=exif))
    picture = read(path)
    ramp = np.linspace(0, 255, 64).round()
    expected = {1: ramp[None].repeat(48, 0), 3: ramp[None, ::-1].repeat(48, 0), 6: ramp[:, None].repeat(48, 1)}
    assert picture.shape[:2] == expected[orientation].shape
    assert np.abs(picture[..., 0] - expected[orientation]).max() < 12
    assert picture_size(path) == picture.shape[1::-1]
    with pytest.raises(PictureError, match=r"a\.avif: the picture is damaged"):
        read(path.read_bytes()[:-40], "a.avif")


@pytest.mark.parametrize("suffix", [".jfif", ".JFIF", ".jpe"])
def test_other_suffixes_of_jpeg_are_read(suffix: str, tmp_path: Path, toy_model: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / f"a{suffix}").write_bytes(stored("JPEG"))
    result = gaze("predict", tmp_path / "in", "-o", tmp_path / "out", "--model", toy_model, "--format", "json")
    assert (result.exit_code, result.stderr, result.stdout[:6]) == (0, "", "1 done")


@pytest.mark.parametrize("suffix", [".nef", ".CR2", ".arw", ".dng"])
def test_the_thumbnail_of_a_raw_picture_is_not_taken_for_it(suffix: str, tmp_path: Path) -> None:
    (tmp_path / f"a{suffix}").write_bytes(stored("TIFF"))
    with pytest.raises(PictureError, match=r"a raw picture is not read; save as JPEG"):
        read(tmp_path / f"a{suffix}")
    with pytest.raises(TableError, match="a raw picture is not read"):
        picture_size(tmp_path / f"a{suffix}")


def test_a_raw_picture_of_another_name_is_known_by_its_tag() -> None:
    tags = {50706: b"\1\4\0\0"}
    with pytest.raises(PictureError, match=r"a\.tif: a raw picture is not read"):
        read(stored("TIFF", tiffinfo=tags), "a.tif")


@pytest.mark.parametrize(
    ("name", "remedy"), [("a.mp4", "save the frames"), ("a.jxl", "save as JPEG"), ("a.txt", "one of JPEG")]
)
def test_what_is_no_picture_is_refused_with_its_remedy(name: str, remedy: str) -> None:
    with pytest.raises(PictureError, match=f"{name}: this is not a picture that can be read; .*{remedy}"):
        read(b"anything at all, and more of it", name)


@pytest.mark.skipif(not HEIF, reason="pi-heif is not installed: pip install pi-heif")
@pytest.mark.parametrize("name", ["a.heic", "a.HEIF", "a.hif"])
def test_what_is_installed_is_no_remedy(name: str) -> None:
    with pytest.raises(
        PictureError, match=f"{name}: this is not a picture that can be read; give one of JPEG"
    ) as refusal:
        read(bytes(40) + HEIC[40:], name)
    assert "install" not in str(refusal.value)


@pytest.mark.parametrize("suffix", [".mpo", ".apng", ".dib", ".jif", ".heics", ".avifs"])
def test_rare_suffixes_are_counted_with_the_remedy(suffix: str) -> None:
    assert unread([Path(f"a{suffix}"), Path("b.jpg")]) == [f"1 {suffix} file is not read; save as JPEG or PNG"]


def test_what_would_never_end_is_refused_at_once(tmp_path: Path, toy_model: Path) -> None:
    (tmp_path / "in").mkdir()
    os.mkfifo(tmp_path / "in" / "pipe.jpg")
    (tmp_path / "in" / "zero.jpg").symlink_to("/dev/zero")
    with (tmp_path / "in" / "large.jpg").open("wb") as file:
        file.truncate(MOST + 1)
    save(tmp_path / "in" / "a.png", np.full((20, 30, 3), 90, np.uint8))
    result = gaze("predict", tmp_path / "in", "-o", tmp_path / "out", "--model", toy_model, "--format", "json")
    assert (result.exit_code, result.stdout.split(";")[0]) == (3, "1 done, 3 broken")
    pipe, zero, large = (f"{tmp_path / 'in' / name}: " for name in ("pipe.jpg", "zero.jpg", "large.jpg"))
    words = "cannot be read (it is no file but a pipe or device); give a picture's file."
    limit = "the file has 1.0 GiB, but the limit is 1; make it smaller."
    assert set(result.stderr.splitlines()) == {pipe + words, zero + words, large + limit}
    for name in ("pipe.jpg", "zero.jpg", "large.jpg"):
        assert area(tmp_path / "in" / name) == 0
        with pytest.raises(TableError, match=name):
            picture_size(tmp_path / "in" / name)


def test_a_folder_of_shown_pictures_counts_them_too(photos: Path, caplog: pytest.LogCaptureFixture) -> None:
    PicturesByName(photos)
    assert {record.getMessage().removeprefix(f"{photos}: ") for record in caplog.records} == SAID
