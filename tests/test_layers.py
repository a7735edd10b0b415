"""The order of the house: imports point down, and what should be light is light."""

import ast
import functools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from data.synthetic import scenes as synthetic_scenes

ROOT = Path(__file__).parents[1]
BELOW: dict[str, set[str]] = {  # which folders a folder may import, beside itself
    "attention": set(),
    "data": set(),
    "saliency": {"data", "attention"},
    "scanpath": {"data", "attention", "saliency"},
    "export": {"data", "attention", "saliency", "scanpath"},
    "app": {"data", "attention", "saliency", "scanpath", "export"},
}
OURS = {*BELOW, "tests"}
HEAVY = {"torch", "pytorch_lightning", "lightning", "albumentations", "transformers", "scipy", "onnx", "safetensors"}
LOW = ("runtime", "session", "contract", "metadata", "records")  # of export: what the others may import
RUNTIME = tuple(f"export/{name}.py" for name in (*LOW, "batch", "paths", "detector"))
DRAWN = (
    "app/web/pages/",
    "app/web/widgets.py",
    "app/web/main.py",
    "app/predict/saliency.py",
    "app/predict/simulate.py",
    "app/predict/scanpath.py",
    "app/predict/jobs.py",
    "app/predict/provenance.py",
)  # what shows and predicts
PLAIN = (  # of scanpath: needs no torch, so that what shows and predicts may use it
    *("__init__", "align", "behaviour", "chance", "decode", "grouping", "metrics", "multimatch", "scanmatch"),
    *("statistics", "walk"),
)
ANYWHERE = {"jaxtyping", "tqdm"} | set(sys.stdlib_module_names)
ALLOWED: dict[str, set[str]] = {  # names from outside the house, beside ANYWHERE
    "attention": {"torch"},
    **{f"attention/kernels/{path.name}": {"torch", "triton"} for path in (ROOT / "attention/kernels").glob("*.py")},
    "data": {"numpy", "cv2", "PIL"},
    "saliency/datamodule.py": {"numpy", "cv2", "torch", "pytorch_lightning"},
    "training/augment.py": {"numpy", "albumentations"},
    "data/datasets/_matlab.py": {"numpy", "scipy"},
    **{f"data/{name}.py": {"numpy", "cv2", "PIL", "pyarrow"} for name in ("cache", "parquet", "synthetic")},
    "data/table/plot.py": {"numpy", "matplotlib"},
    "data/recorders/_text_table.py": {"numpy", "pyarrow"},
    "data/staging.py": {"filelock"},
    "training/datamodule.py": {"numpy", "torch", "pytorch_lightning"},
    "scanpath/datamodule.py": {"numpy", "torch", "pytorch_lightning"},
    **{f"scanpath/{name}.py": {"numpy"} for name in PLAIN},
    "saliency/metrics.py": {"numpy"},
    "export/runtime/saliency.py": {"numpy", "onnxruntime"},
    "export/runtime/contract.py": {"pydantic"},
    "export/runtime/records.py": {"pydantic"},
    "export/runtime/metadata.py": set(),
    "export/runtime/scanpath.py": {"numpy", "onnxruntime"},
    "export/runtime/detector.py": {"numpy", "onnxruntime"},
    "export/runtime/session.py": {"numpy", "onnxruntime"},
    "export/runtime/batch.py": {"numpy", "onnxruntime"},
}
FILES = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in BELOW
    for path in (ROOT / folder).rglob("*.py")
    if "samples" not in path.parts
)


@functools.cache
def imports(file: str) -> dict[str, bool]:
    """The modules that a file imports, and whether it does so when it is imported itself."""
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    late = {id(n) for f in ast.walk(tree) if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef) for n in ast.walk(f)}
    late |= {
        id(n)
        for test in ast.walk(tree)
        if isinstance(test, ast.If) and "TYPE_CHECKING" in ast.dump(test.test)
        for body in test.body
        for n in ast.walk(body)
    }
    found: dict[str, bool] = {}
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            found[name] = found.get(name, False) or id(node) not in late
    return found


def plain(name: str) -> bool:
    """Whether it is `scanpath` itself, or something in a room of it that needs no torch."""
    return name == "scanpath" or name.split(".")[1] in PLAIN


def outside(file: str) -> set[str]:
    return {name.split(".")[0] for name in imports(file)} - OURS - ANYWHERE


@pytest.mark.parametrize("file", FILES)
def test_imports_point_down(file: str) -> None:
    folder = file.split("/")[0]
    wrong = {name for name in imports(file) if name.split(".")[0] in OURS - BELOW[folder] - {folder}}
    assert not wrong


@pytest.mark.parametrize("file", FILES)
def test_imports_are_absolute(file: str) -> None:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    assert all(node.level == 0 for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))


@pytest.mark.parametrize("file", [file for file in FILES if file in ALLOWED or file.split("/")[0] in ALLOWED])
def test_a_room_uses_only_its_own_tools(file: str) -> None:
    assert outside(file) <= ALLOWED.get(file, ALLOWED.get(file.split("/")[0], set()))


