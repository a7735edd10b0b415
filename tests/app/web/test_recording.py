"""Own eye tracking beside the prediction: files in, questions that are asked, what is shown, and what comes down."""

import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.predict.observers import Observers
from app.predict.recorded import agreement, exports
from app.predict.recorded.agreement import Agreement
from app.predict.recorded.areas import measured
from app.predict.recorded.brought_files import FolderOfFiles, Limits
from app.predict.recorded.files import How
from app.predict.recorded.study import Study, verdict
from app.web import widgets
from app.web.pages import recording as page_of_recordings
from app.web.recording.desk import MAKERS
from app.web.workspace import Workspace
from data import picture as pictures
from data.areas import rectangle
from data.events.quality import Quality
from data.gaze import Scanpath, Screen
from data.recorders import Setup, detect_format, to_scanpaths
from data.table.validate import check_table
from tests import recorded

PAGE = Path(widgets.__file__).with_name("pages") / "recording.py"
RECORDERS = Path(__file__).parents[4] / "shared" / "recorders"
SIZE = (600, 400)
SETUP = Setup(1000, 800, 40.0, 32.0, 60.0)
RIGHT, LEFT = (450.0, 100.0), (150.0, 300.0)


@pytest.fixture(scope="module")
def png() -> bytes:
    """600 x 400 pixels, black but for a bright spot in the upper right, where most people look."""
    pixels = np.zeros((400, 600, 3), np.uint8)
    pixels[70:130, 420:480] = 255
    return pictures.encode(pixels)


def people(count: int, seed: int = 0) -> list[tuple[str, bytes]]:
    """EyeLink files of people who look at the spot in nine of ten looks, and else at the left."""
    random = np.random.default_rng(seed)
    files = []
    for number in range(count):
        xy = recorded.looks(random, [RIGHT] * 9 + [LEFT], 8.0)
        files.append((f"p{number}.asc", recorded.asc([("spot.png", xy)], SIZE, number)))
    return files


def shown(png: bytes, files: list[tuple[str, bytes]], answer: bool = True, **state: Any) -> AppTest:
    """The page with a picture in the workspace and some recordings."""
    kept = Workspace()
    kept.add("spot.png", png)
    page = AppTest.from_file(PAGE, default_timeout=30)
    page.session_state["workspace"] = kept
    for key, value in state.items():
        page.session_state[key] = value
    page.run()
    if files:
        for name, content in files:
            page.file_uploader(key="recording-upload-0").upload(name, content, "text/plain")
        page.run()
    if files and answer:
        page.button[[button.label for button in page.button].index("Read the recordings")].click().run()
    return page


def table(page: AppTest, column: str) -> Any:
    return next(each.value for each in page.table if column in each.value.columns)


@pytest.mark.slow
def test_without_recordings_the_page_invites_to_bring_some(models: Path, png: bytes) -> None:
    page = shown(png, [])
    assert not page.exception
    assert any("Bring recordings of people" in each.value for each in page.markdown)
    assert [each.label for each in page.get("download_button")] == []


@pytest.mark.slow
def test_recordings_are_asked_for_their_screen_and_then_shown_beside_the_prediction(models: Path, png: bytes) -> None:
    page = shown(png, [*people(4), ("notes.txt", b"milk, bread\n")], answer=False)
    assert not page.exception
    assert [each.label for each in page.number_input] == [
        "Screen width (cm)",
        "Screen height (cm)",
        "Distance from eye to screen (cm)",
    ]
    assert [each.value for each in page.error] == [
        "notes.txt: no column is known as its time, x, y; name its columns time, x and y; it has milk, bread."
    ]
    page.number_input(key="recording-width_cm").set_value(40.0)
    page.button[[button.label for button in page.button].index("Read the recordings")].click().run()
    assert not page.exception
    assert not page.number_input
    assert [each.value for each in page.header] == [
        *("What people looked at", "Prediction", "Looks of people", "Scores", "Areas", "How well it was measured")
    ]
    assert len(page.main.image) == 3
    assert any("The prediction agrees with these 4 people" in each.value for each in page.markdown)
    assert any("With 4 people this is rough" in each.value for each in page.caption)
    scores = table(page, "This prediction")
    assert list(scores["Chance"]) == ["50", "0.00", "0.00", scores["Chance"].iloc[3]]
    assert list(table(page, "In a word")["In a word"]) == ["Good"] * 4
    assert [each.label for each in page.get("download_button")] == ["Maps, PNG", "Looks, CSV", "Data set, ZIP"]
    assert page.session_state["recordings"].waiting == ()


