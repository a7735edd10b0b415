"""Text in a picture, as blocks of lines named by their words; by RapidOCR, the optional extra `text`.

RapidOCR (https://github.com/RapidAI/RapidOCR, Apache-2.0) carries its models; nothing is downloaded. Lines that stand
closely below each other, of about one height and over each other, are one block: a headline, a paragraph, a label.
"""

import functools
import logging
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from data.errors import ModelError
from data.gaze import Objects
from data.plain_text import visible

GAP = 0.8  # line heights between two lines of a block, at most
TALLER = 1.6  # times: lines of one block differ less
COVERED = 0.5  # of the narrower line that lies over or under the other, at least
SURE = 0.6  # of the words
LONGEST = 40  # characters of a name
MODELS = {
    "Det.model_path": "PP-OCRv6_det_small.onnx",
    "Cls.model_path": "ch_ppocr_mobile_v2.0_cls_mobile.onnx",
    "Rec.model_path": "PP-OCRv6_rec_small.onnx",
}

_running = threading.Lock()  # RapidOCR keeps what it works on


def installed() -> bool:
    """Whether the extra is there."""
    return find_spec("rapidocr") is not None


def text_blocks(pixels: UInt8[np.ndarray, "h w 3"]) -> Objects:
    """The blocks of text in a picture, from top to bottom; no block is an answer, too.

    Raises:
        ModelError: The extra `text` is not installed.
    """
    with _running:
        found = _reader()(np.ascontiguousarray(pixels[..., ::-1]))
    if found.boxes is None or not found.txts:
        return Objects(np.zeros((0, 4)), (), (), np.zeros(0))
    corners = np.asarray(found.boxes, np.float64)  # four of each line
    size = np.array(pixels.shape[1::-1], np.float64)
    low, high = (np.clip(corner, 0, size) for corner in (corners.min(1), corners.max(1)))
    scores = np.asarray(found.scores, np.float64)
    kept = ((high - low) >= 1).all(1) & (scores >= SURE)
    lines = np.hstack([low, high])[kept]
    words = [text for text, keep in zip(found.txts, kept, strict=True) if keep]
    return group(lines, words, scores[kept])


def group(corners: Float[np.ndarray, "n 4"], words: list[str], scores: Float[np.ndarray, " n"]) -> Objects:
    """Lines (left, top, right, bottom) as blocks, from top to bottom; each is named by its words."""
    order = np.lexsort((corners[:, 0], corners[:, 1]))
    blocks: list[list[int]] = []
    for i in order:
        above = [block for block in blocks if _continues(corners[block[-1]], corners[i])]
        if above:
            min(above, key=lambda block: corners[i, 1] - corners[block[-1], 3]).append(int(i))
        else:
            blocks.append([int(i)])
    low = np.array([corners[block, :2].min(0) for block in blocks]).reshape(-1, 2)
    high = np.array([corners[block, 2:].max(0) for block in blocks]).reshape(-1, 2)
    known: tuple[dict[str, object], ...] = tuple({"kind": "text"} for _ in blocks)
    names = tuple(_name(" ".join(words[i] for i in block)) for block in blocks)
    sure = np.array([float(np.mean(scores[block])) for block in blocks])
    return Objects(np.hstack([low, high - low]), names, known, np.clip(sure, 0, 1))


def _continues(upper: Float[np.ndarray, "4"], lower: Float[np.ndarray, "4"]) -> bool:
    """Whether a line goes on in the one below it."""
    heights = sorted([upper[3] - upper[1], lower[3] - lower[1]])
    widths = min(upper[2] - upper[0], lower[2] - lower[0])
    shared = min(upper[2], lower[2]) - max(upper[0], lower[0])
    gap = lower[1] - upper[3]
    return bool(
        heights[1] <= TALLER * heights[0] and -heights[0] / 2 <= gap <= GAP * heights[0] and shared >= COVERED * widths
    )


def _name(words: str) -> str:
    text = visible(" ".join(words.split()))
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rstrip() + "…"


@functools.cache
def _reader() -> Any:
    """RapidOCR with the models that it carries; one for the whole process."""
    try:
        import rapidocr
        from rapidocr.utils import download_file
    except ImportError as error:
        raise ModelError("To find text, install the extra: pip install -e '.[text]'") from error
    folder = Path(rapidocr.__file__).parent / "models"
    if lacking := [name for name in MODELS.values() if not (folder / name).is_file()]:
        raise ModelError(
            f"This RapidOCR does not carry {lacking[0]}; install the extra again: pip install -e '.[text]'"
        )
    download_file.DownloadFile.run = _refuse_download  # type: ignore[method-assign]
    logging.getLogger("RapidOCR").setLevel(logging.ERROR)
    options = {option: str(folder / name) for option, name in MODELS.items()}
    quiet = {"Global.log_level": "error", "EngineConfig.onnxruntime.inter_op_num_threads": 1}
    return rapidocr.RapidOCR(params=options | quiet)


def _refuse_download(*_: Any, **__: Any) -> None:
    raise ModelError("RapidOCR lacks a model that it should carry; install the extra again: pip install -e '.[text]'")
