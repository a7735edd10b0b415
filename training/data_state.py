"""What data a run was trained on, in a few numbers that its checkpoints keep, so that a resumed run sees what changed.

Of each split: pictures, people, fixations; a hash of the pictures' names, and one of where and when people looked;
where a teacher tells of the training pictures, one of the teacher.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float

from data.errors import GazeError

COUNTS = ("pictures", "people", "fixations")
State = dict[str, dict[str, Any]]  # of each split its counts, and the hashes `names`, `looks` and `teacher`


class Looks(Protocol):
    """One person's fixations on a picture: a `Scanpath`, an `ObjectPath`."""

    @property
    def subject(self) -> str:
        """Whose."""

    @property
    def xy(self) -> Float[np.ndarray, "l 2"]:
        """Pixels."""

    @property
    def duration(self) -> Float[np.ndarray, " l"]:
        """Milliseconds."""


def state(splits: Mapping[str, Iterable[tuple[str, Sequence[Looks]]]]) -> State:
    """The state of some splits, each the names of its pictures with people's paths over them.

    >>> state({"val": []})["val"]["pictures"]
    0
    """
    return {name: _of_split(items) for name, items in splits.items()}


def _of_split(items: Iterable[tuple[str, Sequence[Looks]]]) -> dict[str, Any]:
    names: set[str] = set()
    people: set[str] = set()
    fixations = 0
    looks: list[bytes] = []
    for name, paths in items:
        names.add(name)
        for path in paths:
            people.add(path.subject)
            fixations += len(path.xy)
            content = hashlib.sha256(f"{name}\0{path.subject}\0".encode("utf-8", "surrogateescape"))
            content.update(np.asarray(path.xy, "<f8").tobytes() + np.asarray(path.duration, "<f8").tobytes())
            looks.append(content.digest())
    hashed = hashlib.sha256("\0".join(sorted(names)).encode("utf-8", "surrogateescape")).hexdigest()
    return {
        **dict(zip(COUNTS, (len(names), len(people), fixations), strict=True)),
        "names": hashed[:16],
        "looks": hashlib.sha256(b"".join(sorted(looks))).hexdigest()[:16],
    }


def changes(then: Mapping[str, Mapping[str, Any]], now: State) -> list[str]:
    """What is different, in words; [] where nothing is.

    >>> then = {"val": {"pictures": 3, "people": 2, "fixations": 9, "names": "a", "looks": "b"}}
    >>> changes(then, {"val": {**then["val"], "pictures": 4, "names": "c"}})
    ['val has 4 pictures (was 3)']
    """
    found: list[str] = []
    for split, mine in now.items():
        old = then.get(split, {})
        counted = [
            f"{mine[name]:,} {name} (was {old.get(name, 0):,})" for name in COUNTS if mine[name] != old.get(name, 0)
        ]
        if counted:
            found.append(f"{split} has {', '.join(counted)}")
        elif mine["names"] != old.get("names"):
            found.append(f"{split} has other pictures (as many)")
        elif mine["looks"] != old.get("looks"):
            found.append(f"{split} has other fixations (as many)")
        elif "teacher" in old and mine.get("teacher") != old["teacher"]:
            found.append(f"{split} has another teacher, or other changed copies")
    return found


def check(then: Mapping[str, Any] | None, now: State, changed: str) -> bool:
    """Whether the data is another one than when the checkpoint was written, which must have been allowed.

    Raises:
        GazeError: It is, and `--data.changed ok` is not given.
    """
    found = changes(then, now) if isinstance(then, Mapping) else []  # checkpoints of gaze 0.3 and before tell nothing
    if found and changed != "ok":
        raise GazeError(
            f"The data is not what this run began with: {'; '.join(found)}; put it back, or go on with it as it is "
            "now with --data.changed ok."
        )
    return bool(found)
