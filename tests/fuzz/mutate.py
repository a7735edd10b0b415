"""Sound inputs are damaged as editors, disks, other programs and attackers damage them, the same for the same seed.

An input is a folder: the content of each file by its path, the file that is given to a reader first. What a file is,
its ending and its content say: lines of text, JSON, a packed file, or bytes.
"""

import gzip
import io
import json
import random
import re
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

Files = dict[str, bytes]
Chance = random.Random

LARGEST = 200_000  # bytes of a file, so that many inputs are tried
NUMBERS = [
    *("0", "-0", "-1", "1", "0.0001", "1e308", "-1e308", "1e999", "-1e999", "nan", "NaN", "inf", "-inf", "1e-320"),
    *("2147483647", "-2147483648", "4294967296", "9223372036854775808", "-32768", "9999", "1" * 40, "1" * 5000),
    *("0x10", "1_000", "1,5", "١٢", "00012", "+5", "1e", ".", "-", "73998545000", "1e15", "0.1e-300"),
]
TOKENS = [
    *("", " ", ".", "n/a", "null", "None", "true", '"', "'", ",", ";", "\t", "|", "\r", "\n", "\r\n", "\0", "\ufeff"),
    *("=1+1", "../../x", "..\\x", "/etc/passwd", "C:\\x", "a" * 300, "\x1b[31m", "ü", "\U0001f600", "\u202e", "%s"),
    *("{}", "[]", "MSG", "START", "END", "SAMPLES", "EFIX R", "<b>", "\ud7ff", "http://example.org/a.png", "con"),
]
VALUES: list[Any] = [
    *(None, True, False, 0, -1, 1, 2, 10**9, 10**18, 10**40, -(10**9), 0.5, 1e308, float("nan"), float("inf"), "", "x"),
    *(
        [],
        {},
        [[]],
        [None],
        [1, 2, 3, 4],
        [-1, -1, 0, 0],
        {"a": 1},
        "0",
        "nan",
        "../x",
        "a\nb",
        "x" * 1000,
        [1e308] * 4,
    ),
]


def damaged(files: Files, others: list[Files], chance: Chance) -> Files:
    """A folder with one of its files, or a few, changed in one place or a few; `others` lend it parts of theirs."""
    changed = dict(files)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        name = next(iter(changed)) if chance.random() < 0.7 else chance.choice(list(changed))
        other = chance.choice(list(chance.choice(others or [files]).values()))
        changed[name] = _file(changed[name], other, chance)[:LARGEST]
    if len(changed) > 1 and chance.random() < 0.1:
        del changed[chance.choice(list(changed)[1:])]
    return changed


def _file(content: bytes, other: bytes, chance: Chance) -> bytes:
    """One change of a file of any kind."""
    if content[:2] == b"\x1f\x8b" and chance.random() < 0.8:
        try:
            return gzip.compress(_file(gzip.decompress(content)[:LARGEST], other, chance), 1, mtime=0)
        except (OSError, EOFError, zlib.error):
            pass
    if content[:4] == b"PK\x03\x04" and chance.random() < 0.8:
        return _archive(content, other, chance)
    if content[:1] in b"{[" and chance.random() < 0.7:
        try:
            return json.dumps(odd_json(json.loads(content), chance)).encode(errors="surrogatepass")
        except (ValueError, RecursionError):
            pass
    change: Callable[[bytes, bytes, Chance], bytes]
    change = chance.choice(LINES if b"\n" in content and chance.random() < 0.7 else BYTES)
    return change(content, other, chance)


def _archive(content: bytes, other: bytes, chance: Chance) -> bytes:
    """One part of a packed file changed, its checksum right again."""
    out = io.BytesIO()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
            parts = old.infolist()
            pickled = [part for part in parts if part.filename.endswith(".pkl")]
            chosen = chance.choice(pickled if pickled and chance.random() < 0.7 else parts)
            for part in parts:
                held = old.read(part)
                new.writestr(part.filename, _file(held, other, chance) if part is chosen else held)
    except (zipfile.BadZipFile, OSError, ValueError, zlib.error, NotImplementedError, RuntimeError, KeyError):
        return _flip(content, other, chance)
    return out.getvalue()


def odd_json(tree: Any, chance: Chance) -> Any:
    """One place of a document replaced, removed, doubled or moved."""
    places: list[tuple[Any, Any]] = []
    left = [tree]
    while left:
        value = left.pop()
        keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
        places += [(value, key) for key in keys]
        left += [value[key] for key in keys]
    if not places or chance.random() < 0.02:
        return chance.choice(VALUES)
    holder, key = chance.choice(places)
    how = chance.random()
    if how < 0.6:
        holder[key] = chance.choice(VALUES)
    elif how < 0.75:
        del holder[key]
    elif how < 0.85:
        other, there = chance.choice(places)
        holder[key] = json.loads(json.dumps(other[there])) if there in other or isinstance(other, list) else None
    elif how < 0.95 and isinstance(holder, list):
        holder += [holder[key]] * chance.choice((1, 3, 200))
    else:
        deep: Any = holder[key]
        for _ in range(chance.choice((1, 5, 3000))):
            deep = [deep]
        holder[key] = deep
    return tree


def _cut(content: bytes, other: bytes, chance: Chance) -> bytes:
    return content[: chance.randrange(len(content) + 1)]


