"""Tiny networks and windows of clips for tests of video models."""

import torch
from torch import Tensor

from video.models.tempsal_video import TempSALVideo

CANVAS = (64, 96)
STILL = {"backbone": "small", "width": 16, "fine": 8, "blocks": 1, "heads": 2, "slices": 2}


def network(seed: int = 0, **options: object) -> TempSALVideo:
    """One that uses what it remembers: its last layer is no longer zero."""
    torch.manual_seed(seed)
    made = TempSALVideo(["a", "b"], STILL, width=8, heads=2, **options)  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter in made.read[-1].parameters():
            parameter.normal_(std=0.5)
    return made.eval()


def window(frames: int = 5, batch: int = 2, seed: int = 1) -> dict[str, Tensor]:
    """Frames of a picture that moves to the right, and where they lie on their canvas."""
    generator = torch.Generator().manual_seed(seed)
    height, width = CANVAS
    wide = torch.randint(0, 255, (batch, height // 8, 3 * width // 8, 3), generator=generator, dtype=torch.uint8)
    wide = wide.repeat_interleave(8, 1).repeat_interleave(8, 2)
    shown = [wide[:, :, 4 * number : 4 * number + width] for number in range(frames)]
    return {
        "clip": torch.stack(shown, 1),
        "content": torch.tensor([[0.0, 8.0, width, height - 8.0], [12.0, 0.0, width - 12.0, height]])[:batch],
        "condition": torch.arange(batch),
        "step_s": torch.full((batch, frames), 0.08),
    }
