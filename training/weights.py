"""Weights on disk: safetensors with the network's description inside, or a training checkpoint; never a pickle's code.

The description is `{"model": "tempsal", "arguments": {...}}`, enough to build the network again: the model's key in the
`MODELS` of its task, which is the name of its file. Files of gaze 0.2 and before name the class instead.
"""

import copy
import hashlib
import json
import logging
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save as serialise
from torch import Tensor, nn

from data import checksums
from data.atomic import atomic_write
from data.errors import GazeError, ModelError, short_reason
from data.gaze import condition_names
from training import Model, sketch

logger = logging.getLogger(__name__)

MOST = 2  # times the bytes of a file that its tensors, or its parts unpacked, may have
ROWS = {  # what has a row for each viewing condition, or category of objects
    "conditions": ("finish.log_gain", "finish.bias", "condition.weight"),
    "categories": ("category.weight",),
}


OLD_CLASSES = {  # what models were called in files, checkpoints and recipes of gaze 0.2 and before
    "saliency.center.CenterBias": "center_bias",
    "saliency.gbvs.GraphBased": "gbvs",
    "saliency.itti.IttiKoch": "itti_koch",
    "saliency.spectral.SpectralResidual": "spectral_residual",
    "saliency.tempsal.TempSAL": "tempsal",
    "scanpath.oat.OAT": "oat",
}


def model_key(name: str, models: Mapping[str, Model]) -> str | None:
    """The key of a model given by its key, its class path ("package.module.Class") or an old one; None for others."""
    name = name.replace(":", ".")
    places = {model.place.replace(":", "."): key for key, model in models.items()}
    key = OLD_CLASSES.get(name) or places.get(name) or name
    return key if key in models else None


def describe(network: nn.Module) -> dict[str, Any]:
    """How to build the network again."""
    key = type(network).__module__.rpartition(".")[2]
    return {"model": key, "arguments": getattr(network, "arguments", {})}


def build(
    description: dict[str, Any], models: Mapping[str, Model], state: Mapping[str, Tensor] | None = None
) -> nn.Module:
    """The network of a description, without its weights; only models of the table `models` are built.

    Where its tensors are given as `state`, nothing is allocated before they are known to fit.

    Raises:
        ModelError: for another model, arguments that do not suit it, or a backbone of the hub that is not described.
    """
    key = model_key(str(description.get("model")), models)
    if key is None:
        kind = description.get("model")
        raise ModelError(f"The file describes the model {kind!r}, which is none of {', '.join(models)}; give another.")
    arguments = description.get("arguments", {})
    _check_backbones(arguments)
    sketch.check_numbers(arguments)
    _names(arguments)
    kind = models[key].load()
    try:
        if state is not None:
            sketch.check(lambda: kind(**arguments), state)
        network: nn.Module = kind(**arguments)
        if state is not None:
            sketch.compare(network.state_dict(), state)
    except GazeError:
        raise
    except Exception as error:  # whatever a network, or torch, says of arguments that somebody else wrote
        logger.debug("%s: cannot be made of these arguments", key, exc_info=True)
        reason = short_reason(error) if "keyword argument" in str(error) else type(error).__name__
        raise ModelError(f"The file's arguments do not suit {key} ({reason}); use the gaze that wrote it.") from error
    return network


def _names(arguments: Mapping[str, Any]) -> dict[str, Sequence[str]]:
    """The conditions and categories that a description names."""
    named = {kind: arguments.get(kind) or () for kind in ROWS}
    for kind, names in named.items():
        if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
            raise ModelError(f"The file's {kind} are no list of names; give a file that gaze wrote.")
    return named


def _check_backbones(arguments: Mapping[str, Any]) -> None:
    """Refuses a backbone, of a network inside the network as well, for which the hub would be asked."""
    backbone = str(arguments.get("backbone", ""))
    if backbone.startswith("hf:") and not isinstance(arguments.get("backbone_config"), Mapping):
        raise ModelError(
            f"The file names the backbone '{backbone}' without its configuration, so that it would have to be "
            "downloaded; train from it once more (gaze train, with the same backbone and --model.start) and use "
            "what that writes."
        )
    for value in arguments.values():
        if isinstance(value, Mapping):
            _check_backbones(value)


