"""A file is damaged as transfers and editors damage files: bytes are replaced, removed, or cut off."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from data.errors import GazeError

PIECES = [b"", b"\t", b"x", b".", b",", b";", b"-9", b"1e9", b"\xff", b"\0", b"\n", b'"']


def scrambled(whole: bytes, data: Any, most: int, pieces: st.SearchStrategy[bytes]) -> bytes:
    """The bytes with up to `most` short stretches replaced by pieces."""
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(1, most))):
        start = data.draw(st.integers(0, len(content)))
        stop = min(len(content), start + data.draw(st.integers(0, 3)))
        content[start:stop] = data.draw(pieces)
    return bytes(content)


def assert_survives(path: Path, whole: bytes, data: Any, reads: Callable[[Path], Any]) -> None:
    """What reads a damaged file gives a result, or a `GazeError` of one sentence."""
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(0, len(content) - 1)))
        content[at : at + data.draw(st.integers(0, 8))] = data.draw(st.sampled_from(PIECES))
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(min(1, len(content)), len(content)))]
    path.write_bytes(content)
    said = ""
    try:
        reads(path)
    except GazeError as error:
        said = str(error)
    assert not said or (said.endswith(".") and "\n" not in said)
