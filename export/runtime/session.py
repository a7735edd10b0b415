"""Open an ONNX file with ONNX Runtime: on CUDA where that really works, else on the CPU, and without noise.

The CUDA build of ONNX Runtime lists CUDA everywhere, also where there is no driver or a library is missing; only a
session that has been made tells. ONNX Runtime is loaded when the first session is made, not before.
https://onnxruntime.ai/docs/execution-providers/CUDA-ExecutionProvider.html
"""

import contextlib
import ctypes
import io
import logging
import os
import sys
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.errors import ModelError
from export.runtime.metadata import broken

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

logger = logging.getLogger(__name__)

PROVIDERS = ("auto", "cuda", "cpu")


def cores() -> int:
    """How many CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def session(path: Path, provider: str, threads: int | None) -> "InferenceSession":
    """A session on the provider asked for; "auto" falls back to the CPU, "cuda" raises."""
    import onnxruntime

    if provider not in PROVIDERS:
        raise ModelError(f"There is no provider {provider!r}; choose one of: {', '.join(PROVIDERS)}.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or cores()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if provider != "cpu":
        opened = _cuda(path, options)
        if opened is not None:
            return opened
        if provider == "cuda":
            _open(path, options, ["CPUExecutionProvider"])  # when it is the file that is broken, this says so
            raise ModelError(
                "CUDA cannot be used here: it needs an NVIDIA driver, onnxruntime-gpu, and CUDA and cuDNN as "
                f"onnxruntime {onnxruntime.__version__} wants them; install these or take the provider 'cpu'."
            )
    return _open(path, options, ["CPUExecutionProvider"])


def provider(opened: "InferenceSession") -> str:
    """What a session runs on: "cuda" or "cpu"."""
    return str(opened.get_providers()[0]).removesuffix("ExecutionProvider").lower()


def _open(path: Path, options: Any, providers: list[str]) -> "InferenceSession":
    import onnxruntime

    try:
        opened = onnxruntime.InferenceSession(path, options, providers, enable_fallback=0)
    except Exception as error:  # ONNX Runtime's errors share no other parent
        logger.debug("%s: cannot be opened on %s", path, providers[0], exc_info=True)
        raise broken(path) from error
    logger.debug("%s: opened on %s", path, provider(opened))
    return opened


def _cuda(path: Path, options: Any) -> "InferenceSession | None":
    """A session that really runs on CUDA, or None; silent either way."""
    import onnxruntime

    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers() or not cuda_devices():
        return None
    onnxruntime.set_default_logger_severity(4)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            onnxruntime.preload_dlls()
        opened = _open(path, options, ["CUDAExecutionProvider", "CPUExecutionProvider"])
    except ModelError:
        return None
    finally:
        onnxruntime.set_default_logger_severity(2)
    return opened if opened.get_providers()[0] == "CUDAExecutionProvider" else None


def cuda_devices() -> int:
    """How many devices the NVIDIA driver reports; 0 without a driver."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int()
    return 0 if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)) else count.value


if TYPE_CHECKING:
    from onnxruntime import InferenceSession


def check_names(opened: "InferenceSession", path: Path, need: Collection[str]) -> None:
    """Refuses a file whose graph has no input or output of a name that is needed."""
    have = {node.name for node in (*opened.get_inputs(), *opened.get_outputs())}
    if lacking := ", ".join(sorted({*need} - have)):
        raise ModelError(f"{path}: the graph lacks {lacking}, which its contract promises; export the model again.")
