"""What a session has on its desk: pictures by their content, the areas drawn on each, and which one is looked at.

Every page reads and changes the same `Workspace`, so that a picture stays until it is removed or the session ends. It
holds at most `MOST_PICTURES` pictures and `MOST_BYTES` bytes of them.
"""

import hashlib
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePath

import streamlit as st

from app.web.gate import MB, MOST_BYTES
from data import picture
from data.areas import Area, checked
from data.errors import GazeError, PictureError
from data.plain_text import file_name

MOST_PICTURES = 100  # of a session; the page Batch takes more, and keeps none
MOST_PROBLEMS = 10  # that are told one by one
KEY = 12  # characters of a picture's key
SLOT = "workspace"  # in st.session_state
looking = threading.Lock()  # one picture at a time has all cores, and is the only one whose full size takes memory


@dataclass(frozen=True)
class StoredPicture:
    """A picture as it was uploaded: `key` is of its content, `name` differs from that of every other picture."""

    key: str
    name: str
    content: bytes
    size: tuple[int, int]  # width, height in pixels, as a person sees it

    @property
    def stem(self) -> str:
        """The name without its ending, for files that are made of it."""
        return PurePath(self.name).stem or "picture"


@dataclass
class Workspace:
    """Pictures, areas and notes of one session, in the order in which the pictures came."""

    pictures: dict[str, StoredPicture] = field(default_factory=dict)
    drawn: dict[str, tuple[Area, ...]] = field(default_factory=dict)  # areas by the picture's key
    revisions: dict[str, int] = field(default_factory=dict)  # rises when areas change elsewhere than in the drawing
    current: str = ""  # the key of the picture that is looked at; "" where there is none
    problems: list[str] = field(default_factory=list)  # of the last files that were brought, to be told once

    @property
    def size(self) -> int:
        """Bytes of all pictures."""
        return sum(len(stored.content) for stored in self.pictures.values())

    @property
    def picture(self) -> StoredPicture | None:
        """The picture that is looked at."""
        return self.pictures.get(self.current)

    def add(self, name: str, content: bytes) -> StoredPicture:
        """Keep a picture and look at it; the same content is kept once.

        Raises:
            PictureError: It cannot be read, or there is no room for it.
        """
        key = hashlib.sha256(content).hexdigest()[:KEY]
        if key not in self.pictures:
            name = file_name(name)
            self._make_sure_of_room(name, len(content))
            with looking:
                size = picture.read(content, name).shape[1::-1]
            self.pictures[key] = StoredPicture(key, self._free(name), content, size)
        self.current = key
        return self.pictures[key]

    def take(self, files: Iterable[tuple[str, bytes]]) -> None:
        """Keep several pictures and look at the first; what is wrong with the others is in `problems`."""
        self.problems = []
        added: list[StoredPicture] = []
        left_out = 0
        for name, content in files:
            try:
                added.append(self.add(name, content))
            except GazeError as error:
                left_out += len(self.problems) >= MOST_PROBLEMS
                self.problems += [str(error)] * (len(self.problems) < MOST_PROBLEMS)
        if left_out:
            self.problems.append(f"{left_out} more files were left out; the page Batch takes up to 1,000.")
        if added:
            self.current = added[0].key

    def remove(self, key: str) -> None:
        """Forget a picture and its areas; the one after it is looked at."""
        keys = list(self.pictures)
        at = keys.index(key)
        del self.pictures[key]
        self.drawn.pop(key, None)
        self.revisions[key] = self.revisions.get(key, 0) + 1  # what a drawing still holds is not taken for it again
        rest = list(self.pictures)
        if self.current == key:
            self.current = rest[min(at, len(rest) - 1)] if rest else ""

    def areas(self, key: str | None = None) -> tuple[Area, ...]:
        """The areas of a picture, by default of the one that is looked at."""
        return self.drawn.get(self.current if key is None else key, ())

    def set_areas(self, key: str, areas: Iterable[Area], *, drawn: bool = False) -> None:
        """Keep the areas of a picture, cut at its edge; `drawn` where the drawing itself sent them.

        Raises:
            GazeError: An area is none, as `data.areas.checked` says.
        """
        self.drawn[key] = checked(areas, *self.pictures[key].size)
        if not drawn:
            self.revisions[key] = self.revisions.get(key, 0) + 1

    def keep_drawn(self, key: str, areas: Iterable[Area]) -> None:
        """Keep what was drawn on a picture, if it was not removed meanwhile."""
        if key in self.pictures:
            self.set_areas(key, areas, drawn=True)

    def _make_sure_of_room(self, name: str, size: int) -> None:
        if len(self.pictures) >= MOST_PICTURES or self.size + size > MOST_BYTES:
            raise PictureError(
                f"There is no room for {name}: a session keeps {MOST_PICTURES} pictures and {MOST_BYTES // MB} MB; "
                "remove some."
            )

    def _free(self, name: str) -> str:
        """The name, with a number before its ending where another picture has it."""
        taken = {stored.name for stored in self.pictures.values()}
        path, number, free = PurePath(name or "picture"), 2, name or "picture"
        while free in taken:
            free, number = f"{path.stem} ({number}){path.suffix}", number + 1
        return free


def workspace() -> Workspace:
    """The workspace of this session."""
    if SLOT not in st.session_state:
        st.session_state[SLOT] = Workspace()
    kept: Workspace = st.session_state[SLOT]
    return kept
