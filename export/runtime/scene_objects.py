"""The objects of a picture for which no file names any: what a saliency model finds, proto-objects, text.

found        objects and faces of the prediction; proto-objects where its model finds fewer than two, or looks for none
proto        regions of one colour and density (`scanpath.proto_objects`)
text         blocks of text, named by their words (`export.runtime.text`, the extra `text`)
found+text, proto+text      both; what shares more than half of the united area with a block of text is that block
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Float, UInt8

from data.errors import GazeError
from data.gaze import Objects
from data.objects import overlap
from export.runtime.saliency import Prediction
from export.runtime.text import text_blocks
from scanpath.proto_objects import proto_objects

FOUND = "found"
SOURCES = (FOUND, "proto", "text", "found+text", "proto+text")
LEAST = 2  # found objects: among fewer there is no order
SAME = 0.5  # of the united area of a block of text and an object: what shares more is the text


def scene_objects(pixels: UInt8[np.ndarray, "h w 3"], prediction: Prediction, source: str = FOUND) -> Objects:
    """What people may look at in a picture: from one of `SOURCES`, as above.

    Raises:
        GazeError: There is no such source.
        ModelError: Text is wanted, but the extra `text` is not installed.
    """
    if source not in SOURCES:
        raise GazeError(f"Objects cannot come from {source!r}; choose {', '.join(SOURCES)}.")
    kinds = source.split("+")
    blocks = text_blocks(pixels) if "text" in kinds else Objects(np.zeros((0, 4)))
    if source == "text":
        return blocks
    found = prediction.objects
    if kinds[0] != FOUND or found is None or len(found) + len(blocks) < LEAST:
        found = proto_objects(pixels, prediction.density)
    return _joined(blocks, found) if len(blocks) else found


def _joined(first: Objects, others: Objects) -> Objects:
    """Objects, and those of the others that are not the same; masks are forgotten."""
    new = overlap(others.boxes, first.boxes).max(1, initial=0) <= SAME
    names = (*first.categories, *(name for name, keep in zip(others.categories, new, strict=True) if keep))
    sure = [_confidences(first), _confidences(others)[new]]
    kept = (each for each, keep in zip(_attributes(others), new, strict=True) if keep)
    known = (*_attributes(first), *kept)
    return Objects(np.vstack([first.boxes, others.boxes[new]]), names, known, np.concatenate(sure))


def by_kind(objects: Objects) -> Objects:
    """The same, each named by its kind alone where that is known: what a data set calls them."""
    known = _attributes(objects)
    names = objects.categories or ("",) * len(objects)
    kinds = tuple(str(each.get("kind", name)) for each, name in zip(known, names, strict=True))
    return replace(objects, categories=kinds, attributes=())


def _attributes(objects: Objects) -> tuple[dict[str, object], ...]:
    return objects.attributes or tuple({} for _ in range(len(objects)))


def _confidences(objects: Objects) -> Float[np.ndarray, " n"]:
    return np.ones(len(objects)) if objects.confidences is None else objects.confidences
