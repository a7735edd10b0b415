"""Tables for people: CSV whose cells no spreadsheet takes for a formula.

A cell that begins with = + - @, a tab or the end of a line, and is no number, gets an apostrophe before it, as
spreadsheets themselves mark text. What is no Unicode is escaped. The tables of data sets (`data.table`) are read back,
so their cells stay as they are.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

from data.plain_text import unicode

_FORMULA = re.compile(r"[=+\-@\t\n＝＋－＠]")  # the wide ones count where Japanese or Chinese is written
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")


def cell(value: Any) -> Any:
    """A value as it may stand in a cell; what is not known (NaN) is empty.

    >>> [cell(value) for value in ("=1+1", "-5.2e3", "-a.jpg", -5, float("nan"), "a=b")]
    ["'=1+1", '-5.2e3', "'-a.jpg", -5, '', 'a=b']
    """
    if isinstance(value, str):
        text = unicode(value.replace("\r\n", "\n").replace("\r", "\n"))  # csv quotes these, and not the others
        return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text
    return "" if value != value else value


def to_csv(columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    """The text of a table with a header."""
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(map(cell, columns))
    table.writerows(map(cell, row) for row in rows)
    return text.getvalue()
