"""A step graph streams as PyTorch does, frame by frame with its own memory, or there is no file."""

import copy
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from app import tasks
from app.export_model import contract
from data.errors import ModelError
from data.picture import Letterbox
from export import video_onnx as exporter
from export.onnx import TOLERANCE
from export.runtime.contract import KEY, Contract
from export.runtime.registry import WEIGHTS
from export.runtime.saliency import Predictor
from export.runtime.video import VideoPredictor
from tests.export.test_onnx import pictures
from tests.video.networks import CANVAS, network, window
from training import weights
from video.models.tempsal_video import TempSALVideo


class Small(nn.Module):
    """A video network of two convolutions and a memory that fades with the seconds between frames."""

    multiple, slices, canvas = 32, 0, CANVAS

    def __init__(self) -> None:
        super().__init__()
        self.conditions = ("any", "one", "uniform")
        self.see, self.read = nn.Conv2d(3, 8, 5, stride=4, padding=2), nn.Conv2d(8, 1, 3, padding=1)
        self.bias = nn.Parameter(torch.randn(len(self.conditions)))
        self.spread = nn.Parameter(torch.zeros(()))  # of a map that nothing reads

    @property
    def memory(self) -> dict[str, tuple[int, int]]:
        return {"faded": (8, 4), "unread": (1, 16)}

    def step(
        self,
        picture: Tensor,
        content: Tensor,
        condition: Tensor,
        step_s: Tensor,
        state: dict[str, Tensor],
        stride: int = 1,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        seen = torch.relu(self.see(picture.permute(0, 3, 1, 2).float() / 255))
        faded = state["faded"] * torch.exp(-step_s)[:, None, None, None] + seen
        logits = self.read(faded) * (content[:, 2] / 64 + self.bias[condition])[:, None, None, None]
        wide = nn.functional.interpolate(logits, scale_factor=4 / stride)[:, 0]
        density = wide.flatten(1).log_softmax(1).reshape(wide.shape)
        unread = state["unread"] + nn.functional.avg_pool2d(seen, 4).mean(1, keepdim=True) + self.spread
        return density, {"faded": faded, "unread": unread}


@pytest.fixture(scope="module", params=["small", pytest.param("tempsal-video", marks=pytest.mark.slow)])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path, float]:
    """A network, its one export in these tests, and the difference that it reported."""
    torch.manual_seed(0)
    net = Small().eval() if request.param == "small" else network()
    net.canvas = CANVAS
    path = tmp_path_factory.mktemp("export") / "new" / "tiny.onnx"
    worst = exporter.export_network(net, path, contract(net, "tiny", "video"), {})
    return net, path, worst


def test_only_the_finished_file_is_there_and_tells_its_memory(made: tuple[Any, Path, float]) -> None:
    net, path, worst = made
    assert [file.name for file in path.parent.iterdir()] == ["tiny.onnx"]
    assert 0 <= worst <= TOLERANCE
    entries = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    told = Contract.of_json(entries[KEY], "tiny.onnx")
    assert told.memory == net.memory
    assert (told.task, told.slices, told.canvas) == ("video", (), CANVAS)


def test_inputs_and_outputs_are_named_and_of_any_size(made: tuple[Any, Path, float]) -> None:
    net, path, _ = made
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    given = {node.name: node.shape for node in session.get_inputs()}
    assert [*given] == ["picture", "content", "condition", "step_s", *net.memory]
    taken = {node.name: node.shape for node in session.get_outputs()}
    assert [*taken] == ["density", *(f"next_{name}" for name in net.memory)]
    for name, (channels, _) in net.memory.items():
        assert [isinstance(side, int) for side in given[name]] == [False, True, False, False]
        assert given[name][1] == channels


def without_contract(path: Path) -> onnx.ModelProto:
    model = onnx.load(path)
    model.ClearField("metadata_props")
    return model