@pytest.mark.parametrize("file", RUNTIME)
def test_the_runtime_knows_data_and_itself_only(file: str) -> None:
    ours = {name for name in imports(file) if name.split(".")[0] in OURS}
    roots = {".".join(name.split(".")[:2]) for name in ours if name.startswith("export")}
    assert roots <= {"export", *(f"export.{name}" for name in LOW)}
    assert {name.split(".")[0] for name in ours} <= {"data", "export", "scanpath"}
    assert all(plain(name) for name in ours if name.startswith("scanpath"))
    assert not {
        name
        for name in ours
        if name.startswith(("saliency.datamodule", "training.augment", "scanpath.datamodule", "training.datamodule"))
    }


@pytest.mark.parametrize("file", [file for file in FILES if file.startswith(DRAWN)])
def test_what_shows_and_predicts_needs_no_torch_not_even_later(file: str) -> None:
    assert not outside(file) & HEAVY
    torchy = (
        "saliency.datamodule",
        "training.augment",
        "scanpath.datamodule",
        "saliency",
        "attention",
        "export.onnx",
        "export.scanpath_onnx",
    )
    assert not {name for name in imports(file) if name.startswith(torchy)}
    assert all(plain(name) for name in imports(file) if name.startswith("scanpath"))


def test_scipy_is_needed_only_where_it_is_used() -> None:
    early = {file for file in FILES for name, now in imports(file).items() if now and name.split(".")[0] == "scipy"}
    assert not {file for file in early if not file.startswith("saliency/")}


TRAINS = {
    "saliency/datamodule.py",
    "training/augment.py",
    "training/datamodule.py",
    "scanpath/datamodule.py",
}  # where torch starts
LIGHT = [f"data.{Path(file).stem}" for file in FILES if file.startswith("data/") and file not in TRAINS]
LIGHT += ["saliency", *(f"scanpath.{name}" for name in PLAIN if name != "__init__")]
LIGHT += [
    "export.runtime.saliency",
    "export.runtime.batch",
    "export.runtime.scanpath",
    "export.runtime.detector",
    "app.predict.saliency",
    "app.predict.simulate",
    "app.predict.scanpath",
]
LIGHT += ["app.predict.jobs", "app.cli.main"]
LIGHT += [
    "saliency.metrics",
    "evaluation.bootstrap",
    "evaluation.permutation_test",
    "evaluation.results",
    "evaluation.saliency.scoring",
    "evaluation.saliency.entries",
    "evaluation.saliency.run",
]
LIGHT += [
    "evaluation.saliency.protocol",
    "evaluation.scanpath.scoring",
    "evaluation.scanpath.protocol",
    "evaluation.report.text",
    "evaluation.report.html",
]  # what scores


def first_to_load(modules: list[str], heavy: list[str]) -> str:
    """Which of the modules, imported in turn in a fresh process, is the first to load something heavy; "" if none."""
    code = f"""
import importlib, sys
for name in {modules}:
    importlib.import_module(name)
    loaded = [other for other in {heavy} if other in sys.modules]
    if loaded:
        sys.exit(f"{{name}} loads {{loaded}}")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stderr


def test_what_should_be_light_loads_neither_torch_nor_the_app() -> None:
    assert first_to_load(LIGHT, ["torch", "streamlit", "albumentations", "scipy", "onnx"]) == ""


def test_scoring_loads_no_torch(tmp_path: Path, toy_model: Path) -> None:
    code = f"""
import sys
from pathlib import Path
import numpy as np
from app import evaluate, report
from evaluation.permutation_test import paired
from data import synthetic
from saliency import metrics
root = Path({str(tmp_path / "set")!r})
synthetic.write(root, 3, seed=1)
settings = evaluate.Settings("all", baselines=False, sigma=4.0, slices=True)
result = evaluate.evaluate(root, [{str(toy_model)!r}], settings, against="centre bias")
text = result.to_json() + report.page(result)
maps, counts = np.random.default_rng(0).random((2, 9, 12)), np.ones((2, 9, 12), np.int64)
for convention in ("tuebingen", "mit"):
    metrics.sauc(maps, counts, counts, convention=convention)
paired(np.arange(6.0), np.arange(6.0) - 1, 1)
print(len(result.pictures), len(text) > 1000, "torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout.split(), done.stderr) == (["3", "True", "False"], "")


def test_scoring_in_several_processes_needs_no_torch_in_any(tmp_path: Path, toy_model: Path) -> None:
    synthetic_scenes.write(tmp_path / "set", 3, seed=1)
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError('torch is not wanted', name='torch')\n")
    command = ["evaluate", "saliency", "--data", str(tmp_path / "set"), "--model", str(toy_model), "--no-baselines"]
    done = subprocess.run(
        [sys.executable, "-m", "app.cli.main", *command, "--split", "all", "--workers", "2", "--format", "csv"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "toy" in done.stdout


def test_a_heavy_module_would_be_noticed() -> None:
    assert "json loads ['json']" in first_to_load(["math", "json"], ["json"])


def test_attention_does_not_load_triton() -> None:
    assert first_to_load(["attention"], ["triton"]) == ""
