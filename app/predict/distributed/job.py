"""The job of `gaze predict --engine ray`: parts of the pictures go through a pool of workers, one session each.

On CPUs there is a worker for each core, on GPUs one for each GPU. A worker asks Ray for a little less than a core: with
whole ones two cores would be full, and whatever else Ray runs would wait for ever. A worker that dies is started again,
and its part with it. Without an address Ray runs on this computer, and ends with the command.
https://docs.ray.io/en/latest/data/batch_inference.html
"""

import contextlib
import importlib.util
import io
import json
import logging
import os
import socket
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import app
from app.predict import jobs
from app.predict.distributed.places import WITHOUT_RAY, Place, Source, find
from app.predict.distributed.table import Part, Table, making
from app.predict.distributed.worker import Drawing, Order, Outcome, Tally, Worker, encoded
from app.predict.files import full, output_names
from app.predict.provenance import Provenance, described
from app.predict.saliency import FORMATS
from data.draw.legend import legend
from data.errors import GazeError, PictureError, short_reason
from data.picture_file import VIDEOS
from export.runtime.providers import NVIDIA
from export.runtime.saliency import Predictor
from export.runtime.session import cores
from saliency import TASK

logger = logging.getLogger(__name__)

PARQUET = "parquet"  # the format of the rows, which are always written
LARGEST = 64  # pictures of a part: what is lost when a worker dies
TURNS = 8  # parts a worker, so that none waits long for the last
PATIENCE = 10.0  # seconds for an address to answer
STORE = 256 << 20  # bytes of shared memory for a Ray of our own, and those of the model twice
CODE = ("app", "attention", "data", "evaluation", "export", "saliency", "scanpath", "training")
SETTINGS = {  # of a Ray of our own: its workers are those that the pictures need, and no others are started before
    "RAY_enable_worker_prestart": "0",
    "RAY_prestart_worker_first_driver": "0",
}
NOT_SENT = ["*.onnx", "*.safetensors", "*.ckpt", "*.jpg", "*.png", "__pycache__"]


@dataclass(frozen=True)
class Pool:
    """How many workers there are, and what each asks for."""

    workers: int
    cpus: float
    gpus: int
    threads: int
    provider: str
    nodes: int = 1


