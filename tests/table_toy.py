"""A sound data set of two pictures in our own table, for tests to read and to spoil."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from data.errors import TableError
from data.gaze import Scanpath
from data.table.validate import check_table

HEADER = "image,subject,index,x,y,duration_ms,start_ms"
SEARCH = HEADER + ",task,target,target_x,target_y,target_w,target_h,found"
ROWS = ["a.png,s1,0,5,6,200,100", "a.png,s1,1,7.5,8,150,350", "b.png,s1,0,1,2,300,120"]
TOLD = ("subject", "task", "target", "box", "found", "memory_set")
COCO = {
    "images": [{"id": 1, "file_name": "a.png", "width": 20, "height": 10}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 3, "bbox": [1, 2, 3, 4], "attributes": {"frontal": 1}}],
    "categories": [{"id": 3, "name": "face"}],
}
SETS = ("osie", "crowd", "scene", "interiors", "hsem", "amazon_covers")  # real ones
PIECES = st.sampled_from(
    [
        b'"',
        b",",
        b"\n",
        b"\r",
        b"\0",
        b";",
        b"nan",
        b"inf",
        b"-",
        b"1e400",
        b"e307",
        b"1e9",
        b"86400000",
        b"1e16",
        b"\xff",
        b"9" * 400,
        b"../",
    ]
)


def sound(tmp_path: Path) -> Path:
    """A sound data set of two pictures of 20 x 10 pixels."""
    (tmp_path / "images").mkdir()
    for name, colour in (("a.png", "red"), ("b.png", "blue")):
        Image.new("RGB", (20, 10), colour).save(tmp_path / "images" / name)
    lines(tmp_path, *ROWS)
    (tmp_path / "objects.json").write_text(json.dumps(COCO))
    (tmp_path / "splits.json").write_text('{"train": ["a.png"], "val": [], "test": ["b.png"]}')
    return tmp_path


def lines(root: Path, *rows: str, header: str = HEADER) -> None:
    (root / "fixations.csv").write_text("\n".join((header, *rows)) + "\n", "utf-8")


def problems(root: Path) -> list[str]:
    return [f"{Path(defect.file).name}:{defect.line}: {defect.problem}" for defect in check_table(root)]


def attempt(function: Callable[[], Any]) -> tuple[Any, str]:
    """What a reader returns, and what its TableError says."""
    try:
        return function(), ""
    except TableError as error:
        return None, str(error)


def same(one: Scanpath, other: Scanpath) -> bool:
    arrays = all(
        np.array_equal(getattr(one, k), getattr(other, k), equal_nan=True) for k in ("xy", "onset", "duration")
    )
    return arrays and all(getattr(one, k) == getattr(other, k) for k in TOLD)


def plain(items: Any) -> Any:
    """Pictures with their scanpaths as something that can be compared, NaN being NaN."""
    arrays = ("xy", "onset", "duration")
    return [
        (picture, [([getattr(p, k) for k in TOLD], *(repr(getattr(p, k).tolist()) for k in arrays)) for p in paths])
        for picture, paths in items
    ]
