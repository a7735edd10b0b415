"""Draws the pictures of the README: python docs/make.py."""

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from app.predict.simulate import scene_model, simulate
from data import picture
from data.draw.contours import contours as draw_contours
from data.draw.heatmap import heatmap
from data.draw.timeline import timeline
from export.runtime.saliency import Prediction, Predictor
from export.runtime.scene_objects import scene_objects

HERE = Path(__file__).parent
WIDTH = 1200  # pixels


def main() -> None:
    """A sample beside its heat map, above its seconds; a photograph, its heat map and the path over its objects."""
    sample = picture.read(HERE.parent / "data" / "samples" / "street.jpg")
    prediction = Predictor("tempsal", provider="cpu")(sample)
    heat = draw_contours(heatmap(sample, prediction.density), prediction.density)
    top = np.concatenate([sample, heat], 1)
    strip = timeline(sample, prediction.slices, prediction.times)
    picture.save(HERE / "street.jpg", np.concatenate([wide(row) for row in (top, strip)]))
    picture.save(HERE / "path.jpg", wide(followed(sample, prediction), WIDTH * 2 // 3))
    photograph = picture.read(HERE / "osie-1068.jpg")  # of OSIE's val split, MIT (NOTICE)
    seen = Predictor("tempsal", provider="cpu")(photograph)
    parts = [photograph, heatmap(photograph, seen.density), followed(photograph, seen)]
    same = [cv2.resize(part, photograph.shape[1::-1], interpolation=cv2.INTER_AREA) for part in parts]
    picture.save(HERE / "photograph.jpg", wide(np.concatenate(same, 1)))


def followed(pixels: UInt8[np.ndarray, "h w 3"], prediction: Prediction) -> UInt8[np.ndarray, "g v 3"]:
    """The path of the typical observer over what is found in a picture."""
    found = scene_objects(pixels, prediction)
    return simulate(scene_model("oat-free", "cpu"), "picture", pixels, found, prediction).drawn(pixels)


def wide(pixels: UInt8[np.ndarray, "h w 3"], width: int = WIDTH) -> UInt8[np.ndarray, "g v 3"]:
    """The picture at this width."""
    size = (width, round(pixels.shape[0] * width / pixels.shape[1]))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


if __name__ == "__main__":
    main()
