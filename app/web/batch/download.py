"""The archive of a batch as it comes down: made while it is taken, never whole in memory.

Its address holds a token that nobody can guess, and ends with the job.
"""

import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from app.web.batch.job import Job
from data.archives.writing import streamed

ADDRESS = "batch-archive"  # below the app's own
_offered: "weakref.WeakValueDictionary[str, Offer]" = weakref.WeakValueDictionary()


class Offer:
    """An archive that may be taken: the files of a job, and some that are made for it."""

    def __init__(self, job: Job, more: Sequence[tuple[str, bytes]]) -> None:
        self.job, self.more = job, more

    def files(self) -> Iterator[tuple[str, Path | bytes]]:
        """Name and content of each file."""
        yield from self.more
        for result in self.job.results:
            yield from ((path.name, path) for path in result.files)


def offer(job: Job, more: Sequence[tuple[str, bytes]]) -> Offer:
    """Offer the archive of a job with `more` files, as long as what comes back is kept."""
    made = Offer(job, more)
    _offered[job.token] = made
    return made


def address(job: Job) -> str:
    """Where the archive of a job is, from the app's own address on."""
    return f"{ADDRESS}/{job.token}/batch.zip"


def archive(request: Request) -> Response:
    """Answers with the archive."""
    offered = _offered.get(request.path_params["token"])
    if offered is None:
        return PlainTextResponse("This batch is no longer there; look at the pictures again.\n", 404)
    head = {"Content-Disposition": 'attachment; filename="batch.zip"', "Cache-Control": "no-store"}
    return StreamingResponse(streamed(offered.files()), media_type="application/zip", headers=head)


ROUTE = Route(f"/{ADDRESS}/{{token}}/batch.zip", archive, methods=["GET"])
