"""EyeLink ASC files: trials, onsets, blinks, eyes; what is broken is said."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import RecordingError
from data.gaze import Samples, Screen
from data.recorders.eyelink import read
from data.recorders.stages.units import Setup
from tests.damage import assert_survives

SETUP = Setup(None, None, 38.0, 30.0, 67.0)
HEADER = """** CONVERTED FROM anna.edf using edfapi 4.2.1 Linux
** DATE: Thu Nov  6 10:01:02 2025
** TYPE: EDF_FILE BINARY EVENT SAMPLE TAGGED
** VERSION: EYELINK II 1
** SOURCE: EYELINK CL
** EYELINK II CL v5.50 Apr 20 2021

MSG\t1000 DISPLAY_COORDS 0 0 1023 767
"""
MONOCULAR = "PRESCALER\t1\nSAMPLES\tGAZE\tRIGHT\tRATE\t 500.00\tTRACKING\tCR\tFILTER\t2\n"
BINOCULAR = "PRESCALER\t1\nSAMPLES\tGAZE\tLEFT\tRIGHT\tRATE\t 500.00\tTRACKING\tCR\tFILTER\t2\n"


def trial(number: int, start: int, picture: str, rows: list[str], messages: str = "", config: str = MONOCULAR) -> str:
    """A trial as Experiment Builder writes it; the picture comes 20 ms after the recording began."""
    eyes = "LEFT\tRIGHT" if config == BINOCULAR else "RIGHT"
    return (
        f"MSG\t{start - 20} TRIALID {number}\n"
        f"MSG\t{start - 19} !V IMGLOAD CENTER images/{picture} 512 384\n"
        f"START\t{start} \t{eyes}\tSAMPLES\tEVENTS\n"
        f"{config}"
        f"MSG\t{start} RECCFG CR 500 2 1 R\n"
        f"MSG\t{start} GAZE_COORDS 0.00 0.00 1023.00 767.00\n"
        + "\n".join(rows[:10])
        + f"\nMSG\t{start + 25} 5 SYNCTIME\n{messages}"
        + "\n".join(rows[10:])
        + f"\nEND\t{start + 2 * len(rows)} \tSAMPLES\tEVENTS\tRES\t  32.75\t  29.37\n"
        f"MSG\t{start + 2 * len(rows) + 1} TRIAL_RESULT 0\n"
    )


def monocular(start: int, count: int = 100, lost: tuple[int, ...] = ()) -> list[str]:
    cells = ["   .\t   .\t    0.0" if i in lost else f"  {400 + i:.1f}\t  300.5\t 1200.0" for i in range(count)]
    return [f"{start + 2 * i}\t{cell}\t..." for i, cell in enumerate(cells)]


def write(folder: Path, *trials: str, name: str = "anna.asc", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes((HEADER + "".join(trials)).encode(encoding))
    return path


def all_of(path: Path, screen: Any = SETUP, **options: Any) -> tuple[list[Samples], list[str]]:
    told: list[str] = []
    return list(read(path, screen, tell=told.append, **options)), told


def test_each_trial_has_its_picture_and_counts_from_its_onset(tmp_path: Path) -> None:
    one = trial(1, 2000, "forest.jpg", monocular(2000, lost=(50, 51)))
    two = trial(2, 5000, "the beach.png", monocular(5000))
    found, told = all_of(write(tmp_path, one, two))
    assert [(it.subject, it.stimulus) for it in found] == [
        ("anna", "images/forest.jpg"),
        ("anna", "images/the beach.png"),
    ]
    assert found[0].time[0] == -20  # SYNCTIME was sent at 2025, 5 ms late
    assert found[0].time[-1] == 178
    np.testing.assert_allclose(found[0].xy[0], [400.5, 301.0])  # EyeLink's 0 is the centre of our first pixel
    assert np.isnan(found[0].xy[50:52]).all()
    assert np.isfinite(found[0].xy).all(1).sum() == 98
    assert found[0].screen == Screen(1024, 768, 38.0, 30.0, 67.0)
    assert found[0].rate == 500
    assert told == []


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("!V IMGLOAD FILL forest.jpg", "forest.jpg"),
        ("!V IMGLOAD TOP_LEFT 0 0 1024 768 forest.jpg", "forest.jpg"),
        ("!V IMGLOAD CENTER C:\\study\\images\\forest.jpg 512 384 800 600", "C:/study/images/forest.jpg"),
        ("!V IMGLOAD CENTER ../../runtime/images/indoor/001.jpg 960.0 540.0", "../../runtime/images/indoor/001.jpg"),
        ("!V TRIAL_VAR image forest.jpg", "forest.jpg"),
        ("!V TRIAL_VAR stim forest", "forest"),
        *((f"!V TRIAL_VAR {name} in/a b.JPG", "in/a b.JPG") for name in ("imageName", "stim_file", "pic_name", "img2")),
        ("!V TRIAL_VAR image_number 12", ""),
        ("!V TRIAL_VAR image .", ""),
        ("!V TRIAL_VAR sound_file beep.wav", ""),
        ("!V TRIAL_VAR condition a.jpg", ""),
    ],
)
def test_a_picture_is_named_with_its_path_in_any_of_the_usual_messages(tmp_path: Path, line: str, name: str) -> None:
    text = trial(1, 2000, "x.jpg", monocular(2000)).replace("!V IMGLOAD CENTER images/x.jpg 512 384", line)
    assert all_of(write(tmp_path, text))[0][0].stimulus == name


def test_the_subject_is_the_name_of_the_file_without_its_ending(tmp_path: Path) -> None:
    path = write(tmp_path, trial(1, 2000, "a.jpg", monocular(2000)), name="01.05.2024_anna.asc")
    assert all_of(path)[0][0].subject == "01.05.2024_anna"
    assert all_of(path, subject="ben")[0][0].subject == "ben"


def test_samples_of_a_blink_are_lost_and_so_is_a_margin(tmp_path: Path) -> None:
    blink = "SBLINK R 2040\nEBLINK R 2040\t2060\t22\n"
    path = write(tmp_path, trial(1, 2000, "a.jpg", monocular(2000), blink))
    plain = all_of(path)[0][0]
    wide = all_of(path, margin=10)[0][0]
    assert np.isnan(plain.xy[20:31]).all()
    assert np.isfinite(plain.xy).all(1).sum() == 100 - 11
    assert np.isfinite(wide.xy).all(1).sum() == 100 - 21


def test_of_two_eyes_one_or_their_mean_is_taken(tmp_path: Path) -> None:
    rows = [f"{2000 + 2 * i}\t  400.0\t  300.0\t 1200.0\t  410.0\t  320.0\t 1100.0\t....." for i in range(60)]
    rows[30:50] = [f"{2060 + 2 * i}\t   .\t   .\t    0.0\t  410.0\t  320.0\t 1100.0\t....." for i in range(20)]
    path = write(tmp_path, trial(1, 2000, "a.jpg", rows, config=BINOCULAR))
    (auto,), told = all_of(path)
    assert told == [f"{path}: of both eyes the right one is taken, seen in 100%; where it is lost, the other."]
    np.testing.assert_allclose(auto.xy, np.tile([410.5, 320.5], (60, 1)))
    left = all_of(path, eye="left")[0][0].xy
    assert np.isnan(left[30:50]).all()
    both = all_of(path, eye="both")[0][0].xy
    np.testing.assert_allclose(both[[0, 30]], [[405.5, 310.5], [405.5, 310.5]])  # the right eye's, moved
    with pytest.raises(RecordingError, match="only the right eye was recorded, not the left; choose auto"):
        all_of(write(tmp_path, trial(1, 2000, "a.jpg", monocular(2000))), eye="left")


def test_eyes_may_change_between_trials(tmp_path: Path) -> None:
    both = [f"{9000 + 2 * i}\t  400.0\t  300.0\t 1200.0\t  410.0\t  320.0\t 1100.0\t....." for i in range(60)]
    one, two = trial(1, 2000, "a.jpg", monocular(2000)), trial(2, 9000, "b.jpg", both, config=BINOCULAR)
    found, _ = all_of(write(tmp_path, one, two), eye="right")
    assert [it.stimulus for it in found] == ["images/a.jpg", "images/b.jpg"]
    np.testing.assert_allclose(found[0].xy[0], [400.5, 301.0])
    np.testing.assert_allclose(found[1].xy[0], [410.5, 320.5])


def test_without_messages_a_trial_is_a_stretch_of_recording_and_that_is_said(tmp_path: Path) -> None:
    text = trial(1, 2000, "a.jpg", monocular(2000)) + trial(2, 5000, "b.jpg", monocular(5000))
    kept = "".join(line + "\n" for line in text.split("\n") if "TRIALID" not in line and "SYNCTIME" not in line)
    found, told = all_of(write(tmp_path, kept))
    assert [it.stimulus for it in found] == ["images/a.jpg", "images/b.jpg"]
    assert [it.time[0] for it in found] == [0, 0]
    assert "2 of 2 trials have no message of the picture's onset" in told[0]


def test_a_pattern_finds_other_onsets_and_is_checked(tmp_path: Path) -> None:
    text = trial(1, 2000, "a.jpg", monocular(2000)).replace("5 SYNCTIME", "trial 3 target shown")
    path = write(tmp_path, text)
    assert all_of(path, onset="target")[0][0].time[0] == -25
    assert all_of(path, onset="^target")[0][0].time[0] == 0
    path = write(tmp_path, text.replace("trial 3", "!V TRIAL_VAR first target.jpg\nMSG 2030 trial 3"))
    assert all_of(path, onset="target")[0][0].time[0] == -30
    with pytest.raises(RecordingError, match="no regular expression"):
        all_of(path, onset="(")


def test_the_screen_must_be_known_and_agree(tmp_path: Path) -> None:
    path = write(tmp_path, trial(1, 2000, "a.jpg", monocular(2000)))
    with pytest.raises(
        RecordingError, match=r"does not say of the screen its width in cm, .* --screen-cm 38x30 --distance-cm 67"
    ):
        all_of(path, None)
    with pytest.raises(RecordingError, match=r"recorded on a screen of 1024 x 768 pixels; give that size, or none"):
        all_of(path, Screen(800, 600, 38, 30, 67))
    exact = path.read_text().replace("1023 767", "1024 768").replace("1023.00 767.00", "1024.00 768.00")
    path.write_text(exact)  # as PyGaze writes it
    assert all_of(path)[0][0].screen.width == 1024
    path.write_text(exact.replace("0 0 1024 768", "0 0 1" + "0" * 400 + " 768").replace("GAZE_COORDS", ""))
    with pytest.raises(RecordingError, match="does not say of the screen its width, height; give it, as in --screen"):
        all_of(path)


def test_coordinates_may_begin_elsewhere_than_at_0(tmp_path: Path) -> None:
    path = write(tmp_path, trial(1, 2000, "a.jpg", monocular(2000)))
    path.write_text(path.read_text().replace("0 0 1023 767", "-100 50 923 817"))
    found = all_of(path)[0][0]
    assert (found.screen.width, found.screen.height) == (1024, 768)
    np.testing.assert_allclose(found.xy[0], [500.5, 251.0])


def test_samples_that_are_off_the_screen_are_told_of(tmp_path: Path) -> None:
    path = write(tmp_path, trial(1, 2000, "a.jpg", monocular(2000)))
    path.write_text(path.read_text().replace("0 0 1023 767", "0 0 319 199"))
    assert "100% of the samples are off the screen" in all_of(path)[1][0]


def test_other_encodings_and_a_truncated_file_are_read(tmp_path: Path) -> None:
    text = trial(1, 2000, "bäume.jpg", monocular(2000)).rstrip()
    for encoding, sentences in (("cp1252", 1), ("utf-16", 0), ("utf-8-sig", 0)):
        found, told = all_of(write(tmp_path, text, encoding=encoding))
        assert found[0].stimulus == "images/bäume.jpg"
        assert len(told) == sentences
    path = write(tmp_path, text[: text.index("2180\t") + 9])  # in the middle of a sample
    found, _ = all_of(path)
    assert len(found[0]) == 90


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "the file is empty"),
        ("time,x,y\n1,2,3\n", "not an EyeLink ASC file"),
        (HEADER, "no sample in it"),
        ("\0\1\2SR_RESEARCH\0\1", "not a text file|not an EyeLink"),
    ],
)
def test_what_is_no_recording_is_said_in_one_sentence(tmp_path: Path, content: str, sentence: str) -> None:
    path = tmp_path / "a.asc"
    path.write_text(content)
    with pytest.raises(RecordingError, match=sentence):
        all_of(path)
    with pytest.raises(RecordingError, match="the file is missing"):
        all_of(tmp_path / "none.asc")


def events(*messages: tuple[int, str], samples: tuple[int, int] = (2000, 3000)) -> str:
    """One stretch of recording without a trial's number, one sample every 2 ms, messages where they belong."""
    inside = [(at, f"MSG\t{at} {words}") for at, words in messages if samples[0] <= at < samples[1]]
    rows = [(at, f"{at}\t 400.0\t 300.0\t 1200.0\t...") for at in range(*samples, 2)]
    body = "".join(line + "\n" for _, line in sorted(inside + rows, key=lambda it: it[0]))
    before = "".join(f"MSG\t{at} {words}\n" for at, words in messages if at < samples[0])
    after = "".join(f"MSG\t{at} {words}\n" for at, words in messages if at >= samples[1])
    start, end = f"START\t{samples[0]}\tRIGHT\tSAMPLES\tEVENTS\n", f"END\t{samples[1]}\tSAMPLES\tEVENTS\n"
    return before + start + MONOCULAR + body + end + after


