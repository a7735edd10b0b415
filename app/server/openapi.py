"""The OpenAPI document: options, bodies, answers with examples, and every status that is not 200."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.server import problems
from app.server.body import FIELD
from app.server.limits import Limits
from app.server.models import Models
from app.server.options import Options, SaliencyOptions, ScanpathOptions
from app.server.problems import Problem
from export.runtime.records import SALIENCY, SCANPATH, SaliencyRecord, ScanpathRecord

DESCRIPTION = """Where people look in a picture, and in which order.

Send a picture as the body, or as the file `picture` of a form. `Accept` says in which form the answer comes. What is
answered is a prediction by a model, not an eye-tracking measurement. No option names a file or an address.

    curl --data-binary @photo.jpg -H 'Content-Type: image/jpeg' http://127.0.0.1:8600/v1/saliency
    curl -F picture=@photo.jpg -H 'Accept: image/png' 'http://127.0.0.1:8600/v1/saliency?palette=viridis' -o heat.png
"""
SALIENCY_EXAMPLE = {
    "schema": SALIENCY,
    "model": "tempsal",
    "version": "1.0.0",
    "condition": "any",
    "provider": "cpu",
    "width": 1024,
    "height": 768,
    "peak": {"x": 512.5, "y": 200.5},
    "entropy_bits": 16.9,
    "slices": [{"start_s": 0.0, "end_s": 1.0, "peak": {"x": 512.5, "y": 200.5}, "entropy_bits": 15.8}],
    "picture": "photo.jpg",
}
SCANPATH_EXAMPLE = {
    "schema": SCANPATH,
    "model": "oat-free",
    "version": "1.0.0",
    "provider": "cpu",
    "density": "tempsal",
    "task": "free",
    "width": 1024,
    "height": 768,
    "observers": 1,
    "temperature": 0.5,
    "seed": 0,
    "limit": 20,
    "condition": "any",
    "targets": [],
    "representative": 0,
    "objects": [
        {
            "category": "face 1",
            "box": {"x": 480.0, "y": 160.0, "width": 64.0, "height": 80.0},
            "seen": 1.0,
            "first": 1.0,
            "rank": 1.0,
            "rank_sd": 0.0,
            "time_to_first_ms": 0.0,
            "dwell_ms": 312.5,
            "looks": 1.0,
            "revisits": 0.0,
        }
    ],
    "paths": [
        {
            "ended": True,
            "log_p": -1.2,
            "fixations": [{"object": 0, "x": 510.2, "y": 198.7, "duration_ms": 312.5, "start_ms": 0.0}],
        }
    ],
    "picture": "photo.jpg",
}
BINARY = {"type": "string", "format": "binary"}
REFUSED: tuple[int, ...] = (400, 401, 403, 404, 406, 408, 413, 415, 421, 422, 500, 503, 504)  # of pictures
EVERYWHERE: tuple[int, ...] = (401, 403, 421, 500)


def install(app: FastAPI, models: Models, limits: Limits, has_token: bool) -> None:
    """Let the application describe itself with this document."""

    def document() -> dict[str, Any]:
        if not app.openapi_schema:
            app.openapi_schema = _document(app, models, limits, has_token)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # as FastAPI's manual does


def _document(app: FastAPI, models: Models, limits: Limits, has_token: bool) -> dict[str, Any]:
    made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    schemas = made.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = Problem.model_json_schema()
    for record in (SaliencyRecord, ScanpathRecord):
        schema = record.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
        schemas |= schema.pop("$defs", {})
        schemas[record.__name__] = {key: value for key, value in schema.items() if key != "$id"}
    paths = made["paths"]
    png, csv = {"image/png": {"schema": BINARY}}, {"text/csv": {"schema": {"type": "string"}}}
    npy = {kind: {"schema": BINARY} for kind in ("application/x-npy", "application/octet-stream")}
    saliency = {name: predictor.contract.conditions for name, predictor in models.saliency.items()}
    scanpath = {name: model.conditions for name, model in models.scanpath.items()}
    _question(paths["/v1/saliency"]["post"], SaliencyOptions, saliency, limits)
    _question(paths["/v1/scanpath"]["post"], ScanpathOptions, scanpath, limits)
    _answers(paths["/v1/saliency"]["post"], _json("SaliencyRecord", SALIENCY_EXAMPLE) | png | npy)
    _answers(paths["/v1/scanpath"]["post"], _json("ScanpathRecord", SCANPATH_EXAMPLE) | png | csv)
    paths["/metrics"]["get"]["responses"]["200"]["content"] = {"text/plain": {"schema": {"type": "string"}}}
    for path, methods in paths.items():
        for operation in methods.values():
            statuses = REFUSED if path in ("/v1/saliency", "/v1/scanpath") else EVERYWHERE
            statuses += (503,) if path == "/readyz" else ()
            operation["responses"] |= {str(status): _refusal(status) for status in statuses}
    if has_token:
        made["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        made["security"] = [{"token": []}]
        for path in ("/healthz", "/readyz"):
            paths[path]["get"]["security"] = []
    return made


def _question(
    operation: dict[str, Any], kind: type[Options], models: dict[str, tuple[str, ...]], limits: Limits
) -> None:
    """The options and the body of a question; which models and conditions there are is known."""
    conditions = sorted({condition for known in models.values() for condition in known})
    enums = {"model": list(models), "condition": conditions} if models else {}
    operation["parameters"] = kind.parameters(**enums)
    fields = {
        entry["name"]: entry["schema"] | {"description": entry["description"]} for entry in operation["parameters"]
    }
    form = {
        "type": "object",
        "required": [FIELD],
        "properties": {FIELD: BINARY | {"description": "The picture's file."}, **fields},
        "additionalProperties": False,
    }
    kinds = ("image/jpeg", "image/png", "application/octet-stream")
    operation["requestBody"] = {
        "required": True,
        "description": f"A picture of at most {limits.max_mb:g} MB and {limits.max_megapixels:g} megapixels. An option "
        "is given once: in the query, or in the form.",
        "content": {**{kind: {"schema": BINARY} for kind in kinds}, "multipart/form-data": {"schema": form}},
    }


def _answers(operation: dict[str, Any], content: dict[str, Any]) -> None:
    operation["responses"] = {
        "200": {"description": "The prediction, in the form that Accept asks for.", "content": content}
    }


def _json(name: str, example: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}, "example": example}}


def _refusal(status: int) -> dict[str, Any]:
    made: dict[str, Any] = {
        "description": problems.STATUSES[status],
        "content": {problems.MEDIA: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if status == 503:
        made["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    return made
