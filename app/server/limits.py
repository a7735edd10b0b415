"""What one request, and all of them together, may take of the machine."""

from dataclasses import dataclass

from export.runtime.batch import PIXELS
from export.runtime.session import cores

MB = 1_000_000


@dataclass(frozen=True)
class Limits:
    """How much is let in; the flags of `gaze serve` have the same names."""

    queue: int = 64  # requests at a time, from their first byte to their answer
    batch: int = 4  # pictures in one run of a model
    wait_ms: float = 2.0  # that the first picture of a batch waits for others
    max_mb: float = 20.0  # of a body
    max_megapixels: float = 25.0  # of a picture, looked up in its header
    timeout: float = 30.0  # seconds from the first byte of a request to the first of its answer
    runners: int = 1  # batches that are computed at the same time
    workers: int = cores()  # threads that decode, draw and encode

    @property
    def body_bytes(self) -> int:
        """Bytes of a body at most."""
        return int(self.max_mb * MB)

    @property
    def all_bytes(self) -> int:
        """Bytes of all bodies that are held at the same time."""
        return max(2 * self.body_bytes, 256 * MB)

    @property
    def pixels(self) -> int:
        """Pixels of a picture at most."""
        return int(self.max_megapixels * 1e6)

    @property
    def all_pixels(self) -> int:
        """Pixels of all pictures that are decoded at the same time; one that is larger is alone."""
        return PIXELS * max(2, self.workers)
