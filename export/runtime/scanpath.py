"""Run an exported scanpath model: a scene in, the paths of many observers over its objects out; no torch.

`ScanpathPredictor("oat-free").sample(scene)` runs two ONNX files: `oat-free.onnx` encodes the scene once,
`oat-free.step.onnx` takes one step of all observers at a time and hands on what it remembers. What they expect stands
in the `Contract` that both carry.

    scene    what `scanpath.inputs` makes of it -> the tensors of `MEMORY`
    step     last (s), trace (s, n, 2), past (layers, 2, s, heads, t, e), and those tensors
             -> logits (s, n + 1), duration (s, n, 2: mean and log deviation of its logarithm), trace, past with t + 1

Shapes: `s` observers, `n` objects, `t` fixations so far.
"""

import math
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Float32, Int64, UInt8

from data.errors import ModelError, PictureError
from data.gaze import Objects, Picture, Scene
from data.picture import FILL, read
from export.runtime import session as sessions
from export.runtime.contract import Contract, condition_index
from export.runtime.registry import STEP, find_model, find_weights, read_contract
from export.runtime.saliency import Predictor
from export.runtime.session import check_names, session
from scanpath import TASK, decode
from scanpath.decode import Rollouts
from scanpath.inputs import MAX_STEPS, InputSpec
from scanpath.object_features import FeatureSizes, Look

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

    from export.runtime.session import Value

MEMORY = ("tokens", "keys", "values", "pointer", "place", "aim", "pace", "there", "mass")
STATE = ("last", "trace", "past")
MAX_OBJECTS = 5_000  # attention among them takes memory that grows as the square
NEXT = ("logits", "duration", "next_trace", "next_past")


class ScanpathPredictor:
    """An exported scanpath model, ready to run.

    `model` is a name in `export.runtime.registry.folder()` or the path of an .onnx file; `provider` is one of
    `export.runtime.providers.NAMES`; `threads` is the number of CPU threads for one run (None: every core this process
    has).

    Raises:
        ModelError: There is no such model, its files do not belong together, or it predicts no scanpaths.
    """

    def __init__(self, model: str | Path = "oat-free", *, provider: str = "auto", threads: int | None = None) -> None:
        self.path = find_model(model)
        self.contract = read_contract(self.path)
        if self.contract.task != TASK.name:
            raise ModelError(
                f"{self.contract.name} predicts {self.contract.task}, not in which order; use a model such as oat-free."
            )
        if self.contract.searches_places:
            problem = f"{self.contract.name} searches the places of a picture, and looks at no objects"
            raise ModelError(f"{problem}; use a model such as oat-search, or `gaze search`.")
        self.input_spec = input_spec(self.contract)
        if self.input_spec.sees_saliency and not self.contract.saliency:
            raise ModelError(f"{self.path.name} was made by gaze 0.2 or older; train it again (gaze train oat).")
        second = self.path.with_name(self.path.stem + STEP)
        if not second.is_file():
            raise ModelError(f"{second} is missing beside {self.path.name}; export the model again.")
        if read_contract(second) != self.contract:
            raise ModelError(f"{second.name} was exported with another {self.path.name}; export the model again.")
        if provider == "tensorrt":
            problem = "would have to compile the step of a scanpath model anew for every fixation"
            raise ModelError(f"TensorRT {problem}; take the provider 'cuda'.")
        self._scene, self._step = session(self.path, provider, threads), session(second, provider, threads)
        check_names(self._scene, self.path, MEMORY)
        check_names(self._step, second, (*STATE, *MEMORY, *NEXT))
        self._options: dict[str, Any] = {"provider": provider, "threads": threads}
        self._opening = threading.Lock()
        self._saliency: Predictor | None = None

    @property
    def saliency(self) -> Predictor:
        """The saliency model whose outputs this one was trained on; opened when it is first asked for.

        Raises:
            ModelError: It is not among the models.
        """
        with self._opening:  # once, however many threads ask
            self._saliency = self._saliency or self._opened()
            return self._saliency

    def _opened(self) -> Predictor:
        path = find_weights(self.contract.saliency, self.path.parent)
        if path is None:
            weights = self.contract.saliency[:12]
            raise ModelError(
                f"{self.contract.name} reads the outputs of the saliency model with the weights {weights}, which is "
                "not among the models; export that one again, or train this one anew."
            )
        return Predictor(path, look=True, **self._options)

    @property
    def provider(self) -> str:
        """What the model runs on, such as "cuda" or "cpu"."""
        return sessions.provider(self._scene)

    def encode(
        self,
        scene: Scene,
        *,
        condition: str = "any",
        pixels: UInt8[np.ndarray, "h w 3"] | None = None,
        target_crops: Sequence[UInt8[np.ndarray, "_h _w 3"]] = (),
        target_known: bool = False,
        look: Look | None = None,
    ) -> "OnnxStepModel":
        """The scene as the model sees it, computed once for all observers.

        Args:
            scene: Its objects, and what is looked for.
            condition: Viewing condition that the model knows.
            pixels: The picture; by default it is read from the scene's file where the model looks at it.
            look: What `saliency` gives for the picture, where that is known already.
            target_crops: Pictures of what is looked for.
            target_known: The model knows which object is the target.

        Raises:
            GazeError: The scene has too many objects, or lacks one, a target or a picture that the model needs.
            ModelError: The model does not know the condition, or gives numbers that are not finite.
        """
        arrays = self.graph_inputs(scene, condition, pixels, target_crops, target_known, look)
        memory = sessions.run(self._scene, MEMORY, arrays)
        if not all(np.isfinite(values).all() for values in memory):
            raise ModelError(f"{self.path.name} gave numbers that are not finite; export the model again.")
        return OnnxStepModel(self._step, self.contract, dict(zip(MEMORY, memory, strict=True)))

    def graph_inputs(
        self,
        scene: Scene,
        condition: str = "any",
        pixels: UInt8[np.ndarray, "h w 3"] | None = None,
        target_crops: Sequence[UInt8[np.ndarray, "_h _w 3"]] = (),
        target_known: bool = False,
        look: Look | None = None,
    ) -> dict[str, np.ndarray]:
        """What the graph of the scene is given, by the names of its inputs; as in `encode`."""
        if len(scene.objects) > MAX_OBJECTS:
            problem = f"{len(scene.objects):,} objects are more than the {MAX_OBJECTS:,} that are looked at together"
            raise PictureError(f"{scene.picture.name}: {problem}; give fewer, the largest or surest.")
        index = condition_index(condition, self.contract.conditions, self.contract.name)
        if self.input_spec.sees_saliency and look is None:
            pixels = read(scene.picture.path) if pixels is None and scene.picture.path else pixels
            look = None if pixels is None else self.saliency(pixels).look
        arrays = self.input_spec.inputs(scene, index, target_known, pixels, target_crops, look)
        names = {node.name for node in self._scene.get_inputs()}
        return {name: value for name, value in arrays.items() if name in names}

    def warm_up(self, objects: int = 30, observers: int = 20) -> None:
        """Let a few observers look at a grey picture: the first run of a graph takes longer than the next."""
        scene, pixels = grey_scene(objects)
        self.sample(scene, observers, limit=2, condition=self.contract.conditions[0], pixels=pixels)

    def sample(
        self,
        scene: Scene,
        observers: int = 20,
        *,
        seed: int = 0,
        limit: int = decode.LIMIT,
        greedy: bool = False,
        decoding: Mapping[str, float] | None = None,
        **inputs: Any,
    ) -> Rollouts:
        """Simulated observers of a scene: options as in `scanpath.decode.sample`, `inputs` as in `encode`.

        `decoding` holds temperature, top_p and inhibition; what it lacks is as the contract says.
        """
        chosen: dict[str, Any] = {**self.contract.decoding, **(decoding or {})}
        return decode.sample(self.encode(scene, **inputs), observers, seed=seed, limit=limit, greedy=greedy, **chosen)

    def likelihood(self, scene: Scene, order: Int64[np.ndarray, " l"], **inputs: Any) -> Float[np.ndarray, "l_1 n_1"]:
        """Natural-log probabilities before each fixation of a path and after its last; the last column is the end."""
        return decode.likelihood(self.encode(scene, **inputs), [order])[0]


