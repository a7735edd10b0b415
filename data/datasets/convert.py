"""Public data sets into the table format: the reader's own options, the authors' splits and objects with it.

A set is named as in `data.datasets.catalog`; `read` gives what `data.table.write.write_table` takes.
"""

import difflib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from data import datasets
from data.datasets import catalog
from data.datasets.catalog import Published
from data.errors import GazeError
from data.gaze import Objects, Picture, Scanpath

ANSWERS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True)
class Parts:
    """What a data set in the table format is made of."""

    items: Iterator[tuple[Picture, Sequence[Scanpath]]]
    splits: Mapping[str, Sequence[str]]
    objects: Mapping[str, Objects]


def read(name: str, root: Path, words: Sequence[str] = ()) -> Parts:
    """A public data set in its authors' layout; `words` are options of its reader, as in `initial=true`.

    Raises:
        GazeError: There is no such set or option, or the folder is not as the authors publish it.
    """
    title = published(name).title  # or say that there is no such set
    if name in datasets.PEOPLE:
        raise GazeError(
            f"{title} tells what people in pictures look at, which is not converted; give its folder as it is to `gaze "
            "train vitgaze` or `gaze evaluate following`."
        )
    if name not in datasets.READERS:
        raise GazeError(
            f"{title} is a set of videos, which are not converted; give its folder as it is to `gaze train "
            "tempsal-video` or `gaze evaluate video`."
        )
    module = pkgutil.resolve_name(datasets.READERS[name].split(":")[0])
    chosen = _options(name, module.read, words)
    return Parts(
        module.read(root, **chosen),
        _other(module, "splits", root, chosen),
        _other(module, "objects", root, chosen),
    )


def published(name: str) -> Published:
    """The catalogue's entry of a public data set.

    Raises:
        GazeError: There is no such set; the sentence names those of nearly that name.
    """
    if name == "table":
        raise GazeError("The table format is what data sets are converted to; use such a folder as it is.")
    entries = catalog.PUBLISHED
    if name not in entries:
        near = difflib.get_close_matches(name.lower().replace("-", "_"), entries, 3, 0.5)
        raise GazeError(f"There is no data set {name!r}; choose one of: {', '.join(near or entries)}.")
    return entries[name]


def _options(name: str, function: Callable[..., Any], words: Sequence[str]) -> dict[str, Any]:
    parameters = dict(list(inspect.signature(function).parameters.items())[1:])  # all but the root
    chosen: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or key not in parameters:
            have = f"it has: {', '.join(parameters)}" if parameters else "it has none"
            raise GazeError(f"{name} has no option {word!r}; write NAME=VALUE; {have}.")
        chosen[key] = _value(name, parameters[key], value)
    return chosen


def _value(name: str, parameter: inspect.Parameter, word: str) -> Any:
    """A word as what a parameter takes, which its default or its annotation shows."""
    annotation = str(parameter.annotation)
    if word.lower() == "none" and "None" in annotation:
        return None
    value_type = type(parameter.default)
    try:
        if value_type is bool:
            return ANSWERS[word.lower()]
        if value_type in (int, float):
            return value_type(word)
    except (KeyError, ValueError):
        wanted = "true or false" if value_type is bool else "a number"
        raise GazeError(f"{name}: the option {parameter.name} is {word!r}; write {wanted}.") from None
    if value_type is not str and "str" not in annotation and "Path" not in annotation:
        raise GazeError(f"{name}: the option {parameter.name} cannot be given here; call its reader from Python.")
    return Path(word) if "str" not in annotation and value_type is not str else word


def _other(module: ModuleType, what: str, root: Path, chosen: Mapping[str, Any]) -> Any:
    """The splits or objects that a reader's module knows, told those of the options that concern them."""
    function = getattr(module, what, None)
    if function is None or getattr(function, "__module__", "") != module.__name__:
        return {}
    taken = inspect.signature(function).parameters
    return function(root, **{key: value for key, value in chosen.items() if key in taken})
