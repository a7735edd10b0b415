"""The objects of a picture for which no file names any: those that a saliency model finds, or proto-objects."""

import numpy as np
from jaxtyping import UInt8

from data.errors import GazeError
from data.gaze import Objects
from export.runtime.saliency import Prediction
from scanpath.proto_objects import proto_objects

FOUND, PROTO = "found", "proto"
SOURCES = (FOUND, PROTO)
LEAST = 2  # found objects: among fewer there is no order


def scene_objects(pixels: UInt8[np.ndarray, "h w 3"], prediction: Prediction, source: str = FOUND) -> Objects:
    """What people may look at in a picture.

    "found": the objects and faces of the prediction; proto-objects where its model finds fewer than two, or looks for
    none. "proto": proto-objects (`scanpath.proto_objects`) always.

    Raises:
        GazeError: There is no such source.
    """
    if source not in SOURCES:
        raise GazeError(f"Objects cannot come from {source!r}; choose {' or '.join(SOURCES)}.")
    found = prediction.objects
    if source == FOUND and found is not None and len(found) >= LEAST:
        return found
    return proto_objects(pixels, prediction.density)
