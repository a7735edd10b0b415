"""Make a model in every wanted form: convert once, derive the forms, keep each only when it agrees with the original.

    fp32    agrees with PyTorch to 1e-4 on every log density or logit
    fp16    agrees with fp32: correlation of densities above .9999 on every picture, or .001 bits a fixation
    int8    loses at most .01 (1 - CC, or bits a fixation) on average, unless a loss is allowed

What else a form gives (boxes, media, durations) is bounded by `SIDE`. Files are made in a folder of their own and moved
when all is checked; each is listed in the manifest after it lies at its place, and not while it is replaced.
"""

import hashlib
import json
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import torch
from pydantic import ValidationError

from data.checksums import of_file
from data.errors import GazeError, ModelError, short_reason
from export.forms import manifest
from export.forms import pictures as shown
from export.forms.form import Agreement, Exporter, Form, Graph
from export.forms.half import to_half
from export.forms.int8 import Quantizer, quantised
from export.forms.manifest import Accuracy, Entry, File, Parity, Side, Speed
from export.forms.simplify import simplify
from export.onnx import TOLERANCE, write
from export.runtime.bench.machine import busy
from export.runtime.contract import Contract
from export.runtime.records import problem
from export.runtime.registry import contract_in
from training import weights

logger = logging.getLogger(__name__)

HALF = {"1 - CC": 1e-4, "bits": 1e-3}  # that fp16 may lose on any picture
LIMIT = 0.01  # that int8 may lose on average, unless a loss is allowed
SIDE = {"fp16": 0.02, "int8": 0.1}  # of what else a form gives: boxes and media that are others, log durations
TARGET = 0.002  # of int8: where the loss is above, layers stay in float
ROUNDS, RUNS = 5, 4  # of timing: turns of both forms, and runs in a turn
TRIED = 8  # pictures on which layers are tried

Score = Callable[[Path, Path], Sequence[Accuracy]]  # of a file in a form, beside the one in fp32


@dataclass(frozen=True)
class Settings:
    """In which forms models are made, and how they are checked."""

    forms: tuple[Form, ...] = (Form(),)
    pictures: tuple[Path, ...] = ()  # a person's own: every second is calibrated on, the others are checked
    data: tuple[Path, ...] = ()  # sets on which accuracy is measured
    allow_loss: bool = False
    calibration: str = "minmax"  # of `export.forms.int8.METHODS`


class Outcome(NamedTuple):
    """What became of a form: its entry, or why there is none."""

    name: str
    entry: Entry | None
    problem: str = ""
    kept: bool = False  # it was there already


def make(exporter: Exporter, folder: Path, settings: Settings, score: Score | None = None) -> Iterator[Outcome]:
    """Write the forms of a model into a folder; what is there and up to date is left.

    One that cannot be made, or loses too much, becomes an outcome with a sentence, and the others are made. `score`
    measures a form on data sets.

    Raises:
        ModelError: The network has no graph, or the folder cannot be written.
    """
    told = manifest.read_manifest(folder)
    todo: dict[Form, str] = {}  # with the key of what it is made of
    learned = _learned(exporter)
    for form in forms_of(exporter, settings):
        name, sides = form.name(exporter.contract.name), exporter.contract.multiple
        entry = told.entry(name)
        if form.canvas and any(side % sides for side in form.canvas):
            yield Outcome(name, None, f"its canvas needs sides that are multiples of {sides}")
            continue
        key = _key(learned, exporter, form, settings)
        if entry is not None and _is_current(entry, folder, key):
            yield Outcome(name, entry, kept=True)
        else:
            todo[form] = key
    if todo:
        try:
            yield from _Builder(exporter, folder, settings, score).made(todo)
        except OSError as error:
            raise ModelError(f"{folder} cannot be written ({short_reason(error)}); check folder and disk.") from error


def forms_of(exporter: "Exporter | type[Exporter]", settings: Settings) -> tuple[Form, ...]:
    """The forms in which a model is made: where it has no canvas, one of each precision."""
    if exporter.has_canvas:
        return settings.forms
    return tuple(dict.fromkeys(Form(form.precision) for form in settings.forms))


