"""The vectorised readers of a table find, say and read what a plain reader finds, says and reads row by row."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from data.errors import TableError
from data.table import cells
from data.table.read import read_table
from data.table.validate import check_table
from tests.damage import scrambled
from tests.data.table import strict_table
from tests.table_toy import HEADER, SEARCH, plain

SIZES = {"a.png": (20, 10), "b.png": (8, 9), "ü,.png": (20, 10)}
NUMBERS = [*"012345", "", "7.25", "-1", "-0", "+3", "1e1", " 2 ", "1_0", "nan", "NaN", "inf", "-inf", "1e400", "1e-400"]
NUMBERS += ["٣", "x", " ", "\u2003", "0x1", "1.", ".5", ".", "1,5", "٣_1", "123456789012345678901", "infinity" * 6]
CELLS = {
    "image": ["a.png", "b.png", "c.png", "ü,.png", "a.png ", "", "../a.png", "/a.png", "a\n.png", "a\\b", "x" * 300],
    "subject": ["s1", "s2", "", 's "3"', "s\n4", "s\r5", "s\0", "\ufeffs", "ß" * 30, "s\u2028"],
    "task": ["", "free", "search", "s,t"],
    "target": ["", "cup", "key", "'"],
    "found": ["", "0", "1", "TRUE", "False", "maybe", "İ", "1 "],
    "index": ["0", "1", "2", "3", "1.0", "0.5", "-1", "-0", *NUMBERS],
}
OFTEN = {"image": "a.png", "subject": "s1", "task": "", "target": "cup", "found": "1", "index": "1", "x": "3", "y": "4"}
OFTEN |= {"duration_ms": "200", "start_ms": "100"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A set without pictures, whose sizes are in objects.json."""
    images = [{"id": i, "file_name": n, "width": w, "height": h} for i, (n, (w, h)) in enumerate(SIZES.items())]
    (tmp_path / "objects.json").write_text(json.dumps({"images": images, "annotations": [], "categories": []}))
    return tmp_path


def assert_agrees(root: Path, content: bytes, block: int = 1 << 18) -> None:
    """Both readers list the same defects in the same order, and give the same scanpaths or the same sentence."""
    (root / "fixations.csv").write_bytes(content)
    defects, read = strict_table.check(root), attempt(strict_table.read, root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cells, "BLOCK", block)
        patch.setattr(cells, "ROWS", 3)
        assert check_table(root) == defects
        assert attempt(read_table, root) == read


def attempt(reader: Any, root: Path) -> tuple[Any, str]:
    try:
        return plain(reader(root)), ""
    except TableError as error:
        return None, str(error)


@st.composite
def texts(draw: st.DrawFn, name: str) -> str:
    """What a column mostly holds, or something else that it might."""
    pool = CELLS.get(name, NUMBERS)
    return str(draw(st.one_of(st.just(OFTEN.get(name, "5")), st.sampled_from(pool[:4]), st.sampled_from(pool))))


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    """A table with columns in any order and rows of any make, most of them sound."""
    names = draw(st.sampled_from([HEADER, SEARCH])).split(",")
    names += draw(st.lists(st.sampled_from(["note", "x ", "task", "target_x"]), max_size=1))
    names = draw(st.permutations(names)) if draw(st.booleans()) else names
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    rows = [names]
    for _ in range(draw(st.integers(0, 9))):
        row = [draw(texts(name)) for name in names]
        rows.append(draw(st.sampled_from([row] * 12 + [[], row[:-1], [*row, "1"], [" "]])))
    quoted = draw(st.sampled_from([True, False, None]))
    text = end.join(",".join(quote(cell, quoted) for cell in row) for row in rows)
    begin, last = draw(st.sampled_from(["", "", "\ufeff"])), draw(st.sampled_from(["", end, end * 2, end + " "]))
    return (begin + text + last).encode()


def quote(cell: str, quoted: bool | None) -> str:
    """A cell in quotes: always, where it needs them, or never."""
    needs = quoted or (quoted is not None and any(mark in cell for mark in ',"\r\n'))
    return '"' + cell.replace('"', '""') + '"' if needs else cell


BLOCKS = st.sampled_from([1 << 18, 200, 50])  # bytes that are split at once
FUZZ = settings()


@FUZZ
@given(content=tables(), block=BLOCKS)
def test_any_rows_are_found_sound_or_wrong_as_row_by_row(root: Path, content: bytes, block: int) -> None:
    assert_agrees(root, content, block)


ROW = "a.png,s1,0,5,6,200,100"
PIECES = [*(c.encode() for c in '",\n\r\0; \t_-+.'), b"nan", b"inf", b"1e400", b"\xff", b"../", b"\r\n", b"\n\n", b'""']
PIECES += [b"\xef\xbb\xbf", b"\xc3", "\u2028".encode(), b"\x85", b"0", b"9" * 400]
BYTES = (
    f"{SEARCH}\n{ROW},search,cup,1,2,3,4,1\n{ROW},,,,,,,\na.png,s1,1,5,6,2,300,,cup,1,2,3,4,1\nb.png,s,0,5,6,,,,,,,,,"
)


@FUZZ
@given(data=st.data(), block=BLOCKS)
def test_any_bytes_are_found_sound_or_wrong_as_row_by_row(root: Path, data: st.DataObject, block: int) -> None:
    pieces = st.one_of(st.sampled_from(PIECES), st.binary(max_size=3))
    assert_agrees(root, scrambled(f"{BYTES}\n".encode(), data, 6, pieces), block)