OUTSIDE = ("medium.",)  # of a network's weights: what nothing else builds on
BESIDE = ("any_bias", "canvas", "slices", "kinds")  # of its arguments: what its outputs depend on, beside its weights


def fingerprint(network: nn.Module) -> str:
    """SHA-256 of all that the outputs follow from on which other models build, whatever file holds it."""
    arguments = getattr(network, "arguments", {})
    total = hashlib.sha256(json.dumps([arguments.get(name) for name in BESIDE]).encode())
    for name, value in sorted(network.state_dict().items()):
        if not name.startswith(OUTSIDE):
            total.update(name.encode())
            total.update(value.detach().cpu().contiguous().numpy().tobytes())
    return total.hexdigest()


@torch.no_grad()
def round_to_half(network: nn.Module) -> None:
    """Rounds what was learned to half precision, in place; it stays float32. Statistics of batch norms are kept."""
    for parameter in network.parameters():
        parameter.copy_(parameter.half())


def average(networks: Sequence[nn.Module]) -> nn.Module:
    """A copy of the first network with the mean of all networks' weights; what is counted is the first one's.

    Raises:
        GazeError: A network is built otherwise than the first.
    """
    first = networks[0]
    if any(describe(network) != describe(first) for network in networks):
        raise GazeError("These weights are of networks that are built differently; average runs of one recipe.")
    states = [network.state_dict() for network in networks]
    copied = copy.deepcopy(first)
    copied.load_state_dict(
        {
            name: torch.stack([state[name] for state in states]).mean(0) if value.is_floating_point() else value
            for name, value in states[0].items()
        }
    )
    return copied


def save(network: nn.Module, path: Path, half: bool = False) -> None:
    """Writes the weights and the network's description; with `half` what was learned in half precision."""
    learned = {name for name, _ in network.named_parameters()} if half else set()
    tensors = {
        name: (value.detach().half() if name in learned else value.detach()).contiguous()
        for name, value in network.state_dict().items()
    }
    with atomic_write(path) as file:
        file.write(serialise(tensors, {"gaze": json.dumps(describe(network))}))


