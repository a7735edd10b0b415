import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from data.datasets import _matlab
from data.errors import TableError
from tests.data.datasets import tiny

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
        lambda: io.matlab.MatlabObject(np.array([(1.0, "b")], [("a", object), ("c", object)]), "inline"),
    ],
)
def test_what_scipy_writes_is_sound_and_read_as_it_is(tmp_path: Path, value: object, compressed: bool) -> None:
    content = saved(tmp_path / "a.mat", value() if callable(value) else value, compressed)
    found = io.loadmat(BytesIO(_matlab.variable(content, "x")))
    assert repr(found["x"]) == repr(io.loadmat(BytesIO(content))["x"])


def test_a_type_that_is_none_is_refused_before_scipy_ends_the_process(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    content = bytearray(saved(path, np.arange(3.0)))
    place = content.rindex(struct.pack("<II", 9, 24))  # the doubles
    for kind in (0, 8, 14, 59916):
        content[place : place + 4] = struct.pack("<I", kind)
        path.write_bytes(content)
        with pytest.raises(TableError, match=r"a\.mat: damaged or cut off \(.*unknown type\); download it again"):
            _matlab.load(path, "x")


def test_another_version_that_scipy_reads_does_not_hide_an_unknown_type(tmp_path: Path) -> None:
    content = bytearray(saved(tmp_path / "a.mat", np.arange(3.0)))
    content[content.rindex(struct.pack("<II", 9, 24))] = 200
    content[124] = 5
    with pytest.raises(ValueError, match="unknown type"):
        _matlab.variable(bytes(content), "x")


def test_a_complex_flag_without_the_imaginary_part_is_refused(tmp_path: Path) -> None:
    content = bytearray(saved(tmp_path / "a.mat", np.arange(3.0)))
    content[128 + 8 + 8 + 1] |= 0x08
    with pytest.raises(ValueError, match="unknown type"):
        _matlab.variable(bytes(content), "x")


@pytest.mark.parametrize("compressed", [False, True])
def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, compressed: bool) -> None:
    content = saved(tmp_path / "a.mat", {"a": np.arange(30.0), "b": "c"}, compressed)
    for kept in range(129, len(content), 7):
        with pytest.raises(ValueError):
            _matlab.variable(content[:kept], "x")


@pytest.mark.parametrize("size", [(2000, 1), (1, 1), (-2, -1)])
def test_a_cell_of_more_or_fewer_matrices_than_its_size_says_is_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    content = bytearray(saved(tmp_path / "a.mat", tiny.cell([1.0, 2.0])))
    place = content.index(struct.pack("<II", 5, 8)) + 8
    content[place : place + 8] = struct.pack("<ii", *size)
    with pytest.raises(ValueError, match=f"2 matrices where {size[0] * size[1]} should be"):
        _matlab.variable(bytes(content), "x")


def test_cells_in_more_cells_than_anybody_writes_are_refused(tmp_path: Path) -> None:
    value: object = 1.0
    for _ in range(_matlab.MAX_DEPTH + 1):
        value = tiny.cell([value])
    with pytest.raises(ValueError, match="where a matrix should be"):
        _matlab.variable(saved(tmp_path / "a.mat", value), "x")


def test_a_struct_whose_fields_have_names_of_no_letters_is_refused(tmp_path: Path) -> None:
    content = bytearray(saved(tmp_path / "a.mat", {"a": 1.0}))
    place = content.index(struct.pack("<HH", 5, 4)) + 4
    content[place : place + 4] = bytes(4)
    with pytest.raises(ValueError, match="names of 0 letters"):
        _matlab.variable(bytes(content), "x")


def part(kind: int, content: bytes, order: str = "<") -> bytes:
    return struct.pack(f"{order}II", kind, len(content)) + content + bytes(-len(content) % 8)


def file(*parts: bytes, order: str = "<") -> bytes:
    """A file of one matrix of these parts."""
    return b"MATLAB".ljust(124) + struct.pack(f"{order}HH", 0x0100, 0x4D49) + part(14, b"".join(parts), order)


FLAGS, SIZE, NAME = part(6, struct.pack("<II", 6, 0)), part(5, struct.pack("<ii", 1, 2)), part(1, b"x")
NUMBERS = part(9, struct.pack("<dd", 3, 4))


@pytest.mark.parametrize(
    "parts",
    [
        (FLAGS, SIZE),
        (part(5, FLAGS[8:]), SIZE, NAME, NUMBERS),
        (part(6, FLAGS[8:] * 2), SIZE, NAME, NUMBERS),
        (FLAGS, part(9, SIZE[8:]), NAME, NUMBERS),
        (FLAGS, part(5, b""), NAME, NUMBERS),
        (FLAGS, part(5, SIZE[8:14]), NAME, NUMBERS),
        (FLAGS, SIZE, part(8, b"x"), NUMBERS),
    ],
)
def test_a_matrix_without_flags_size_and_name_is_refused(parts: tuple[bytes, ...]) -> None:
    with pytest.raises(ValueError, match="a matrix without flags"):
        _matlab.variable(file(*parts), "x")


