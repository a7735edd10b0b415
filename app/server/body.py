"""The body of a request: a picture, or a form with one and some options, read within limits.

A picture is the body itself (`image/*`, `application/octet-stream`, or no type), or the file `picture` of a form
(`multipart/form-data`). Nothing is written to disk.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import NamedTuple

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from app.server.limits import Limits
from app.server.problems import RefusedError, busy

FORM = "multipart/form-data"
FIELD = "picture"
FIELDS = 20  # of a form
FIELD_BYTES = 4096
NAME = 255  # letters of a file's name that are kept


class Upload(NamedTuple):
    """A picture as it came."""

    content: bytes
    name: str | None  # of its file, without folders; None where none was told
    fields: tuple[tuple[str, str], ...]  # options of the form


@dataclass
class Entrance:
    """How many requests are inside, and how many bytes are held for them."""

    limits: Limits
    requests: int = 0
    held: int = 0

    def enter(self) -> "Visit":
        """Let a request in, which leaves with `Visit.leave`.

        Raises:
            RefusedError: There are too many.
        """
        if self.requests >= self.limits.queue:
            raise busy(f"{self.requests} requests are being answered, which is the limit; ask again in a second.")
        self.requests += 1
        return Visit(self)


class Visit:
    """One request that is inside."""

    def __init__(self, entrance: Entrance) -> None:
        self._entrance, self._bytes, self._is_inside = entrance, 0, True

    @property
    def most(self) -> int:
        """Bytes that it may bring."""
        return self._entrance.limits.body_bytes

    def bring(self, count: int) -> None:
        """Take in more bytes.

        Raises:
            RefusedError: They are too many, of this request or of all together.
        """
        limits = self._entrance.limits
        if self._bytes + count > limits.body_bytes:
            raise too_large(limits)
        self.hold(count)

    def hold(self, count: int) -> None:
        """Hold so many bytes more; a request that is alone may hold any number.

        Raises:
            RefusedError: They are too many, of all requests together.
        """
        others = self._entrance.held - self._bytes
        if others and self._entrance.held + count > self._entrance.limits.all_bytes:
            raise busy("Too many bytes are being received and sent at a time; ask again in a second.")
        self._bytes += count
        self._entrance.held += count

    def keep(self, count: int) -> None:
        """Hold so many bytes and nothing else; errors as above."""
        self.hold(count - self._bytes)

    def leave(self) -> None:
        """The request is over."""
        if self._is_inside:
            self._entrance.held -= self._bytes
            self._entrance.requests -= 1
            self._is_inside = False


def too_large(limits: Limits) -> RefusedError:
    """A body has more bytes than are read."""
    return RefusedError(
        413, f"The body has more than {limits.max_mb:g} MB, which is the limit; send a smaller picture."
    )


def media_type(request: Request) -> str:
    """What the body says to be, in lower case; "" where it says nothing."""
    return request.headers.get("content-type", "").split(";")[0].strip().lower()


def is_form(request: Request) -> bool:
    """Whether the body is a form, which may hold options."""
    return media_type(request) == FORM


def check_headers(request: Request, limits: Limits) -> str:
    """The media type of the body; what can be refused by the headers alone is refused.

    Raises:
        RefusedError: The body is too large, compressed, or of a type that is not read.
    """
    length = request.headers.get("content-length", "0")
    if not (length.isascii() and length.isdecimal()):
        raise RefusedError(400, "The header Content-Length is no number; mend the client.")
    if len(length) > 18 or int(length) > limits.body_bytes:
        raise too_large(limits)
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise RefusedError(
            415, "A compressed body is not read; send the picture's file as it is, without Content-Encoding."
        )
    media = media_type(request)
    if media not in ("", "application/octet-stream", FORM) and not media.startswith("image/"):
        known = "image/jpeg, another image/ type, application/octet-stream or multipart/form-data"
        raise RefusedError(415, f"The body cannot be of this Content-Type; send a picture as {known}.")
    return media


async def read(request: Request, visit: Visit, limits: Limits) -> Upload:
    """The picture of a request, and the options of its form.

    Raises:
        RefusedError: There is none, there are several, or there is more than is read.
        ClientDisconnect: The client went away.
    """
    if check_headers(request, limits) == FORM:
        return await _form(request, visit)
    parts = [part async for part in _parts(request, visit)]
    content = b"".join(parts)
    if not content:
        raise RefusedError(400, "The body is empty; send a picture.")
    return Upload(content, None, ())


async def _parts(request: Request, visit: Visit) -> AsyncGenerator[bytes, None]:
    async for part in request.stream():
        visit.bring(len(part))
        yield part


async def _form(request: Request, visit: Visit) -> Upload:
    parser = MultiPartParser(
        request.headers, _parts(request, visit), max_files=2, max_fields=FIELDS, max_part_size=FIELD_BYTES
    )
    parser.spool_max_size = visit.most + 1  # all of it stays in memory
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise RefusedError(400, f"The form cannot be read: {_clause(error.message)}; mend the client.") from error
    except (RefusedError, ClientDisconnect):
        raise
    except (ValueError, KeyError, IndexError, AttributeError, AssertionError) as error:  # headers that are none
        raise RefusedError(400, "The form cannot be read: its parts are damaged; mend the client.") from error
    files = [(name, value) for name, value in form.multi_items() if isinstance(value, UploadFile)]
    try:
        if len(files) != 1 or files[0][0] != FIELD:
            raise RefusedError(
                400,
                f"The form has {len(files)} files, but needs one in the field {FIELD!r}; send one picture at a time.",
            )
        upload = files[0][1]
        fields = tuple((name, value) for name, value in form.multi_items() if isinstance(value, str))
        return Upload(await upload.read(), _file_name(upload.filename), fields)
    finally:
        for _, file in files:
            await file.close()


def _file_name(name: str | None) -> str | None:
    """The last part of a file's name, whatever system it is from; None where there is none."""
    last = (name or "").replace("\\", "/").rsplit("/", 1)[-1].replace("\0", "")
    return last[-NAME:] or None


def _clause(words: str) -> str:
    """What a library says, as a part of a sentence."""
    return words.strip().rstrip(".")[:120].replace(". ", ", ")
