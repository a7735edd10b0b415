"""A project as it comes down: a zip that is made while it is taken, and that the page and `gaze app` take again.

Its address holds a token that nobody can guess, and ends with the page that offered it. What it says of places on this
machine is left out; gaze that lies elsewhere comes with it.
"""

import secrets
import weakref
from collections.abc import Iterator
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from annotation.boxes import FILE as BOXES
from annotation.clicks import FILE as CLICKS
from annotation.record import FILE, GazeRecord
from annotation.sampling import FOLDER
from app.web.annotate.desk import Desk
from app.web.annotate.shelf import GAZE
from data.archives.writing import streamed

ADDRESS = "annotate-archive"  # below the app's own
_offered: "weakref.WeakValueDictionary[str, Desk]" = weakref.WeakValueDictionary()
_tokens: "weakref.WeakKeyDictionary[Desk, str]" = weakref.WeakKeyDictionary()


def address(desk: Desk) -> str:
    """Where a project may be taken as long as it is open, from the app's own address on."""
    token = _tokens.setdefault(desk, secrets.token_urlsafe(24))
    _offered[token] = desk
    return f"{ADDRESS}/{token}/project.zip"


def files(desk: Desk) -> Iterator[tuple[str, Path | bytes]]:
    """Name and content of each file of a project."""
    folder, about = desk.project.folder, desk.about
    gaze = Path(about.gaze.path) if about.gaze else None
    if about.gaze and gaze and gaze.exists():
        below = [path for path in ([gaze] if gaze.is_file() else sorted(gaze.rglob("*"))) if path.is_file()]
        for path in below:
            yield f"{GAZE}/{path.relative_to(gaze.parent if gaze.is_file() else gaze).as_posix()}", path
    shown = {
        "video": about.video.model_copy(update={"path": Path(about.video.path).name}),
        "objects": Path(about.objects).name,
        "gaze": GazeRecord(path=f"{GAZE}/{gaze.name}", offset_s=about.gaze.offset_s) if about.gaze and gaze else None,
    }
    yield FILE, about.model_copy(update=shown).model_dump_json(by_alias=True, indent=1).encode()
    yield from ((name, folder / name) for name in (BOXES, CLICKS) if (folder / name).is_file())
    yield from ((f"{FOLDER}/{path.name}", path) for path in sorted((folder / FOLDER).glob("*.jpg")))


def archive(request: Request) -> Response:
    """Answers with the zip."""
    desk = _offered.get(request.path_params["token"])
    if desk is None:
        return PlainTextResponse("This project is no longer open; open it again.\n", 404)
    head = {"Content-Disposition": 'attachment; filename="project.zip"', "Cache-Control": "no-store"}
    return StreamingResponse(streamed(files(desk)), media_type="application/zip", headers=head)


ROUTE = Route(f"/{ADDRESS}/{{token}}/project.zip", archive, methods=["GET"])