def test_a_small_part_that_is_not_small_is_refused() -> None:
    small = struct.pack("<HH", 1, 1) + b"x\0\0\0"
    assert _matlab.variable(file(FLAGS, SIZE, small, NUMBERS), "x")
    with pytest.raises(ValueError, match="an element of 5 bytes"):
        _matlab.variable(file(FLAGS, SIZE, small.replace(b"\1\0\1", b"\1\0\5"), NUMBERS), "x")


def test_what_other_programs_write_is_read(tmp_path: Path) -> None:
    """Bytes in the other order; and a size without a sign, which scipy knows as well."""
    big = [part(6, struct.pack(">II", 6, 0), ">"), part(5, struct.pack(">ii", 1, 2), ">"), part(1, b"x", ">")]
    for content in (
        file(*big, part(9, struct.pack(">dd", 3, 4), ">"), order=">"),
        file(FLAGS, part(6, SIZE[8:]), NAME, NUMBERS),
    ):
        (tmp_path / "a.mat").write_bytes(content)
        assert _matlab.load(tmp_path / "a.mat", "x").tolist() == [[3, 4]]


@pytest.mark.parametrize(("value", "shape"), [(np.zeros((3, 2)), (3, 2)), ("letters", (1, 1)), (sparse, (1, 1))])
def test_a_variable_has_rows_and_columns(tmp_path: Path, value: object, shape: tuple[int, int]) -> None:
    saved(tmp_path / "a.mat", value() if callable(value) else value)
    assert _matlab.load(tmp_path / "a.mat", "x").shape == shape


def test_files_of_other_versions_are_left_to_scipy(tmp_path: Path) -> None:
    io.savemat(tmp_path / "a.mat", {"x": np.arange(3.0)}, format="4")
    np.testing.assert_array_equal(_matlab.load(tmp_path / "a.mat", "x"), [[0, 1, 2]])
    with pytest.raises(TableError, match="the file is missing"):
        _matlab.load(tmp_path / "b.mat", "x")


def handle(name: str, compressed: bool) -> bytes:
    """A variable that holds a function handle, which scipy does not take apart."""
    parts = [
        struct.pack("<IIII", 6, 8, 16, 0),
        struct.pack("<IIii", 5, 8, 1, 1),
        struct.pack("<HH4s", 1, 1, name.encode()),
    ]
    body = b"".join(parts)
    matrix = struct.pack("<II", 14, len(body)) + body
    packed = zlib.compress(matrix)
    return struct.pack("<II", 15, len(packed)) + packed if compressed else matrix


@pytest.mark.parametrize("compressed", [False, True])
def test_what_only_matlab_reads_does_not_hinder_the_variable_beside_it(tmp_path: Path, compressed: bool) -> None:
    path = tmp_path / "a.mat"
    content = saved(path, np.arange(6.0).reshape(2, 3), compressed)
    path.write_bytes(content[:128] + handle("f", compressed) + content[128:] + handle("g", compressed) + b"cut off")
    np.testing.assert_array_equal(_matlab.load(path, "x"), [[0, 1, 2], [3, 4, 5]])
    with pytest.raises(TableError, match="an object that only MATLAB reads"):
        _matlab.load(path, "f")
    with pytest.raises(TableError, match="damaged or cut off"):
        _matlab.load(path, "y")


def test_a_variable_that_is_not_there_is_named(tmp_path: Path) -> None:
    saved(tmp_path / "a.mat", 1.0)
    with pytest.raises(TableError, match=r"a\.mat: it holds no variable y"):
        _matlab.load(tmp_path / "a.mat", "y")


def test_of_two_variables_of_one_name_scipy_reads_the_one_that_was_looked_at(tmp_path: Path) -> None:
    first, second = (saved(tmp_path / "a.mat", value, True) for value in (1.0, 2.0))
    broken = bytearray(saved(tmp_path / "a.mat", 3.0))
    place = broken.rindex(struct.pack("<II", 9, 8))
    broken[place] = 200
    (tmp_path / "a.mat").write_bytes(first + second[128:] + broken[128:])
    assert _matlab.load(tmp_path / "a.mat", "x").tolist() == [[1]]


def test_the_name_of_another_variable_is_found_without_unpacking_all_of_it(tmp_path: Path) -> None:
    io.savemat(tmp_path / "a.mat", {"large": np.arange(100_000.0), "x": 1.0}, do_compression=True)
    content = bytearray((tmp_path / "a.mat").read_bytes())
    (count,) = struct.unpack_from("<I", content, 132)
    content[128 + 8 + count // 2 : 128 + 8 + count] = bytes(count - count // 2)  # which would not unpack
    (tmp_path / "a.mat").write_bytes(content)
    assert _matlab.load(tmp_path / "a.mat", "x").tolist() == [[1]]
    with pytest.raises(TableError, match="damaged or cut off"):
        _matlab.load(tmp_path / "a.mat", "large")
