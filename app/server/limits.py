"""What one request, and all of them together, may take of the machine."""

from pydantic import Field

from data.picture import LIMIT
from export.runtime.batch import PIXELS
from export.runtime.options import Options
from export.runtime.session import cores

MB = 1_000_000


class Limits(Options):
    """How much is let in; the flags of `gaze serve` have the same names."""

    queue: int = Field(default=32, ge=1)  # requests at a time, until their answers are sent
    batch: int = Field(default=1, ge=1)  # pictures in one run of a model
    wait_ms: float = Field(default=2.0, ge=0, le=1000)  # that the first picture of a batch waits for others
    max_mb: float = Field(default=20.0, gt=0, le=1000)  # of a body
    max_megapixels: float = Field(default=25.0, gt=0, le=LIMIT / 1e6)  # of a picture, looked up in its header
    timeout: float = Field(
        default=30.0, gt=0, le=3600
    )  # seconds from a request's first byte to the first of its answer
    runners: int = Field(default=1, ge=1)  # batches that are computed at the same time
    workers: int = Field(default_factory=cores, ge=1)  # threads that decode, draw and encode

    @property
    def body_bytes(self) -> int:
        """Bytes of a body at most."""
        return int(self.max_mb * MB)

    @property
    def all_bytes(self) -> int:
        """Bytes of all bodies and answers that are held at the same time."""
        return max(2 * self.body_bytes, 256 * MB)

    @property
    def pixels(self) -> int:
        """Pixels of a picture at most."""
        return int(self.max_megapixels * 1e6)

    @property
    def all_pixels(self) -> int:
        """Pixels of all pictures that are decoded at the same time; one that is larger is alone."""
        return PIXELS * max(2, self.workers)