@pytest.mark.slow
def test_one_person_has_no_ceiling_and_the_page_says_so(models: Path, png: bytes) -> None:
    page = shown(png, people(1))
    assert not page.exception
    assert any(each.value.startswith("**One person alone") for each in page.markdown)
    assert set(table(page, "This prediction")["People"]) == {"–"}


@pytest.mark.slow
def test_moments_people_and_places_change_what_is_drawn(models: Path, png: bytes) -> None:
    page = shown(png, people(3))
    first = [each.proto.imgs[0].url for each in page.main.image]
    page.select_slider(key="recording-moment").set_value("0–1 s").run()
    second = [each.proto.imgs[0].url for each in page.main.image]
    assert (first[0] != second[0], first[2] == second[2]) == (True, True)
    page.selectbox(key="recording-whose").set_value("p1").run()
    assert page.main.image[2].proto.imgs[0].url != first[2]
    page.selectbox(key="recording-placed").set_value("fill").run()
    assert not page.exception
    assert page.main.image[0].proto.imgs[0].url != second[0]
    page.toggle(key="recording-first").set_value(False).run()
    assert not page.exception


def test_areas_of_the_workspace_are_measured_beside_what_was_predicted(models: Path, png: bytes) -> None:
    kept = Workspace()
    stored = kept.add("spot.png", png)
    kept.set_areas(stored.key, [rectangle("*Spot*", (400, 50, 100, 100)), rectangle("Left", (100, 250, 100, 100))])
    study = Study()
    study.read(people(3))
    study.answer(How(SETUP))
    page = AppTest.from_file(PAGE, default_timeout=30)
    page.session_state["workspace"], page.session_state["recordings"] = kept, study
    page.run()
    assert not page.exception
    rows = table(page, "Seen by")
    assert list(rows["Area"]) == [r"\*Spot\*", "Left"]
    assert rows["Share of looks"].iloc[0].split(" / ")[0] > "8"
    assert "Areas, CSV" in [each.label for each in page.get("download_button")]


@pytest.mark.slow
def test_a_recording_without_a_name_is_taken_for_the_only_picture_and_else_asked_for(models: Path, png: bytes) -> None:
    xy = recorded.looks(np.random.default_rng(0), [RIGHT], 8.0)
    study = Study()
    study.read([("anna.csv", recorded.table(xy, SIZE))])
    assert study.lacking == {"anna.csv": ("width", "height", "width_cm", "height_cm", "distance_cm")}
    study.answer(How(SETUP))
    page = shown(png, [], recordings=study)
    assert not page.exception
    assert any("names no picture; it is taken for spot.png" in each.value for each in page.caption)
    kept = Workspace()
    kept.add("other.png", pictures.encode(np.zeros((40, 40, 3), np.uint8)))
    kept.add("spot.png", png)
    page = AppTest.from_file(PAGE, default_timeout=30)
    page.session_state["workspace"], page.session_state["recordings"] = kept, study
    page.run()
    assert [each.value for each in page.info] == ["No recording names this picture. Choose what was shown."]
    page.multiselect(key=f"recording-shown-{kept.current}").set_value([""]).run()
    assert not page.exception
    assert len(page.main.image) == 3


@pytest.mark.slow
def test_recordings_are_removed(models: Path, png: bytes) -> None:
    page = shown(png, people(3))
    page.multiselect(key="recording-gone").set_value(["p0.asc"]).run()
    page.button(key="recording-remove").click().run()
    assert list(table(page, "In a word")["Recording"]) == ["p1.asc", "p2.asc"]
    page.button(key="recording-clear").click().run()
    assert not page.exception
    assert any("Bring recordings of people" in each.value for each in page.markdown)


