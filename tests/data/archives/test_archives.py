"""Archives of pictures: what is had of them, what is refused in one sentence, and that no archive asks for too much."""

import io
import stat
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.archives.reading import ArchiveError, Limits, pictures, stays_inside
from data.archives.writing import LONGEST, safe_name, streamed
from data.errors import GazeError

SMALL = Limits(members=5, entries=20, directory=4000, member=50_000, unpacked=120_000, ratio=250)


def packed(*files: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as made:
        for name, content in files:
            made.writestr(name, content)
    return file.getvalue()


def told(content: bytes, limits: Limits = SMALL) -> dict[str, str]:
    """What is said of each member that cannot be had."""
    sentences = {}
    for member in pictures(content, "a.zip", limits)[0]:
        try:
            member.read()
        except GazeError as error:
            sentences[member.name] = str(error)
    return sentences


def linked(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return entry


def test_members_come_in_their_order_and_what_systems_leave_behind_does_not() -> None:
    content = packed(
        ("b/", b""), ("b/two.png", b"2"), ("one.JPG", b"1"), ("__MACOSX/b/._two.png", b"x"), (".hidden.png", b"x"),
        ("b/.DS_Store", b"x"), ("Thumbs.db", b"x"), ("none", b"3"),
    )  # fmt: skip
    members, sentences = pictures(content, "a.zip")
    assert [(m.name, m.read()) for m in members] == [
        ("a.zip/b/two.png", b"2"),
        ("a.zip/one.JPG", b"1"),
        ("a.zip/none", b"3"),
    ]
    assert sentences == []


def test_what_is_no_picture_is_counted_in_one_sentence() -> None:
    content = packed(("a.png", b"1"), ("a.txt", b"x"), ("b.txt", b"x"), ("c.pdf", b"x"))
    members, sentences = pictures(content, "a.zip")
    assert len(members) == 1
    assert sentences == ["a.zip: 3 files (.txt, .pdf) are no pictures."]


@pytest.mark.parametrize("name", ["../up.png", "a/../../up.png", "/etc/passwd.png", "C:/a.png", "..\\up.png", "a/.."])
def test_names_that_lead_out_are_refused_and_the_rest_is_had(name: str) -> None:
    content = packed((name, b"x"), ("a.png", b"1"))
    sentences = told(content)
    assert len(sentences) == 1
    assert next(iter(sentences.values())).endswith("its name leads out of the archive, so it is left out.")
    assert [m.read() for m in pictures(content, "a.zip")[0] if m.name == "a.zip/a.png"] == [b"1"]


def test_links_inner_archives_giants_and_bombs_are_told_apart() -> None:
    content = packed(
        (linked("link.png"), b"/etc/passwd"), ("inner.zip", packed(("x.png", b"1"))),
        ("giant.png", bytes(range(250)) * 300), ("a.png", b"1"),
    )  # fmt: skip
    assert told(content) == {
        "a.zip/link.png": "a.zip/link.png: it is a link and no file, so it is left out.",
        "a.zip/inner.zip": "a.zip/inner.zip: an archive within an archive is not opened; bring it by itself.",
        "a.zip/giant.png": "a.zip/giant.png: it has more than 0 MB when unpacked; make it smaller.",
    }
    bomb = packed(("bomb.bmp", bytes(4 << 20)))
    assert "250 times" in told(bomb, Limits())["a.zip/bomb.bmp"]


def test_a_member_that_is_longer_than_it_says_is_cut_at_what_it_says() -> None:
    content = bytearray(packed(("bomb.png", bytes(3 << 20))))
    at = content.index(b"PK\1\2")
    content[at + 24 : at + 28] = struct.pack("<I", 10)  # the length that the list tells
    (said,) = told(bytes(content)).values()
    assert "damaged in the archive" in said


def test_all_members_together_are_bounded() -> None:
    content = packed(*((f"{n}.png", bytes([n]) * 45_000) for n in range(4)), method=zipfile.ZIP_STORED)
    assert list(told(content)) == ["a.zip/2.png", "a.zip/3.png"]


def test_more_pictures_than_there_may_be_are_counted() -> None:
    members, sentences = pictures(packed(*((f"{n}.png", b"x") for n in range(8))), "a.zip", SMALL)
    assert len(members) == 5
    assert sentences == ["a.zip: 3 more pictures than 5 are left out; divide the archive."]


def test_an_endless_list_of_entries_is_refused_before_it_is_read() -> None:
    with pytest.raises(ArchiveError, match="more than 20 files; divide it"):
        pictures(packed(*((f"{n}.txt", b"") for n in range(30))), "a.zip", SMALL)
    with pytest.raises(ArchiveError, match="more than 20 files; divide it"):
        pictures(packed(*((f"{n:0200}.txt", b"") for n in range(19))), "a.zip", SMALL)


def test_encrypted_members_and_other_ways_of_packing_are_told() -> None:
    content = bytearray(packed(("a.png", b"1" * 50)))
    for mark, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.index(mark) + at] |= 1
    assert told(bytes(content)) == {"a.zip/a.png": "a.zip/a.png: it is encrypted; pack it without a password."}
    assert "ordinary zip" in told(packed(("a.png", b"1" * 50), method=zipfile.ZIP_LZMA))["a.zip/a.png"]


def test_names_are_read_as_they_were_written() -> None:
    utf8_unsaid = bytearray(packed(("xx.png", b"1")))
    while b"xx.png" in utf8_unsaid:
        utf8_unsaid[utf8_unsaid.index(b"xx.png") :][:2] = b"xx"
        at = utf8_unsaid.index(b"xx.png")
        utf8_unsaid[at : at + 2] = "é".encode()
    assert [m.name for m in pictures(bytes(utf8_unsaid), "a.zip")[0]] == ["a.zip/é.png"]
    assert [m.name for m in pictures(packed(("日本.png", b"1")), "a.zip")[0]] == ["a.zip/日本.png"]
    assert [m.name for m in pictures(packed(("\x1b[2J.png", b"1")), "a.zip")[0]] == ["a.zip/\\x1b[2J.png"]


def test_the_same_name_twice_are_two_members() -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        content = packed(("a.png", b"1"), ("a.png", b"2"))
    assert [m.read() for m in pictures(content, "a.zip")[0]] == [b"1", b"2"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "this is not a zip archive"),
        (b"\x89PNG\r\n", "this is not a zip archive"),
        (packed(("a.png", b"1"))[:-30], "damaged or cut off"),
        (packed(), "holds no picture"),
        (packed((".x.png", b"1")), "holds no picture"),
    ],
    ids=("empty", "picture", "cut", "nothing", "hidden"),  # a zip's bytes tell the time
)
def test_what_is_no_archive_of_pictures_is_one_sentence(content: bytes, said: str) -> None:
    with pytest.raises(ArchiveError, match=said) as caught:
        pictures(content, "a.zip")
    assert str(caught.value).startswith("a.zip: ")
    assert str(caught.value).count(".\n") == 0


