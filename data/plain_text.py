r"""Text from elsewhere (names of files, words of servers) as it may be shown: no byte of it moves a cursor or a parser.

unicode("a\udcff.jpg")     a\xff.jpg       what is no Unicode, as in the names of some files, in a backslash escape
escaped("a\udcff.jpg")     a\udcff.jpg     the same in a way that `unescaped` undoes
visible("a\x1b[2J\n")      a\x1b[2J\n      also what a terminal would obey, and what changes the order of letters
"""

import re

# control characters; marks that change the direction of text; separators of lines and paragraphs
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u061c\u2028-\u202e\u2066-\u2069\ufeff]")

_HALF = re.compile("[\ud800-\udfff]")  # no letters: of bytes in names of files that are not UTF-8
_ESCAPE = re.compile(r"\\u([0-9a-f]{4})")


def unicode(text: str) -> str:
    r"""Text that every encoding of Unicode can hold.

    >>> print(unicode("caf\udce9.jpg"))
    caf\xe9.jpg
    """
    try:
        return text.encode(errors="surrogateescape").decode(errors="backslashreplace")
    except UnicodeEncodeError:  # halves of letters that stand for no byte
        return text.encode(errors="backslashreplace").decode()


def escaped(text: str) -> str:
    r"""Text that every encoding of Unicode can hold, and that `unescaped` makes what it was.

    >>> print(escaped("caf\udce9.jpg"), escaped(r"a\u0041"), escaped(r"a\b"))
    caf\udce9.jpg a\u005cu0041 a\b
    """
    return _HALF.sub(lambda found: f"\\u{ord(found[0]):04x}", _ESCAPE.sub(r"\\u005cu\1", text))


def unescaped(text: str) -> str:
    r"""What was `escaped`.

    >>> unescaped(escaped("caf\udce9\\u0041")) == "caf\udce9\\u0041"
    True
    """
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)


def visible(text: str, keep: str = "") -> str:
    r"""The same with control characters escaped, but those to `keep`.

    >>> print(visible("red\x1b[31m.jpg"))
    red\x1b[31m.jpg
    """
    return _UNSEEN.sub(lambda found: found[0] if found[0] in keep else _escaped(found[0]), unicode(text))


def file_name(name: str, longest: int = 120) -> str:
    r"""The last part of a file's name that somebody sends, as others may be shown it; the middle of long ones is cut.

    >>> print(file_name("..\\..\\a.png"), file_name("a/b\n.png"), file_name("x" * 200 + ".png", 9), file_name("../.."))
    a.png b_n.png xxxx….png picture
    """
    part = visible(name.replace("\\", "/").rstrip("/").rpartition("/")[2]).replace("\\", "_").strip()
    if len(part) > longest:
        part = f"{part[: longest // 2]}…{part[-(longest // 2) :]}"
    return part if part.strip(".") else "picture"


def json_safe(text: str) -> str:
    r"""JSON in which letters that a terminal would obey are escaped, as JSON itself does with most of them.

    >>> print(json_safe('""'))
    "\u009b"
    """
    return _UNSEEN.sub(lambda found: found[0] if found[0] < "\x20" else f"\\u{ord(found[0]):04x}", text)


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode()
