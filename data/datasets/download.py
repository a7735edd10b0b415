"""Public data sets out of the net: whole or not at all, and a download that was stopped goes on where it was.

    .OUT.download/NAME.part     what came so far, and NAME.part.tag: which version of the file that is
    .OUT.download/NAME          a file that came wholly, and has the checksum that is published, if one is
    OUT                         all of it unpacked, which appears at once when nothing is missing

A file goes on only when the server says that it is still the same one (If-Range with its ETag or date); else it begins
anew. An archive whose names lead out of its folder is refused.
"""

import contextlib
import hashlib
import os
import shutil
import ssl
import stat
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path, PurePosixPath

from data.archives.reading import JUNK, UNSOUND, stays_inside
from data.datasets.catalog import File, Published
from data.errors import GazeError, short_reason
from data.staging import new_folder, staging_dir

CHUNK = 1 << 20  # bytes
PATIENCE = 60.0  # seconds without a byte before the server is given up
Progress = Callable[[str, int, int | None], None]  # file, bytes so far, bytes in all where it is known


@dataclass(frozen=True)
class Arrived:
    """One file that came, with its sha256; `checked` says whether it was compared with a published checksum."""

    name: str
    size: int  # bytes
    sha256: str
    checked: bool


def get(published: Published, out: Path, progress: Progress = lambda name, done, total: None) -> list[Arrived]:
    """Download a data set into the new folder `out`: all of it, or nothing.

    Raises:
        GazeError: The set needs a person, the network or the disk fails, or a file is not the published one.
    """
    if not published.files:
        raise GazeError(f"{published.title} cannot be downloaded from here; {published.access}: {published.url}.")
    out = new_folder(out)
    try:
        with staging_dir(out, "download") as beside, _without_empty_folder(beside):
            arrived = [fetch(file, beside, progress) for file in published.files]
            folder = beside / "unpacked"
            shutil.rmtree(folder, ignore_errors=True)
            for file in published.files:
                _install(file, beside / file.name, folder)
            if out.exists():
                out.rmdir()
            os.replace(folder, out)
            shutil.rmtree(beside, ignore_errors=True)
    except OSError as error:
        raise GazeError(
            f"{out}: cannot be written ({short_reason(error)}); make room, or give another folder."
        ) from error
    return arrived


@contextlib.contextmanager
def _without_empty_folder(beside: Path) -> Iterator[None]:
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            beside.rmdir()  # where nothing came at all


def fetch(file: File, folder: Path, progress: Progress) -> Arrived:
    """Bring one file into a folder; one that is there already came wholly before.

    Raises:
        GazeError: The network fails, or the file has not the published checksum.
    """
    path = folder / file.name
    part, tag = folder / f"{file.name}.part", folder / f"{file.name}.part.tag"
    if not path.exists():
        _download(file.url, part, tag, lambda done, total: progress(file.name, done, total))
    md5, sha256 = _digests(path if path.exists() else part)
    if file.md5 and md5 != file.md5:
        for wrong in (path, part, tag):
            wrong.unlink(missing_ok=True)
        raise GazeError(f"{file.url}: its md5 is {md5}, but {file.md5} is published; run the same command again.")
    if not path.exists():
        os.replace(part, path)
        tag.unlink(missing_ok=True)
    return Arrived(file.name, path.stat().st_size, sha256, bool(file.md5))


def _download(url: str, part: Path, tag: Path, progress: Callable[[int, int | None], None]) -> None:
    already = part.stat().st_size if part.exists() and tag.exists() else 0
    headers = {"User-Agent": "gaze", "Accept-Encoding": "identity"}
    if already:
        headers |= {"Range": f"bytes={already}-", "If-Range": tag.read_text("latin-1")}
    done, total = already, None
    request = urllib.request.Request(url, headers=headers)
    with _network_errors(url, already), _opener().open(request, timeout=PATIENCE) as answer:
        if answer.status == 206 and not _continues(answer, already, tag):
            for old in (part, tag):
                old.unlink(missing_ok=True)
            raise GazeError(f"{url}: the server sent another part than was asked for; run the same command again.")
        done = already if answer.status == 206 else 0
        total = None if answer.length is None else done + answer.length
        with part.open("ab" if done else "wb") as out:
            if not done:
                _remember(answer, tag)  # after what was there is gone: an old half is never taken for a new one
            progress(done, total)
            for chunk in _chunks(answer):
                out.write(chunk)
                done += len(chunk)
                progress(done, total)
    if total is not None and done < total:
        raise GazeError(f"{url}: only {done} of {total} bytes came; run the same command again, which goes on.")