def _flip(content: bytes, other: bytes, chance: Chance) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 8)) if changed else 0):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _stretch(content: bytes, chance: Chance) -> tuple[int, int]:
    start = chance.randrange(len(content) + 1)
    return start, min(len(content), start + chance.choice((1, 2, 4, 16, 100, 2000)))


def _remove(content: bytes, other: bytes, chance: Chance) -> bytes:
    start, stop = _stretch(content, chance)
    return content[:start] + content[stop:]


def _double(content: bytes, other: bytes, chance: Chance) -> bytes:
    start, stop = _stretch(content, chance)
    return content[:stop] + content[start:stop] * chance.choice((1, 1, 50)) + content[stop:]


def _splice(content: bytes, other: bytes, chance: Chance) -> bytes:
    start, stop = _stretch(other, chance)
    at = chance.randrange(len(content) + 1)
    return content[:at] + other[start:stop] + content[at + (stop - start) * (chance.random() < 0.5) :]


def _overwrite(content: bytes, other: bytes, chance: Chance) -> bytes:
    start, stop = _stretch(content, chance)
    fill = chance.choice((b"\0", b"\xff", b"\x80", b" ", b"\x7f\xff"))
    return content[:start] + (fill * (stop - start))[: stop - start] + content[stop:]


def _whole_number(content: bytes, other: bytes, chance: Chance) -> bytes:
    """A number of two, four or eight bytes as lengths and offsets are, that is far too large, or none."""
    size = chance.choice((2, 4, 8))
    value = chance.choice((0, 1, 2**15, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1, 10**6)) % (1 << 8 * size)
    at = chance.randrange(len(content) + 1)
    return content[:at] + value.to_bytes(size, chance.choice(("little", "big"))) + content[at + size :]


def _odd_token(content: bytes, other: bytes, chance: Chance) -> bytes:
    at = chance.randrange(len(content) + 1)
    token = chance.choice(TOKENS + NUMBERS).encode(errors="surrogatepass")
    return content[:at] + token + content[at + chance.choice((0, 0, 1, 5)) :]


def _odd_number(content: bytes, other: bytes, chance: Chance) -> bytes:
    """One number of the text, or a column of them, replaced by one that is none or too large."""
    found = list(re.finditer(rb"-?\d+(\.\d+)?", content[:LARGEST]))
    if not found:
        return _odd_token(content, other, chance)
    new = chance.choice(NUMBERS).encode()
    start = chance.randrange(len(found))
    chosen = found[start :: chance.choice((len(found), len(found), 7, 10, 1))]
    parts, last = [], 0
    for match in chosen:
        parts += [content[last : match.start()], new]
        last = match.end()
    return b"".join([*parts, content[last:]])


def _lines(content: bytes, other: bytes, chance: Chance) -> bytes:
    """Lines that are swapped, doubled, left out, brought from another file, joined, or in another order."""
    lines = content.split(b"\n")
    one, two = chance.randrange(len(lines)), chance.randrange(len(lines))
    low, high = sorted((one, two))
    how = chance.randrange(8)
    if how == 0:
        lines[one], lines[two] = lines[two], lines[one]
    elif how == 1:
        lines[two:two] = [lines[one]] * chance.choice((1, 1, 100))
    elif how == 2:
        del lines[one : one + chance.choice((1, 1, 10, len(lines)))]
    elif how == 3:
        lines[one:one] = chance.choices(other.split(b"\n"), k=chance.choice((1, 5)))
    elif how == 4:
        lines[low:high] = reversed(lines[low:high])
    elif how == 5:
        lines = lines + lines
    elif how == 6:
        lines[low:high] = [b"".join(lines[low:high])]
    else:
        chance.shuffle(lines)
    return b"\n".join(lines)


def _cells(content: bytes, other: bytes, chance: Chance) -> bytes:
    """A cell of a line, or a whole column, that is emptied, doubled, moved, or says something odd."""
    lines = content.split(b"\n")
    number = chance.randrange(len(lines))
    mark = max((b"\t", b",", b";", b" "), key=lines[number].count)
    new = chance.choice(TOKENS + NUMBERS).encode(errors="surrogatepass")
    how, at = chance.randrange(4), chance.randrange(lines[number].count(mark) + 1)
    whole = chance.random() < 0.3
    for row in range(len(lines)) if whole else (number,):
        cells = lines[row].split(mark)
        if at < len(cells):
            cells[at : at + 1] = ([b""], [cells[at]] * 2, [], [new])[how]
            lines[row] = mark.join(cells)
    return b"\n".join(lines)


def _encoded(content: bytes, other: bytes, chance: Chance) -> bytes:
    """The text in another encoding, with another end of lines, or with another separator."""
    how = chance.randrange(6)
    if how < 3:
        text = content.decode("utf-8", "replace")
        return text.encode(("utf-16", "utf-8-sig", "utf-32")[how], "replace")
    if how == 3:
        return content.replace(b"\n", chance.choice((b"\r\n", b"\r", b"\n\n", b"\x0b", b"\x1e")))
    return content.replace(chance.choice((b"\t", b",", b" ")), chance.choice((b";", b"\t", b",", b" ", b"|")))


BYTES = [_cut, _flip, _flip, _remove, _double, _splice, _overwrite, _whole_number, _odd_token]
LINES = [_lines, _lines, _cells, _cells, _odd_number, _odd_number, _encoded, _odd_token, _cut, _flip]