class _Builder:
    """The forms of one model in the making."""

    def __init__(self, exporter: Exporter, folder: Path, settings: Settings, score: Score | None) -> None:
        self.exporter, self.folder, self.settings, self.score = exporter, folder, settings, score
        self.checked = shown.check_pictures(settings.pictures[::2])
        self.calibrated = shown.calibration_pictures(settings.pictures[1::2])

    def made(self, forms: Mapping[Form, str]) -> Iterator[Outcome]:
        """The forms, each with its key, those of one canvas after each other."""
        self.keys = forms
        self.folder.mkdir(parents=True, exist_ok=True)
        graphs = self.exporter.graphs()
        with tempfile.TemporaryDirectory(prefix=f"{manifest.STAGING}{os.getpid()}-", dir=self.folder) as place:
            for canvas in dict.fromkeys(form.canvas for form in forms):
                wanted = [form for form in forms if form.canvas == canvas]
                yield from self._of_canvas(graphs, Form("fp32", canvas), wanted, Path(place))

    def _of_canvas(
        self, graphs: Sequence[Graph], plain: Form, wanted: Sequence[Form], place: Path
    ) -> Iterator[Outcome]:
        """The forms of one canvas, and fp32 before all, which the others are compared with."""
        try:
            simple = [Graph(simplify(graph.model, plain.canvas), graph.exact) for graph in graphs]
            files = self._written([graph.model for graph in simple], plain, place)
            contract = plain.contract(self.exporter.contract)
            found = self.exporter.difference(files, contract, self.checked)
            if not found.difference <= TOLERANCE:
                raise ModelError(f"differs from PyTorch by {found.difference:.1e}, allowed {TOLERANCE:.0e}")
        except Exception as error:
            logger.debug("%s: cannot be made", plain.name(self.exporter.contract.name), exc_info=True)
            yield from (_failed(form.name(self.exporter.contract.name), error) for form in wanted)
            return
        ordered = sorted(wanted, key=lambda form: form == plain)  # moved last: the others are compared with it
        for form in ordered:
            try:
                if form == plain:
                    outcome = self._finished(form, files, files, self._parity("pytorch", found))
                else:
                    outcome = self._other(form, simple, files, place)
            except Exception as error:
                logger.debug("%s: cannot be made", form.name(self.exporter.contract.name), exc_info=True)
                outcome = _failed(form.name(self.exporter.contract.name), error)
            yield outcome

    def _parity(self, against: str, found: Agreement) -> Parity:
        return Parity(against=against, unit=self.exporter.unit, **found._asdict())  # type: ignore[arg-type]

    def _other(self, form: Form, simple: Sequence[Graph], files: Sequence[Path], place: Path) -> Outcome:
        """A form in another precision than fp32."""
        contract = form.contract(self.exporter.contract)
        layers: list[str] = []
        if form.precision == "fp16":
            models = [to_half(graph.model, graph.exact) for graph in simple]
        else:
            models, layers = self._integers(simple, files, contract, place)
        made = self._written(models, form, place)
        found = self.exporter.agreement(files, made, contract, self.checked)
        self._judge(form, found)
        return self._finished(form, files, made, self._parity("fp32", found), tuple(layers))

    def _judge(self, form: Form, found: Agreement) -> None:
        """Refuses a form that loses more than it may."""
        unit, words = self.exporter.unit, ""
        if form.precision == "fp16" and not found.worst <= HALF[unit]:
            words = f"loses {found.worst:.2g} ({unit}) on a picture, and fp16 may lose {HALF[unit]:g}"
        lossy = [name for name, lost in found.others.items() if not lost <= SIDE[form.precision]]
        if lossy:
            name = lossy[0]
            words = f"loses {found.others[name]:.2g} of {name}, and {form.precision} may lose {SIDE[form.precision]:g}"
        if form.precision == "int8" and not found.loss <= LIMIT:
            words = f"loses {found.loss:.2g} ({unit}), and int8 may lose {LIMIT:g}"
        allowed = self.settings.allow_loss and np.isfinite([found.loss, *found.others.values()]).all()
        if words and not allowed:
            raise ModelError(f"{words} unless --allow-loss is given")

    def _integers(
        self, simple: Sequence[Graph], files: Sequence[Path], contract: Contract, place: Path
    ) -> tuple[list[onnx.ModelProto], list[str]]:
        """The graphs in int8, one after the other, and the layers that stay in float."""
        feeds = self.exporter.feeds(files, contract, self.calibrated)
        models, kept = list[onnx.ModelProto](), list[str]()
        few = self.calibrated[:TRIED]
        for number, graph in enumerate(simple):
            trial = place / f"trial{self.exporter.endings[number]}"

            def loss(model: onnx.ModelProto, number: int = number, trial: Path = trial) -> float:
                onnx.save(model, trial)
                tried = [*files[:number], trial, *files[number + 1 :]]
                return self.exporter.agreement(files, tried, contract, few).loss

            own = Path(tempfile.mkdtemp(dir=place))
            quantizer = Quantizer(graph.model, feeds[number], graph.exact, own, self.settings.calibration)
            model, layers = quantised(quantizer, loss, TARGET / len(simple))
            models.append(model)
            kept += layers
        return models, kept

    def _written(self, models: Sequence[onnx.ModelProto], form: Form, place: Path) -> list[Path]:
        """The files of a form, checked, with the contract inside, in the folder where forms are made."""
        contract, files = form.contract(self.exporter.contract), list[Path]()
        for model, ending in zip(models, self.exporter.endings, strict=True):
            path = place / (contract.name + ending)
            del model.metadata_props[:]
            onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
            write(model, path, contract)
            if contract_in(path) != contract:
                raise ModelError("does not hold the contract that was written into it")
            if (opset := _opset(model)) != contract.opset:
                raise ModelError(f"has operators of opset {opset}, and its contract says {contract.opset}")
            files.append(path)
        return files

    def _finished(
        self, form: Form, plain: Sequence[Path], files: Sequence[Path], parity: Parity, layers: tuple[str, ...] = ()
    ) -> Outcome:
        """Move the files of a form to their places, and tell of them."""
        accuracy = tuple(self.score(files[0], plain[0])) if self.score else ()
        lost = max((-one.change for one in accuracy), default=0.0)
        if lost > LIMIT and not self.settings.allow_loss:
            words = f"loses {lost:.3f} of CC on a data set, and may lose {LIMIT:g} unless --allow-loss is given"
            raise ModelError(words)
        contract = form.contract(self.exporter.contract)
        entry = Entry(
            name=contract.name,
            model=self.exporter.contract.name,
            task=contract.task,
            precision=form.precision,
            canvas=form.canvas,
            files=tuple(_described(file) for file in files),
            opset=contract.opset,
            parameters=sum(one.numel() for one in self.exporter.network.parameters()),
            float_layers=layers,
            parity=parity,
            accuracy=accuracy,
            speed=self._speed(form, plain, files),
            licence=contract.licence,
            training=contract.training,
            weights=weights.fingerprint(self.exporter.network),
            commit=contract.commit,
            versions=_versions(),
            made=self.keys[form],
        )
        manifest.keep(self.folder, files, entry)
        return Outcome(entry.name, entry)

    def _speed(self, form: Form, plain: Sequence[Path], files: Sequence[Path]) -> Speed:
        """How long a run takes, and the same model in fp32 beside it, in turn; one form of a folder at a time."""
        contract = form.contract(self.exporter.contract)
        runs = [self.exporter.runner(paths, contract) for paths in dict.fromkeys((tuple(plain), tuple(files)))]
        times: list[list[float]] = [[] for _ in runs]
        with manifest.alone(self.folder):
            others = busy()
            for _ in range(ROUNDS):
                for run, taken in zip(runs, times, strict=True):
                    taken += _timed(run)
        before, now = (float(np.median(taken)) for taken in (times[0], times[-1]))
        p95 = float(np.percentile(times[-1], 95))
        return Speed(p50_ms=now, p95_ms=p95, ratio=before / now, threads=1, provider="cpu", busy=others)