NAMES = st.one_of(
    st.sampled_from(["a.png", "../a.png", "/a.png", "a/b.jpg", "x.zip", ".a.png", "a", "c:x.png", "a\0b.png"]),
    st.text(min_size=1, max_size=20)
    .filter(lambda text: text[0] != chr(0))
    .filter(lambda text: all(letter < "\ud800" or letter > "\udfff" for letter in text)),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(NAMES, st.binary(max_size=200)), max_size=12),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=6),
    st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_any_archive_damaged_anywhere_ends_in_members_or_in_sentences(
    files: list[tuple[str, bytes]], damage: list[tuple[int, int]], method: int
) -> None:
    content = bytearray(packed(*files, method=method))
    for at, value in damage:
        content[at % len(content)] = value
    try:
        members, _ = pictures(bytes(content), "a.zip", SMALL)
    except ArchiveError:
        return
    assert len(members) <= SMALL.members
    for member in members:
        try:
            assert len(member.read()) <= SMALL.member
        except GazeError as error:
            assert str(error).endswith(".")  # noqa: PT017 - that it is a sentence


@given(st.lists(st.text(max_size=300), max_size=20))
def test_names_that_are_made_are_safe_and_each_its_own(names: list[str]) -> None:
    taken: set[str] = set()
    made = [safe_name(name, taken) for name in names]
    assert len({name.lower() for name in made}) == len(names)
    for name in made:
        assert stays_inside(name)
        assert "/" not in name
        assert 0 < len(name) <= LONGEST + 6
        assert not name.startswith(".")
        assert name.isprintable()


def test_an_archive_that_is_written_in_pieces_is_one_that_is_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"2" * 1000)
    pieces = list(streamed([("a.jpg", b"1"), ("b.jpg", tmp_path / "x"), ("c.csv", b"a,b\n" * 100)]))
    assert len(pieces) == 4
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as made:
        assert made.testzip() is None
        assert {entry.filename: entry.file_size for entry in made.infolist()} == {
            "a.jpg": 1,
            "b.jpg": 1000,
            "c.csv": 400,
        }
        assert made.getinfo("c.csv").compress_size < 100