def cuts(folder: Path, *parts: str, **options: Any) -> list[tuple[str, float, float]]:
    """Of each trial the picture, the first and the last time."""
    return [(it.stimulus, it.time[0], it.time[-1]) for it in all_of(write(folder, *parts), **options)[0]]


def load(name: str) -> str:
    return f"!V IMGLOAD CENTER {name} 512 384"


def test_pictures_in_one_stretch_are_trials_from_onset_to_offset(tmp_path: Path) -> None:
    before = events(
        *((2010, load("a.jpg")), (2020, "image_onset"), (2300, "image_offset")),
        *((2310, load("b.jpg")), (2330, "image_onset")),
        *((2600, "image_onset"), (2610, load("c.jpg")), (2700, "image_offset")),
        *((2710, load("c.jpg")), (2730, "image_onset")),
    )
    shown = [("a.jpg", -20, 278), ("b.jpg", -20, 268), ("c.jpg", 0, 98), ("c.jpg", -20, 268)]
    assert cuts(tmp_path, before) == shown
    variables = events(
        *((2010, "!V TRIAL_VAR image a.jpg"), (2020, "image_onset"), (2300, "image_offset")),
        *((2310, "!V TRIAL_VAR image b.jpg"), (2330, "image_onset"), (2600, "image_onset")),
    )
    assert cuts(tmp_path, variables) == [("a.jpg", -20, 278), ("b.jpg", 0, 268), ("", 0, 398)]


