"""Pictures and results in a folder of this computer, or in an object store: s3://, gs:// and abfs://, by pyarrow.

An object store is named by a URI such as `s3://bucket/photos`. Credentials are those of the environment of each process
(for S3: `AWS_ACCESS_KEY_ID`, a profile, the role of the machine). A store that is no Amazon's is named by
`AWS_ENDPOINT_URL`, or by the URI: `s3://bucket/photos?endpoint_override=http://10.0.0.5:9000`. What a URI says after
`?` or of a user is used, and never shown or written.
https://arrow.apache.org/docs/python/filesystems.html
"""

import errno
import logging
import os
import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from pyarrow import ArrowException
from pyarrow.fs import FileInfo, FileSelector, FileSystem, FileType, LocalFileSystem

from app.predict.files import OURS, find_pictures, make_folder
from data.atomic import atomic_write
from data.errors import GazeError, PictureError, short_reason
from data.picture_file import MOST, SUFFIXES, opened, unread
from data.plain_text import escaped, unescaped

logger = logging.getLogger(__name__)

SCHEMES = ("s3", "gs", "abfs", "abfss")  # of stores in which an object appears whole
RETRIES, PATIENCE = "retry_limit_seconds", 20  # of Google's, which would go on for a quarter of an hour
WITHOUT_RAY = "videos are predicted without --engine ray, from a folder of this computer"
_URI = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*)://")


class Source(NamedTuple):
    """A picture as it was found: path or URI, and what tells whether it has changed; zeros where there is none."""

    where: str  # no links in it, so that it has one name
    store: int = -1  # number of its file system among those of the run; -1: this computer
    bytes: int = 0
    changed_ns: int = 0
    given: str = ""  # the path with its links, where it has any

    @property
    def shown(self) -> str:
        """What it is called."""
        return self.given or self.where

    @property
    def path(self) -> Path:
        """A path that stands for it, and for no other, when names are given."""
        if self.store < 0:
            return Path(self.shown)
        scheme, _, key = self.where.partition("://")
        return Path(f"/{scheme}:", *map(_component, key.split("/")))


def is_uri(name: str) -> bool:
    """Whether a name is that of an object store, or of anything else with a scheme, and no path.

    >>> is_uri("s3://bucket/photos"), is_uri("photos/a.jpg")
    (True, False)
    """
    return _URI.match(name) is not None and not os.path.lexists(name)


