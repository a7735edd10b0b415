"""The lines of EyeLink ASC files: samples of any columns, blinks, eyes, clocks; what is no gaze is refused."""

from pathlib import Path

import numpy as np
import pytest

from data.errors import RecordingError
from data.recorders import _eyelink_asc
from data.recorders.stages.units import Setup

PATH = Path("anna.asc")
PLACES = [(400.5, 300.0), (-12.0, 0.5), (410.0, 320.25)]


def content(header: str, row: str, before: str = "") -> str:
    rows = "".join(row.format(t=2000 + 2 * i, x=x, y=y) + "\n" for i, (x, y) in enumerate(PLACES))
    return f"START\t2000\tRIGHT\tSAMPLES\tEVENTS\n{before}{header}{rows}END\t2010\tSAMPLES\tEVENTS\n"


def samples(text: str, margin: float = 0.0) -> tuple[_eyelink_asc.Eyes, list[str]]:
    told: list[str] = []
    return _eyelink_asc.samples(PATH, text, margin, told.append), told


ONE, TWO = "{t}\t  {x}\t  {y}\t 1200.0", "{t}\t   .\t   .\t    0.0\t  {x}\t  {y}\t 1100.0"


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("SAMPLES\tGAZE\tRIGHT\tRATE\t 500.00\tTRACKING\tCR\tFILTER\t2\n", ONE + "\t..."),
        ("SAMPLES\tGAZE\tRIGHT\tRATE\t 500.00\tTRACKING\tCR\tFILTER\t2\n", ONE),
        ("SAMPLES\tGAZE\tRIGHT\tRATE\t 500.00\tTRACKING\tCR\tFILTER\t2\tINPUT\n", ONE + "\t  127.0\t..."),
        ("SAMPLES\tGAZE\tRIGHT\tHTARGET\tRATE\t 500.00\n", ONE + "\t...\t 4127.0\t 5123.0\t 593.2\t............."),
        ("SAMPLES\tGAZE\tRIGHT\tVEL\tRES\tRATE\t 500.00\n", ONE + "\t -5.1\t 3.2\t 36.1\t 36.2\t..."),
        ("SAMPLES\tGAZE\tRIGHT\tTRACKING\tCR\n", ONE + "\t..."),
        ("", ONE + "\t..."),
        ("SAMPLES\tGAZE\tLEFT\tRIGHT\tRATE\t 500.00\n", TWO + "\t....."),
        ("SAMPLES\tGAZE\tLEFT\tRIGHT\tVEL\tRES\tRATE\t 500.00\n", TWO + "\t 1.0\t .\t 3.2\t 1.2\t 36.1\t 36.2\t....."),
        ("SAMPLES\tGAZE\tLEFT\tRIGHT\tHTARGET\tRATE\t 500.00\n", TWO + "\t.....\t 4127.0\t 5123.0\t 593.2\t......"),
    ],
)
def test_samples_are_read_whatever_columns_follow(header: str, row: str) -> None:
    found, told = samples(content(header, row, "INPUT\t2000\t127\nBUTTON\t2001\t5\t1\n"))
    ((eyes, (time, places)),) = found.items()
    assert eyes == ("LR" if "LEFT" in header else "R")
    np.testing.assert_array_equal(time, [2000, 2002, 2004])
    np.testing.assert_array_equal(places[:, -1], PLACES)
    assert np.isnan(places[:, :-1]).all()
    assert told == []


@pytest.mark.parametrize(("eyes", "cells"), [("RIGHT", 1), ("LEFT\tRIGHT", 2)])
def test_samples_are_those_that_edf2asc_wrote(eyes: str, cells: int) -> None:
    values = np.abs(np.random.default_rng(0).uniform(-50, 1900, (200, cells, 3)).round(1)) * (1, -1, 1)
    closed = np.arange(200)[:, None] % 9 == np.arange(cells)
    lost = "\t   .\t   .\t    0.0"
    rows = [
        f"{7000 + i}" + "".join(lost if shut else "\t {}\t {}\t {}".format(*it) for it, shut in zip(*row, strict=True))
        for i, row in enumerate(zip(values, closed, strict=True))
    ]
    head = f"MSG\t1 x\nSTART\t7000\t{eyes}\tSAMPLES\tEVENTS\n"
    head += f"SAMPLES\tGAZE\t{eyes}\tRATE\t1000.00\tTRACKING\tCR\tFILTER\t2\n"
    text = head + "".join(row + "\t" + "..." * cells + "\n" for row in rows) + "END\t7200\tSAMPLES\tEVENTS\tRES\t3\t3\n"
    ((time, places),) = samples(text)[0].values()
    np.testing.assert_array_equal(time, 7000 + np.arange(200))
    np.testing.assert_array_equal(places, np.where(closed[..., None], np.nan, values[..., :2]))


def test_eyes_are_guessed_from_the_numbers_where_nothing_names_them() -> None:
    rows = "MSG\t1 x\n2000\t 1.0\t 2.0\t 900.0\t 3.0\t 4.0\t 900.0\t.....\n"
    assert samples(rows)[0]["LR"][1].tolist() == [[[1, 2], [3, 4]]]
    assert list(samples(rows.replace("\t 4.0\t 900.0", ""))[0]) == ["R"]
    head = "START\t2000\tLEFT\tSAMPLES\tEVENTS\nSAMPLES\tGAZE\tRATE\t 500.00\n"
    assert list(samples(head + rows)[0]) == ["L"]


