"""What searches: eccNET as a network or as an exported file, and chance and pixels beside it.

A searcher is asked once for each display and gives a function from the point of gaze to the map of attention, which
`scanpath.visual_search.search` follows. Only networks need torch.
"""

from typing import Any, Protocol

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from data.errors import ModelError
from data.synthetic.asymmetry import PIXELS_PER_DEGREE
from export.runtime.registry import named_file
from export.runtime.visual_search import VisualSearcher
from scanpath.visual_search import Attention

CHANCE, PIXELS = "chance", "pixels"
BASELINES = (CHANCE, PIXELS)
NETWORKS = {"eccnet-vgg16": "vgg16", **{f"eccnet-{name}": name for name in ("lite0", "lite1", "lite2")}}
SHIPPED = "eccnet"
PIXEL_STRIDE = 8
Picture = UInt8[np.ndarray, "_h _w 3"]


class Searcher(Protocol):
    """Anything that tells where to look next for a target."""

    @property
    def stride(self) -> int:
        """Pixels from cell to cell of its maps."""

    @property
    def paints(self) -> bool:
        """Whether what was fixated is painted over, in displays that have cells."""

    def __call__(self, picture: Picture, target: Picture) -> Attention:
        """The map of attention as a function of the point of gaze; both pictures have one scale."""


class Chance:
    """Any place is as good as another, anew from each fixation."""

    stride, paints = PIXEL_STRIDE, False

    def __call__(self, picture: Picture, target: Picture) -> Attention:
        """Noise, the same for the same picture."""
        rows, columns = (-(-side // self.stride) for side in picture.shape[:2])
        random = np.random.default_rng(int(picture[..., 0].astype(np.int64).sum()))
        return lambda gaze: random.random((rows, columns), np.float32)


class Pixels:
    """The normalised correlation of colours with the target, the same from each fixation."""

    stride, paints = PIXEL_STRIDE, False

    def __call__(self, picture: Picture, target: Picture) -> Attention:
        """How well the target's picture fits about each cell; it fits nowhere where it is of one colour."""
        above, left = (side // 2 for side in target.shape[:2])
        below, right = (side - 1 - side // 2 for side in target.shape[:2])
        wide = cv2.copyMakeBorder(picture, above, below, left, right, cv2.BORDER_REPLICATE)
        fit = np.nan_to_num(cv2.matchTemplate(wide, target, cv2.TM_CCOEFF_NORMED), posinf=0.0, neginf=0.0)
        middle = self.stride // 2
        rows, columns = (np.arange(middle, -(-n // middle) * middle + middle, self.stride) for n in picture.shape[:2])
        at = np.ix_(rows.clip(max=len(picture) - 1), columns.clip(max=picture.shape[1] - 1))
        best = fit[at][: -(-len(picture) // self.stride), : -(-picture.shape[1] // self.stride)]
        return lambda gaze: best


class Network:
    """eccNET in torch, with the ImageNet weights of its package."""

    def __init__(self, backbone: str) -> None:
        from scanpath.models.eccnet import EccNet

        self._network = EccNet(backbone).eval()
        self._network.load_pretrained()
        self.stride: int = self._network.stride
        self.paints = backbone == "vgg16"

    def __call__(self, picture: Picture, target: Picture) -> Attention:
        """The features of both are computed here, once."""
        import torch

        with torch.inference_mode():
            memory = self._network.encode(torch.from_numpy(picture)[None], torch.from_numpy(target)[None])

        def attention(gaze: Float[np.ndarray, " 2"]) -> Float[np.ndarray, "g v"]:
            with torch.inference_mode():
                at = torch.from_numpy(np.asarray(gaze, np.float32))[None]
                seen: Any = self._network.step(at, *memory)[0].numpy()
            return seen  # type: ignore[no-any-return]

        return attention


def open_searcher(name: str) -> Searcher:
    """The searcher of that name, or of an exported file.

    Raises:
        GazeError: There is none, or it cannot be used.
    """
    if name in BASELINES:
        return Chance() if name == CHANCE else Pixels()
    if name in NETWORKS:
        return Network(NETWORKS[name])
    return Exported(name)


def default() -> str:
    """The exported eccNET where it is there, else the network."""
    return SHIPPED if named_file(SHIPPED) else "eccnet-lite2"


class Exported:
    """An exported file, without torch.

    Raises:
        ModelError: There is no such file, it does not search, or it sees pictures at another scale than displays have.
    """

    paints = False

    def __init__(self, model: str) -> None:
        self._opened = VisualSearcher(model, provider="cpu", threads=1)
        contract = self._opened.contract
        if contract.pixels_per_degree != PIXELS_PER_DEGREE:
            raise ModelError(
                f"{self._opened.path.name} sees {contract.pixels_per_degree:g} pixels a degree, and the displays have "
                f"{PIXELS_PER_DEGREE}; export one that does."
            )
        self.stride: int = contract.stride

    def __call__(self, picture: Picture, target: Picture) -> Attention:
        """What is computed once a picture is computed here."""
        return self._opened.look(picture, target, picture.shape[1] / PIXELS_PER_DEGREE).attention