@dataclass(frozen=True)
class Place:
    """A folder or an object, in a file system of pyarrow."""

    files: FileSystem
    path: str  # within the file system
    scheme: str = ""  # "": this computer

    @classmethod
    def of(cls, name: str) -> "Place":
        """The place that a path or a URI names.

        Raises:
            GazeError: It is no URI of an object store.
        """
        found = _URI.match(name)
        if not found or not is_uri(name):
            return cls(LocalFileSystem(), os.path.abspath(name))
        scheme = found["scheme"].lower().replace("gcs", "gs")
        if scheme == "file":
            return cls(LocalFileSystem(), os.path.abspath(_parsed(name)[1]))
        shown = without_secrets(name)
        if scheme not in SCHEMES:
            raise GazeError(f"{shown}: {scheme}:// is not read; give a folder, or an object store (s3, gs or abfs).")
        files, path = _parsed(name)
        if not path.strip("/"):
            raise GazeError(f"{shown} names no bucket; write {scheme}://BUCKET/FOLDER.")
        return cls(files, path.strip("/"), scheme)

    @property
    def local(self) -> bool:
        """Whether it lies on this computer."""
        return not self.scheme

    @property
    def shown(self) -> str:
        """What it is called: no credentials and no options."""
        return self.named(self.path)

    def named(self, path: str) -> str:
        """What a path within the file system is called."""
        return path if self.local else f"{self.scheme}://{path}"

    def below(self, name: str) -> "Place":
        """What is called so in this folder; keys of object stores are UTF-8, names of files here need not be."""
        return Place(self.files, posixpath.join(self.path, name if self.local else escaped(name)), self.scheme)

    def names(self) -> set[str]:
        """The files that lie in this folder itself; none where there is no folder.

        Raises:
            GazeError: It cannot be looked at.
        """
        try:
            if self.local:  # where names need not be UTF-8
                return {file.name for file in os.scandir(self.path) if file.is_file()}
            infos = self.files.get_file_info(FileSelector(self.path, allow_not_found=True))
        except FileNotFoundError:
            return set()
        except (OSError, ArrowException) as error:
            raise _unreachable(self, error) from error
        return {unescaped(info.base_name) for info in infos if info.type == FileType.File}

    def make(self) -> None:
        """Make the folder; in an object store there is nothing to be made.

        Raises:
            GazeError: It cannot be made.
        """
        if self.local:
            make_folder(Path(self.path))

    def write(self, name: str, content: bytes) -> None:
        """Write a file of this folder, which appears whole, in place of one that has the name.

        Raises:
            GazeError: It cannot be written.
        """
        target = self.below(name)
        try:
            if self.local:
                with atomic_write(Path(target.path)) as file:
                    file.write(content)
            else:
                with self.files.open_output_stream(target.path) as stream:
                    stream.write(content)
        except (OSError, ArrowException) as error:
            reason = _reason(error)
            check = "folder and disk" if self.local else "credentials and bucket"
            raise GazeError(f"{target.shown} cannot be written ({reason}); check {check}.") from error

    def read(self) -> bytes:
        """The content of a file or an object.

        Raises:
            PictureError: It cannot be read, or has more than `MOST` bytes.
        """
        try:
            if self.local:
                with opened(Path(self.path), self.path) as content:
                    return content.read()
            with self.files.open_input_file(self.path) as file:
                if file.size() <= MOST:
                    return bytes(file.read())
                size = file.size() / 2**30
        except (OSError, ArrowException) as error:
            remedy = "check the disk" if self.local else _empty_part(self) or "check credentials and bucket"
            remedy = "check the path" if isinstance(error, FileNotFoundError) else remedy
            raise PictureError(f"{self.shown}: cannot be read ({_reason(error)}); {remedy}.") from error
        raise PictureError(f"{self.shown}: the file has {size:.1f} GiB; the limit is {MOST / 2**30:.0f}.")


def find(sources: Sequence[str], out: Place) -> tuple[list[Source], list[FileSystem]]:
    """The pictures that paths, patterns and URIs name, each once, and the object stores that they lie in.

    Of a folder or a prefix, everything below it that has a picture's suffix is taken, but what is hidden and what
    gaze has drawn into `out`.

    Raises:
        GazeError: There is none, an object store cannot be reached, or two stores have an object of one name.
    """
    if not all(sources):
        raise GazeError("A name of a picture is empty; give pictures, folders or a pattern such as 'photos/*.jpg'.")
    local = tuple(name for name in sources if not is_uri(name))
    found: dict[str, Source] = {}
    stores: list[FileSystem] = []
    for name in sources:
        place = Place.of(name) if is_uri(name) else None
        if place is None:
            continue
        if place.local:
            local = (*local, place.path)
            continue
        number = next((i for i, store in enumerate(stores) if store.equals(place.files)), len(stores))
        stores += [place.files] * (number == len(stores))
        for source in _objects(place, number, out):
            if found.setdefault(source.where, source).store != number:
                problem = "is named in two stores or with two endpoints, which a table cannot tell apart"
                raise GazeError(f"{source.where} {problem}; predict each into a folder of its own.")
    if local:
        pictures = find_pictures(local, Path(out.path) if out.local else Path(os.devnull), videos=WITHOUT_RAY)
        found |= {source.where: source for source in map(_local, pictures)}
    if all(source[2:4] == (0, 0) for source in found.values()) and not local:
        places = ", ".join(without_secrets(name) for name in sources[:3])
        raise GazeError(f"No pictures found in {places}; give pictures, folders, or objects and prefixes of a bucket.")
    return list(found.values()), stores