def test_two_messages_of_an_onset_within_a_tenth_of_a_second_are_one(tmp_path: Path) -> None:
    text = events((2000, load("a.jpg")), (2020, "SYNCTIME"), (2024, "DISPLAY ON"), (2500, load("images/a.jpg")))
    assert cuts(tmp_path, text)[0] == ("a.jpg", -20, 478)
    again = events((2000, load("a.jpg")), (2020, "SYNCTIME"), (2024, "DISPLAY ON"), (2500, load("a.jpg")))
    assert cuts(tmp_path, again) == [("a.jpg", -20, 978)]


def test_without_onsets_each_new_picture_of_a_stretch_begins_a_trial(tmp_path: Path) -> None:
    text = events((1990, load("a.jpg")), (2010, load("a.jpg")), (2400, load("b.jpg")))
    assert cuts(tmp_path, text) == [("a.jpg", 0, 398), ("b.jpg", 0, 598)]


def test_between_stretches_a_variable_names_the_last_picture_and_imgload_the_next(tmp_path: Path) -> None:
    after = [
        events((at + 20, "SYNCTIME"), (at + 1001, f"!V TRIAL_VAR image {name}.jpg"), samples=(at, at + 1000))
        for at, name in ((2000, "a"), (4000, "b"), (6000, "c"))
    ]
    assert [it[0] for it in cuts(tmp_path, *after)] == ["a.jpg", "b.jpg", "c.jpg"]
    for message in (load("{}.jpg"), "!V TRIAL_VAR image {}.jpg"):
        before = [
            events((at - 9, message.format(name)), (at + 20, "SYNCTIME"), samples=(at, at + 1000))
            for at, name in ((2000, "a"), (4000, "b"))
        ]
        assert [it[0] for it in cuts(tmp_path, *before)] == ["a.jpg", "b.jpg"]
    inside = events((2010, load("x/a.jpg")), (2020, "SYNCTIME"), (2900, "!V TRIAL_VAR image a.jpg"))
    unnamed = events((4020, "SYNCTIME"), samples=(4000, 5000))
    assert [it[0] for it in cuts(tmp_path, inside, unnamed)] == ["x/a.jpg", ""]


