"""A large table of made fixations, for measuring."""

import json
import math
from pathlib import Path

import numpy as np

from data.errors import GazeError
from data.picture import save
from data.synthetic.scenes import _arrange, _paint, _splits, _Thing


def write_large(
    root: Path | str,
    count: int = 20_000,
    viewers: int = 25,
    fixations: int = 20,
    seed: int = 0,
    size: tuple[int, int] = (48, 64),
) -> None:
    """A data set of count * viewers * fixations fixations in the new folder `root`, written as it is made.

    The pictures are those of `pictures`. Everybody makes equally many fixations, each on an object drawn by its
    attraction, and briefer ones than people's: ten million take a minute and little memory.
    """
    import pyarrow
    from pyarrow import csv

    root = Path(root)
    if root.exists():
        raise GazeError(f"{root}: exists already; give a new folder.")
    (root / "images").mkdir(parents=True)
    names = [f"{number + 1:0{max(4, len(str(count)))}d}.png" for number in range(count)]
    people, index = np.divmod(np.arange(viewers * fixations), fixations)
    subjects = pyarrow.array([f"s{i + 1:02d}" for i in range(viewers)]).take(pyarrow.array(people))
    kinds = dict.fromkeys(("image", "subject"), "string") | {"index": "int64", "x": "float64", "y": "float64"}
    kinds |= {"duration_ms": "int64", "start_ms": "int64"}
    schema = pyarrow.schema([(name, pyarrow.type_for_alias(kind)) for name, kind in kinds.items()])
    with csv.CSVWriter(root / "fixations.csv", schema, write_options=csv.WriteOptions(quoting_style="none")) as file:
        for number, name in enumerate(names):
            chance = np.random.default_rng((seed, number))
            things = _arrange(chance, size)
            save(root / "images" / name, _paint(chance, size, things))
            columns = [pyarrow.repeat(name, len(index)), subjects, index, *_looks(chance, size, things, people, index)]
            file.write_batch(pyarrow.record_batch(columns, schema=schema))
    (root / "splits.json").write_text(json.dumps(_splits(names)), "utf-8")


def _looks(
    chance: np.random.Generator, size: tuple[int, int], things: list[_Thing], people: np.ndarray, index: np.ndarray
) -> list[np.ndarray]:
    """x, y, duration and onset of everybody's fixations on one picture."""
    pull = np.array([thing.attraction for thing in things])
    where = np.array([(thing.x, thing.y, thing.radius) for thing in things])
    seen = where[chance.choice(len(things), len(index), p=pull / pull.sum())]
    xy = chance.normal(seen[:, :2], 0.4 * seen[:, 2:] + 0.005 * size[1])
    xy = np.clip(xy, 0.5, (size[1] - 0.5, size[0] - 0.5)).round(2)
    duration = chance.lognormal(math.log(80), 0.35, len(index)).round().astype(int)
    step = (duration + 40).reshape(people[-1] + 1, -1)
    return [xy[:, 0], xy[:, 1], duration, (100 + np.cumsum(step, 1) - step).ravel()]