def job(
    sources: tuple[str, ...],
    folder: str,
    model: str | None,
    formats: str | None,
    condition: str,
    provider: str,
    opacity: float,
    palette: str,
    accept_damaged: bool = False,
    address: str | None = None,
) -> jobs.Job:
    """The job of `gaze predict --engine ray`; options as there.

    Raises:
        GazeError: There is no such picture, model, format, condition or palette, or Ray is not installed.
    """
    installed()
    if (address or "").startswith("ray://"):
        raise GazeError("Ray Data does not run through ray://; take --address auto on a node of the cluster.")
    kinds = jobs.formats(formats or "png,json", tuple(dict.fromkeys((*FORMATS, PARQUET))))
    predictor = Predictor(model or TASK.default_models[0], provider="cpu", threads=1)
    contract, weights = predictor.contract, predictor.path
    predictor.index(condition)
    legend(1, palette)
    out = Place.of(folder)
    found, stores = find(sources, out)
    if all(source.path.suffix.lower() in VIDEOS for source in found):
        raise GazeError(f"{found[0].shown}: {WITHOUT_RAY}.")
    done = Table(out)
    names = _names(found, done, out)
    drawing = Drawing(tuple(k for k in kinds if k != PARQUET), opacity, palette, bool(contract.slices))
    version = described(contract.name, contract.version, weights)
    made = making(version, condition, {"opacity": opacity, "palette": palette})
    by_path = {source.path: source for source in found}
    files = {path: [Path(file) for file in drawing.files(names[source.where])] for path, source in by_path.items()}

    def lacking(path: Path) -> list[Path]:
        source, wanted = by_path[path], [file.name for file in files[path]]
        is_done = done.is_done(source, names[source.where], wanted, made, accept_damaged)
        return [] if is_done else [*files[path], Path(PARQUET)]

    def run(todo: Mapping[Path, list[Path]]) -> jobs.Outcomes:
        chosen = [(by_path[path], names[by_path[path].where]) for path in todo]
        if not chosen:
            return
        out.make()
        out.below("summaries").make()

        def order(pool: Pool) -> Order:
            return Order(
                *(weights.name, pool.provider, condition, accept_damaged, drawing, made, out, tuple(stores)),
                threads=pool.threads,
            )

        paths = {source.where: path for path, source in by_path.items()}
        with cluster(address, provider, weights.stat().st_size) as pool:
            if pool.nodes > 1 and (out.local or any(source.store < 0 for source, _ in chosen)):
                logger.warning("Folders must lie on a disk that all %s nodes share, at the same path.", pool.nodes)
            size = max(1, min(LARGEST, len(chosen) // (TURNS * pool.workers)))
            parts = done.parts(chosen, size)
            for part, outcome in dealt(parts, order(pool), pool, weights.read_bytes()):
                for source, _ in part.todo:
                    said = outcome.broken.get(source.where)
                    yield paths[source.where], None if said is None else PictureError(said)

    where = f"on Ray at {address}" if address else "on Ray"
    return jobs.Job(list(by_path), files.__getitem__, lacking, run, f"{contract.name} {where}")


def installed() -> None:
    """Refuses to go on without Ray.

    Raises:
        GazeError: The extra `ray` is not installed.
    """
    if importlib.util.find_spec("ray") is None:
        raise GazeError("To predict with Ray, install the extra: pip install -e '.[ray]'")


def _names(found: Sequence[Source], done: Table, out: Place) -> dict[str, str]:
    """What the files of each picture are called; those that have files keep their names."""
    kept = Provenance(Path(out.path)).names() if out.local else {}
    known = done.names()
    for where, name in known.items():
        kept[full(Source(where, 0 if "://" in where else -1).path)] = name
    named = output_names([source.path for source in found], kept)
    return {source.where: named[source.path] for source in found}


@contextlib.contextmanager
def cluster(address: str | None, provider: str, weights: int) -> Iterator[Pool]:
    """Ray, for as long as it is needed: a cluster that runs at an address, or one of our own on this computer.

    Raises:
        GazeError: There is none, or it has no GPU where one is wanted.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import ray
        import ray.data  # which sets up its loggers, so that they are to be hushed later

    quiet = not logger.isEnabledFor(logging.DEBUG)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if quiet:
        os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    settings: dict[str, Any] = {"log_to_driver": not quiet, "include_dashboard": False}
    settings |= {"logging_level": logging.CRITICAL if quiet else logging.INFO}
    if address:
        folder = Path(app.__file__).parents[1]
        modules = [str(folder / name) for name in CODE if (folder / name).is_dir()]
        settings |= {"address": address, "runtime_env": {"py_modules": modules, "excludes": NOT_SENT}}
        del settings["include_dashboard"]
    else:
        for name, value in SETTINGS.items():
            os.environ.setdefault(name, value)
        settings |= {"address": "local", "num_cpus": cores(), "object_store_memory": STORE + 2 * weights}
    with _hushed(quiet):
        try:
            _knock(address or "")
            with _closed_stderr(quiet):
                ray.init(**settings)
        except ray.exceptions.AuthenticationError as error:
            reason = short_reason(error).partition(": Ensure ")[0]  # of five sentences
            remedy = "make a token (ray get-auth-token --generate), or say with RAY_AUTH_TOKEN_PATH where that of the "
            raise GazeError(f"Ray lets nobody in ({reason}); {remedy}cluster is.") from error
        except UnicodeError as error:  # Ray sends the command line and the current folder along as text
            problem = "Ray takes no name that is not UTF-8 on the command line, nor as the current folder"
            raise GazeError(f"{problem}; name a folder above it, or a pattern in quotes.") from error
        except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:  # a ConnectionError is an OSError
            where = f"There is no Ray at {address!r}" if address else "Ray cannot be started here"
            remedy = "see `gaze --verbose predict`"
            if address:
                remedy = "check that it runs and that RAY_AUTH_MODE and the token are its own, or leave out --address"
            raise GazeError(f"{where} ({short_reason(error)}); {remedy}.") from error
        try:
            with _stopped():
                nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
            yield pool_of(nodes, provider)
        finally:
            ray.shutdown()


@contextlib.contextmanager
def _stopped() -> Iterator[None]:
    """Errors of Ray itself are told in one sentence."""
    import ray

    try:
        yield
    except ray.exceptions.RayError as error:
        raise GazeError(f"Ray has stopped ({short_reason(error)}); the same command goes on from here.") from error


def _knock(address: str) -> None:
    """Raises an OSError where nobody listens at HOST:PORT; Ray itself would try for minutes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), PATIENCE).close()