def test_the_picture_is_the_last_named_up_to_the_onset_else_the_first_after_it(tmp_path: Path) -> None:
    for begin in ("TRIALID 1", "no number"):
        cross = events((1990, begin), (2000, load("cross.png")), (2300, load("a.jpg")), (2310, "SYNCTIME"))
        assert cuts(tmp_path, cross) == [("a.jpg", -310, 688)]
    late = [(2020, "SYNCTIME"), (2030, load("a.jpg")), (2900, load("feedback.png")), (2910, "DISPLAY_ON")]
    assert cuts(tmp_path, events((1990, "TRIALID 1"), *late)) == [("a.jpg", -20, 978)]


def test_a_trial_ends_at_its_first_end_after_the_onset_or_where_the_next_begins(tmp_path: Path) -> None:
    text = events(
        *((1990, "TRIALID 1"), (2100, "STIM_OFF cross"), (2200, "SYNCTIME"), (2400, "BLANK_SCREEN")),
        *((2500, "TRIAL_RESULT 0"), (2600, "TRIALID 2"), (2610, "SYNCTIME"), (2700, "TRIALID 3"), (2710, "SYNCTIME")),
    )
    assert cuts(tmp_path, text) == [("", -200, 198), ("", -10, 88), ("", -10, 288)]
    unmarked = events((1990, "TRIALID 1"), (2100, "STIM_OFF cross"), (2500, "TRIAL_RESULT 0"), (2600, "TRIALID 2"))
    assert cuts(tmp_path, unmarked) == [("", 0, 498), ("", 0, 398)]
    assert cuts(tmp_path, text, end="^nothing")[0] == ("", -200, 398)