def as_torch(net: Any, frames: list[np.ndarray], times: list[float], condition: int) -> list[np.ndarray]:
    """What PyTorch says of frames, one after another, where they lie on the canvas."""
    box = Letterbox.fit(frames[0].shape[:2], CANVAS)
    content, numbers = torch.from_numpy(box.box[None]), torch.tensor([condition])
    canvases = [torch.from_numpy(box.apply(frame)[None]) for frame in frames]
    state = {n: torch.zeros(1, c, CANVAS[0] // s, CANVAS[1] // s) for n, (c, s) in net.memory.items()}
    found = []
    with torch.no_grad():
        for canvas, step_s in zip(canvases, np.diff(times, prepend=times[0]), strict=True):
            density, state = net.step(canvas, content, numbers, torch.tensor([step_s], dtype=torch.float32), state)
            found.append(box.back(density[0].numpy()))
    return found


def test_a_stream_of_the_file_is_what_torch_says_step_by_step(made: tuple[Any, Path, float]) -> None:
    net, path, _ = made
    wide = pictures(1, 21, (50, 120))[0]
    frames = [*(wide[:, 2 * n : 2 * n + 60] for n in range(6)), *pictures(2, 5, (50, 60))]
    times = [0, 0.04, 0.08, 0.2, 0.3, 1.0, 1.04, 3.0]
    predictor = VideoPredictor(path, condition="one" if "one" in net.conditions else "a", provider="cpu", threads=1)
    got = [predictor.step(frame, time).density for frame, time in zip(frames, times, strict=True)]
    for one, other in zip(got, as_torch(net, frames, times, 1), strict=True):
        np.testing.assert_allclose(one, other, atol=2 * TOLERANCE)


@pytest.mark.parametrize("made", [pytest.param("tempsal-video", marks=pytest.mark.slow)], indirect=True)
def test_a_clip_at_once_in_torch_is_the_stream_of_the_file(made: tuple[Any, Path, float]) -> None:
    net, path, _ = made
    given = window(6)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    with torch.no_grad():
        whole, _ = net(**given)
    state = {name: values.numpy() for name, values in net.start(given["clip"]).items()}
    for number in range(6):
        feeds = {"picture": given["clip"][:, number].numpy(), "step_s": given["step_s"][:, number].numpy()}
        feeds |= {name: given[name].numpy() for name in ("content", "condition")}
        density, *maps = session.run(None, feeds | state)
        state = dict(zip(state, maps, strict=True))
        wanted = whole[:, number].numpy()
        inside = wanted > -1e3  # in the bars floats are coarser than that
        np.testing.assert_allclose(density[inside], wanted[inside], atol=TOLERANCE)


@pytest.mark.parametrize("made", ["small"], indirect=True)
@pytest.mark.parametrize("name", ["read.bias", "spread"])
def test_a_file_that_differs_from_torch_in_its_answer_or_its_memory_is_not_kept(
    name: str, made: tuple[Any, Path, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network is changed after its graph was made: only the comparison can notice."""
    net, target = copy.deepcopy(made[0]), tmp_path / "tiny.onnx"
    promise = exporter.promised(net, contract(net, "tiny", "video"))
    monkeypatch.setattr(exporter, "converted", lambda *_: without_contract(made[1]))
    assert exporter.export(net, target, promise, pictures(3, 5)) <= TOLERANCE
    before = target.read_bytes()
    with torch.no_grad():
        dict(net.named_parameters())[name] += 0.01 if name == "spread" else torch.nan
    with pytest.raises(ModelError, match=r"^tiny.onnx differs from PyTorch by .*; nothing was kept\.$"):
        exporter.export(net, target, promise, pictures(3, 5))
    assert target.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.onnx"]


def test_the_mirror_image_is_for_pictures(tmp_path: Path) -> None:
    net = Small().eval()
    with pytest.raises(ModelError, match="cannot look at the mirror image, too; leave out --mirror"):
        exporter.export_network(net, tmp_path / "tiny.onnx", contract(net, "tiny", "video"), {"mirror": True})
    assert not [*tmp_path.iterdir()]


def test_what_a_file_is_checked_on_moves_and_has_a_cut() -> None:
    net = Small()
    promise = exporter.promised(net, contract(net, "tiny", "video"))
    shown = list(exporter.clip(pictures(3, 1), promise, (64, 96), 3))
    assert len(shown) == exporter.FRAMES
    apart = [np.abs(a["picture"].astype(int) - b["picture"]).mean() for a, b in itertools.pairwise(shown)]
    assert min(apart) > 0
    assert int(np.argmax(apart)) == exporter.CUT - 1
    assert {feeds["condition"].tolist() == [0, 1, 2] for feeds in shown} == {True}
    assert len({float(feeds["step_s"][0]) for feeds in shown}) == len(exporter.APART_S)


@pytest.mark.parametrize("still", ["tempsal-fast"])
def test_a_first_frame_is_answered_as_the_still_model_that_ships_does(still: str) -> None:
    shipped: Any = weights.load(WEIGHTS / f"{still}.safetensors", tasks.models())
    net = TempSALVideo(shipped.arguments["conditions"], shipped.arguments).eval()
    net.still.load_state_dict(shipped.state_dict())
    picture = pictures(1, 4, net.canvas)[0]
    box = Letterbox.fit(picture.shape[:2], net.canvas)
    shown = torch.from_numpy(picture[None])
    with torch.no_grad():
        for parameter in net.read[-1].parameters():
            parameter.normal_(std=0.5)
        density, _ = net.step(
            shown, torch.from_numpy(box.box[None]), torch.zeros(1, dtype=torch.int64), torch.ones(1), net.start(shown)
        )
    wanted = Predictor(WEIGHTS / f"{still}.onnx", provider="cpu", threads=1)(picture).density
    np.testing.assert_allclose(density[0].numpy(), wanted, atol=TOLERANCE)


def test_the_video_model_that_ships_answers_a_first_frame_as_its_still_model_does() -> None:
    shipped = WEIGHTS / "tempsal-video.onnx"
    if not shipped.is_file():
        pytest.skip("no weights of tempsal-video are in export/weights")
    picture = pictures(1, 4, (300, 400))[0]
    seen = VideoPredictor(shipped, provider="cpu", threads=1).step(picture, 0.0)
    wanted = Predictor(WEIGHTS / "tempsal-fast.onnx", provider="cpu", threads=1)(picture)
    np.testing.assert_allclose(seen.density, wanted.density, atol=2 * TOLERANCE)
