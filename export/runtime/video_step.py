"""Run an exported video model frame by frame: a frame and what is remembered in, a log density out; no torch.

    stream = StepPredictor("tempsal-video").stream()
    stream.step(frame on its canvas, where it lies there, seconds since the frame before)      # log density (h, w)

The graph takes the maps of its memory as inputs and gives those for the next frame as outputs (`Contract.memory`);
zeros are a stream's beginning. Two sets of maps take turns: the graph writes one while it reads the other, where it
runs, so that nothing is copied and a stream takes as much memory after a day as after its first frame.

`export.runtime.video.VideoPredictor` is what takes frames of any size, and files.
"""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from jaxtyping import Float32, UInt8

from data.errors import ModelError, short_reason
from export.runtime import session as sessions
from export.runtime.contract import INPUTS, STEP_S, Contract, condition_index
from export.runtime.providers import Shapes
from export.runtime.registry import find_model, read_contract
from export.runtime.session import check_names, session
from training import Task
from video import TASK

if TYPE_CHECKING:
    from onnxruntime import InferenceSession, OrtValue

logger = logging.getLogger(__name__)

NEXT = "next_"  # how outputs that are inputs of the next step are called
MOST = 1 << 28  # bytes of what is remembered of one stream


def outputs_of(contract: Contract) -> list[str]:
    """The names of the graph's outputs, in their order."""
    return ["density", *(NEXT + name for name in contract.memory)]


def beginning(contract: Contract, canvas: tuple[int, int], batch: int = 1) -> dict[str, Float32[np.ndarray, "b _ _ _"]]:
    """What a video model remembers before the first frame: nothing."""
    return {
        name: np.zeros((batch, channels, canvas[0] // stride, canvas[1] // stride), np.float32)
        for name, (channels, stride) in contract.memory.items()
    }


class StepPredictor:
    """An exported video model, ready to run; safe to share between threads, each with its own `stream`.

    `model` is a name in `export.runtime.registry.folder()` or the path of an .onnx file; `provider` is one of
    `export.runtime.providers.NAMES`; `threads` is the number of CPU threads for one run (None: every core this process
    has).

    Raises:
        ModelError: There is no such model, it cannot be opened, or it predicts no videos.
    """

    task: ClassVar[Task] = TASK

    def __init__(
        self, model: str | Path = TASK.default_models[0], *, provider: str = "auto", threads: int | None = None
    ) -> None:
        self.path = find_model(model)
        self.contract = read_contract(self.path)
        if self.contract.task != TASK.name:
            raise ModelError(
                f"{self.contract.name} is a model of {self.contract.task}, not of videos; take one such as "
                f"{TASK.default_models[0]}."
            )
        height, width = self.contract.canvas
        cells = (channels * (height // s) * (width // s) for channels, s in self.contract.memory.values())
        if 4 * sum(cells) > MOST:
            raise ModelError(
                f"{self.path}: it remembers more than {MOST >> 20} MB of a video; export it for a smaller canvas."
            )
        self._session = session(self.path, provider, threads, self._shapes())
        names = {*INPUTS, STEP_S, *self.contract.memory, *outputs_of(self.contract)}
        check_names(self._session, self.path, names)

    @property
    def provider(self) -> str:
        """What the model runs on, such as "cuda" or "cpu"."""
        return sessions.provider(self._session)

    def index(self, condition: str) -> int:
        """The number of a viewing condition in the model."""
        return condition_index(condition, self.contract.conditions, self.contract.name)

    def stream(self, condition: str = "any") -> "Stream":
        """A stream that begins, with a memory of its own.

        Raises:
            ModelError: The model does not know the condition.
        """
        return Stream(self._session, self.path, self.contract, self.index(condition))

    def _shapes(self) -> Shapes:
        """The one size of each input."""
        sizes = {name: values.shape for name, values in first_inputs(self.contract, 1).items()}
        return {name: (size, size, size) for name, size in sizes.items()}


def first_inputs(contract: Contract, batch: int) -> dict[str, np.ndarray]:
    """What the graph is fed for so many streams that begin with a grey frame which fills its canvas."""
    height, width = contract.canvas
    return {
        "picture": np.full((batch, height, width, 3), contract.fill, np.uint8),
        "content": np.tile(np.array([0, 0, width, height], np.float32), (batch, 1)),
        "condition": np.zeros(batch, np.int64),
        STEP_S: np.zeros(batch, np.float32),
        **beginning(contract, contract.canvas, batch),
    }


class Stream:
    """The frames of one video, one after another; on the model's own canvas."""

    def __init__(self, opened: "InferenceSession", path: Path, contract: Contract, condition: int) -> None:
        import onnxruntime

        self._session, self._path = opened, path
        place = sessions.device(opened) or "cpu"

        def held(values: np.ndarray) -> "OrtValue":
            return onnxruntime.OrtValue.ortvalue_from_numpy(values, place, 0)

        fed = first_inputs(contract, 1) | {"condition": np.array([condition])}
        self._maps = [{name: held(np.zeros_like(fed[name])) for name in contract.memory} for _ in range(2)]
        self._given = {name: held(values) for name, values in fed.items() if name not in contract.memory}
        self._density = held(np.zeros((1, *contract.canvas), np.float32))
        self._turn = 0
        try:
            self._bindings = [self._bound(*self._maps), self._bound(*self._maps[::-1])]
        except Exception as error:  # ONNX Runtime's errors share no other parent
            logger.debug("%s: its memory cannot be bound", self._path, exc_info=True)
            raise self._broken(error) from error

    def _bound(self, reads: dict[str, "OrtValue"], writes: dict[str, "OrtValue"]) -> object:
        """A step that reads one set of maps and writes the other."""
        binding = self._session.io_binding()
        for name, value in (*self._given.items(), *reads.items()):
            binding.bind_ortvalue_input(name, value)
        binding.bind_ortvalue_output("density", self._density)
        for name, value in writes.items():
            binding.bind_ortvalue_output(NEXT + name, value)
        return binding

    def step(
        self, picture: UInt8[np.ndarray, "h w 3"], content: Float32[np.ndarray, "4"], step_s: float
    ) -> Float32[np.ndarray, "h w"]:
        """The log density of the next frame per canvas pixel; what is remembered goes on.

        `content` is where the frame lies on the canvas, x0, y0, x1, y1 in pixels; `step_s` the seconds since the frame
        before, of a first frame any.

        Raises:
            ModelError: The graph cannot be run, or gave numbers that are not finite.
        """
        try:
            self._given["picture"].update_inplace(np.ascontiguousarray(picture[None]))
            self._given["content"].update_inplace(np.ascontiguousarray(content[None], np.float32))
            self._given[STEP_S].update_inplace(np.array([step_s], np.float32))
            self._session.run_with_iobinding(self._bindings[self._turn])
        except Exception as error:  # as above
            logger.debug("%s: a step cannot be run", self._path, exc_info=True)
            raise self._broken(error) from error
        self._turn = 1 - self._turn
        density = np.array(self._density.numpy()[0])  # which is the memory that the next step writes
        if not np.isfinite(density).all():
            raise ModelError(f"{self._path.name} gave numbers that are not finite; export the model again.")
        return density

    def forget(self) -> None:
        """The next frame is the first of a stream."""
        for value in self._maps[self._turn].values():
            value.update_inplace(np.zeros(value.shape(), np.float32))

    def _broken(self, error: Exception) -> ModelError:
        logger.debug("%s: cannot be run", self._path, exc_info=True)
        return ModelError(f"{self._path.name} cannot be run ({short_reason(error)}); export the model again.")
