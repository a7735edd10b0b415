"""The projects that whoever started the app named, with `gaze app --annotate PROJECT`: no other folder is opened.

What a visitor sends is a number among these, never a path.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

FLAG = "--annotate="  # among the arguments of the server's script


def flags(folders: Sequence[Path]) -> list[str]:
    """How `gaze app` hands folders to the server."""
    return [f"{FLAG}{folder.resolve()}" for folder in folders]


def named(arguments: Sequence[str] | None = None) -> dict[str, Path]:
    """The folders by the names that people see, none of them twice; by default those of this server.

    >>> list(named(["--verbose", "--annotate=/a/shop", "--annotate=/b/shop", "--annotate=/a/shop"]))
    ['shop', 'shop (2)']
    """
    given = sys.argv[1:] if arguments is None else arguments
    found: dict[str, Path] = {}
    for text in dict.fromkeys(each for each in given if each.startswith(FLAG)):
        folder = Path(text.removeprefix(FLAG))
        name, number = folder.name or "project", 2
        while name in found:
            name, number = f"{folder.name} ({number})", number + 1
        found[name] = folder
    return found