@pytest.mark.parametrize(
    "message", ["TRIAL_RESULT -1", "TRIAL ABORTED", "TRIAL_REPEATED", "!V TRIAL_VAR Trial_Recycled_ True"]
)
def test_trials_that_were_broken_off_are_left_out_and_counted(tmp_path: Path, message: str) -> None:
    one, two = trial(1, 2000, "a.jpg", monocular(2000)), trial(2, 5000, "a.jpg", monocular(5000, 60))
    path = write(tmp_path, one.replace("TRIAL_RESULT 0", message), two)
    found, told = all_of(path)
    assert [len(it) for it in found] == [60]
    assert told == [f"{path}: 1 of 2 trials were broken off (TRIAL_RESULT -1 or the like); they are left out."]
    whole = trial(1, 2000, "a.jpg", monocular(2000)).replace(
        "TRIAL_RESULT", "!V TRIAL_VAR Trial_Recycled_ False\nMSG 1"
    )
    assert len(all_of(write(tmp_path, whole, two))[0]) == 2


@given(data=st.data())
def test_a_damaged_file_gives_samples_or_a_sentence(tmp_path: Path, data: Any) -> None:
    blink = "SBLINK R 2040\nEBLINK R 2040\t2060\t22\n"
    numbered = trial(1, 2000, "a.jpg", monocular(2000, 40), blink)
    block = events((2010, load("a.jpg")), (2020, "SYNCTIME"), (2040, load("b.jpg")), samples=(2000, 2080))
    assert_survives(tmp_path / "a.asc", (HEADER + data.draw(st.sampled_from([numbered, block]))).encode(), data, all_of)
