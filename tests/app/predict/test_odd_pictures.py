"""A folder of odd files: each is predicted, or named in one sentence, and the rest goes on."""

import errno
import io
import json
import os
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from app.cli.main import main
from data.picture import encode


def gaze(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in ("predict", *words)], catch_exceptions=False)


def flag(size: int = 40) -> np.ndarray:
    picture = np.zeros((size, size, 3), np.uint8)
    picture[:, size // 2 :] = 200
    return picture


def bomb() -> bytes:
    """A PNG whose header tells of 200 megapixels."""
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", 20_000, 10_000, 8, 2, 0, 0, 0),
        b"IDAT": zlib.compress(b""),
        b"IEND": b"",
    }
    parts = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks.items()
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def zip_of_zips() -> bytes:
    inner, outer = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(1_000_000))
    with zipfile.ZipFile(outer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(9):
            archive.writestr(f"{number}.zip", inner.getvalue())
    return outer.getvalue()


def animation() -> bytes:
    file = io.BytesIO()
    frames = [Image.fromarray(flag()), Image.fromarray(flag()[:, ::-1])]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=40)
    return file.getvalue()


def test_odd_files_are_predicted_or_named_and_the_rest_goes_on(tmp_path: Path, toy_model: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    contents = {
        "pixel.png": encode(np.full((1, 1, 3), 9, np.uint8)),
        "moving.gif": animation(),
        "sound.png": encode(flag()),
        "bomb.png": bomb(),
        "zips.jpg": zip_of_zips(),
        "zips.png": zip_of_zips(),
    }
    for name, content in contents.items():
        (source / name).write_bytes(content)
    result = gaze(source, "-o", out, "--model", toy_model, "--format", "png,jpg,webp,npy,json,parquet")
    assert (result.exit_code, result.stdout.split(";")[0]) == (3, "3 done, 3 broken")
    lines = sorted(result.stderr.splitlines())
    assert len(lines) == 3
    assert lines[0] == f"{source / 'bomb.png'}: the picture has 200.0 megapixels, but the limit is 50; make it smaller."
    for line, name in zip(lines[1:], ("zips.jpg", "zips.png"), strict=True):
        assert line.startswith(f"{source / name}: this is not a picture that can be read; give one of ")
    assert json.loads((out / "pixel.json").read_text())["peak"] == {"x": 0.5, "y": 0.5}
    assert np.load(out / "pixel.density.npy").tolist() == [[0.0]]
    assert json.loads((out / "moving.json").read_text())["peak"]["x"] > 20  # as the first frame says


def test_what_was_written_into_the_source_is_not_predicted_again(tmp_path: Path, toy_model: Path) -> None:
    (tmp_path / "a.png").write_bytes(encode(flag()))
    words = ("--model", toy_model, "--format", "png,jpg,webp,npy,json,parquet")
    for out in (tmp_path, tmp_path / "deep" / "out"):
        assert gaze(tmp_path, "-o", out, *words).stdout.startswith("1 done")
        assert gaze(tmp_path, "-o", out, *words).stdout.startswith("0 done, 1 skipped")
        for file in out.glob("a.*"):
            if file != tmp_path / "a.png":
                file.unlink()


def test_a_picture_that_may_not_be_read_is_named(
    tmp_path: Path, toy_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("locked.png", "sound.png"):
        (tmp_path / name).write_bytes(encode(flag()))
    opened = os.open

    def refused(path: Any, flags: int, *more: Any, **others: Any) -> int:
        if os.fspath(path) == str(tmp_path / "locked.png"):  # file modes do not stop root
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return opened(path, flags, *more, **others)

    monkeypatch.setattr(os, "open", refused)
    result = gaze(tmp_path, "-o", tmp_path / "out", "--model", toy_model, "--format", "json")
    assert (result.exit_code, result.stdout.split(";")[0]) == (3, "1 done, 1 broken")
    problem = "cannot be read (Permission denied); check its permissions."
    assert result.stderr == f"{tmp_path / 'locked.png'}: {problem}\n"
