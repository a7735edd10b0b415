"""What a model runs on: the one asked for, or one sentence that says why not and how to mend it; never silence."""

import logging
import os
import re
import sys
from pathlib import Path
from typing import Any, get_args

import numpy as np
import onnxruntime
import pytest

from data.errors import ModelError
from export.runtime import providers, session
from export.runtime.providers import NAMES, PROVIDERS
from export.runtime.records import Provider
from export.runtime.saliency import Predictor
from export.runtime.scanpath import MEMORY, ScanpathPredictor
from scanpath.decode import Rollouts
from tests import scanpath_toy
from tests.toy_model import write

PICTURE = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)


@pytest.fixture(autouse=True)
def forgetful() -> None:
    """What was said once may be said again."""
    session._warn.cache_clear()


@pytest.fixture
def with_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose NVIDIA driver works, but ONNX Runtime's CUDA does not."""
    if not providers.driver():
        pytest.skip("here is a working driver")
    monkeypatch.setattr(providers, "driver", lambda: "")


def test_a_driver_whose_cuda_does_not_load_is_warned_of_once_and_the_cpu_is_used(
    with_driver: None, toy_model: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.WARNING):
        first, second = Predictor(toy_model), Predictor(toy_model)
    assert first.provider == second.provider == "cpu"
    (said,) = caplog.messages
    assert re.match(r"There is an NVIDIA driver, but the CPU is used: .*(cannot load \S+|built without it).*\.$", said)
    assert "\n" not in said
    printed = capfd.readouterr()
    assert (printed.out, printed.err.replace(f"{said}\n", "")) == ("", "")  # ONNX Runtime says nothing itself