def _timed(run: Callable[[], object]) -> list[float]:
    """Milliseconds of a few runs; the first does not count."""
    run()
    taken = []
    for _ in range(RUNS):
        start = time.perf_counter()
        run()
        taken.append(1e3 * (time.perf_counter() - start))
    return taken


def _failed(name: str, error: Exception) -> Outcome:
    """The outcome of a form that cannot be made."""
    words = str(error)
    if isinstance(error, OSError):
        words = f"cannot be written ({short_reason(error)})"
    elif isinstance(error, ValidationError):
        words = f"cannot be described ({problem(error)})"
    elif not isinstance(error, GazeError):
        words = f"cannot be made ({type(error).__name__}: {' '.join(words.split())[:200]})"
    return Outcome(name, None, words.rstrip("."))


def _opset(model: onnx.ModelProto) -> int:
    return next((int(entry.version) for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 0)


def _described(path: Path) -> File:
    graph = onnx.load(path).graph
    return File(
        file=path.name,
        sha256=of_file(path),
        bytes=path.stat().st_size,
        inputs=tuple(map(_side, graph.input)),
        outputs=tuple(map(_side, graph.output)),
    )


def _side(value: onnx.ValueInfoProto) -> Side:
    tensor = value.type.tensor_type
    kind = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)).name
    shape = tuple(side.dim_value or side.dim_param or "?" for side in tensor.shape.dim)
    return Side(name=value.name, type=kind, shape=shape)


def _versions() -> dict[str, str]:
    import onnxruntime

    return {
        "gaze": version("gaze"),
        "torch": torch.__version__,
        "onnx": onnx.__version__,
        "onnxruntime": onnxruntime.__version__,
    }


def _learned(exporter: Exporter) -> str:
    """The SHA-256 of all that a network holds; `training.weights.fingerprint` leaves out what nothing builds on."""
    state = hashlib.sha256()
    for name, tensor in sorted(exporter.network.state_dict().items()):
        state.update(name.encode() + tensor.detach().cpu().numpy().tobytes())
    return state.hexdigest()


def _key(learned: str, exporter: Exporter, form: Form, settings: Settings) -> str:
    """The SHA-256 of all that the files of a form are made of and checked with."""
    told = exporter.contract.model_dump(mode="json", exclude={"commit"})
    own = [[str(path), *_stamp(path)] for path in settings.pictures]
    sets = [[str(root), *(_stamp(path) for path in sorted(root.glob("*.*")))] for root in settings.data]
    of_int8 = [settings.allow_loss, settings.calibration] if form.precision == "int8" else []
    made_of = [learned, told, form, own, sets, of_int8, _versions()]
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()


def _stamp(path: Path) -> tuple[int, int]:
    try:
        state = path.stat()
    except OSError:
        return 0, 0
    return state.st_size, state.st_mtime_ns


def _is_current(entry: Entry, folder: Path, key: str) -> bool:
    """Whether the files of an entry are made of the same, and are there unchanged."""
    try:
        return entry.made == key and all(of_file(folder / one.file) == one.sha256 for one in entry.files)
    except OSError:
        return False