def test_a_place_that_is_not_known_by_half_is_lost() -> None:
    rows = "2000\t 1.0\t .\t 900.0\t...\n2002\t NaN\t NaN\t 0.0\t...\n2004\t 1.0\t 2.0\t 9.0\t...\n"
    found, told = samples("START\t2000\tLEFT\tSAMPLES\n" + rows)
    assert np.isnan(found["L"][1][:2]).all()
    assert np.isfinite(found["L"][1][2]).all()
    assert told == []


def test_damaged_lines_are_left_out_and_counted_but_for_one() -> None:
    rows = [f"{2000 + i}\t 1.0\t 2.0\t 900.0\t..." for i in range(6)]
    rows[5] = "2005\t 1.0"
    head = "START\t2000\tLEFT\tSAMPLES\n"
    found, told = samples(head + "\n".join(rows))
    assert (len(found["L"][0]), told) == (5, [])
    rows[2], rows[3] = "2002\t 1x.0\t 2.0\t 900.0\t...", "9" * 400 + rows[3]
    found, told = samples(head + "\n".join(rows))
    assert found["L"][0].tolist() == [2000, 2001, 2004]
    assert told == ["anna.asc: 3 lines of samples are cut off or damaged; they are left out."]


def test_a_blink_closes_the_eye_that_it_names_and_a_margin_around_it() -> None:
    rows = "".join(f"{2000 + i}\t 1.0\t 2.0\t 900.0\t 3.0\t 4.0\t 900.0\t.....\n" for i in range(30))
    text = "START\t2000\tLEFT\tRIGHT\tSAMPLES\n" + rows + "EBLINK R 2010\t2014\t5\n"
    places = samples(text)[0]["LR"][1]
    assert np.isfinite(places[:, 0]).all()
    assert np.flatnonzero(np.isnan(places[:, 1, 0])).tolist() == [10, 11, 12, 13, 14]
    wide = samples(text, margin=3)[0]["LR"][1]
    assert np.flatnonzero(np.isnan(wide[:, 1, 0])).tolist() == list(range(7, 18))
    other = samples(text.replace("LEFT\tRIGHT", "LEFT"))[0]["L"][1]
    assert np.isfinite(other).all()


def test_a_blink_is_found_though_the_lines_are_out_of_order() -> None:
    rows = [f"{2000 + i}\t 1.0\t 2.0\t 900.0\t...\n" for i in range(30)]
    text = "START\t2000\tLEFT\tSAMPLES\n" + "".join(reversed(rows)) + "EBLINK L 2003\t2005\t3\n"
    time, places = samples(text)[0]["L"]
    assert time[np.isnan(places[:, 0, 0])].tolist() == [2003, 2004, 2005]


def test_at_2000_samples_a_second_the_second_of_two_equal_times_is_half_a_millisecond_later() -> None:
    rows = "".join(f"{2000 + i // 2}\t 1.0\t 2.0\t 900.0\t...\n" for i in range(6))
    head = "START\t2000\tLEFT\tSAMPLES\nSAMPLES\tGAZE\tLEFT\tRATE\t2000.00\tTRACKING\tCR\n"
    assert samples(head + rows)[0]["L"][0].tolist() == [2000, 2000.5, 2001, 2001.5, 2002, 2002.5]
    exact = "".join(f"{2000 + i / 2:.1f}\t 1.0\t 2.0\t 900.0\t...\n" for i in range(4))
    assert samples(head + exact)[0]["L"][0].tolist() == [2000, 2000.5, 2001, 2001.5]
    slow = samples(head.replace("2000.00", "1000.00") + rows)[0]["L"][0]
    assert slow.tolist() == [2000, 2000, 2001, 2001, 2002, 2002]


@pytest.mark.parametrize("kind", ["HREF", "PUPIL"])
def test_samples_that_are_no_places_on_the_screen_are_refused(kind: str) -> None:
    text = content(f"SAMPLES\t{kind}\tRIGHT\tRATE\t 500.00\tTRACKING\tCR\n", ONE + "\t...")
    with pytest.raises(RecordingError, match=rf"its samples are {kind}, .* gaze samples \(edf2asc -sg\)\.$"):
        samples(text)


def test_a_message_may_say_how_late_it_was_sent() -> None:
    text = "MSG\t2025 5 SYNCTIME\nMSG 2030.5 -4 x y\nSTART\t2040 \tRIGHT\tSAMPLES\nMSG\t2050\nEND\t2060 \tSAMPLES"
    assert [tuple(line) for line in _eyelink_asc.lines(text)] == [
        ("MSG", 2020, "SYNCTIME"),
        ("MSG", 2034.5, "x y"),
        ("START", 2040, "RIGHT\tSAMPLES"),
        ("MSG", 2050, ""),
        ("END", 2060, "SAMPLES"),
    ]


@pytest.mark.parametrize("numbers", ["0 0 1" + "0" * 400 + " 767", "0 0 -1 767", "0 0 1.2.3 767", "0 0"])
def test_a_screen_of_impossible_size_is_not_known(numbers: str) -> None:
    origin, size = _eyelink_asc.screen(f"MSG\t1000 DISPLAY_COORDS {numbers}\n")
    assert origin.tolist() == [0, 0]
    assert size == Setup()


@pytest.mark.parametrize("line", ["1", "1 2", "1 1 1 x", "EBLINK L 1", "MSG 1", "MSG 1 DISPLAY_COORDS 1"])
def test_a_line_without_end_takes_no_time(line: str) -> None:
    """A million digits: with a step back at each of them this would take hours."""
    found, _ = samples("START\t2000\tLEFT\tRIGHT\tSAMPLES\n" + line + line[-1] * 10**6 + "\n")
    assert not any(np.isfinite(time).any() for time, _ in found.values())