@pytest.mark.parametrize("name", ["cuda", "tensorrt"])
def test_a_named_one_that_does_not_load_is_refused_with_the_loaders_words(
    name: str, with_driver: None, toy_model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(
        ModelError, match=rf"The provider '{name}' cannot be used here: .*(lib\w+|built without)"
    ) as caught:
        Predictor(toy_model, provider=name)
    assert "install" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("reason", providers.WITHOUT)
def test_a_machine_without_a_gpu_runs_on_the_cpu_and_says_nothing(
    reason: str, toy_model: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(providers, "driver", lambda: reason)
    assert Predictor(toy_model).provider == "cpu"
    assert caplog.messages == []
    with pytest.raises(ModelError, match=rf"'cuda' cannot be used here: {reason}; install or update the NVIDIA driver"):
        Predictor(toy_model, provider="cuda")


def test_a_driver_that_fails_is_told(
    toy_model: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Driver:
        def __init__(self, name: str) -> None:
            pass

        def cuInit(self, flags: int) -> int:  # noqa: N802 - the driver's name
            return 803  # driver and library do not match

    monkeypatch.setattr(providers.ctypes, "CDLL", Driver)
    assert providers.driver() == "the NVIDIA driver does not work (cuInit gives 803)"
    assert Predictor(toy_model).provider == "cpu"
    assert [text for text in caplog.messages if "cuInit gives 803" in text]
    monkeypatch.setattr(Driver, "cuInit", lambda self, flags: providers.NO_DEVICE)
    assert providers.driver() == providers.WITHOUT[1]


@pytest.mark.parametrize("name", [name for name in PROVIDERS if name != "cpu"])
def test_every_provider_that_onnx_runtime_lacks_says_what_brings_it(
    name: str, toy_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(providers, "driver", lambda: "")
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    monkeypatch.setattr(sys, "platform", PROVIDERS[name].system or sys.platform)
    with pytest.raises(ModelError, match=rf"{name}.* is built without it; put {PROVIDERS[name].package} in the place"):
        Predictor(toy_model, provider=name)
    monkeypatch.setattr(sys, "platform", "plan9")
    if PROVIDERS[name].system:
        with pytest.raises(ModelError, match=r"it is for (Windows|macOS) alone; take the provider 'auto'"):
            providers.check(name)


def test_one_that_onnx_runtime_leaves_out_without_a_word_is_refused(
    toy_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["OpenVINOExecutionProvider"])
    real = onnxruntime.InferenceSession
    asked: list[list[str]] = []

    def on_cpu(path: Path, options: Any, chosen: list[tuple[str, dict[str, str]]], **more: Any) -> Any:
        asked.append([name for name, _ in chosen])
        return real(path, options, ["CPUExecutionProvider"], **more)

    monkeypatch.setattr(onnxruntime, "InferenceSession", on_cpu)
    with pytest.raises(ModelError, match=r"left it out \(it does not say why\); update onnxruntime-openvino, or take"):
        Predictor(toy_model, provider="openvino")
    assert asked[0] == ["OpenVINOExecutionProvider", "CPUExecutionProvider"]


def test_the_words_of_onnx_runtime_are_handed_on(toy_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["OpenVINOExecutionProvider"])
    real = onnxruntime.InferenceSession

    def failing(path: Path, options: Any, chosen: list[tuple[str, dict[str, str]]], **more: Any) -> Any:
        if len(chosen) > 1:
            raise RuntimeError("no device\nof this name")
        return real(path, options, chosen, **more)

    monkeypatch.setattr(onnxruntime, "InferenceSession", failing)
    with pytest.raises(ModelError, match=r"left it out \(no device of this name\); update"):
        Predictor(toy_model, provider="openvino")


def test_what_a_model_ran_on_can_be_written_for_every_provider() -> None:
    assert {*get_args(get_args(Provider)[0])} == {*PROVIDERS} == {*NAMES} - {"auto"}


def test_tensorrt_keeps_its_engines_and_is_told_the_shapes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, toy_model: Path
) -> None:
    monkeypatch.setenv("GAZE_ENGINES", str(tmp_path / "engines"))
    told: list[Any] = []
    monkeypatch.setattr(
        "export.runtime.saliency.session",
        lambda path, provider, threads, shapes: (told.append(shapes), session.session(path, "cpu", 1))[1],
    )
    Predictor(toy_model, canvas="by-shape")
    options = PROVIDERS["tensorrt"].options(told[0], 1)
    assert Path(options["trt_engine_cache_path"]).is_dir()
    assert options["trt_profile_min_shapes"] == "picture:1x64x64x3,content:1x4,condition:1"
    assert options["trt_profile_opt_shapes"] == "picture:1x96x128x3,content:1x4,condition:1"
    assert options["trt_profile_max_shapes"] == "picture:64x160x160x3,content:64x4,condition:64"
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GAZE_ENGINES", str(tmp_path / "file" / "engines"))
    with pytest.raises(ModelError, match=r"engines cannot be kept there .*; name another folder in \$GAZE_ENGINES"):
        PROVIDERS["tensorrt"].options({}, 1)


@pytest.mark.slow  # it may wait for the export of another process
def test_scanpaths_are_not_compiled_step_by_step(tmp_path_factory: pytest.TempPathFactory) -> None:
    made = scanpath_toy.exported(tmp_path_factory.getbasetemp())[0]
    with pytest.raises(ModelError, match="anew for every fixation; take the provider 'cuda'"):
        ScanpathPredictor(made, provider="tensorrt")


def test_a_saliency_model_on_a_device_gives_the_same_bits(toy_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = Predictor(toy_model, provider="cpu", threads=1)
    wanted = predictor.batch([PICTURE, PICTURE[:30]])
    monkeypatch.setattr(session, "device", lambda opened: "cpu")  # whose memory is bound as that of a device is
    monkeypatch.setattr(type(predictor._session), "run", None)
    for one, other in zip(predictor.batch([PICTURE, PICTURE[:30]]), wanted, strict=True):
        assert np.array_equal(one.density, other.density)
        assert np.array_equal(one.slices, other.slices)


@pytest.mark.slow  # it may wait for the export of another process
def test_a_scanpath_model_on_a_device_gives_the_same_paths_and_copies_the_scene_once(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = scanpath_toy.exported(tmp_path_factory.getbasetemp())[0]
    finder = ScanpathPredictor(made, provider="cpu", threads=1)

    def walk() -> Rollouts:
        return finder.sample(scanpath_toy.scene(6), 5, limit=4)

    wanted, copied = walk(), list[tuple[int, ...]]()
    real = onnxruntime.OrtValue.ortvalue_from_numpy
    monkeypatch.setattr(session, "device", lambda opened: "cpu")
    monkeypatch.setattr(type(finder._step), "run", None)

    def hold(array: np.ndarray, *place: Any) -> Any:
        copied.append(array.shape)
        return real(array, *place)

    monkeypatch.setattr(onnxruntime.OrtValue, "ortvalue_from_numpy", hold)
    found = walk()
    for name in ("order", "duration", "log_p", "ended"):
        assert np.array_equal(getattr(found, name), getattr(wanted, name), equal_nan=True)
    steps = [shape for shape in copied if shape == (5,)]
    given, first_state = len(finder.graph_inputs(scanpath_toy.scene(6))), 2
    assert len(steps) == 4
    assert len(copied) == given + len(MEMORY) + first_state + len(steps)


@pytest.mark.gpu
def test_cuda_gives_the_paths_of_the_cpu(tmp_path_factory: pytest.TempPathFactory) -> None:
    if providers.driver():
        pytest.skip("no CUDA device")
    made = scanpath_toy.exported(tmp_path_factory.getbasetemp())[0]
    here, there = (ScanpathPredictor(made, provider=name, threads=1) for name in ("cpu", "cuda"))
    assert there.provider == "cuda"
    rows = [one.likelihood(scanpath_toy.scene(6), np.array([1, 4, 2, 5])) for one in (here, there)]
    assert np.allclose(rows[0][1:], rows[1][1:], atol=1e-3)


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["tempsal", "tempsal-fast"])
def test_cuda_gives_the_densities_of_the_cpu(name: str) -> None:
    if providers.driver():
        pytest.skip("no CUDA device")
    here, there = (Predictor(name, provider=provider) for provider in ("cpu", "cuda"))
    there.warm_up((1, 2))
    for one, other in zip(here.batch([PICTURE] * 2), there.batch([PICTURE] * 2), strict=True):
        assert np.abs(one.density - other.density).max() < 1e-2


def cut(folder: Path) -> Path:
    path = write(folder / "cut.onnx")
    path.write_bytes(path.read_bytes()[:-200])
    return path


def text(folder: Path) -> Path:
    (folder / "text.onnx").write_text("no model at all")
    return folder / "text.onnx"


def empty(folder: Path) -> Path:
    (folder / "empty.onnx").write_bytes(b"")
    return folder / "empty.onnx"


def a_folder(folder: Path) -> Path:
    (folder / "dir.onnx").mkdir()
    return folder / "dir.onnx"


def foreign(folder: Path) -> Path:
    return write(folder / "foreign.onnx", metadata={"author": "somebody"})


def missing(folder: Path) -> Path:
    return folder / "missing.onnx"


def long(folder: Path) -> Path:
    return folder / ("x" * 300 + ".onnx")


def within_a_file(folder: Path) -> Path:
    return write(folder / "file.onnx") / "a.onnx"


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (cut, "is not a model that ONNX Runtime can open; export or download it again"),
        (text, "is not a model that ONNX Runtime can open; export or download it again"),
        (empty, "is not a model that ONNX Runtime can open; export or download it again"),
        (a_folder, "for that is a folder; give an .onnx file in it"),
        (foreign, "is ONNX, but not of gaze: it carries no contract; make one with `gaze export`"),
        (missing, "There is no model"),
        (long, "cannot be read (File name too long); check the file and its rights"),
        (within_a_file, "There is no model"),
    ],
)
@pytest.mark.parametrize("by", [Predictor, ScanpathPredictor])
def test_what_is_no_model_is_refused_in_one_sentence(
    make: Any, sentence: str, by: type[Predictor | ScanpathPredictor], tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=re.escape(sentence)) as caught:
        by(make(tmp_path), provider="cpu")
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


def test_a_model_without_the_right_to_read_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "locked" / "a.onnx")
    if os.geteuid() == 0:  # who may read everything
        real = Path.open

        def refused(self: Path, *words: Any, **more: Any) -> Any:
            if self == path:
                raise PermissionError(13, "Permission denied")
            return real(self, *words, **more)

        monkeypatch.setattr(Path, "open", refused)
    else:
        path.chmod(0)
    with pytest.raises(
        ModelError, match=r"a\.onnx cannot be read \(Permission denied\); check the file and its rights\."
    ):
        Predictor(path, provider="cpu")


def test_a_folder_without_the_right_to_enter_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_file", refused)
    with pytest.raises(
        ModelError, match=r"a\.onnx cannot be read \(Permission denied\); check the file and its rights\."
    ):
        Predictor(tmp_path / "a.onnx", provider="cpu")
