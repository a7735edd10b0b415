"""Measures focus and clarity of the 1,190 training photographs: makes app/predict/photographs.json.

    python tests/bench/photographs.py ../shared/data/osie ../shared/data/crowd ../shared/data/scene

For each model that ships the percentiles 0, 1, ... 100 of each measure, and what is printed: their median, their middle
90 %, and the correlation of the two, which should not merely mirror each other. About two minutes on one core.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from app.predict.attention_measures import PHOTOGRAPHS, TABLE, attention_measures
from app.predict.picture_maps import PictureMaps
from data.picture import read
from data.table.read import read_splits, read_table
from export.runtime.saliency import Predictor

MODELS = ("tempsal", "tempsal-fast")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("roots", type=Path, nargs="+")
    pictures = []
    for root in parser.parse_args().roots:
        names = set(read_splits(root)["train"])
        pictures += [picture.path for picture, _ in read_table(root) if picture.name in names and picture.path]
    if len(pictures) != PHOTOGRAPHS:
        raise SystemExit(f"There are {len(pictures)} photographs and not {PHOTOGRAPHS}.")
    table: dict[str, dict[str, list[float]]] = {}
    for model in MODELS:
        eyes, rows = Predictor(model, provider="cpu", threads=1), []
        for path in pictures:
            maps = PictureMaps.of(eyes(read(path)))
            measured = attention_measures(maps.maps[0], maps.size, model)
            rows.append((measured.focus, measured.clarity))
        values = np.array(rows).T
        table[model] = {
            name: np.percentile(each, np.arange(101)).round(2).tolist()
            for name, each in zip(("focus", "clarity"), values, strict=True)
        }
        for name, each in zip(("focus", "clarity"), values, strict=True):
            low, middle, high = np.percentile(each, (5, 50, 95))
            print(f"{model} {name}: median {middle:.1f}, 90 % of the photographs have {low:.1f} to {high:.1f}")
        print(f"{model}: correlation {np.corrcoef(values)[0, 1]:.2f}")
    TABLE.write_text(json.dumps(table) + "\n")


if __name__ == "__main__":
    main()
