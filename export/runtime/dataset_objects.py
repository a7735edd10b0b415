"""What `gaze data objects` does: objects for every picture of a data set, as a file that training reads."""

import json
from collections.abc import Sequence
from pathlib import Path

from data.atomic import atomic_write
from data.errors import GazeError
from data.gaze import Picture
from data.picture import read
from data.progress import Track, untracked
from data.table import objects_json
from data.table.read import read_table
from export.runtime.saliency import Predictor
from export.runtime.scene_objects import FOUND, by_kind, scene_objects

DENSITY = "tempsal"  # the model that says where looks fall


def write_objects(
    root: Path,
    file: Path,
    model: str,
    pictures: Sequence[Picture] | None = None,
    track: Track = untracked,
    source: str = FOUND,
) -> tuple[int, int]:
    """Writes the objects of all pictures of a set in the form of objects.json; how many pictures and objects.

    They come from `source` as in `export.runtime.scene_objects`. `pictures` are those of the set where its table has
    been read already; `track` shows how many are done.

    Raises:
        GazeError: The file is not to be a .json, or its folder does not exist.
    """
    if file.suffix.lower() != ".json" or not file.parent.is_dir():
        raise GazeError(f"{file}: give the name of a .json file in a folder that exists.")
    predictor = Predictor(model)
    pictures = [picture for picture, _ in read_table(root)] if pictures is None else list(pictures)
    found = {}
    for picture in track(pictures, "pictures", len(pictures)):
        pixels = read(picture.path or root / "images" / picture.name)
        found[picture.name] = by_kind(scene_objects(pixels, predictor(pixels), source))
    with atomic_write(file) as opened:
        opened.write(json.dumps(objects_json.to_coco(pictures, found)).encode())
    return len(pictures), sum(map(len, found.values()))
