"""The labels that a person gave, click by click: clicks.jsonl, a line a click, on the disk before the next one.

    {"label": 812, "class": "tablet-left"}      the box of this number is of the class; "" is of no interest
    {"rename": "tablett", "to": "tablet"}       the class bears another name; one that is there takes it in
    {"undo": true}                              the last click that is not undone yet is

A line that was cut off by a crash is passed over, and so is one that is none of these.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data.errors import GazeError
from data.plain_text import visible

FILE = "clicks.jsonl"
LONGEST = 100  # letters of a class
LARGEST = 256 << 20  # bytes of a file of clicks: some million

Click = dict[str, Any]


@dataclass
class Clicks:
    """The clicks of a project of so many boxes; with a file, each new one is on the disk when the call returns."""

    boxes: int
    path: Path | None = None
    kept: list[Click] = field(default_factory=list)  # those that are not undone
    labels: dict[int, str] = field(default_factory=dict)  # by the number of the box, in the order of the clicks
    passed: int = 0  # lines that could not be understood

    @classmethod
    def read(cls, path: Path, boxes: int) -> "Clicks":
        """Those of a file; none where it is missing.

        Raises:
            GazeError: It cannot be read.
        """
        clicks = cls(boxes, path)
        try:
            if path.exists() and path.stat().st_size > LARGEST:
                raise GazeError(f"{path}: it has more than {LARGEST >> 20} MB; give the project's own file.")
            content = path.read_bytes() if path.exists() else b""
        except OSError as error:
            raise GazeError(f"{path}: cannot be read ({error.strerror}); check its rights.") from error
        for line in content.split(b"\n"):
            if line.strip():
                clicks._replay(line)
        clicks._relabel()
        return clicks

    def add(self, clicks: Iterable[Click]) -> None:
        """New clicks.

        Raises:
            GazeError: The disk does not take them; they do not count then.
        """
        new = list(clicks)
        self._write("".join(json.dumps(click, ensure_ascii=False) + "\n" for click in new).encode())
        for click in new:
            self._apply(click)
        if any("label" not in click for click in new):
            self._relabel()

    def label(self, box: int, name: str) -> None:
        """The box is of a class; "" is one of no interest.

        Raises:
            GazeError: There is no such box, or the name is none.
        """
        self.add([{"label": self.checked(box), "class": class_name(name)}])

    def rename(self, name: str, to: str) -> None:
        """A class bears another name from now on; where there is one of that name already, both are one.

        Raises:
            GazeError: There is no such class, or the new name is none.
        """
        if not name or name not in self.labels.values():
            raise GazeError(f"There is no class {name!r}; name one of those given.")
        if not class_name(to):
            raise GazeError("A class needs a name; write one.")
        self.add([{"rename": name, "to": class_name(to)}])

    def undo(self) -> None:
        """Takes the last click back.

        Raises:
            GazeError: There is none.
        """
        if not self.kept:
            raise GazeError("There is no click that could be undone.")
        self.add([{"undo": True}])

    def checked(self, box: int) -> int:
        """The number of a box.

        Raises:
            GazeError: There is none of the number.
        """
        if not 0 <= box < self.boxes:
            raise GazeError(f"There is no box {box} among {self.boxes}; give a number from 0.")
        return int(box)

    def _write(self, lines: bytes) -> None:
        if self.path is None:
            return
        try:
            with self.path.open("a+b") as file:
                if file.tell():
                    file.seek(-1, os.SEEK_END)
                    if file.read(1) != b"\n":  # cut off by a crash
                        lines = b"\n" + lines
                file.write(lines)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise GazeError(f"{self.path}: the click cannot be saved ({error.strerror}); make room.") from error

    def _replay(self, line: bytes) -> None:
        try:
            click = json.loads(line)
        except (ValueError, RecursionError):
            self.passed += 1
            return
        if is_click(click, self.boxes):
            self._apply(click)
        else:
            self.passed += 1

    def _apply(self, click: Click) -> None:
        if "undo" in click:
            self.kept[-1:] = []
            return
        self.kept.append(click)
        if "label" in click:
            self._set(click["label"], click["class"])

    def _relabel(self) -> None:
        self.labels.clear()
        for click in self.kept:
            if "label" in click:
                self._set(click["label"], click["class"])
            else:
                for box, name in self.labels.items():
                    if name == click["rename"]:
                        self.labels[box] = click["to"]

    def _set(self, box: int, name: str) -> None:
        self.labels.pop(box, None)  # so that the last label comes last
        self.labels[box] = name


def is_click(click: object, boxes: int) -> bool:
    """Whether what a line holds is a click in a project of so many boxes."""
    if not isinstance(click, dict):
        return False
    if click.get("undo") is True:
        return True
    box, names = click.get("label"), (click.get("class"), click.get("rename"), click.get("to"))
    if isinstance(box, int) and not isinstance(box, bool):
        return 0 <= box < boxes and _is_name(names[0])
    return "label" not in click and _is_name(names[1]) and _is_name(names[2]) and bool(names[2])


def _is_name(name: object) -> bool:
    return isinstance(name, str) and len(name) <= LONGEST and visible(name) == name and name.strip() == name


def class_name(name: str) -> str:
    """The name of a class as it is kept.

    Raises:
        GazeError: It is too long, or holds what cannot be seen.
    """
    name = " ".join(name.split())
    if not _is_name(name):
        raise GazeError(
            f"The class {name[:LONGEST]!r} cannot be one; write at most {LONGEST} letters that can be seen."
        )
    return name
