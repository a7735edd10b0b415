"""Draws the picture at the top of the README: python docs/make.py."""

from pathlib import Path

import cv2
import numpy as np

from data import draw, picture
from export.runtime import Predictor

HERE = Path(__file__).parent
WIDTH = 1200  # pixels


def main() -> None:
    """A sample beside its heat map, above its five seconds."""
    sample = picture.read(HERE.parent / "data" / "samples" / "street.jpg")
    prediction = Predictor("tempsal", provider="cpu")(sample)
    heat = draw.contours(draw.heat(sample, prediction.density), prediction.density)
    top = np.concatenate([sample, heat], 1)
    strip = draw.strip(sample, prediction.slices, prediction.times)
    rows = [
        cv2.resize(row, (WIDTH, round(row.shape[0] * WIDTH / row.shape[1])), interpolation=cv2.INTER_AREA)
        for row in (top, strip)
    ]
    picture.save(HERE / "street.jpg", np.concatenate(rows))


if __name__ == "__main__":
    main()
