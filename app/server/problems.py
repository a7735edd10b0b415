"""What the server says when it does not answer: a status and one sentence, as JSON (RFC 9457).

{"type": "about:blank", "title": "Bad Request", "status": 400, "detail": "There is no model 'x'; ..."}
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field

from data.errors import DamagedError, GazeError, LargePictureError, ModelError, PictureError
from data.plain_text import visible

MEDIA = "application/problem+json"
STATUSES = {  # what is said of each in the OpenAPI document
    400: "An option, the form or the body is wrong; the sentence says which, and what to do.",
    401: "The token is missing or wrong.",
    403: "A page of another site asked.",
    404: "There is nothing of this name.",
    405: "This is asked for in another way.",
    406: "The answer cannot be had in a form that `Accept` names.",
    408: "The body came too slowly.",
    413: "The body has too many bytes, or the picture too many pixels.",
    415: "The body is neither a picture nor a form.",
    421: "The server does not go by the name in `Host`.",
    422: "The picture cannot be used: it is none, or it is damaged.",
    500: "A fault of the server; its log says more.",
    503: "Too many requests at a time; ask again after `Retry-After` seconds.",
    504: "The answer took too long.",
}


class Problem(BaseModel):
    """Why there is no answer."""

    type: str = Field(default="about:blank")
    title: str = Field(description="The status in words.")
    status: int = Field(ge=400, le=599)
    detail: str = Field(description="One sentence: what is wrong, and what to do.")


class RefusedError(GazeError):
    """A request that is not answered: the status that says why, and one sentence."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.headers = status, dict(headers or {})


def refusal(error: Exception) -> RefusedError:
    """The refusal that stands for any error; what is no mistake of a person's tells nothing of itself."""
    if isinstance(error, RefusedError):
        return error
    if isinstance(error, LargePictureError):
        return RefusedError(413, str(error))
    if isinstance(error, DamagedError | PictureError):
        return RefusedError(422, str(error))
    if isinstance(error, GazeError) and not isinstance(error, ModelError):
        return RefusedError(400, str(error))
    return RefusedError(500, "This is a fault of the server and not of the request; its log says more.")


def busy(detail: str) -> RefusedError:
    """More is asked for than is let in."""
    return RefusedError(503, detail, {"Retry-After": "1"})


def content(wrong: RefusedError) -> bytes:
    """The body of a refusal."""
    problem: dict[str, Any] = {"type": "about:blank", "title": HTTPStatus(wrong.status).phrase}
    problem |= {"status": wrong.status, "detail": visible(str(wrong))}
    return json.dumps(problem, ensure_ascii=False).encode()
