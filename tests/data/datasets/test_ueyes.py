from pathlib import Path

import numpy as np
import pytest

from data.datasets import ueyes
from data.errors import TableError
from data.table.validate import check_table
from data.table.write import write_table
from tests.data.datasets import tiny

LOG = "eyetracker_logs/00_kh008_fixations.csv"
WIDE, TALL = "2021b7.png", "c27e4e.jpg"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tiny.ueyes(tmp_path)
    return tmp_path


def edit(path: Path, old: str, new: str, count: int = -1) -> None:
    content = path.read_bytes().decode()
    assert old in content
    path.write_bytes(content.replace(old, new, count).encode())


def test_the_release_reads_as_pictures_and_scanpaths(root: Path) -> None:
    items = list(ueyes.read(str(root)))
    assert [(p.name, p.width, p.height, p.path) for p, _ in items] == [
        (WIDE, 960, 540, root / "images" / WIDE),
        (TALL, 300, 600, root / "images" / TALL),
    ]
    assert [[path.subject for path in paths] for _, paths in items] == [["kh008"], ["kh005", "kh008"]]
    ((_, (path,)), _) = items
    np.testing.assert_allclose([path.onset, path.duration], [[130.86], [250]])


def test_the_screen_becomes_the_picture_in_its_middle(root: Path) -> None:
    corners = [(0.0, 0.05), (1.0, 0.95), (0.5, 0.0)]  # 960 x 540 fill 1920 x 1080 of the 1920 x 1200 pixels
    tiny.gazepoint(root / LOG, *((WIDE, x, y, 1.0 + x, 0.2, 1) for x, y in corners))
    _, (path,) = next(ueyes.read(root))
    np.testing.assert_allclose(path.xy, [[0, 0], [480, -30], [960, 540]], atol=1e-9)


def test_the_fixation_under_way_is_left_out_unless_wanted(root: Path) -> None:
    _, (path,) = next(ueyes.read(root, initial=True))
    np.testing.assert_allclose(path.onset, [0, 130.86])


def test_unsorted_rows_are_ordered_and_invalid_ones_left_out(root: Path) -> None:
    rows = [(WIDE, 0.5, 0.5, begin, 0.2, valid) for begin, valid in ((3.0, 1), (1.0, 1), (2.0, 0))]
    tiny.gazepoint(root / LOG, *rows)
    _, (path,) = next(ueyes.read(root))
    assert path.onset.tolist() == [1000, 3000]


def test_the_folder_of_the_archive_and_the_older_table_read_too(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (root / "image_types.csv").rename(root / "info.csv")
    outer = tmp_path_factory.mktemp("outer")
    root.rename(outer / "UEyes_dataset")
    assert len(list(ueyes.read(outer))) == 2
    assert ueyes.splits(outer) == {"train": [WIDE], "test": [TALL]}


def test_a_table_with_commas_reads_too(root: Path) -> None:
    (root / "image_types.csv").write_text(f"Image Name,Category,Block,Train/Test\n{WIDE},web,0,Test\n")
    assert ueyes.splits(root) == {"train": [], "test": [WIDE]}
    assert [picture.name for picture, _ in ueyes.read(root)] == [WIDE]  # no other picture is a stimulus


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("Train/Test", "Split", "line 1: no column Image Name or Train/Test"),
        (";Train\r\n", "\r\n", "line 2: not 4 cells"),
        (WIDE, "../a.png", "line 2: not 4 cells with a picture's name"),
        (";Train\r\n", ";Val\r\n", "2021b7.png has the unknown split 'Val'"),
        (WIDE, '"' + WIDE, "not CSV"),
    ],
)
def test_a_table_of_another_form_is_named(root: Path, old: str, new: str, problem: str) -> None:
    edit(root / "image_types.csv", old, new)
    with pytest.raises(TableError, match=rf"image_types\.csv.*{problem}"):
        ueyes.splits(root)


