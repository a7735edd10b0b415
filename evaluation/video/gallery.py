"""What the report shows of a clip: one frame, under the map of a row and under that of the people at that instant.

Models that remember would have to see half a clip to say it again, so that it is kept while clips are scored: small.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float16, Float32, UInt8

from data.draw.heatmap import heatmap
from evaluation.results import DrawPanels, Panel
from evaluation.saliency.gallery import shrunk
from export.runtime.video import resized

SIDE = 96  # pixels of a map that is kept, at most
QUALITY = 88  # of the frame as JPEG
FLOOR = 1e-12  # of a probability

Small = Float16[np.ndarray, "g v"]


@dataclass(frozen=True)
class Snapshot:
    """A frame of a clip, and what rows and people say of it."""

    time_s: float
    jpeg: bytes
    rows: dict[str, Small]  # log densities, less their maximum
    people: Small

    @classmethod
    def of(
        cls,
        frame: UInt8[np.ndarray, "h w 3"],
        time_s: float,
        densities: Mapping[str, Float32[np.ndarray, "g v"]],
        people: Float32[np.ndarray, "g v"],
    ) -> "Snapshot":
        """A frame and the densities of it, kept small."""
        options = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
        encoded = cv2.imencode(".jpg", cv2.cvtColor(shrunk(frame), cv2.COLOR_RGB2BGR), options)[1]
        kept = {row: _kept(density) for row, density in densities.items()}
        return cls(time_s, encoded.tobytes(), kept, _kept(people))

    def panels(self, row: str) -> list[Panel]:
        """The frame under a row's map, and under that of people."""
        decoded = cv2.imdecode(np.frombuffer(self.jpeg, np.uint8), cv2.IMREAD_COLOR)
        if decoded is None or row not in self.rows:
            return []
        frame = np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)
        size = frame.shape[0], frame.shape[1]
        named = ((f"{row}, at {self.time_s:.1f} s", self.rows[row]), ("people", self.people))
        return [(title, heatmap(frame, resized(density.astype(np.float32), size))) for title, density in named]


def draw_panels(snapshots: Mapping[str, Snapshot | None]) -> DrawPanels:
    """The function that draws a row's map of a clip; nothing where no frame was kept."""

    def panels(row: str, clip: str) -> list[Panel]:
        snapshot = snapshots.get(clip)
        return snapshot.panels(row) if snapshot else []

    return panels


def _kept(density: Float32[np.ndarray, "g v"]) -> Small:
    scale = min(1.0, SIDE / max(density.shape))
    size = max(1, round(density.shape[1] * scale)), max(1, round(density.shape[0] * scale))
    small = np.log(np.maximum(cv2.resize(density, size, interpolation=cv2.INTER_AREA), FLOOR))
    return np.asarray(small - small.max(), np.float16)
