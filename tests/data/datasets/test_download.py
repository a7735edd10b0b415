import gc
import hashlib
import io
import re
import shutil
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.datasets import download
from data.datasets.catalog import PUBLISHED, File, Published
from data.errors import GazeError


class Shelf:
    """What a server on this machine gives out, how it misbehaves, and what it was asked for."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.ranges = True
        self.tag = '"one"'
        self.cut: int | None = None  # so many bytes of an answer, then silence
        self.stall = 0.0  # seconds before an answer
        self.headers: dict[str, str] = {}  # to send in place of its own
        self.status = 200
        self.skip = 0  # so many bytes are left out of a part
        self.goto = ""  # another address
        self.asked: list[str] = []
        self.url = ""


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    shelf = Shelf()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            shelf.asked.append(self.headers.get("Range", ""))
            content = shelf.files.get(self.path.lstrip("/"))
            if content is None:
                self.send_error(404)
                return
            time.sleep(shelf.stall)
            if shelf.goto:
                self.send_response(302)
                self.send_header("Location", shelf.goto)
                self.end_headers()
                return
            begin = 0
            if shelf.ranges and self.headers.get("If-Range") == shelf.tag and "Range" in self.headers:
                begin = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
            if begin and begin >= len(content):
                self.send_error(416)
                return
            self.send_response(206 if begin else shelf.status)
            begin += shelf.skip
            headers = {"ETag": shelf.tag, "Content-Length": str(len(content) - begin)}
            if begin:
                headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
            for name, value in (headers | shelf.headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content[begin:][: shelf.cut])

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    shelf.url = f"http://127.0.0.1:{server.server_port}/"
    yield shelf
    server.shutdown()
    server.server_close()
    thread.join()


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def entry(*files: File) -> Published:
    return replace(PUBLISHED["osie"], title="Toy", files=files)


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def test_a_set_is_fetched_checked_unpacked_and_appears_whole(shelf: Shelf, tmp_path: Path) -> None:
    shelf.files = {"a.zip": zipped({"top/data/x": b"1", "__MACOSX/x": b"0"}), "b.mat": b"numbers"}
    files = (File(shelf.url + "a.zip", lone=True), File(shelf.url + "b.mat", "eye", md5=md5(b"numbers")))
    told = []
    arrived = download.get(entry(*files), tmp_path / "new" / "set", lambda *words: told.append(words))
    assert (tmp_path / "new" / "set" / "data" / "x").read_bytes() == b"1"
    assert (tmp_path / "new" / "set" / "eye" / "b.mat").read_bytes() == b"numbers"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["set"]
    assert sorted(path.name for path in (tmp_path / "new" / "set").iterdir()) == ["data", "eye"]
    assert [(it.name, it.checked) for it in arrived] == [("a.zip", False), ("b.mat", True)]
    assert arrived[0].sha256 == hashlib.sha256(shelf.files["a.zip"]).hexdigest()
    assert told[-1] == ("b.mat", 7, 7)


def test_only_a_folder_around_everything_is_left_out(shelf: Shelf, tmp_path: Path) -> None:
    shelf.files = {"a.zip": zipped({"images/x": b"1", "logs/y": b"2"})}
    download.get(entry(File(shelf.url + "a.zip", lone=True)), tmp_path / "set")
    assert sorted(path.name for path in (tmp_path / "set").iterdir()) == ["images", "logs"]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_download_that_was_cut_goes_on_or_begins_anew(shelf: Shelf, tmp_path: Path, ranges: bool) -> None:
    content = np.random.default_rng(0).bytes(300_000)
    shelf.files, shelf.cut, shelf.ranges = {"x.bin": content}, 100_000, ranges
    file = File(shelf.url + "x.bin", md5=md5(content))
    out = tmp_path / "set"
    with pytest.raises(GazeError, match="only 100000 of 300000 bytes came; run the same command again"):
        download.get(entry(file), out)
    assert not out.exists()
    shelf.cut = None
    download.get(entry(file), out)
    assert (out / "x.bin").read_bytes() == content
    assert shelf.asked == ["", "bytes=100000-"]
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_a_file_that_changed_on_the_server_is_not_glued_to_its_old_half(shelf: Shelf, tmp_path: Path) -> None:
    shelf.files, shelf.cut = {"x.bin": b"old" * 1000}, 500
    file = File(shelf.url + "x.bin")
    with pytest.raises(GazeError, match="only 500 of 3000"):
        download.get(entry(file), tmp_path / "set")
    shelf.files, shelf.cut, shelf.tag = {"x.bin": b"new" * 1000}, None, '"two"'
    download.get(entry(file), tmp_path / "set")
    assert (tmp_path / "set" / "x.bin").read_bytes() == b"new" * 1000


def test_a_server_that_names_no_version_is_asked_for_everything_again(shelf: Shelf, tmp_path: Path) -> None:
    shelf.files, shelf.cut, shelf.tag = {"x.bin": b"z" * 900}, 300, ""
    with pytest.raises(GazeError, match="only 300 of 900"):
        download.get(entry(File(shelf.url + "x.bin")), tmp_path / "set")
    shelf.cut = None
    download.get(entry(File(shelf.url + "x.bin")), tmp_path / "set")
    assert shelf.asked == ["", ""]


def cut(shelf: Shelf, out: Path, name: str = "x.bin") -> Published:
    """A set of one file of 900 bytes, 300 of which came."""
    shelf.files, shelf.cut = {name: bytes(range(225)) * 4}, 300
    with pytest.raises(GazeError, match="only 300 of 900"):
        download.get(entry(File(shelf.url + name)), out)
    shelf.cut = None
    return entry(File(shelf.url + name))


@pytest.mark.parametrize("how", ["another version", "another place", "not asked for"])
def test_a_part_that_does_not_fit_is_not_glued_on(shelf: Shelf, tmp_path: Path, how: str) -> None:
    published, out = cut(shelf, tmp_path / "set"), tmp_path / "set"
    if how == "another version":
        shelf.headers = {"ETag": '"two"'}
    else:
        shelf.skip = 100
    if how == "not asked for":
        shelf.status = 206
        (tmp_path / ".set.download" / "x.bin.part").unlink()
    with pytest.raises(GazeError, match="sent another part than was asked for; run the same command again"):
        download.get(published, out)
    shelf.headers, shelf.skip, shelf.status = {}, 0, 200
    download.get(published, out)
    assert shelf.asked[-1] == ""
    assert (out / "x.bin").read_bytes() == shelf.files["x.bin"]


def test_a_weak_name_of_a_version_is_none(shelf: Shelf, tmp_path: Path) -> None:
    shelf.tag = 'W/"one"'  # the server would take it for the same all the same
    download.get(cut(shelf, tmp_path / "set"), tmp_path / "set")
    assert shelf.asked == ["", ""]


def test_a_file_of_which_nothing_is_left_to_send_came_wholly(shelf: Shelf, tmp_path: Path) -> None:
    published = cut(shelf, tmp_path / "set")
    (tmp_path / ".set.download" / "x.bin.part").write_bytes(shelf.files["x.bin"])
    download.get(published, tmp_path / "set")
    assert shelf.asked == ["", "bytes=900-"]
    assert (tmp_path / "set" / "x.bin").read_bytes() == shelf.files["x.bin"]


def test_an_old_half_has_gone_before_the_new_version_is_remembered(shelf: Shelf, tmp_path: Path) -> None:
    published = cut(shelf, tmp_path / "set")
    shelf.tag = '"two"'
    stage, sizes = tmp_path / ".set.download", []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(download, "_remember", lambda *_: sizes.append((stage / "x.bin.part").stat().st_size))
        download.get(published, tmp_path / "set")
    assert sizes == [0]


def test_a_server_that_says_nothing_is_given_up(shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.files, shelf.stall = {"x.bin": b"x"}, 0.5
    monkeypatch.setattr(download, "PATIENCE", 0.1)
    with pytest.raises(GazeError, match=r"cannot be reached .*timed out"):
        download.get(entry(File(shelf.url + "x.bin")), tmp_path / "set")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # urllib closes not all it drops
@pytest.mark.parametrize("address", ["http://[", "ftp://127.0.0.1:9/x", "file:///etc/passwd", "/x.bin"])
def test_a_server_cannot_send_us_anywhere(shelf: Shelf, tmp_path: Path, address: str) -> None:
    shelf.files, shelf.goto = {"x.bin": b"x"}, address
    with pytest.raises(GazeError, match=r"^http://127\.0\.0\.1:\d+/x\.bin: [^\n]*$"):
        download.get(entry(File(shelf.url + "x.bin")), tmp_path / "set")
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_or_empty_archive_is_fetched_anew(shelf: Shelf, tmp_path: Path) -> None:
    for content in (b"no archive", zipped({}), zipped({"__MACOSX/x": b"0"})):
        shelf.files = {"x.zip": content}
        with pytest.raises(GazeError, match=r"damaged or unsafe .*; run the same command again, which downloads it"):
            download.get(entry(File(shelf.url + "x.zip")), tmp_path / "set")
    shelf.files = {"x.zip": zipped({"x": b"1"})}
    download.get(entry(File(shelf.url + "x.zip")), tmp_path / "set")
    assert shelf.asked == [""] * 4
    assert (tmp_path / "set" / "x").read_bytes() == b"1"


def test_an_archive_for_which_there_is_no_room_is_not_unpacked(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.files = {"x.zip": zipped({"x": bytes(1000)})}
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(2000, 1001, 999))
    with pytest.raises(GazeError, match=r"unpacking needs 0\.0 GB, and 0\.0 GB are free"):
        download.get(entry(File(shelf.url + "x.zip")), tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_two_programs_do_not_fetch_one_set(shelf: Shelf, tmp_path: Path) -> None:
    shelf.files = {"x.bin": b"some text"}
    published, said = entry(File(shelf.url + "x.bin")), []

    def meanwhile(*_: object) -> None:
        with pytest.raises(GazeError, match="another program is writing there") as error:
            download.get(published, tmp_path / "set")
        said.append(error)

    download.get(published, tmp_path / "set", meanwhile)
    assert said
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_what_a_conversion_left_is_not_touched(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / ".set.part" / "images").mkdir(parents=True)
    shelf.files = {"x.bin": b"x"}
    download.get(entry(File(shelf.url + "x.bin")), tmp_path / "set")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".set.part", "set"]


def test_the_folder_one_is_in_is_refused_before_anything_is_fetched(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    shelf.files = {"x.bin": b"x"}
    with pytest.raises(GazeError, match="is the folder you are in"):
        download.get(entry(File(shelf.url + "x.bin")), Path("."))
    assert shelf.asked == []
    download.get(entry(File(shelf.url + "x.bin")), Path("set"))
    assert (tmp_path / "here" / "set" / "x.bin").exists()


def test_ctrl_c_keeps_what_came(shelf: Shelf, tmp_path: Path) -> None:
    content = bytes(3 * download.CHUNK)
    shelf.files = {"x.bin": content}

    def stop(_: str, done: int, total: int | None) -> None:
        if done >= download.CHUNK and len(shelf.asked) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download.get(entry(File(shelf.url + "x.bin")), tmp_path / "set", stop)
    assert not (tmp_path / "set").exists()
    download.get(entry(File(shelf.url + "x.bin")), tmp_path / "set", stop)
    assert shelf.asked[1] == f"bytes={download.CHUNK}-"
    assert (tmp_path / "set" / "x.bin").read_bytes() == content


def test_files_that_came_wholly_are_not_asked_for_again(shelf: Shelf, tmp_path: Path) -> None:
    shelf.files = {"a.bin": b"first"}
    files = (File(shelf.url + "a.bin"), File(shelf.url + "b.bin"))
    with pytest.raises(GazeError, match=r"b\.bin: the server answers 404 Not Found"):
        download.get(entry(*files), tmp_path / "set")
    shelf.files["b.bin"] = b"second"
    download.get(entry(*files), tmp_path / "set")
    assert len(shelf.asked) == 3
    assert (tmp_path / "set" / "b.bin").read_bytes() == b"second"


def test_a_wrong_checksum_is_told_and_the_file_is_gone(shelf: Shelf, tmp_path: Path) -> None:
    shelf.files = {"x.bin": b"altered"}
    file = File(shelf.url + "x.bin", md5=md5(b"as published"))
    for _ in range(2):
        with pytest.raises(GazeError, match=f"its md5 is {md5(b'altered')}, but {md5(b'as published')} is published"):
            download.get(entry(file), tmp_path / "set")
    assert shelf.asked == ["", ""]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../out", "/etc/out", "a/../../out", "..\\out", "C:/out"])
def test_an_archive_that_leads_out_of_its_folder_is_refused(shelf: Shelf, tmp_path: Path, name: str) -> None:
    shelf.files = {"x.zip": zipped({name: b"evil", "good": b"1"})}
    with pytest.raises(GazeError, match=r"x\.zip: the archive is damaged or unsafe .* leads out of it"):
        download.get(entry(File(shelf.url + "x.zip")), tmp_path / "in" / "set")
    assert not (tmp_path / "in" / "set").exists()
    assert not list(tmp_path.rglob("out"))


def test_a_link_in_an_archive_is_refused(shelf: Shelf, tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    shelf.files = {"x.zip": out.getvalue()}
    with pytest.raises(GazeError, match="leads out of it"):
        download.get(entry(File(shelf.url + "x.zip")), tmp_path / "set")


def test_without_a_net_one_sentence_names_the_address(tmp_path: Path) -> None:
    with pytest.raises(GazeError, match=r"^http://127\.0\.0\.1:9/x\.zip: cannot be reached \(.*\); connect to the int"):
        download.get(entry(File("http://127.0.0.1:9/x.zip")), tmp_path / "set")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    with pytest.raises(GazeError, match="exists already; give a new folder"):
        download.get(entry(File("http://127.0.0.1:9/x.zip")), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_set_that_needs_a_person_says_where_to_go(tmp_path: Path) -> None:
    for published in PUBLISHED.values():
        if not published.files:
            with pytest.raises(GazeError, match=re.escape(published.url)):
                download.get(published, tmp_path / "set")


@given(data=st.data())
def test_any_bytes_of_an_archive_unpack_or_are_refused(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(zipped({"a/b": b"some text" * 50, "c": b"more"}))
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=6)):
        content[place] = data.draw(st.integers(0, 255))
    size = data.draw(st.integers(len(content) // 2, len(content)))
    (tmp_path / ".set.download").mkdir(exist_ok=True)
    (tmp_path / ".set.download" / "x.zip").write_bytes(content[:size])
    try:
        download.get(entry(File("http://127.0.0.1:9/x.zip")), tmp_path / "set")
    except GazeError as error:
        assert "damaged or unsafe" in str(error) or "cannot be written" in str(error)  # noqa: PT017 - or it unpacks
    shutil.rmtree(tmp_path / "set", ignore_errors=True)
