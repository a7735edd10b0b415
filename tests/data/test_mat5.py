import struct
from pathlib import Path

import numpy as np
import pytest

from data import TableError, mat5, matlab
from tests.data import tiny

io = pytest.importorskip("scipy.io")


def saved(path: Path, value: object, compressed: bool = False) -> bytes:
    io.savemat(path, {"x": value}, do_compression=compressed)
    return path.read_bytes()


def sparse() -> object:
    return pytest.importorskip("scipy.sparse").csc_array(np.eye(3))


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize(
    "value",
    [
        np.arange(6.0).reshape(2, 3),
        np.array([1 + 2j]),
        np.zeros((0, 0)),
        np.array([True]),
        "letters",
        "",
        tiny.cell([np.zeros(3), "b", tiny.cell([{"c": 1}])]),
        {"a": {"b": [1, 2]}, "e": []},
        sparse,
    ],
)
def test_what_scipy_writes_is_sound(tmp_path: Path, value: object, compressed: bool) -> None:
    mat5.check(saved(tmp_path / "a.mat", value() if callable(value) else value, compressed))


def test_a_type_that_is_none_is_refused_before_scipy_ends_the_process(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    content = bytearray(saved(path, np.arange(3.0)))
    place = content.rindex(struct.pack("<II", 9, 24))  # the doubles
    for kind in (0, 8, 14, 59916):
        content[place : place + 4] = struct.pack("<I", kind)
        path.write_bytes(content)
        with pytest.raises(TableError, match=r"a\.mat: damaged or cut off \(.*unknown type\); download it again"):
            matlab.load(path, "x")


def test_a_complex_flag_without_the_imaginary_part_is_refused(tmp_path: Path) -> None:
    content = bytearray(saved(tmp_path / "a.mat", np.arange(3.0)))
    content[128 + 8 + 8 + 1] |= 0x08
    with pytest.raises(ValueError, match="unknown type"):
        mat5.check(bytes(content))


@pytest.mark.parametrize("compressed", [False, True])
def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, compressed: bool) -> None:
    content = saved(tmp_path / "a.mat", {"a": np.arange(30.0), "b": "c"}, compressed)
    for kept in range(129, len(content), 7):
        with pytest.raises(ValueError):
            mat5.check(content[:kept])


def test_a_cell_with_too_few_matrices_is_refused(tmp_path: Path) -> None:
    content = bytearray(saved(tmp_path / "a.mat", tiny.cell([1.0, 2.0])))
    place = content.index(struct.pack("<II", 5, 8)) + 8
    content[place : place + 8] = struct.pack("<ii", 2000, 1)
    with pytest.raises(ValueError, match="2 matrices where 2000 should be"):
        mat5.check(bytes(content))


def test_files_of_other_versions_are_left_to_scipy(tmp_path: Path) -> None:
    io.savemat(tmp_path / "a.mat", {"x": np.arange(3.0)}, format="4")
    np.testing.assert_array_equal(matlab.load(tmp_path / "a.mat", "x"), [0, 1, 2])
    with pytest.raises(TableError, match="the file is missing"):
        matlab.load(tmp_path / "b.mat", "x")