def test_those_who_do_not_know_their_screen_can_leave_the_files_out(models: Path, png: bytes) -> None:
    page = shown(png, people(1), answer=False)
    page.button[[button.label for button in page.button].index("Leave them out")].click().run()
    assert not page.exception
    assert not page.number_input


def test_a_table_of_looks_needs_no_screen(models: Path, png: bytes) -> None:
    rows = [f"spot.png,{who},{n},{450 + 3 * n},{100 + n},300,{300 * n}" for who in "ab" for n in range(4)]
    content = "\n".join(["image,subject,index,x,y,duration_ms,start_ms", *rows, "spot.png,c,0,one,2,3,4"]).encode()
    study = Study()
    study.read([("fixations.csv", content)])
    assert (len(study.viewings), study.lacking, study.problems) == (2, {}, [])
    assert study.notes == [
        "fixations.csv, line 10: x is 'one'; write a number such as 12.5, or nothing if it is unknown."
    ]
    page = shown(png, [], recordings=study)
    assert not page.exception
    assert table(page, "In a word")["In a word"].iloc[0].startswith("Not known")
    assert list(table(page, "In a word")["Person"]) == ["2 people"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.csv", b"", "the file is empty"),
        ("notes.docx", b"PK\3\4...", "not a recording that is known here"),
        ("photo.jpg", b"\xff\xd8\xff", "a picture is no recording"),
        ("table.csv", b"person,age\nanna,30\n", "no column is known as its time, x, y"),
        ("lost.csv", b"time,x,y\n" + b"".join(b"%d,,\n" % (4 * n) for n in range(400)), "there is no look"),
        ("cut.zip", b"PK\3\4 no zip", "damaged or cut off"),
        ("no.zip", b"notes", "this is not a zip archive"),
        (f"{'long' * 3000}.asc", b"notes", "long"),
        ("../\x00\n.csv", b"notes", "only one column"),
        ("other.asc", b"** CONVERTED FROM x.edf\nMSG\t1 nothing\n", "other.asc"),
    ],
)
def test_a_bad_file_ends_in_one_sentence_and_the_others_are_used(name: str, content: bytes, words: str) -> None:
    study = Study()
    study.read([(name, content), *people(1)])
    study.answer(How(SETUP))
    told = [*study.problems, *study.notes]
    assert any(words in each for each in told), told
    assert all("/tmp" not in each and "--" not in each and "\n" not in each for each in told)
    assert [viewing.path.subject for viewing in study.viewings] == ["p0"]


def test_a_recording_of_another_screen_keeps_its_own() -> None:
    xy = recorded.looks(np.random.default_rng(0), [RIGHT], 8.0)
    study = Study()
    study.read([("anna.csv", recorded.table(xy, SIZE)), *people(1)])
    study.answer(How(Setup(1920, 1080, 53.0, 30.0, 60.0)))
    assert study.problems == []
    assert {viewing.screen.width for viewing in study.viewings if viewing.screen} == {1920, 1000}


def test_the_same_name_twice_is_told() -> None:
    study = Study()
    for _ in range(2):
        study.read(people(1))
        study.answer(How(SETUP))
    assert study.problems == ["p0.asc: a recording of this name is there already; remove it first."]
    assert len(study.viewings) == 1


