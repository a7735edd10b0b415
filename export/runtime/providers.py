"""On what a model may run: a row for each provider, with its settings and what is said where it is lacking.

"auto" takes CUDA where it works, else the CPU. The others are taken only when they are named: TensorRT, OpenVINO and
CoreML compile a model for seconds or minutes before the first picture, and all of them round otherwise than the CPU,
so that the same command would give other numbers only because a package was installed.
https://onnxruntime.ai/docs/execution-providers/
"""

import contextlib
import ctypes
import functools
import io
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from data.errors import ModelError, short_reason

Shape = tuple[int, ...]
Shapes = Mapping[str, tuple[Shape, Shape, Shape]]  # of each input: the least, the usual and the largest


@dataclass(frozen=True)
class Provider:
    """What a model may run on."""

    execution: str  # ONNX Runtime's name
    package: str  # that brings it
    remedy: str  # where the package is there, but it does not work
    library: str = ""  # of ONNX Runtime; where it cannot be loaded, neither can the provider
    device: str = ""  # where inputs and outputs are kept between runs; "": in the memory of the process
    system: str = ""  # of `sys.platform`, where there is one alone
    options: Callable[[Shapes, int], dict[str, str]] = lambda shapes, threads: {}
    rest: tuple[str, ...] = ("cpu",)  # who takes the operators that it lacks


def _tensorrt(shapes: Shapes, threads: int) -> dict[str, str]:
    """Engines are kept on the disk, for compiling one takes minutes; of a graph for all `shapes` there is one."""
    folder = engines()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"{folder}: TensorRT's engines cannot be kept there ({short_reason(error)})"
        raise ModelError(f"{problem}; name another folder in $GAZE_ENGINES.") from error
    kept = {
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": str(folder),
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": str(folder),
    }
    for number, name in enumerate(("trt_profile_min_shapes", "trt_profile_opt_shapes", "trt_profile_max_shapes")):
        if shapes:
            kept[name] = ",".join(f"{key}:{'x'.join(map(str, each[number]))}" for key, each in shapes.items())
    return kept


CUDA_REMEDY = 'install the CUDA and cuDNN that it was built with (pip install "onnxruntime-gpu[cuda,cudnn]")'
PROVIDERS = {
    "cuda": Provider(
        "CUDAExecutionProvider",
        "onnxruntime-gpu",
        CUDA_REMEDY,
        "onnxruntime_providers_cuda",
        "cuda",
        # Float32 as on the CPU, and no search of seconds for each new size or number of pictures.
        options=lambda shapes, threads: {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"},
    ),
    "tensorrt": Provider(
        "TensorrtExecutionProvider",
        "onnxruntime-gpu",
        f"install TensorRT 10 (pip install tensorrt) and {CUDA_REMEDY.removeprefix('install ')}",
        "onnxruntime_providers_tensorrt",
        "cuda",
        options=_tensorrt,
        rest=("cuda", "cpu"),
    ),
    "openvino": Provider(
        "OpenVINOExecutionProvider",
        "onnxruntime-openvino",
        "update onnxruntime-openvino",
        options=lambda shapes, threads: {"load_config": json.dumps({"CPU": {"INFERENCE_NUM_THREADS": threads}})},
    ),
    "directml": Provider(
        "DmlExecutionProvider", "onnxruntime-directml", "update Windows and the graphics driver", system="win32"
    ),
    "coreml": Provider(
        "CoreMLExecutionProvider",
        "onnxruntime",
        "update macOS",
        system="darwin",
        options=lambda shapes, threads: {"ModelFormat": "MLProgram"},
    ),
    "cpu": Provider("CPUExecutionProvider", "onnxruntime", "install onnxruntime again", rest=()),
}
NAMES = ("auto", *PROVIDERS)
SYSTEMS = {"win32": "Windows", "darwin": "macOS"}
WITHOUT = ("there is no NVIDIA driver", "the NVIDIA driver reports no device")
NO_DEVICE = 100  # CUDA_ERROR_NO_DEVICE
NVIDIA = ("cuda", "tensorrt")


def engines() -> Path:
    """Where TensorRT keeps what it compiled: $GAZE_ENGINES, else a folder in the person's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or Path.home() / ".cache"
    return Path(os.environ.get("GAZE_ENGINES") or Path(cache) / "gaze" / "tensorrt")


def absent(name: str) -> str:
    """Why a provider cannot be here and how to mend it, as the end of a sentence; "": nothing speaks against it."""
    import onnxruntime

    known = PROVIDERS[name]
    if known.system not in ("", sys.platform):
        return f"it is for {SYSTEMS[known.system]} alone; take the provider 'auto'"
    if name in NVIDIA and (reason := driver()):
        return f"{reason}; install or update the NVIDIA driver, or take the provider 'cpu'"
    if known.execution not in onnxruntime.get_available_providers():
        return (
            f"the installed ONNX Runtime {onnxruntime.__version__} is built without it; put {known.package} in the "
            "place of the other ONNX Runtime, or take the provider 'cpu'"
        )
    return ""


def check(name: str) -> None:
    """Refuses a provider that cannot be here, before any model is opened.

    Raises:
        ModelError: It says why, and what to do.
    """
    if problem := "" if name == "auto" else absent(name):
        raise refusal(name, problem)


def refusal(name: str, problem: str) -> ModelError:
    """What is said of a provider that cannot be used."""
    return ModelError(f"The provider {name!r} cannot be used here: {problem}.")


def failed(name: str, words: str) -> str:
    """The same of a provider that ONNX Runtime has tried and left out; `words` are those of ONNX Runtime, if any."""
    known = PROVIDERS[name]
    library = unloadable(known.library) if known.library else ""
    reason = f"it cannot load {library}" if library else words or "it does not say why"
    return f"ONNX Runtime left it out ({reason}); {known.remedy}, or take the provider 'cpu'"


def driver() -> str:
    """What is wrong with the NVIDIA driver; "" where it reports a device, one of `WITHOUT` where nobody expects any."""
    try:
        library = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return WITHOUT[0]
    count = ctypes.c_int()
    status = library.cuInit(0) or library.cuDeviceGetCount(ctypes.byref(count))
    if status == NO_DEVICE or not (status or count.value):
        return WITHOUT[1]
    return f"the NVIDIA driver does not work (cuInit gives {status})" if status else ""


def unloadable(library: str) -> str:
    """What the loader says of a library of ONNX Runtime that cannot be loaded, or of one that it needs; "" if it can.

    Only for use after ONNX Runtime has tried it: one that is loaded before does not find its host.
    """
    import onnxruntime

    folder = Path(onnxruntime.__file__).parent / "capi"
    start, end = ("", ".dll") if sys.platform == "win32" else ("lib", ".so")
    try:
        ctypes.CDLL(str(folder / f"{start}{library}{end}"))
    except OSError as error:
        return str(error).partition("\n")[0].replace(f"{folder}{os.sep}", "")
    return ""


@functools.cache
def preload() -> None:
    """Loads CUDA and cuDNN from the packages that pip installed, where they are; prints nothing."""
    import onnxruntime

    with contextlib.redirect_stdout(io.StringIO()):
        onnxruntime.preload_dlls()