def grey_scene(objects: int) -> tuple[Scene, UInt8[np.ndarray, "h w 3"]]:
    """A grey picture with so many boxes side by side, for trials that need no real one."""
    columns = math.ceil(math.sqrt(objects))
    numbers, side = np.arange(objects), 512 / columns
    corners = np.stack([numbers % columns, numbers // columns], 1) * side
    boxes = np.hstack([corners, np.full((objects, 2), 0.8 * side)])
    return Scene(Picture("grey", 512, 512), Objects(boxes)), np.full((512, 512, 3), FILL, np.uint8)


def input_spec(contract: Contract) -> InputSpec:
    """What the model of a contract reads of a scene."""
    total = FeatureSizes(*contract.features).total if contract.features else 0
    return InputSpec(contract.categories, contract.appearance, contract.crop, total)


class OnnxStepModel:
    """One encoded scene: a `scanpath.decode.StepModel`.

    On a device the scene is copied there once, and what a step remembers stays there until the last step.
    """

    longest = MAX_STEPS

    def __init__(
        self, opened: "InferenceSession", contract: Contract, memory: dict[str, Float32[np.ndarray, "..."]]
    ) -> None:
        self._session, self._contract = opened, contract
        self._memory = sessions.hold(opened, memory)
        self.count = memory["aim"].shape[0]

    def start(self, observers: int) -> tuple["Value", "Value"]:
        """No object has been fixated."""
        layers, heads, width = self._contract.past
        trace = np.zeros((observers, self.count, 2), np.float32)
        return trace, np.zeros((layers, 2, observers, heads, 0, width), np.float32)

    def step(self, last: Int64[np.ndarray, " s"], state: tuple["Value", "Value"]) -> decode.Step:
        """Logits, log durations and the state after one more fixation of each observer."""
        feeds = {"last": last, "trace": state[0], "past": state[1], **self._memory}
        logits, log_duration, trace, past = sessions.run(self._session, NEXT, feeds, stays=NEXT[2:])
        log_duration = log_duration if self._contract.durations else np.full_like(log_duration, np.nan)
        return logits, log_duration, (trace, past)
