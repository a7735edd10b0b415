"""What a piece of code reads: the bytes of each file, by the file's path."""

import contextlib
import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@contextlib.contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[Path]]:
    """How many bytes of each file are read meanwhile, as far as it is opened for reading bytes by Python."""
    read: Counter[Path] = Counter()

    class Counted(io.FileIO):
        path = Path()

        def _add(self, size: int) -> None:
            read[self.path] += size

        def readinto(self, buffer: Any) -> int | None:
            size = super().readinto(buffer)
            self._add(size or 0)
            return size

        def readall(self) -> bytes:
            content = super().readall()
            self._add(len(content))
            return content

        def read(self, size: int | None = -1, /) -> bytes | None:
            if size is None or size < 0:
                return self.readall()
            content = super().read(size)
            self._add(len(content or b""))
            return content

    whole = io.open

    def opened(file: Any, mode: str = "r", buffering: int = -1, *rest: Any, **more: Any) -> Any:
        if mode != "rb" or not isinstance(file, str | Path):
            return whole(file, mode, buffering, *rest, **more)
        raw = Counted(file, "rb")
        raw.path = Path(file)
        return raw if buffering == 0 else io.BufferedReader(raw)

    with monkeypatch.context() as patched:
        patched.setattr(io, "open", opened)
        patched.setattr("builtins.open", opened)
        yield read