def read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Description and tensors of a .safetensors file or of a checkpoint of `gaze train`.

    A relative path that is not there is looked for from the repository's folder, as recipes name what ships.

    Raises:
        ModelError: The file is missing or damaged, is not what `SHA256SUMS` beside it says, or holds no weights.
    """
    here = Path(__file__).parents[1] / path
    path = here if not path.is_file() and here.is_file() else path
    if not path.is_file():
        raise ModelError(f"{path}: there is no such file; give a .safetensors or .ckpt file that gaze wrote.")
    checksums.verify(path)
    try:
        description, state = _of_safetensors(path) if path.suffix == ".safetensors" else _of_checkpoint(path)
        _check_parts(description, state, MOST * path.stat().st_size)
        return description, state
    except ModelError:
        raise
    except Exception as error:  # whatever the damage leads torch, its unpickler, zipfile or safetensors to
        logger.debug("%s: no weights can be read", path, exc_info=True)
        kind = type(error).__name__
        raise ModelError(f"{path}: these are no weights of gaze ({kind}); give a file that gaze wrote.") from error


def read_checkpoint(path: Path) -> dict[str, Any]:
    """What a file of torch holds: tensors and plain values; nothing in it is run.

    Raises:
        ModelError: It is no such file, is damaged, or would run code.
    """
    try:
        if not zipfile.is_zipfile(path):  # as no checkpoint of gaze ever was
            raise UnpicklingError("an older form, or no checkpoint at all")
        with zipfile.ZipFile(path) as packed:
            if sum(part.file_size for part in packed.infolist()) > MOST * path.stat().st_size:
                raise ValueError("it unpacks to more than it can hold")
            if broken := packed.testzip():  # torch does not look at the checksums
                raise zipfile.BadZipFile(broken)
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:  # torch says so of what is not safe, and of what is no checkpoint at all
        raise ModelError(f"{path}: refused, it is not a file of weights alone; give one that gaze wrote.") from error
    except OSError as error:
        reason = error.strerror or "it cannot be opened"
        raise ModelError(f"{path}: cannot be read ({reason}); give a file that gaze wrote.") from error
    except Exception as error:  # damaged bytes lead torch's reader anywhere
        logger.debug("%s: no checkpoint can be read", path, exc_info=True)
        raise ModelError(f"{path}: is damaged or no checkpoint; give a file that gaze wrote.") from error
    if not isinstance(checkpoint, dict):
        raise ModelError(f"{path}: these are no weights of gaze; give a file that gaze wrote.")
    return checkpoint


def _of_safetensors(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    with safe_open(path, "pt") as file:
        description = json.loads((file.metadata() or {})["gaze"])
        return dict(description), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def _of_checkpoint(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    checkpoint = read_checkpoint(path)
    prefix = "network."
    state = {k.removeprefix(prefix): v for k, v in checkpoint["state_dict"].items() if k.startswith(prefix)}
    return dict(checkpoint["network"]), state


def _check_parts(description: dict[str, Any], state: Mapping[str, Any], most: int) -> None:
    """What a description and tensors are: ValueError for anything else, and for tensors that no file could hold."""
    if not isinstance(description.get("arguments", {}), dict):
        raise ValueError("the arguments are no table")
    if not all(isinstance(value, Tensor) and value.layout == torch.strided for value in state.values()):
        raise ValueError("a weight is no dense tensor")
    if sum(value.numel() * value.element_size() for value in state.values()) > most:
        raise ValueError("the tensors are larger than the file")


def load(path: Path, models: Mapping[str, Model]) -> nn.Module:
    """The network with its weights, ready to predict; a model of the table `models`.

    Raises:
        ModelError: The file is missing or damaged, or describes another model, or one that its weights do not fit.
    """
    description, state = read(path)
    try:
        network = build(description, models, state)
    except GazeError as error:
        raise ModelError(f"{path}: {error}") from error
    _fill(network, state, path)
    return network.eval()


def start(network: nn.Module, path: Path) -> None:
    """Begins training from the weights of `path`; what it does not know starts from its "any", or from no category.

    Raises:
        ModelError: The file is missing or damaged, or its weights do not fit the network.
    """
    description, state = read(path)
    try:
        _choose_rows(network, description.get("arguments", {}), state)
    except (GazeError, IndexError) as error:  # its lists are no lists of names, or not those of its rows
        raise ModelError(
            f"{path}: its weights have no row for each condition and category that it names; give a file that gaze "
            "wrote."
        ) from error
    _fill(network, state, path)


def _choose_rows(network: nn.Module, arguments: Mapping[str, Any], state: dict[str, Tensor]) -> None:
    """Gives the network's conditions and categories the rows of the file's that have their name, or its first."""
    told = _names(arguments)
    named = {"conditions": condition_names(told["conditions"]), "categories": ("", *told["categories"])}
    for kind, tensors in ROWS.items():
        theirs = named[kind]
        ours: Sequence[str] = getattr(network, kind, theirs)
        rows = [theirs.index(name) if name in theirs else 0 for name in ours]
        for name in tensors:
            if name in state:
                state[name] = state[name][rows]


def _fill(network: nn.Module, state: dict[str, Tensor], path: Path) -> None:
    own = network.state_dict()
    if wrong := sketch.misfits(own, state):
        raise ModelError(
            f"{path}: its weights do not fit this network (first: {wrong[0]}); use the arguments it was trained with."
        )
    network.load_state_dict({name: state[name] for name in own})