def _opener() -> urllib.request.OpenerDirector:
    """What opens http and https, and nothing else to which a server might send us."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.UnknownHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPErrorProcessor,
    ):
        opener.add_handler(handler())
    return opener


@contextlib.contextmanager
def _network_errors(url: str, already: int) -> Iterator[None]:
    """What goes wrong in the net, in one sentence."""
    try:
        yield
    except GazeError:
        raise
    except urllib.error.HTTPError as error:
        if error.code == 416 and already:
            return  # nothing is left to send: let the checksum, or the archive, say whether it is whole
        error.close()
        what = " ".join(str(error.reason).split())
        raise GazeError(f"{url}: the server answers {error.code} {what}; look there with a browser.") from error
    except (urllib.error.URLError, HTTPException, TimeoutError, ConnectionError, ssl.SSLError, ValueError) as error:
        why = getattr(error, "reason", error)
        what = f"{url}: cannot be reached ({short_reason(why) if isinstance(why, BaseException) else why})"
        raise GazeError(f"{what}; connect to the internet and run the same command again, which goes on.") from error


def _continues(answer: HTTPResponse, already: int, tag: Path) -> bool:
    """Whether a part begins where ours ends, and is of the same version as far as the server says."""
    begins = (answer.headers.get("Content-Range") or "").startswith(f"bytes {already}-")
    return already > 0 and begins and _version(answer) in ("", tag.read_text("latin-1"))


def _version(answer: HTTPResponse) -> str:
    """What names this version of the file; "" where nothing does."""
    name = answer.headers.get("ETag") or ""
    return (answer.headers.get("Last-Modified") or "") if name.startswith("W/") or not name else name


def _remember(answer: HTTPResponse, tag: Path) -> None:
    """Keep the name of this version; without a name the next run begins anew."""
    name = _version(answer)
    if name:
        tag.write_text(name, "latin-1")
    else:
        tag.unlink(missing_ok=True)


def _chunks(answer: HTTPResponse) -> Iterator[bytes]:
    while chunk := answer.read(CHUNK):
        yield chunk


def _digests(path: Path) -> tuple[str, str]:
    """The md5 and sha256 of a file."""
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            md5.update(chunk)
            sha256.update(chunk)
    return md5.hexdigest(), sha256.hexdigest()


def _install(file: File, path: Path, root: Path) -> None:
    """Unpack an archive, or copy any other file, to where it belongs in the data set."""
    folder = root / file.folder
    folder.mkdir(parents=True, exist_ok=True)
    if path.suffix != ".zip":
        shutil.copyfile(path, folder / path.name)
        return
    try:
        with zipfile.ZipFile(path) as archive:
            _unpack(archive, folder, file.lone)
    except UNSOUND as error:
        path.unlink()
        what = f"{file.url}: the archive is damaged or unsafe ({short_reason(error)})"
        raise GazeError(f"{what}; run the same command again, which downloads it anew.") from error


def _unpack(archive: zipfile.ZipFile, folder: Path, lone: bool) -> None:
    entries = {entry: PurePosixPath(entry.filename).parts for entry in archive.infolist() if not entry.is_dir()}
    for entry in entries:
        if not stays_inside(entry.filename) or stat.S_ISLNK(entry.external_attr >> 16):
            raise ValueError(f"{entry.filename!r} leads out of it")
    entries = {entry: parts for entry, parts in entries.items() if not any(part in JUNK for part in parts)}
    if not entries:
        raise ValueError("it holds no file")
    needed, free = sum(entry.file_size for entry in entries), shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(f"unpacking needs {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free")
    around = lone and len({parts[0] for parts in entries.values()}) == 1 and min(map(len, entries.values())) > 1
    for entry, parts in entries.items():
        target = folder.joinpath(*parts[around:])
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(entry) as source, target.open("wb") as out:
            shutil.copyfileobj(source, out, CHUNK)
