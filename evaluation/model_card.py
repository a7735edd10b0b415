"""The numbers of a model card: tables of Markdown made from what `gaze evaluate --format json` printed.

A card is `export/weights/<name>.md`. What stands between two marks is written here, everything else by people.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.atomic import atomic_write
from data.errors import GazeError
from data.plain_text import unicode
from evaluation import record

WIDE = 8  # columns of a table at most
BEGIN, END = "<!-- scores: written by gaze export -->", "<!-- end of scores -->"
SUMS, SUMS_END = "<!-- checksums: written by gaze export -->", "<!-- end of checksums -->"

Evaluation = dict[str, Any]


def read(paths: Sequence[Path]) -> list[Evaluation]:
    """The evaluations in the files.

    Raises:
        GazeError: A file cannot be read, or holds no evaluation.
    """
    used = {"protocol", "scores"}
    return [record.read(path).model_dump(include=used, exclude_unset=True) for path in paths]


def scores(evaluations: Sequence[Evaluation], model: str) -> dict[str, dict[str, float]]:
    """The scores that a model's contract carries: the means over pictures, by data set.

    Raises:
        GazeError: An evaluation does not hold the model.
    """
    means = {}
    for evaluation in evaluations:
        rows = evaluation["scores"].get("whole", {})
        if model not in rows:
            raise GazeError(f"The evaluation on {evaluation['protocol']['data']} does not hold the model '{model}'.")
        means[str(evaluation["protocol"]["data"])] = {
            name: round(score["mean"], 3) for name, score in rows[model].items() if score["mean"] is not None
        }
    return means


def pictures(facts: Mapping[str, Any]) -> str:
    """How many pictures (or what the evaluation's unit is) were evaluated, and of how many."""
    unit = f"{facts.get('unit', 'picture')}s"
    count, of_split = facts["pictures"], facts.get("pictures_of_split", facts["pictures"])
    return f"{count} {unit}" if count == of_split else f"{count} of {of_split} {unit}"


def plain(words: str) -> str:
    r"""Words that mean themselves in Markdown.

    >>> print(plain("a|b <*c*> & [d]"))
    a\|b &lt;\*c\*> &amp; \[d\]
    """
    escaped = re.sub(r"([\\`*|\[\]])", r"\\\1", " ".join(words.split()))
    return escaped.replace("&", "&amp;").replace("<", "&lt;")


def tables(evaluations: Sequence[Evaluation]) -> str:
    """Markdown: for each set the whole viewing and each second, all rows, each number with its 95 % interval."""
    parts = []
    for evaluation in evaluations:
        facts = evaluation["protocol"]
        for period, rows in evaluation["scores"].items():
            when = "whole viewing" if period == "whole" else period
            title = plain(f"{facts['data']}, {facts['split']}: {when}")
            parts.append(f"**{title}** ({pictures(facts)})\n")
            names = list(dict.fromkeys(name for row in rows.values() for name in row))
            names = [name for name in names if any(_is_scored(row.get(name)) for row in rows.values())]
            for start in range(0, len(names), WIDE):
                parts += [*_table(rows, names[start : start + WIDE]), ""]
    return "\n".join(parts)


def _table(rows: dict[str, dict[str, Any]], names: Sequence[str]) -> Iterator[str]:
    yield f"| | {' | '.join(names)} |\n|---|{'---|' * len(names)}"
    for row, values in rows.items():
        if any(_is_scored(values.get(name)) for name in names):
            cells = (_cell(values[name]) if name in values else "" for name in names)
            yield f"| {plain(row)} | {' | '.join(cells)} |"


def write(path: Path, title: str, evaluations: Sequence[Evaluation]) -> None:
    """Puts the tables between the marks of the card; a card that is not there yet begins with `title`.

    Raises:
        GazeError: The card lacks a mark.
    """
    text = path.read_text() if path.is_file() else f"# {title}\n\n{BEGIN}\n{END}\n"
    if BEGIN not in text or END not in text:
        raise GazeError(f"{path}: the marks '{BEGIN}' and '{END}' are not both there; add them where the tables go.")
    _replace(path, text, (BEGIN, END), tables(evaluations))


def write_checksums(path: Path, sums: Mapping[str, str]) -> None:
    """Puts the SHA-256 of a model's files between the marks of its card, at its end where it has none yet."""
    text = path.read_text()
    if SUMS not in text or SUMS_END not in text:
        text = f"{text.rstrip()}\n\n## Checksums\n\nSHA-256, as in `SHA256SUMS`:\n\n{SUMS}\n{SUMS_END}\n"
    rows = "".join(f"| `{name}` | `{digest}` |\n" for name, digest in sums.items())
    _replace(path, text, (SUMS, SUMS_END), f"| file | SHA-256 |\n|---|---|\n{rows}")


def _replace(path: Path, text: str, marks: tuple[str, str], content: str) -> None:
    """Writes the card with other content between two marks."""
    before, rest = text.split(marks[0], 1)
    after = rest.split(marks[1], 1)[1]
    with atomic_write(path) as file:
        file.write(unicode(f"{before}{marks[0]}\n\n{content}\n{marks[1]}{after}").encode())


def _is_scored(score: Mapping[str, float | None] | None) -> bool:
    mean = score["mean"] if score else None
    return mean is not None and not math.isnan(mean)


def _cell(score: Mapping[str, float | None]) -> str:
    if not _is_scored(score):
        return ""
    return f"{score['mean']:z.3f} [{score['low']:z.2f}, {score['high']:z.2f}]"


@dataclass(frozen=True)
class SetScores:
    """What a card's table says of one data set, over the whole viewing."""

    pictures: str  # such as "70 pictures"
    rows: dict[str, dict[str, float]]  # by row (chance, models, people) and score


def card_scores(text: str) -> dict[str, SetScores]:
    r"""The means that stand in a card's tables of the whole viewing, by data set; {} where it has none.

    >>> table = "**osie, test: whole viewing** (70 pictures)\n\n| | cc |\n|---|---|\n| toy | 0.5 [0.4, 0.6] |"
    >>> card_scores(f"{BEGIN}\n{table}\n{END}")["osie"].rows
    {'toy': {'cc': 0.5}}
    """
    found: dict[str, SetScores] = {}
    inside = text.partition(BEGIN)[2].partition(END)[0]
    current: SetScores | None = None
    names: list[str] = []
    for line in inside.splitlines():
        if title := re.fullmatch(r"\*\*(.+), ([^,]+): (.+)\*\* \((.+)\)", line.strip()):
            current = found.setdefault(title[1], SetScores(title[4], {})) if title[3] == "whole viewing" else None
        elif current and line.startswith("|"):
            row, *cells = (cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1])
            if not row:
                names = cells
            elif not row.startswith("---"):
                known = {name: cell.partition(" ")[0] for name, cell in zip(names, cells, strict=False) if cell}
                current.rows.setdefault(row, {}).update(
                    {name: float(value) for name, value in known.items() if re.fullmatch(r"-?\d+(\.\d+)?", value)}
                )
    return found
