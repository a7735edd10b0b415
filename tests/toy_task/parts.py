"""What the record of the task names: its export, its predictor, what is written for a picture, its evaluation."""

import json
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np
from torch import nn

from app.predict import jobs, provenance
from app.predict.files import find_pictures, output_names
from data.errors import PictureError
from data.picture import read
from data.table.read import read_table
from export.runtime.contract import Contract
from export.runtime.saliency import Predictor
from tests.toy_task import TASK


def export_network(network: nn.Module, path: Path, contract: Contract, options: Mapping[str, Any]) -> float:
    """Writes the file; there are no options."""
    from export import onnx

    del options
    return onnx.export(network, path, contract)


class ConstantPredictor(Predictor):
    """The map, at the size of a picture."""

    task = TASK


class Output(provenance.Output):
    """NAME.constant.json: where the map is highest."""

    def files(self, path: Path) -> list[Path]:
        return [self.folder / f"{self.names[path]}.constant.json"]


def job(
    sources: tuple[str, ...], folder: Path, model: str | None, formats: str | None, condition: str, provider: str
) -> jobs.Job:
    """The peak of the map on each picture, as JSON."""
    jobs.formats(formats or "json", ("json",))
    paths, log = find_pictures(sources, folder), provenance.Provenance(folder)
    predictor = ConstantPredictor(model or TASK.default_models[0], provider=provider)
    contract = predictor.contract
    described = provenance.described(contract.name, contract.version, predictor.path)
    making = provenance.Making(TASK.name, described, condition, {}, {}, ".constant.json", {}, usual=False)

    def write(out: Output) -> Generator[tuple[Path, PictureError | None], None, None]:
        out.folder.mkdir(parents=True, exist_ok=True)
        for path in out.todo or ():
            peak = predictor(read(path), condition).peak
            out.fill(path, lambda name, file, peak=peak: file.write(json.dumps(peak).encode()))
            yield path, None

    return jobs.resumable(paths, Output(folder, output_names(paths)), log, making, write, contract.name)


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True)
@click.option("--model")
def evaluate(data: Path, model: str | None) -> None:
    """The mean log density under people's fixations, in nats."""
    predictor = ConstantPredictor(model or TASK.default_models[0], provider="cpu")
    values: list[float] = []
    for picture, paths in read_table(data):
        density = predictor(read(picture.path or Path(picture.name))).density
        x, y = np.concatenate([path.xy for path in paths]).astype(int).T
        inside = (x >= 0) & (y >= 0) & (x < picture.width) & (y < picture.height)
        values += density[y[inside], x[inside]].tolist()
    click.echo(f"{np.mean(values):.4f} nats under {len(values)} fixations")
