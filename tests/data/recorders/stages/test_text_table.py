"""Text tables: quotes, rows of another length, cells that are no number; each as Python's own csv module has it."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import RecordingError
from data.recorders.stages import text_table

CELL = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00", exclude_categories=("Cs",)), max_size=6)


def table(folder: Path, text: str) -> text_table.TextTable:
    path = folder / "table.csv"
    path.write_bytes(text.encode())
    return text_table.read(path, tell=pytest.fail)


def words(found: text_table.TextTable) -> list[list[str]]:
    return [list(row) for row in zip(*(found.words(name) for name in found.names), strict=True)]


@given(st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=6), st.sampled_from(",;|"))
def test_quoted_cells_are_those_of_the_csv_module(
    tmp_path: Path, rows: list[tuple[str, str, str]], separator: str
) -> None:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=separator, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([("time", "x", "y"), *(tuple(cell.replace("\n", " ") for cell in row) for row in rows)])
    expected = [[cell.replace("\n", " ").strip(' "\t') for cell in row] for row in rows]
    assert words(table(tmp_path, file.getvalue())) == expected


@pytest.mark.parametrize("separator", ["\t", ";", ",", "|"])
@pytest.mark.parametrize("block", [64, text_table.BLOCK])
def test_short_rows_are_filled_where_they_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, separator: str, block: int
) -> None:
    monkeypatch.setattr(text_table, "BLOCK", block)
    rows = [["7", "8", f"word {row}"][: 3 - (row % 5 == 4) - (row % 7 == 6)] for row in range(200)]
    text = "\n".join(separator.join(row) for row in [["time", "x", "name"], *rows])
    assert words(table(tmp_path, text)) == [[*row, "", ""][:3] for row in rows]


def test_a_row_may_end_with_one_separator_too_many_even_after_quotes(tmp_path: Path) -> None:
    found = table(tmp_path, 'time,name\n1,"a,b",\n2,"c"\n3,"d",\n4')
    assert words(found) == [["1", "a,b"], ["2", "c"], ["3", "d"], ["4", ""]]
    with pytest.raises(RecordingError, match=r"rows do not fit its 2 columns .*; export it again with semicolons"):
        table(tmp_path, "time,name\n1,a,b\n")
    with pytest.raises(RecordingError, match="rows do not fit its 2 columns"):
        table(tmp_path, "time,name\n1,a,,\n")


@pytest.mark.parametrize("first", ["1;2", "1"])
def test_a_table_whose_first_row_is_short_is_refused(tmp_path: Path, first: str) -> None:
    with pytest.raises(RecordingError, match="rows do not fit its 3 columns"):
        table(tmp_path, f"time;x;y\n{first}\n1;2;3\n")


def test_a_quotation_mark_inside_a_cell_is_a_letter(tmp_path: Path) -> None:
    found = table(tmp_path, 'time,name\n1,27" screen\n2,24" screen\n3,none\n')
    assert words(found) == [["1", '27" screen'], ["2", '24" screen'], ["3", "none"]]
    assert table(tmp_path, 'time\tname\n1\t"open\n2\tnext').words("name").tolist() == ["open", "next"]


def test_a_cell_may_have_several_lines(tmp_path: Path) -> None:
    found = table(tmp_path, 'time,name\n1,"one\ntwo"\n2,x\n')
    assert words(found) == [["1", "one\ntwo"], ["2", "x"]]


@pytest.mark.parametrize("text", ['1,"open\n2,b\n3,c', '1,"open\n2,b\n3,"c', '1,a\n2,"b\n3,"c"'])
def test_rows_swallowed_by_an_open_quotation_mark_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(RecordingError, match="rows do not fit its 2 columns"):
        table(tmp_path, f"time,name\n{text}\n")


def test_numbers_are_those_of_python_and_unknown_ones_are_nan(tmp_path: Path) -> None:
    cells = ["1", "-2.5", "+3", ".5", "5.", "1e-3", "1E+05", "1e400", "inf", "-Infinity", "007", "9" * 400]
    unknown = ["", ".", "-", "NaN", "nan", "NA", "n/a", "Null", "NONE", '"nan"']
    found = table(tmp_path, "time,x\n" + "\n".join(f"0,{cell}" for cell in cells + unknown)).numbers("x")
    expected = np.array([float(cell) for cell in cells] + [np.nan] * len(unknown))
    expected[~(np.abs(expected) < 1e30)] = np.nan
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("cell", ["abc", "1_0", "0x10", "1.2.3", "1 5", "--1", "1e", "-nil", "1,5"])
def test_the_first_cell_that_is_no_number_is_named_with_its_line(tmp_path: Path, cell: str) -> None:
    rows = [f"{row},{row}" for row in range(300)]
    rows[123] = f'123,"{cell}"'
    rows[200] = "200,later"
    with pytest.raises(RecordingError, match=rf"line 126: x is '{cell}'; write a number such as 12\.5"):
        table(tmp_path, "# comment\ntime,x\n" + "\n".join(rows)).numbers("x")


def test_an_empty_line_is_a_sample_that_is_lost_where_columns_have_no_header(tmp_path: Path) -> None:
    path = tmp_path / "sub-01_physio.tsv"
    path.write_text("1\t2\n\n3\t4\n")
    found = text_table.read(path, ["x", "y"])
    np.testing.assert_array_equal(found.numbers("x"), [1, np.nan, 3])
    np.testing.assert_array_equal(found.numbers("y"), [2, np.nan, 4])