def without_secrets(uri: str) -> str:
    """A URI without its user and its options.

    >>> without_secrets("s3://key:secret@bucket/a?region=eu-west-1")
    's3://bucket/a'
    """
    return re.sub(r"^([^/]*://)[^/]*@", r"\1", uri).partition("?")[0] if _URI.match(uri) else uri


def _local(path: Path) -> Source:
    where, given = os.path.realpath(path), os.path.abspath(path)
    try:
        state = os.stat(where)
        size, changed = state.st_size, state.st_mtime_ns
    except OSError:
        size, changed = 0, 0
    return Source(where, -1, size, changed, given if given != where else "")


def _component(part: str) -> str:
    """A part of a key as part of a path, where nothing, one dot and two dots would mean something else.

    >>> [_component(part) for part in ("a", "", ".", "..", "%", "50%")]
    ['a', '%', '%2E', '%2E%2E', '%%', '50%']
    """
    if part in ("", ".", ".."):
        return "%" + "%".join(["2E"] * len(part))
    return "%" + part if re.fullmatch("%+(2E(%2E)?)?", part) else part


def _objects(place: Place, number: int, out: Place) -> list[Source]:
    """The pictures at a place of an object store."""
    try:
        info = place.files.get_file_info(place.path)
        if info.type != FileType.Directory:  # what is not there is told of with the broken pictures
            return [_source(place, number, info)]
        infos = place.files.get_file_info(FileSelector(place.path, recursive=True))
    except (OSError, ArrowException) as error:
        raise _unreachable(place, error) from error
    inside = [info for info in infos if info.type == FileType.File and not _hidden(info.path, place.path)]
    for words in unread([Path(info.path) for info in inside], videos=WITHOUT_RAY):
        logger.warning("%s: %s.", place.shown, words)
    pictures = (info for info in inside if Path(info.path).suffix.lower() in SUFFIXES)
    named = sorted((_source(place, number, info) for info in pictures), key=lambda source: source.where)
    return [source for source in named if not (source.where.endswith(OURS) and _is_below(source.where, out.shown))]


def _source(place: Place, number: int, info: FileInfo) -> Source:
    changed = info.mtime_ns if info.mtime_ns is not None and info.mtime_ns > 0 else 0
    return Source(place.named(info.path), number, info.size or 0, changed)


def _hidden(path: str, folder: str) -> bool:
    return any(part.startswith(".") for part in path.removeprefix(folder).split("/"))


def _is_below(where: str, folder: str) -> bool:
    return where.startswith(folder.rstrip("/") + "/")


def _parsed(uri: str) -> tuple[FileSystem, str]:
    spelt, _, options = uri.partition("?")
    if spelt.lower().startswith(("gs:", "gcs:")) and RETRIES not in options:
        options = f"{options}&{RETRIES}={PATIENCE}".removeprefix("&")
    try:
        made: Any = FileSystem.from_uri(quote(spelt, safe=":/%@+~,;!$&'()*=") + ("?" + options if options else ""))
        return made[0], str(made[1])
    except (OSError, ValueError, ArrowException, ImportError) as error:  # ValueError: not UTF-8
        raise GazeError(
            f"{without_secrets(uri)} cannot be used as an object store ({_reason(error)}); check how it is written "
            "(s3://BUCKET/FOLDER), region, endpoint and credentials."
        ) from error


def _unreachable(place: Place, error: Exception) -> GazeError:
    remedy = "check its permissions" if place.local else "check credentials, region, endpoint and bucket"
    return GazeError(f"{place.shown} cannot be looked at ({_reason(error)}); {_empty_part(place) or remedy}.")


def _empty_part(place: Place) -> str:
    """What is to be done where that is why pyarrow cannot read an object."""
    return "give the object a key without empty parts" if "//" in place.path and not place.local else ""


def _reason(error: BaseException) -> str:
    if isinstance(error, FileNotFoundError) and "Detail: [errno" in str(error):  # of pyarrow
        return os.strerror(errno.ENOENT)
    said = re.search(r"(?:AWS|GCS|Azure) Error (\w+)", str(error))
    return said[1] if said else getattr(error, "strerror", None) or short_reason(error)
