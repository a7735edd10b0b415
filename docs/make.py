"""Draws the pictures of the README: python docs/make.py."""

from pathlib import Path

import cv2
import numpy as np

from app.predict.simulate import scene_model, simulate
from data import picture
from data.draw.heatmap import heatmap
from data.draw.regions import contours as draw_contours
from data.draw.timeline import timeline
from export.runtime.saliency import Predictor
from export.runtime.scene_objects import scene_objects

HERE = Path(__file__).parent
WIDTH = 1200  # pixels


def main() -> None:
    """A sample beside its heat map, above its five seconds; and the path of a typical observer over its objects."""
    sample = picture.read(HERE.parent / "data" / "samples" / "street.jpg")
    prediction = Predictor("tempsal", provider="cpu")(sample)
    heat = draw_contours(heatmap(sample, prediction.density), prediction.density)
    top = np.concatenate([sample, heat], 1)
    strip = timeline(sample, prediction.slices, prediction.times)
    rows = [
        cv2.resize(row, (WIDTH, round(row.shape[0] * WIDTH / row.shape[1])), interpolation=cv2.INTER_AREA)
        for row in (top, strip)
    ]
    picture.save(HERE / "street.jpg", np.concatenate(rows))
    found = scene_objects(sample, prediction)
    trace = simulate(scene_model("oat-free", "cpu"), "street.jpg", sample, found, prediction)
    path = cv2.resize(trace.drawn(sample), (WIDTH * 2 // 3, WIDTH // 2), interpolation=cv2.INTER_AREA)
    picture.save(HERE / "path.jpg", np.asarray(path, np.uint8))


if __name__ == "__main__":
    main()
