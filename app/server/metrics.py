"""What the server counts, for Prometheus: requests, how long they and their stages take, queue and batches.

Every label has few values: endpoints, statuses and models are known when the server starts.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

MEDIA = CONTENT_TYPE_LATEST
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)  # upper ends of classes
SIZES = (1, 2, 3, 4, 6, 8, 12, 16, 32, 64)


class Metrics:
    """The counts of one server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        registry = self._registry
        ProcessCollector(registry=registry)
        self._requests = Counter(
            "gaze_requests", "Requests by their status.", ["endpoint", "status"], registry=registry
        )
        self._seconds = Histogram(
            "gaze_request_seconds",
            "Seconds to the end of the answer.",
            ["endpoint"],
            buckets=SECONDS,
            registry=registry,
        )
        self._stages = Histogram(
            "gaze_stage_seconds",
            "Seconds of a stage: receive, header, decode, model (waiting included), draw.",
            ["stage"],
            buckets=SECONDS,
            registry=registry,
        )
        self._batches = Histogram(
            "gaze_batch_size", "Pictures in a batch.", ["model"], buckets=SIZES, registry=registry
        )
        self._in_flight = Gauge(
            "gaze_requests_in_flight", "Pictures that are received, wait or are computed.", registry=registry
        )
        self._waiting = Gauge("gaze_queue_length", "Pictures that wait for a model.", registry=registry)

    def watch(self, in_flight: Callable[[], float], waiting: Callable[[], float]) -> None:
        """Look at these numbers when the counts are asked for."""
        self._in_flight.set_function(in_flight)
        self._waiting.set_function(waiting)

    def answered(self, endpoint: str, status: int, seconds: float) -> None:
        """A request is over."""
        self._requests.labels(endpoint, str(status)).inc()
        self._seconds.labels(endpoint).observe(seconds)

    def batched(self, model: str, size: int) -> None:
        """A batch was run."""
        self._batches.labels(model).observe(size)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Times a stage of a request."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self._stages.labels(name).observe(time.perf_counter() - start)

    def text(self) -> bytes:
        """All counts in the text format of Prometheus."""
        return generate_latest(self._registry)
