"""What areas are called in sentences: by a word, by their name in quotes, or by kind and place."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

LONGEST = 40  # characters of a name in a sentence
NUMBERED = re.compile(r"[A-Z][a-z]+ [0-9]{1,4}")  # "Area 1": a proper name
COMMON = frozenset(  # what designers call parts of what they make, whether with a capital or not
    [
        "advert",
        "badge",
        "banner",
        "body",
        "brand",
        "button",
        "caption",
        "claim",
        "copy",
        "cta",
        "date",
        "face",
        "footer",
        "form",
        "header",
        "heading",
        "headline",
        "hero",
        "icon",
        "image",
        "label",
        "link",
        "line",
        "logo",
        "menu",
        "model",
        "navigation",
        "offer",
        "pack",
        "person",
        "photo",
        "picture",
        "price",
        "print",
        "product",
        "rating",
        "search",
        "slogan",
        "subheading",
        "subline",
        "tagline",
        "text",
        "title",
        "video",
    ]
)
PLACES = {
    (0, 0): "at the top left",
    (0, 1): "at the top",
    (0, 2): "at the top right",
    (1, 0): "on the left",
    (1, 1): "in the middle",
    (1, 2): "on the right",
    (2, 0): "at the bottom left",
    (2, 1): "at the bottom",
    (2, 2): "at the bottom right",
}


class Named(Protocol):
    """What has a name, perhaps a kind, a size and a middle."""

    @property
    def name(self) -> str:
        """As it was drawn or found."""
        ...

    @property
    def kind(self) -> str:
        """What it was found as; "" where a person drew it."""
        ...

    @property
    def part(self) -> float:
        """Of the picture that it covers."""
        ...

    @property
    def middle(self) -> tuple[float, float]:
        """Across and down, 0 to 1."""
        ...


def place(x: float, y: float) -> str:
    """A point of the unit square in words.

    >>> place(0.9, 0.1), place(0.5, 0.5)
    ('at the top right', 'in the middle')
    """
    row, column = (min(2, max(0, int(3 * at))) for at in (y, x))
    return PLACES[row, column]


def names(areas: Sequence[Named]) -> list[str]:
    """What each is called in the middle of a sentence, each differently as long as the names differ.

    A found face is "the face", or "the face on the left" where there are several, or "the largest face on the left"
    where several are there; a drawn area of one plain word is "the button", one of a word and a number
    "Area 1", and any other the area with its name in quotes.
    """
    kinds = Counter(area.kind for area in areas if _found(area))
    placed = Counter((area.kind, place(*area.middle)) for area in areas if _found(area))
    called = []
    for area in areas:
        where = place(*area.middle)
        if not _found(area):
            called.append(phrase(area.name, area.kind))
        elif kinds[area.kind] == 1:
            called.append(f"the {area.kind}")
        elif placed[area.kind, where] == 1:
            called.append(f"the {area.kind} {where}")
        elif area.part > max((each.part for each in areas if each is not area and _alike(each, area)), default=0):
            called.append(f"the largest {area.kind} {where}")
        else:
            called.append(f"{_short(area.name)} ({where})")
    return called


def _found(area: Named) -> bool:
    """Whether its name is only a kind and a number."""
    return bool(area.kind) and area.kind != "text" and area.name.rstrip(" 0123456789") == area.kind


def _alike(one: Named, other: Named) -> bool:
    """Whether two that were found are of one kind, at one place."""
    return _found(one) and one.kind == other.kind and place(*one.middle) == place(*other.middle)


def phrase(name: str, kind: str = "") -> str:
    """What one area is called by its name alone, in the middle of a sentence.

    >>> [phrase(name) for name in ("Headline", "CTA", "Nike logo", "Area 1", "Start now")]
    ['the headline', 'the CTA', 'the Nike logo', 'Area 1', 'the area “Start now”']
    """
    if kind != "text" and NUMBERED.fullmatch(name):
        return name
    if name.lower().startswith("the ") and kind != "text":
        return f"the {_short(name)[4:]}"
    words = name.lower().split()
    if kind != "text" and words and words[-1] in COMMON and len(name) <= LONGEST:
        return f"the {name.lower() if COMMON.issuperset(words) and not name.isupper() else name}"
    if _word(name):
        return f"the {name}"
    return f"the {'text' if kind == 'text' else 'area'} “{_short(name)}”"


def owned(area: Named, owner: str) -> str:
    """The same as the part of a version: "B's button"; what is somebody's already is "in B".

    >>> from types import SimpleNamespace
    >>> owned(SimpleNamespace(name="button", kind="", part=0.1, middle=(0, 0)), "B")
    "B's button"
    >>> owned(SimpleNamespace(name="Dog's face", kind="", part=0.1, middle=(0, 0)), "B")
    "in B, the Dog's face"
    """
    called = names([area])[0]
    if re.search(r"['\u2019]", called):  # one owner is enough
        return f"in {owner}, {called}"
    return f"{owner}'s {called.removeprefix('the ')}"


def _word(name: str) -> bool:
    """Whether a name is one plain word that stands for one thing."""
    return name.isalpha() and name == name.lower() and not name.endswith("s") and len(name) <= LONGEST


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else name[: LONGEST - 1].rstrip() + "…"
