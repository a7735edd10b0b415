"""What `bench_attention.py` found, as tables in Markdown, and how it grows."""

import argparse
from collections.abc import Iterator
from math import log
from pathlib import Path
from typing import Any

import torch

PASSES = ("forward", "forward+backward")
Row = dict[str, Any]
LEGEND = """A rival takes so many times the time of ours: above 1, ours is faster. Memory: the peak, outputs included.
A dash: it computes something else, or is too much for this device; on a CPU, matrices beyond 48x64 tokens are."""


def exponent(points: list[tuple[float, float]]) -> float | None:
    """The slope of a straight line through logarithms, by least squares."""
    logs = [(log(x), log(y)) for x, y in points]
    mx, my = (sum(column) / len(logs) for column in zip(*logs, strict=True))
    return round(sum((x - mx) * (y - my) for x, y in logs) / sum((x - mx) ** 2 for x, _ in logs), 2)


def growth(rows: list[Row]) -> Iterator[Row]:
    """How time, and memory above what is given back, grow with the tokens of a picture: over all sizes, and at the end.

    Where hardly any memory is needed above what is given back, there is nothing to fit.
    """
    for case, dtype in dict.fromkeys((row["case"], row["dtype"]) for row in rows if row["b"] == 1):
        mine = [row for row in rows if (row["case"], row["dtype"], row["b"]) == (case, dtype, 1)]
        found: Row = {"operator": mine[0]["operator"], "case": case, "dtype": dtype}
        for name in PASSES:
            each = [(row["n"], row[name]["ours"], row["held"][name]) for row in mine if row.get(name, {}).get("ours")]
            found[f"sizes, {name}"] = len(each)
            points = {"time": [(n, took["ms"]) for n, took, _ in each]}
            above = [(n, (took["bytes"] or 0) - given, given) for n, took, given in each]
            enough = all(more > 0.05 * given for _, more, given in above)
            points["memory"] = [(n, more) for n, more, _ in above] if enough else []
            for what, given in points.items():
                fits = len(given) > 2
                found[f"{what}, {name}"] = exponent(given) if fits else None
                found[f"{what} at the end, {name}"] = exponent(given[-2:]) if fits else None
        yield found


def text(value: float | None, digits: int = 3) -> str:
    """A number with so many digits, or a dash."""
    if value is None:
        return "-"
    return f"{value:.{digits}g}" if value < 10 ** (digits - 1) else f"{value:.0f}"


def ratio(sides: dict[str, Row], name: str, of: str) -> float | None:
    """How much more a rival takes than ours."""
    if name not in sides or not sides["ours"][of]:
        return None
    taken: float | None = sides[name][of]
    return None if taken is None else taken / sides["ours"][of]


def line(row: Row, names: list[str]) -> list[str]:
    """The cells of one row of the table."""
    cells = [row["case"], row["tokens"]]
    if row["left out"] or row["wrong"]:
        return [*cells, row["left out"] or row["wrong"]]
    for name in PASSES:
        sides = row.get(name)
        if not sides:
            continue
        bytes_ = [sides.get(side, {}).get("bytes") for side in ("ours", *names)]
        cells += [text(sides["ours"]["ms"]), *(text(ratio(sides, rival, "ms"), 2) for rival in names)]
        cells.append(" / ".join(text(None if b is None else b / 1e6, 2) for b in bytes_))
    return cells


def header(names: list[str], passes: int) -> list[str]:
    """What the columns are."""
    found = ["operator", "tokens"]
    for name in ("forward, ms", "forward + backward, ms")[:passes]:
        found += [name, *(f"{rival} takes x" for rival in names), "MB: ours / " + " / ".join(names)]
    return found


def slopes(row: Row, column: str) -> str:
    """An exponent over all sizes, and that at the end."""
    what, name = column.split(", ")
    last = row[f"{what} at the end, {name}"]
    return "-" if row[column] is None else f"{row[column]:.2f} ({last:.2f})"


def tables(rows: list[Row], grown: list[Row], options: argparse.Namespace) -> str:
    """Everything in Markdown."""
    names = ["sdpa", "sdpa+bias"] + ["flex"] * (options.device == "cuda")
    where = torch.cuda.get_device_name() if options.device == "cuda" else f"CPU, threads: {options.threads}"
    parts = [f"torch {torch.__version__}, {where}." + " Not gated by the tests." * options.ungated]
    parts.append(LEGEND)
    for dtype in dict.fromkeys(row["dtype"] for row in rows):
        mine = [line(row, names) for row in rows if row["dtype"] == dtype]
        parts += [f"{dtype}:", markdown([header(names, 1 if options.forward else 2), *mine])]
    if grown:
        columns = [f"{what}, {name}" for name in PASSES for what in ("time", "memory")]
        lines = [[row["case"], row["dtype"], *(slopes(row, column) for column in columns)] for row in grown]
        parts += [
            "Exponents of growth with the tokens, and in brackets between the two largest sizes:",
            markdown([["operator", "dtype", *columns], *lines]),
        ]
    return "\n\n".join(parts)


def put(file: Path, report: str, device: str) -> None:
    """Writes the report between the file's two comments for this device; a file without them becomes the report."""
    begin, end = f"<!-- bench on {device} -->", f"<!-- end of bench on {device} -->"
    old = file.read_text() if file.exists() else f"{begin}{end}"
    before, rest = old.split(begin) if begin in old else ("", end)
    file.write_text(f"{before}{begin}\n\n{report}\n\n{end}{rest.split(end)[1]}")


def markdown(lines: list[list[str]]) -> str:
    """A table whose columns are aligned, the first two to the left; a note fills what is left of its row."""
    count = len(lines[0])
    full = [each + [""] * (count - len(each)) for each in lines]
    widths = [max(len(each[i]) for each in full if i < 2 or len(each) == count) for i in range(count)]
    rule = ["-" * w if i < 2 else "-" * (w - 1) + ":" for i, w in enumerate(widths)]
    return "\n".join(
        "| "
        + " | ".join(x.ljust(w) if i < 2 else x.rjust(w) for i, (x, w) in enumerate(zip(each, widths, strict=True)))
        + " |"
        for each in (full[0], rule, *full[1:])
    )
