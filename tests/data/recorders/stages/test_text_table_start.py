"""What is seen of a file before it is read."""

import gzip
from pathlib import Path

import pytest

from data.errors import RecordingError
from data.recorders.stages import text_table

ROWS = "zeit;links;größe\n" + "1,5;2;3\n" * 20_000


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.filterwarnings("ignore:.*not UTF-8")
def test_the_start_of_a_file_is_that_of_its_text(tmp_path: Path, encoding: str, pack: type[bytes]) -> None:
    path = tmp_path / "a.csv"
    for text in (ROWS, ROWS.replace("\n", "\r\n"), "größe;b\n" + "1;2\n" * 60):
        path.write_bytes(pack(text.encode(encoding)))
        found = text_table.start(path)
        assert len(found) >= min(len(text) - text.count("\r"), 25_000)
        assert text_table.text(path).startswith(found.rstrip("�"))


def test_one_long_line_of_characters_of_two_bytes_is_seen(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("é" * text_table.START)
    assert len(text_table.start(tmp_path / "a.csv")) > text_table.START // 4


def test_what_cannot_be_seen_is_said(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_bytes(b"\n \n")
    (tmp_path / "binary.csv").write_bytes(b"a\0b" * 20)
    (tmp_path / "broken.csv.gz").write_bytes(b"\x1f\x8bbroken")
    for name, sentence in (
        ("empty.csv", "the file is empty"),
        ("binary.csv", "not a text file"),
        ("broken.csv.gz", "cut off or damaged"),
        ("none.csv", "the file is missing"),
    ):
        with pytest.raises(RecordingError, match=sentence):
            text_table.start(tmp_path / name)
