"""The endpoints, and the OpenAPI document that describes them.

POST /v1/saliency    a picture in; where people look, as JSON, PNG or npy
POST /v1/scanpath    a picture in; in which order, as JSON, PNG or CSV
GET  /v1/models      what is served
GET  /healthz        the process lives        GET /readyz   it takes requests
GET  /metrics        counts for Prometheus    GET /openapi.json
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from http import HTTPStatus
from importlib import metadata
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from app.server import accept, body, openapi, problems
from app.server.answer import Answer, Reply, until_left
from app.server.body import Entrance, Upload
from app.server.guard import Guard
from app.server.limits import Limits
from app.server.metrics import MEDIA, Metrics
from app.server.models import ModelList, Models
from app.server.options import Options, SaliencyOptions, ScanpathOptions
from app.server.problems import RefusedError
from app.server.service import SALIENCY_MEDIA, SCANPATH_MEDIA, Job, Service, Ticket

logger = logging.getLogger(__name__)

ENDPOINTS = ("/v1/saliency", "/v1/scanpath", "/v1/models", "/healthz", "/readyz", "/metrics", "/openapi.json")
Work = Callable[[Job], Awaitable[Answer]]


def build(
    models: Models,
    limits: Limits | None = None,
    address: str = "127.0.0.1",
    listed: Collection[str] = (),
    token: str | None = None,
) -> Guard:
    """The server as an ASGI application; what is told of `address`, `listed` and `token` is in `Guard`."""
    limits, metrics = limits or Limits(), Metrics()
    service, entrance = Service(models, limits, metrics), Entrance(limits)
    metrics.watch(lambda: entrance.requests, lambda: service.waiting)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        service.close()

    app = FastAPI(
        title="gaze",
        version=metadata.version("gaze"),
        description=openapi.DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,  # its page would be fetched from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    _questions(app, models, service, Desk(entrance, limits, metrics, service.pool))
    _about(app, models, entrance, metrics)
    _errors(app)
    openapi.install(app, models, limits, has_token=token is not None)
    return Guard(app, endpoints=ENDPOINTS, limits=limits, metrics=metrics, address=address, listed=listed, token=token)


def _questions(app: FastAPI, models: Models, service: Service, desk: "Desk") -> None:
    @app.post("/v1/saliency", summary="Where people look in a picture", tags=["predict"])
    async def saliency(request: Request) -> Response:
        def work(options: SaliencyOptions, has_more: bool) -> Work:
            predictor = models.for_saliency(options, has_more)
            return lambda job: service.saliency(job, options, predictor)

        return await desk.serve(request, SaliencyOptions, SALIENCY_MEDIA, work)

    @app.post("/v1/scanpath", summary="In which order people look at the objects of a picture", tags=["predict"])
    async def scanpath(request: Request) -> Response:
        def work(options: ScanpathOptions, has_more: bool) -> Work:
            model = models.for_scanpath(options, has_more)
            return lambda job: service.scanpath(job, options, model)

        return await desk.serve(request, ScanpathOptions, SCANPATH_MEDIA, work)


def _about(app: FastAPI, models: Models, entrance: Entrance, metrics: Metrics) -> None:
    @app.get("/v1/models", summary="The models that are served", tags=["about"])
    async def listed() -> ModelList:
        return ModelList(models=models.cards)

    @app.get("/healthz", summary="Whether the process lives", tags=["about"])
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz", summary="Whether another picture is let in", tags=["about"])
    async def readyz() -> dict[str, str]:
        entrance.enter().leave()
        return {"status": "ready"}

    @app.get("/metrics", summary="Counts, in the text format of Prometheus", tags=["about"])
    async def counts() -> Response:
        return Response(metrics.text(), media_type=MEDIA)


def _errors(app: FastAPI) -> None:
    async def told(request: Request, error: Exception) -> Response:
        wrong = problems.refusal(error)
        if wrong.status == 500:
            logger.error("%s %s: an error", request.method, request.url.path, exc_info=error)
        return _refused(wrong)

    async def unknown(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        words = {404: f"There is nothing here of this name; there are: {', '.join(ENDPOINTS)}."}
        words[405] = "This is asked for in another way; /openapi.json says how."
        told = words.get(status, f"{HTTPStatus(status).phrase}; /openapi.json says what may be asked.")
        return _refused(RefusedError(status, told, dict(getattr(error, "headers", None) or {})))

    async def failed(request: Request, error: Exception) -> Response:
        return _refused(problems.refusal(error))  # the guard is handed the error as well, and logs it

    app.add_exception_handler(ValueError, told)  # the parent of GazeError
    app.add_exception_handler(Exception, failed)
    app.add_exception_handler(HTTPException, unknown)


def _refused(wrong: RefusedError) -> Response:
    return Response(problems.content(wrong), wrong.status, wrong.headers, problems.MEDIA)


class Desk:
    """What both questions have in common: a picture and options in, within limits and in time, an answer out."""

    def __init__(self, entrance: Entrance, limits: Limits, metrics: Metrics, pool: Executor) -> None:
        self._entrance, self._limits, self._metrics, self._pool = entrance, limits, metrics, pool
        self._working: set[asyncio.Task[Answer]] = set()

    async def serve(
        self, request: Request, kind: type[Options], media: tuple[str, ...], work: Callable[[Any, bool], Work]
    ) -> Response:
        """The answer to a request; `work` is told the options, and whether more may come, and says what makes it."""
        chosen = accept.choose(",".join(request.headers.getlist("accept")) or None, media)
        if chosen is None:
            raise RefusedError(
                406, f"The answer cannot be had in the form that Accept names; ask for {', '.join(media)}."
            )
        query = request.query_params.multi_items()
        work(kind.read(query), body.is_form(request))  # what is wrong in the query is told before the body is read
        visit = self._entrance.enter()
        task: asyncio.Task[Answer] | None = None
        reply: Reply | None = None
        try:
            ticket = Ticket(asyncio.get_running_loop().time() + self._limits.timeout)
            upload = await self._upload(request, visit, ticket)
            options = kind.read([*query, *upload.fields])
            job = Job(upload.content, upload.name, options, chosen, ticket, visit)
            del upload
            task = asyncio.ensure_future(work(options, False)(job))
            del job
            self._working.add(task)
            task.add_done_callback(self._over)
            answer = await self._waited(request, task, ticket)
            visit.keep(answer.held)
            reply = Reply(answer, chosen, visit, self._pool)
            return reply
        except ClientDisconnect:
            return Response(status_code=499)  # which nobody reads
        finally:
            if task is None:
                visit.leave()
            elif reply is None:  # it is inside until what was begun for it is over
                task.add_done_callback(lambda done: visit.leave())

    async def _upload(self, request: Request, visit: body.Visit, ticket: Ticket) -> Upload:
        try:
            async with asyncio.timeout_at(ticket.until):
                with self._metrics.stage("receive"):
                    return await body.read(request, visit, self._limits)
        except TimeoutError:
            words = f"The body did not come within {self._limits.timeout:g} seconds; send it again."
            raise RefusedError(408, words, {"Connection": "close"}) from None

    async def _waited(self, request: Request, task: "asyncio.Task[Answer]", ticket: Ticket) -> Answer:
        """What the task gives; it goes on by itself where nobody waits any more, to its next stage."""
        left = asyncio.ensure_future(until_left(request))
        try:
            seconds = ticket.until - asyncio.get_running_loop().time()
            await asyncio.wait({task, left}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                ticket.is_left = True
                if left.done():
                    raise ClientDisconnect
                raise self._late()
            try:
                return task.result()
            except TimeoutError:
                raise self._late() from None
        finally:
            left.cancel()

    def _late(self) -> RefusedError:
        words = f"The answer took more than {self._limits.timeout:g} seconds; ask again later, or send less."
        return RefusedError(504, words)

    def _over(self, task: "asyncio.Task[Answer]") -> None:
        self._working.discard(task)
        if not task.cancelled():
            task.exception()  # was told, or nobody waits any more
