"""Open an ONNX file with ONNX Runtime, on CUDA where that really works, else on the CPU, and run it; without noise.

The CUDA build of ONNX Runtime lists CUDA everywhere, also where there is no driver or a library is missing, and goes on
with the CPU; only a session that has been made tells. ONNX Runtime is loaded when the first session is made, not
before. What a model may run on stands in `export.runtime.providers`.
"""

import functools
import logging
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from data.errors import ModelError, short_reason
from export.runtime import external_data, providers
from export.runtime.metadata import broken
from export.runtime.providers import NAMES, PROVIDERS, Shapes

if TYPE_CHECKING:
    from onnxruntime import InferenceSession, OrtValue

    Value: TypeAlias = np.ndarray | OrtValue  # an array, or one that lies on a device

logger = logging.getLogger(__name__)


def cores() -> int:
    """How many CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def session(
    path: Path, provider: str, threads: int | None, shapes: Shapes | None = None, profile: Path | None = None
) -> "InferenceSession":
    """A session on the provider asked for.

    "auto" is CUDA where it works, else the CPU, with a warning where there is a driver but CUDA does not load. One that
    is named is used, or it is an error that says why.

    Args:
        path: The ONNX file.
        provider: One of `providers.NAMES`.
        threads: Of the CPU; None: every core this process has.
        shapes: Of the inputs that may have several, for providers that compile a graph for a range of them.
        profile: ONNX Runtime writes here how long each operator took, and leaves the graph as it is in the file.

    Raises:
        ModelError: The file cannot be opened, keeps data outside its folder, or the provider cannot be used.
    """
    if provider not in NAMES:
        raise ModelError(f"There is no provider {provider!r}; choose one of: {', '.join(NAMES)}.")
    external_data.check(path)
    if provider == "cpu" or (provider == "auto" and providers.driver() in providers.WITHOUT):
        return _open(path, "cpu", threads, {}, profile)
    name = "cuda" if provider == "auto" else provider
    problem, words = providers.absent(name), ""
    if not problem:
        try:
            opened = _open(path, name, threads, shapes or {}, profile)
            if opened.get_providers()[0] == PROVIDERS[name].execution:
                return opened
        except ModelError as error:
            words = short_reason(error.__cause__ or error)
    on_cpu = _open(path, "cpu", threads, {}, profile)  # when it is the file that is broken, this says so
    problem = problem or providers.failed(name, words)
    if provider == "auto":
        _warn(f"There is an NVIDIA driver, but the CPU is used: {problem}.")
        return on_cpu
    raise providers.refusal(provider, problem)


def provider(opened: "InferenceSession") -> str:
    """What a session runs on: one of `PROVIDERS`."""
    first = opened.get_providers()[0]
    return next(name for name, known in PROVIDERS.items() if known.execution == first)


def device(opened: "InferenceSession") -> str:
    """Where a session keeps what it is given and gives, such as "cuda"; "": in the memory of the process."""
    return PROVIDERS[provider(opened)].device


def hold(opened: "InferenceSession", arrays: Mapping[str, np.ndarray]) -> dict[str, "Value"]:
    """Arrays as `run` takes them again and again: copied to the session's device once, if it has one."""
    import onnxruntime

    place = device(opened)
    if not place:
        return dict(arrays)
    return {
        name: onnxruntime.OrtValue.ortvalue_from_numpy(np.asarray(value, order="C"), place, 0)
        for name, value in arrays.items()
    }


def run(
    opened: "InferenceSession", outputs: Sequence[str], feeds: Mapping[str, "Value"], stays: Collection[str] = ()
) -> list[Any]:
    """The outputs of these names as arrays; those that `stays` names are left on the device, for the next run.

    On a device each input that is not held there already is copied once, and each output once, when all are done.
    """
    place = device(opened)
    if not place:
        return list(opened.run(list(outputs), dict(feeds)))
    binding = opened.io_binding()
    here = {name: value for name, value in feeds.items() if isinstance(value, np.ndarray)}
    for name, value in {**feeds, **hold(opened, here)}.items():
        binding.bind_ortvalue_input(name, value)
    for name in outputs:
        binding.bind_output(name, place)
    opened.run_with_iobinding(binding)
    values = zip(outputs, binding.get_outputs(), strict=True)
    return [value if name in stays else value.numpy() for name, value in values]


def check_names(opened: "InferenceSession", path: Path, need: Collection[str]) -> None:
    """Refuses a file whose graph has no input or output of a name that is needed."""
    have = {node.name for node in (*opened.get_inputs(), *opened.get_outputs())}
    if lacking := ", ".join(sorted({*need} - have)):
        raise ModelError(f"{path}: the graph lacks {lacking}, which its contract promises; export the model again.")


def _open(path: Path, name: str, threads: int | None, shapes: Shapes, profile: Path | None) -> "InferenceSession":
    import onnxruntime

    names = (name, *PROVIDERS[name].rest)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or cores()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if name == "directml":  # it reads memory whose place it does not know
        options.enable_mem_pattern = False
    if profile is not None:
        options.enable_profiling, options.profile_file_prefix = True, str(profile)
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.add_session_config_entry("session.disable_prepacking", "1")  # else the shapes of weights are not told
    count = options.intra_op_num_threads
    chosen = [(PROVIDERS[each].execution, PROVIDERS[each].options(shapes, count)) for each in names]
    if name in providers.NVIDIA:
        providers.preload()
    if name != "cpu":
        onnxruntime.set_default_logger_severity(4)
    try:
        opened = onnxruntime.InferenceSession(path, options, chosen, enable_fallback=0)
    except Exception as error:  # ONNX Runtime's errors share no other parent
        logger.debug("%s: cannot be opened on %s", path, name, exc_info=True)
        raise broken(path) from error
    finally:
        if name != "cpu":
            onnxruntime.set_default_logger_severity(2)
    logger.debug("%s: opened on %s", path, provider(opened))
    return opened


@functools.cache
def _warn(sentence: str) -> None:
    """Says something once a process."""
    logger.warning("%s", sentence)
