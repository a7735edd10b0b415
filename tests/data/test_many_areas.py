"""A file of very many areas is refused before each of them is looked at."""

import json
import time

import pytest

from data.areas import from_coco
from data.errors import GazeError


def test_a_file_of_very_many_areas_is_refused_at_once() -> None:
    one = {"image_id": 1, "category_id": 1, "bbox": [1, 1, 3, 3]}
    content = {"images": [{"id": 1, "file_name": "p.png"}], "categories": [{"id": 1, "name": "x"}]}
    content["annotations"] = [one | {"id": number} for number in range(20_000)]
    begun = time.perf_counter()
    with pytest.raises(GazeError, match=r"There are 20000 areas; a picture may have 200\."):
        from_coco(json.dumps(content).encode(), "a.json", "p.png", 60, 40, print)
    assert time.perf_counter() - begun < 10