def pool_of(nodes: Sequence[Mapping[str, Any]], provider: str) -> Pool:
    """The workers that suit the nodes of a cluster.

    Raises:
        GazeError: There is no GPU, and one is wanted.
    """
    alive = [node.get("Resources", {}) for node in nodes if node.get("Alive", True)]
    cpus, gpus = (int(sum(node.get(kind, 0) for node in alive)) for kind in ("CPU", "GPU"))
    largest = max((node.get("CPU", 0) for node in alive), default=1)
    if provider in NVIDIA and not gpus:
        raise GazeError("No node of this Ray has a GPU; take --provider cpu, or a cluster with GPUs.")
    if gpus and provider in ("auto", *NVIDIA):
        threads = max(1, min(LARGEST // 8, cpus // gpus))
        return Pool(gpus, _share(largest), 1, threads, provider, len(alive))
    return Pool(max(1, cpus), _share(largest), 0, 1, "cpu" if provider == "auto" else provider, len(alive))


def _share(cpus: float) -> float:
    """What a worker asks for of a core, so that a whole one is left over where there are several.

    >>> _share(1), _share(2), _share(8)
    (0.5, 0.5, 0.875)
    """
    return max(0.5, 1 - 1 / max(1, cpus))


def dealt(parts: Sequence[Part], order: Order, pool: Pool, weights: bytes) -> Iterator[tuple[Part, Outcome]]:
    """Each part with what has become of it, as they are done.

    Raises:
        GazeError: Something stops all of them, or Ray itself has ended.
    """
    import ray
    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    by_file = {part.file: part for part in parts}
    items = [{"part": encoded(part)} for part in parts]
    workers = min(pool.workers, len(items))
    with _stopped():
        tally, model = SharedTally(ray.remote(num_cpus=0)(Tally).remote()), Fetched(ray.put(weights))
        outcomes = ray.data.from_items(items, override_num_blocks=len(items)).map_batches(
            Worker,
            batch_size=1,
            batch_format="numpy",
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=workers, initial_size=workers),
            fn_constructor_kwargs={"order": order, "weights": model, "tally": tally, "alone": True},
            num_cpus=pool.cpus,
            num_gpus=pool.gpus or None,
        )
        for row in outcomes.iter_rows():
            file, outcome = row["file"], Outcome(*json.loads(row["outcome"]))
            if outcome.stop:
                raise GazeError(outcome.stop)
            if outcome.bug:
                raise RuntimeError(f"a worker failed:\n{outcome.bug}")
            yield by_file[file], outcome


@dataclass(frozen=True)
class SharedTally:
    """A tally that is an actor of Ray, which all workers ask; Ray carries no names that are not UTF-8."""

    actor: Any

    def begin(self, what: str) -> int:
        """How often it was begun, this time included."""
        import ray

        with _stopped():
            return int(ray.get(self.actor.begin.remote(ascii(what))))

    def end(self, what: str) -> None:
        """It was done."""
        with _stopped():
            self.actor.end.remote(ascii(what))


@dataclass(frozen=True)
class Fetched:
    """Bytes that lie in Ray's store: a model's file comes from there, so that no node needs to have it."""

    reference: Any

    def __call__(self) -> bytes:
        """The bytes."""
        import ray

        with _stopped():
            return bytes(ray.get(self.reference))


@contextlib.contextmanager
def _hushed(quiet: bool) -> Iterator[None]:
    """Nothing that Ray says is shown: its loggers are still, and what it prints on its own account goes to the log."""
    if not quiet:
        yield
        return
    names = ("ray", "ray.data", "ray.serve")
    before = {name: logging.getLogger(name).level for name in names}
    try:
        with contextlib.redirect_stdout(Nothing()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for name in names:
                logging.getLogger(name).setLevel(logging.CRITICAL)
            yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


@contextlib.contextmanager
def _closed_stderr(quiet: bool) -> Iterator[None]:
    """What a library writes to standard error past Python is lost: Ray tells there that it was asked to be silent."""
    if not quiet:
        yield
        return
    sys.stderr.flush()
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


class Nothing(io.TextIOBase):
    """A file that keeps nothing: Ray prints the death of a worker, which is mended, on standard output."""

    def write(self, text: str) -> int:
        """Write nothing."""
        return len(text)