def test_missing_files_are_named(root: Path) -> None:
    (root / "images" / TALL).unlink()
    with pytest.raises(TableError, match=r"c27e4e\.jpg: the picture is missing; give the whole UEyes release"):
        list(ueyes.read(root))
    for path in (root / "eyetracker_logs").iterdir():
        path.rename(path.with_name(f"._{path.name}"))  # as macOS leaves them
    with pytest.raises(TableError, match=r"eyetracker_logs: no file 00_kh000_fixations\.csv is there"):
        ueyes.read(root)
    (root / "image_types.csv").unlink()
    with pytest.raises(TableError, match=r"image_types\.csv: the file is missing; give the folder of UEyes"):
        ueyes.read(root)


def test_a_log_that_is_there_twice_is_refused(root: Path) -> None:
    (root / "eyetracker_logs" / "01_kh008_fixations.csv").write_bytes((root / LOG).read_bytes())
    with pytest.raises(TableError, match=r"01_kh008.*: kh008 has looked at 2021b7\.png before; keep one copy"):
        ueyes.read(root)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("FPOGX,", "FPOGZ,", "line 1: not one column FPOGX"),
        (",", ";", "line 1: the columns are separated by semicolons; save the file with commas"),
        ("0.48000", '"0,48000"', "line 2: FPOGX is '0,48000'; write a number such as 0.48409"),
        ("0.48000", "nan", "line 2: FPOGX is 'nan'"),
        ("0.48000", "0,48000", None),
        ("0.48000", '"0.48000', "not CSV"),
        ("break.png", "Pause \u00fc.png", None),
    ],
)
def test_a_log_of_another_form_is_named(root: Path, old: str, new: str, problem: str | None) -> None:
    edit(root / LOG, old, new)
    if problem is None:  # one broken row, or what is no stimulus, is left out as the authors do
        assert len(list(ueyes.read(root))) == 2
    else:
        with pytest.raises(TableError, match=rf"00_kh008_fixations\.csv.*{problem}"):
            ueyes.read(root)


def test_a_log_of_another_encoding_is_named(root: Path) -> None:
    edit(root / LOG, "break.png", "\u00fc.png")
    (root / LOG).write_bytes((root / LOG).read_text("utf-8").encode("latin-1"))
    with pytest.raises(TableError, match=r"00_kh008_fixations\.csv, line 6: the text is not UTF-8"):
        ueyes.read(root)


def test_a_log_that_was_cut_off_is_named(root: Path) -> None:
    content = (root / LOG).read_bytes()
    (root / LOG).write_bytes(content[:-60])
    with pytest.raises(TableError, match=r"00_kh008_fixations\.csv: cut off; download it again"):
        ueyes.read(root)


def test_a_log_most_of_whose_rows_are_broken_is_named(root: Path) -> None:
    edit(root / LOG, "0.50000,0.", "0,50000,0,")
    with pytest.raises(TableError, match=r"00_kh008.*: 3 of 5 rows lack cells or have too many"):
        ueyes.read(root)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ((960.0, 600.0, 1.0, 0.2), "FPOGX and FPOGY look like pixels"),
        ((0.5, 0.5, 1000.0, 200.0), "FPOGS and FPOGD are 200 to 1000; give seconds"),
        ((0.5, 0.5, 1.0, -0.2), "FPOGS and FPOGD are -0.2 to 1"),
    ],
)
def test_other_units_are_told(root: Path, row: tuple[float, float, float, float], problem: str) -> None:
    tiny.gazepoint(root / LOG, (WIDE, *row, 1))
    with pytest.raises(TableError, match=rf"00_kh008_fixations\.csv: {problem}"):
        ueyes.read(root)


def test_the_set_becomes_a_table(root: Path) -> None:
    write_table(root / "table", ueyes.read(root), ueyes.splits(root))
    assert check_table(root / "table") == []