def packed(*files: tuple[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, each in files:
            archive.writestr(name, each)
    return content.getvalue()


def test_zips_are_unpacked_within_limits_and_nothing_leads_out(tmp_path: Path) -> None:
    brought = [
        ("good.zip", packed(("a/p0.asc", b"1"), ("__MACOSX/x", b"2"))),
        ("out.zip", packed(("../../x.asc", b"1"))),
        ("bomb.zip", packed(("big.asc", bytes(5000)))),
        ("nest.zip", packed(("in.zip", b"1"))),
        ("deep.zip", packed((f"{'d/' * 3000}x.asc", b"1"))),
        ("twice.zip", packed(("p1.asc", b"1"), ("./p1.asc", b"2"))),
        ("secret.zip", packed(("s.asc", b"1")).replace(b"PK\1\2\x14\3\x14\0\0", b"PK\1\2\x14\3\x14\0\1")),
    ]
    laid = FolderOfFiles(tmp_path / "in", Limits(file=1000, together=3000))
    laid.lay(brought)
    laid_down = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.asc"))
    assert laid_down == ["in/good/a/p0.asc", "in/twice/p1.asc"]
    told = ("leads out", "more than", "archive within", "20 folders", "a file of this name came", "encrypted")
    assert len(laid.problems) == len(told)
    assert all(words in each for words, each in zip(told, laid.problems, strict=True))


def test_gzip_counts_unpacked_in_all_its_parts(tmp_path: Path) -> None:
    bomb, part = gzip.compress(bytes(5000)), gzip.compress(bytes(600))
    laid = FolderOfFiles(tmp_path / "in", Limits(file=1000, together=2500))
    laid.lay([("one.gz", bomb), ("second.gz", gzip.compress(b"1") + bytes(20) + bomb), ("good.gz", part)])
    laid.lay([("cut.gz", part[:15]), ("third.gz", part), ("fourth.gz", part), ("packed.zip", packed(("a.gz", part)))])
    assert [each.split(":")[0] for each in laid.problems] == ["one.gz", "second.gz", "packed.zip/a.gz"]
    assert sorted(path.name for path in tmp_path.rglob("*.gz")) == ["cut.gz", "fourth.gz", "good.gz", "third.gz"]


def test_nothing_stays_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    study = Study()
    study.read(people(2))
    study.answer(How(SETUP))
    assert len(study.viewings) == 2
    assert list(tmp_path.iterdir()) == []


def test_agreement_is_what_people_know_of_each_other_where_the_prediction_is_their_map() -> None:
    random = np.random.default_rng(1)
    paths = [
        Scanpath(str(n), recorded.looks(random, [RIGHT, RIGHT, LEFT], 25.0), np.full(10, np.nan), np.full(10, 300.0))
        for n in range(12)
    ]
    shape = agreement.cells(SIZE)
    assert max(shape) == agreement.SIDE
    middle = np.ones(shape, np.float32) / np.prod(shape)
    truth = agreement.real_map(paths, SIZE, 25.0, shape)
    np.testing.assert_allclose(truth.sum(), 1, atol=1e-5)
    good = agreement.agreement(paths, np.log(truth + 1e-9), SIZE, 25.0, middle)
    assert (good.people, good.looks) == (12, sum(len(path) for path in paths))
    assert good.prediction["cc"] > 0.99
    assert 1 <= good.ceiling_share < 1.4
    assert good.low <= good.ceiling_share <= good.high
    flat = agreement.agreement(paths, np.zeros(shape), SIZE, 25.0, middle)
    assert (flat.prediction["auc"], flat.prediction["nss"], flat.ceiling_share) == (0.5, 0, 0)


@pytest.mark.parametrize(
    ("share", "people", "words"),
    [
        (0.8, 12, "agrees with these 12 people 80 % as well as one of them agrees with the others (70 % to 90 % in"),
        (1.2, 9, "agrees with these 9 people better than one of them agrees with the others"),
        (-0.1, 9, "no better than chance"),
        (np.nan, 9, "agree with each other no more than by chance"),
        (np.nan, 1, "One person alone"),
    ],
)
def test_the_sentence_says_how_well_people_are_met(share: float, people: int, words: str) -> None:
    agreed = Agreement(people, 100, {}, {}, {}, {}, share, 0.7, 0.9)
    assert words in page_of_recordings.sentence(agreed)


def test_measures_of_areas_are_counted_from_the_looks() -> None:
    one = Scanpath(
        "a", np.array([[5.0, 5], [50, 50], [6, 6]]), np.array([200.0, 600, 900]), np.array([300.0, 200, 100])
    )
    two = Scanpath("b", np.array([[50.0, 50], [-5, 0]]), np.array([100.0, 400]), np.array([250.0, 100]))
    corner, middle, nowhere = measured(
        [one, two], [rectangle(n, (x, x, 20, 20)) for n, x in (("c", 0), ("m", 40), ("n", 75))], (100, 100), 2.0
    )
    assert (corner.share, corner.seen, corner.first_s, corner.dwell_s) == (0.5, 0.5, 0.2, 0.2)
    assert (middle.share, middle.seen, middle.first_s, middle.dwell_s) == (0.5, 1.0, 0.35, 0.225)
    assert (middle.rank, corner.rank, corner.people) == (1, 2, 2)
    assert (nowhere.share, nowhere.seen, np.isnan(nowhere.rank)) == (0, 0, True)


def test_the_data_set_that_comes_down_is_one(tmp_path: Path, png: bytes) -> None:
    study = Study()
    study.read(people(2))
    study.answer(How(SETUP))
    paths = study.paths(["spot.png"], SIZE)
    shown = [("spot.png", png, SIZE, paths, [rectangle("Spot", (400, 50, 100, 100))])]
    content = exports.data_set(shown, study.report.recordings, {"p0.asc": "adaptive", "p1.asc": "ivt"})
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert sorted(archive.namelist()) == ["fixations.csv", "images/spot.png", "objects.json", "recordings.csv"]
        archive.extractall(tmp_path)
    assert check_table(tmp_path) == []
    assert [row.rsplit(",", 1)[1] for row in (tmp_path / "recordings.csv").read_text().splitlines()] == [
        *("method", "adaptive", "ivt")
    ]
    lines = exports.fixations("spot.png", paths).splitlines()
    assert lines == (tmp_path / "fixations.csv").read_text().splitlines()


def test_verdicts_follow_loss_noise_and_rate() -> None:
    def of(lost: int = 0, rate: float = 250.0, noise: float = 0.1) -> str:
        return verdict(Quality("a", 1, 100, lost, 5, [rate], [noise])).split(":")[0]

    assert [of(), of(20), of(40), of(rate=30.0), of(noise=0.6)] == ["Good", "Usable", *["Doubtful"] * 3]


def test_every_recorder_and_every_place_has_its_words() -> None:
    assert set(MAKERS) == set(detect_format.modules())
    for place in filter(None, page_of_recordings.PLACED):
        assert to_scanpaths.box(place, (10, 10), Screen(100, 100, 10, 10, 60))[2] > 0


@pytest.mark.parametrize(
    ("folder", "least"),
    [("eyelink", 8), ("tobii", 2), ("tobii_glasses2", 2), ("pupil_invisible", 1), ("pupil_neon_native", 1)],
)
def test_recordings_of_real_eye_trackers_are_read(folder: str, least: int) -> None:
    files = sorted(path for path in (RECORDERS / folder).glob("*") if path.name != "SOURCE")
    if not files:
        pytest.skip(f"needs real recordings in {RECORDERS / folder}")
    study = Study()
    study.read([(path.name, path.read_bytes()) for path in files])
    study.answer(How(Setup(1920, 1080, 53.0, 30.0, 60.0)))
    assert len(study.report.recordings) >= least, study.problems
    assert all(str(RECORDERS) not in each and "/tmp" not in each for each in [*study.problems, *study.notes])


def test_areas_are_predicted_for_as_long_as_people_looked() -> None:
    onset = np.array([[100.0, 900, 2100], [50, 4000, np.nan]])
    duration = np.array([[700.0, 1100, 400], [3900, 300, np.nan]])
    seen = Observers(np.ones((2, 3, 2)), onset, duration, 5.0)
    cut = seen.until(2.0)
    np.testing.assert_array_equal(cut.onset, [[100, 900, np.nan], [50, np.nan, np.nan]])
    np.testing.assert_array_equal(cut.duration, [[700, 1100, np.nan], [1950, np.nan, np.nan]])
    assert np.isnan(cut.xy[0, 2]).all()
    assert (cut.viewing, seen.until(np.inf).viewing) == (2.0, 5.0)