TABLES = {
    "nothing": "",
    "blanks": " \n\u2003\n",
    "a mark alone": "\ufeff",
    "a header alone": HEADER,
    "a header with blank lines": f"{HEADER}\n\n\r\n",
    "an empty first line": f"\n{HEADER}\n{ROW}\n",
    "a header over two lines": f'"no\nte",{HEADER}\nx,{ROW}\n',
    "a header with an open quote": f'"{HEADER}\n{ROW}\n',
    "semicolons": f"{HEADER}\n{ROW}\n".replace(",", ";"),
    "a column that is missing and another twice": f"{HEADER},x\n{ROW},1\n".replace("image", "picture"),
    "lone carriage returns": f"{HEADER}\r{ROW}\r\r{ROW}",
    "a carriage return too many": f"{HEADER}\r\r\n{ROW}\r\r\n{ROW},1\r\r\n",
    "an open quote": f'{HEADER}\n{ROW}\n\n"a.png,s1,1,1,2,3,4\n{ROW}\n',
    "an open quote in the middle": f'{HEADER}\n{ROW},9\na.png,"s1,1,1,2,3,4\n{ROW}\n{ROW}\n',
    "something after a quote": f'{HEADER}\n{ROW}\na.png,"s"1,1,1,2,3,4\n{ROW}\n',
    "a quote within a cell": f'{HEADER}\n{ROW}\na.png,s"1,1,1,2,3,4\n{ROW},1\n',
    "line breaks in quotes before a defect": f'{HEADER}\n"a.png","s\n\r\n1",0,5,6,200,100\n{ROW}\na.png,s1,x,5,6,2,1\n',
    "a cell that is too long": f'{HEADER},note\n{ROW},\n{ROW},"{"x" * 140_000}"\n{ROW},1\n',
    "a long line": f"{HEADER},note\n{ROW},{'x' * 131_072}\n{ROW}\n",
    "a quoted cell over many blocks": f'{HEADER},note\n{ROW},"{"y" * 3000}\n{"z," * 3000}"\n{ROW},,\n',
    "another encoding after a defect": f"{HEADER}\n{ROW},1\n".encode() + b"a.png,\xff,0,1,2,3,4\n",
    "another encoding that ends the text": f"{HEADER}\n{ROW}\n".encode() + b"\xc3",
    "another encoding after a mark": b"\xef\xbb\xbf" + HEADER.encode() + b"\n\xff",
    "no row that is left": f"{HEADER}\n../a.png,s1,0,5,6,200,100\n",
    "no row that is left, and quotes": f'{HEADER}\n"""a",s1,0,5,6,200,100\n../a.png,s1,0,5,6,200,100\n',
    "what is unreadable is not compared": f"{HEADER}\n{ROW}\na.png,s1,x,y,z,u,v\na.png,s1,1,inf,2,3,4\n",
}


@pytest.mark.parametrize("block", [1 << 18, 200, 1])
@pytest.mark.parametrize("name", TABLES)
def test_a_table_that_is_hard_to_read_is_read_as_row_by_row(root: Path, name: str, block: int) -> None:
    content = TABLES[name]
    assert_agrees(root, content if isinstance(content, bytes) else content.encode(), block)


@FUZZ
@given(chosen=st.lists(st.tuples(*(st.sampled_from(pool) for pool in ("ab", "st", ["", "c"], range(4), range(3))))))
@example(chosen=[("a", "s", "", 1, 1), ("b", "s", "", 0, 1), ("a", "s", "", 0, 2), ("a", "s", "c", 3, 1)])
def test_the_order_of_trials_and_fixations_is_judged_as_row_by_row(root: Path, chosen: list[Any]) -> None:
    rows = [
        f"{image}.png,{subject},{index},1,2,3,{start},,{target},{start},,,,"
        for image, subject, target, index, start in chosen
    ]
    (root / "trials.csv").write_text("image,subject,target,memory_set\na.png,s,c,c;d\nb.png,t,c,d\na.png,s,,\n")
    assert_agrees(root, "\n".join((SEARCH, *rows)).encode())


@pytest.mark.parametrize("name", ["fixations.csv", "trials.csv", "objects.json"])
def test_an_unreadable_byte_just_after_a_line_break_is_on_its_own_line(root: Path, name: str) -> None:
    (root / "fixations.csv").write_text(f"{HEADER}\n{ROW}\n")
    (root / name).write_bytes(b"\xef\xbb\xbf" + HEADER.encode() + b"\n\xff")
    assert [(Path(d.file).name, d.line) for d in check_table(root) if "UTF-8" in d.problem] == [(name, 2)]


@pytest.mark.parametrize(
    "rows", [[ROW], [ROW, "", "a.png,s1,1,,x,_,"], ['"a.png","s,2",0,"5",6,200,100\r', "\r", f"{ROW}\r"]]
)
def test_csv_is_asked_for_nothing_but_the_header_of_a_plain_table(
    root: Path, monkeypatch: pytest.MonkeyPatch, rows: list[str]
) -> None:
    (root / "fixations.csv").write_text("\n".join((HEADER, *rows)), newline="")
    expected = strict_table.check(root)
    monkeypatch.setattr(cells, "_by_csv", None)
    assert check_table(root) == expected


MEASURE = """
import sys
from pathlib import Path
from data.table.validate import check_table

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

before = peak()
assert check_table(sys.argv[1]) == []
print(peak() - before)
"""


@pytest.mark.slow
def test_a_million_rows_are_validated_in_little_memory(root: Path) -> None:
    """As Python objects they would take half a gigabyte."""
    with (root / "fixations.csv").open("w") as file:
        file.write(f"{HEADER}\n")
        file.writelines(f"a.png,s{i // 20},{i % 20},{i % 19}.25,{i % 9}.5,200,{i}\n" for i in range(1_000_000))
    command = [sys.executable, "-c", MEASURE, str(root)]
    assert float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) < 200
