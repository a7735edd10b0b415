"""Teaches a trained TempSAL to tell photographs from screens, graphics and pages of text (`saliency.layers.medium`)."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from data.errors import GazeError
from data.picture import read
from data.synthetic.graphics import graphic, text_page
from saliency.datamodule import letterboxed, training_pictures
from saliency.layers.medium import MEDIA, statistics
from saliency.models.tempsal import TempSAL

LEAST = 10  # photographs
SHOWN = 12  # photographs that graphics may show

Pixels = UInt8[np.ndarray, "h w 3"]


def learn_media(network: TempSAL, roots: Sequence[Path], made: int = 240, seed: int = 0) -> tuple[TempSAL, float]:
    """A copy of the network that knows media, and the share of held-out examples that it tells right.

    Photographs are up to twice `made` training pictures of the sets in `roots`; `made` graphics and as many pages of
    text are drawn (`data.synthetic.graphics`). The last fifth of each is held out.

    Raises:
        GazeError: There are fewer than ten photographs.
    """
    paths = [picture.path for root in roots for picture in training_pictures(root) if picture.path is not None]
    if len(paths) < LEAST:
        raise GazeError(f"There are {len(paths)} photographs to learn from; give sets with at least {LEAST}.")
    random = np.random.default_rng(seed)
    order = random.permutation(len(paths))
    shown = [read(paths[i]) for i in order[:SHOWN]]
    groups: list[Iterable[Pixels]] = [
        (read(paths[i]) for i in order[: 2 * made]),
        (graphic(seed + number, shown).pixels for number in range(made)),
        (text_page(seed + number) for number in range(made)),
    ]
    arguments: dict[str, Any] = {**network.arguments, "media": list(MEDIA)}
    copy = TempSAL(**arguments)
    copy.load_state_dict({**copy.state_dict(), **network.state_dict()})
    copy.eval()
    assert copy.medium is not None
    learned, held_out = [], []
    for medium, group in enumerate(groups):
        found = torch.cat([_statistics(copy, picture) for picture in group])
        count = len(found) - len(found) // 5
        numbers = torch.full((len(found),), medium)
        learned.append((found[:count], numbers[:count]))
        held_out.append((found[count:], numbers[count:]))
    copy.medium.fit(*(torch.cat(parts) for parts in zip(*learned, strict=True)))
    with torch.inference_mode():
        right = [(copy.medium.logits(found).argmax(1) == numbers).float() for found, numbers in held_out]
    return copy, float(torch.cat(right).mean())


@torch.inference_mode()
def _statistics(network: TempSAL, picture: Pixels) -> Float[Tensor, "1 c2"]:
    _, shown, content = letterboxed(picture, network.canvas)
    return statistics(network.see(shown).last, content)
