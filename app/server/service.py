"""From the bytes of a picture to the bytes of an answer: decode, predict in batches, draw; each within limits.

Decoding and drawing run in threads, models in `MicroBatches`. What pictures take together is bounded by their pixels,
looked up in their headers before anything is decoded. A request whose time is up, or whose client went away, is left
at the next stage; until then it counts as being inside.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import NamedTuple, TypeVar

import numpy as np
from jaxtyping import UInt8

from app.predict.scanpath import source
from app.predict.simulate import SceneModel, Settings, SimulatedPaths, simulate
from app.server import answer
from app.server.answer import Answer
from app.server.body import Visit
from app.server.limits import Limits
from app.server.metrics import Metrics
from app.server.microbatch import MicroBatches
from app.server.models import Models
from app.server.options import Options, SaliencyOptions, ScanpathOptions
from app.server.problems import RefusedError
from data.draw.heatmap import heatmap
from data.draw.timeline import panel_size, timeline
from data.errors import LargePictureError, PictureError
from data.picture import area_of, encode, read_damaged
from data.plain_text import visible
from export.runtime.saliency import Prediction, Predictor

JSON, PNG, CSV = "application/json", "image/png", "text/csv"
NPY = "application/x-npy"
BYTES = "application/octet-stream"  # npy again, for clients that know no other name
ARRAYS = (NPY, BYTES)
SALIENCY_MEDIA = (JSON, PNG, *ARRAYS)
SCANPATH_MEDIA = (JSON, PNG, CSV)
UNNAMED = "The picture"  # in sentences about a picture whose name was not told
Pixels = UInt8[np.ndarray, "h w 3"]
Made = TypeVar("Made")


class Ticket:
    """Whether an answer is still wanted."""

    def __init__(self, until: float) -> None:
        self.until, self.is_left = until, False

    def is_wanted(self) -> bool:
        """Whether there is time, and somebody waits."""
        return not self.is_left and asyncio.get_running_loop().time() < self.until

    def check(self) -> None:
        """Raises TimeoutError where it is not."""
        if not self.is_wanted():
            raise TimeoutError


class Room:
    """Lets pictures in, in their order, while the sum of their pixels stays within a limit; a larger one is alone."""

    def __init__(self, limit: int) -> None:
        self._limit, self._held = limit, 0
        self._turn, self._changed = asyncio.Lock(), asyncio.Condition()

    @asynccontextmanager
    async def share(self, pixels: int) -> AsyncIterator[None]:
        """Hold so many pixels for a while; waits until there is room."""
        pixels = min(pixels, self._limit)
        async with self._turn, self._changed:
            await self._changed.wait_for(lambda: self._held + pixels <= self._limit)
            self._held += pixels
        try:
            yield
        finally:
            async with self._changed:
                self._held -= pixels
                self._changed.notify_all()


class Job(NamedTuple):
    """What a request comes to."""

    content: bytes
    name: str | None
    options: Options
    media: str  # of the answer
    ticket: Ticket
    visit: Visit


class Service:
    """The models, and the threads that serve them."""

    def __init__(self, models: Models, limits: Limits, metrics: Metrics) -> None:
        self.models, self._limits, self._metrics = models, limits, metrics
        self.pool = ThreadPoolExecutor(limits.workers, "picture")
        self._room = Room(limits.all_pixels)
        self._batches: MicroBatches[tuple[Predictor, str], Pixels, Prediction] = MicroBatches(
            lambda key, pictures: key[0].batch(pictures, key[1]),
            limits.batch,
            limits.wait_ms / 1000 if limits.batch > 1 else 0.0,
            limits.runners,
            lambda key, size: metrics.batched(key[0].contract.name, size),
        )

    @property
    def waiting(self) -> int:
        """Pictures that wait for a model."""
        return len(self._batches)

    def close(self) -> None:
        """Forget the threads."""
        self._batches.close()
        self.pool.shutdown(wait=False, cancel_futures=True)

    async def saliency(self, job: Job, options: SaliencyOptions, predictor: Predictor) -> Answer:
        """Where people look in a picture, in the form that is wanted.

        Raises:
            GazeError: The picture, or what is asked of it, cannot be, or there is no room for the answer.
            TimeoutError: The answer is not wanted any more.
        """
        if options.slices and not predictor.contract.slices:
            name = predictor.contract.name
            raise RefusedError(400, f"{name} tells no slices of time; leave slices out, or take another model.")
        pixels = await self._pixels(job)
        if job.media in ARRAYS:
            job.visit.hold(4 * pixels)  # of the answer, told before anything is computed
        async with self._room.share(pixels):
            picture, damage = await self._decoded(job)
            prediction = replace(await self._predicted(job, predictor, options.condition, picture), damaged=damage)
            return await self._in_thread("draw", job, lambda: saliency_content(job, options, picture, prediction))

    async def scanpath(self, job: Job, options: ScanpathOptions, model: SceneModel) -> Answer:
        """In which order people look at the objects of a picture, in the form that is wanted; errors as above."""
        if self.models.density is None and not options.objects.startswith("grid:"):
            raise RefusedError(400, "No model that finds objects is served here; take a grid such as objects=grid:6x8.")
        settings = Settings(
            observers=options.observers,
            temperature=options.temperature,
            seed=options.seed,
            limit=options.limit,
            condition=options.condition,
        )
        async with self._room.share(await self._pixels(job)):
            picture, damage = await self._decoded(job)
            density = self.models.density
            prediction = None if density is None else await self._predicted(job, density, "any", picture)

            def trace() -> Answer:
                found = source(options.objects)(picture, "", prediction)
                paths = simulate(model, job.name or "", picture, found, prediction, None, settings)
                return scanpath_content(job, picture, replace(paths, damaged=damage))

            return await self._in_thread("draw", job, trace)

    async def _pixels(self, job: Job) -> int:
        """The picture's size, looked up before it is decoded."""
        name = visible(job.name or UNNAMED)
        pixels = await self._in_thread("header", job, lambda: area_of(job.content, name))
        if pixels > self._limits.pixels:
            raise LargePictureError(
                f"{name}: the picture has {pixels / 1e6:.1f} megapixels, but the limit is "
                f"{self._limits.max_megapixels:g}; make it smaller."
            )
        return pixels

    async def _decoded(self, job: Job) -> tuple[Pixels, str]:
        """The picture, and what is wrong with its file where that was accepted."""
        name = visible(job.name or UNNAMED)
        picture, damage = await self._in_thread("decode", job, lambda: read_damaged(job.content, name))
        if damage and not job.options.accept_damaged:
            remedy = "send it again, or ask with accept_damaged=true"
            raise PictureError(f"{name}: the picture is damaged or cut off ({damage}); {remedy}.")
        return picture, damage

    async def _predicted(self, job: Job, predictor: Predictor, condition: str, picture: Pixels) -> Prediction:
        job.ticket.check()
        with self._metrics.stage("model"):
            return await self._batches.ask((predictor, condition), picture, job.ticket.is_wanted)

    async def _in_thread(self, stage: str, job: Job, work: Callable[[], Made]) -> Made:
        """Do something in a thread while the answer is wanted."""
        job.ticket.check()
        with self._metrics.stage(stage):
            return await asyncio.get_running_loop().run_in_executor(self.pool, work)


def saliency_content(job: Job, options: SaliencyOptions, picture: Pixels, prediction: Prediction) -> Answer:
    """The answer about where people look."""
    if job.media == JSON:
        return answer.whole(prediction.to_json(job.name).encode())
    if job.media == PNG and options.slices:
        slices = prediction.sampled_slices(panel_size(picture.shape))
        strip = timeline(picture, slices, prediction.times, options.opacity, options.palette)
        return answer.whole(encode(strip))
    if job.media == PNG:
        return answer.whole(encode(heatmap(picture, prediction.density, options.opacity, options.palette)))
    shape = prediction.density.shape
    if options.slices:
        return answer.array(prediction.each_slice(), (len(prediction.times), *shape))
    return answer.array((prediction.density,), shape)


def scanpath_content(job: Job, picture: Pixels, paths: SimulatedPaths) -> Answer:
    """The answer about the order."""
    if job.media == PNG:
        return answer.whole(encode(paths.drawn(picture)))
    return answer.whole((paths.paths_csv() if job.media == CSV else paths.to_json(job.name)).encode())
