"""The order of the house: imports point down and form no circle, and what should be light is light.

pytest -s tests/test_layers.py      prints who imports whom
"""

import ast
import functools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from data.synthetic import scenes as synthetic_scenes

ROOT = Path(__file__).parents[1]
BELOW: dict[str, tuple[str, ...]] = {  # which folders a folder may import, beside itself
    "attention": (),
    "data": (),
    "training": ("data",),
    "saliency": ("attention", "data", "training"),
    "scanpath": ("attention", "data", "training", "saliency"),
    "video": ("attention", "data", "training", "saliency"),
    "following": ("attention", "data", "training", "saliency"),
    "export": ("attention", "data", "training", "saliency", "scanpath", "video", "following"),
    "annotation": ("data", "saliency", "scanpath", "export"),
    "evaluation": ("data", "training", "saliency", "scanpath", "video", "following", "export"),
    "app": (
        *("attention", "data", "training", "saliency", "scanpath", "video", "following", "export", "annotation"),
        "evaluation",
    ),
}
OURS = {*BELOW, "tests"}
HEAVY = {"torch", "pytorch_lightning", "lightning", "albumentations", "transformers", "onnx", "safetensors"}
TORCHLESS = (
    "data/",
    "export/runtime/",
    "annotation/",
    "app/predict/",
    "app/server/",
    "app/web/",
)  # where torch is never imported, not even later
TORCH_ROOMS = tuple(
    f"{folder}.{room}"
    for folder in ("scanpath", "video", "following")
    for room in ("models", "task", "datamodule", "lightning_cli")
)
TOOLS: dict[str, set[str]] = {  # what a folder may import from outside when it is imported itself
    "attention/kernels/": {"torch", "triton"},
    "attention/": {"torch"},
    "data/": {"numpy", "cv2", "PIL", "filelock", "isal", "simplejpeg"},
    "scanpath/baselines/": {"numpy"},
    "following/baselines/": {"numpy"},
    "annotation/": {"numpy", "cv2", "pydantic"},
    "scanpath/metrics/": {"numpy"},
    "export/runtime/": {"numpy", "cv2", "pydantic"},
    "evaluation/": {"numpy", "cv2", "PIL", "rich", "jinja2", "markupsafe", "pydantic"},
}
ANYWHERE = {"jaxtyping"} | set(sys.stdlib_module_names)
FILES = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in BELOW
    for path in (ROOT / folder).rglob("*.py")
    if "samples" not in path.parts
)
MODULES = {file.removesuffix(".py").removesuffix("/__init__").replace("/", "."): file for file in FILES}


@functools.cache
def parsed(file: str) -> ast.Module:
    """A file of ours as a tree."""
    return ast.parse((ROOT / file).read_text("utf-8"))


@functools.cache
def imports(file: str) -> dict[str, bool]:
    """The names that a file imports, and whether it does so when it is imported itself."""
    tree = parsed(file)
    late = {id(n) for f in ast.walk(tree) if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef) for n in ast.walk(f)}
    late |= {
        id(n)
        for test in ast.walk(tree)
        if isinstance(test, ast.If) and "TYPE_CHECKING" in ast.dump(test.test)
        for body in test.body
        for n in ast.walk(body)
    }
    at_once: dict[str, bool] = {}
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            full = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [*full, *([str(node.module)] if any(name not in MODULES for name in full) else [])]
        for name in names:
            at_once[name] = at_once.get(name, False) or id(node) not in late
    return at_once


def files_of(file: str, late: bool = True) -> set[str]:
    """Our files that a file imports."""
    return {MODULES[name] for name, at_once in imports(file).items() if name in MODULES and (late or at_once)} - {file}


def room(file: str) -> str:
    """A folder within a folder, or a file that lies in none."""
    parts = file.split("/")
    return "/".join(parts[:2])


def outside(file: str, late: bool = True) -> set[str]:
    """The packages of others that a file imports."""
    return {name.split(".")[0] for name, at_once in imports(file).items() if late or at_once} - OURS - ANYWHERE


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Some nodes that lead back to the first of them; none if there is no circle."""
    done: set[str] = set()

    def walk(node: str, way: list[str]) -> Iterator[list[str]]:
        if node in way:
            yield way[way.index(node) :]
        elif node not in done:
            for other in sorted(graph[node]):
                yield from walk(other, [*way, node])
            done.add(node)

    return next((found for node in graph for found in walk(node, [])), [])


@pytest.mark.parametrize("file", FILES)
def test_imports_point_down(file: str) -> None:
    folder = file.split("/")[0]
    assert not {name for name in imports(file) if name.split(".")[0] in OURS - {folder, *BELOW[folder]}}


def test_imports_form_no_circle() -> None:
    assert circle({file: files_of(file, late=False) for file in FILES}) == []


def test_rooms_form_no_circle_and_who_imports_whom_is_printed() -> None:
    graph: dict[str, set[str]] = {}
    for file in FILES:
        graph.setdefault(room(file), set()).update(room(other) for other in files_of(file, late=False))
    for name, others in graph.items():
        others.discard(name)
        print(f"{name:35} -> {', '.join(sorted(others)) or '-'}")  # noqa: T201 - what the test is run for with -s
    assert circle(graph) == []


def test_a_circle_would_be_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c"]


@pytest.mark.parametrize("file", FILES)
def test_imports_are_absolute(file: str) -> None:
    assert all(node.level == 0 for node in ast.walk(parsed(file)) if isinstance(node, ast.ImportFrom))


@pytest.mark.parametrize("file", [file for file in FILES if file.startswith(tuple(TOOLS))])
def test_a_room_is_imported_with_its_own_tools_alone(file: str) -> None:
    folder = max((folder for folder in TOOLS if file.startswith(folder)), key=len)
    assert outside(file, late=False) <= TOOLS[folder]


@pytest.mark.parametrize("file", [file for file in FILES if file.startswith(TORCHLESS)])
def test_what_reads_draws_predicts_and_shows_never_imports_torch(file: str) -> None:
    assert not outside(file) & HEAVY
    assert not {name for name in imports(file) if name.startswith(("attention", *TORCH_ROOMS))}
    assert not {name for name in imports(file) if name.startswith(("export.onnx", "export.scanpath_onnx"))}
    assert {name for name in imports(file) if name.startswith(("saliency", "training"))} <= {
        *("saliency", "saliency.TASK", "saliency.metrics", "training", "training.Model", "training.Task"),
    }


@pytest.mark.parametrize("file", [file for file in FILES if file.startswith("export/runtime/")])
def test_the_runtime_imports_nothing_of_what_makes_its_files(file: str) -> None:
    assert not {
        other for other in files_of(file) if other.startswith("export/") and not other.startswith("export/runtime/")
    }


def test_a_folder_is_a_room_and_no_hall() -> None:
    sizes: dict[str, int] = {}
    for file in FILES:
        folder = file.rpartition("/")[0]
        sizes[folder] = sizes.get(folder, 0) + 1
    assert {folder: size for folder, size in sizes.items() if size > 26} == {}


def test_every_folder_with_python_is_known_to_every_tool() -> None:
    import tomllib

    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    tool = settings["tool"]
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and (path / "__init__.py").is_file()}
    assert folders == set(BELOW)
    assert {pattern.rstrip("*") for pattern in tool["setuptools"]["packages"]["find"]["include"]} == folders
    assert set(tool["mypy"]["packages"]) == folders
    assert set(tool["ruff"]["lint"]["isort"]["known-first-party"]) == folders | {"tests"}
    assert folders | {"tests"} <= set(tool["pytest"]["ini_options"]["testpaths"])
    lacking = [f for f in {Path(file).parent for file in FILES} if not (ROOT / f / "__init__.py").is_file()]
    assert lacking == []
    for pattern in tool["ruff"]["lint"]["per-file-ignores"]:
        assert list(ROOT.glob(pattern)), pattern


LIGHT = [
    name
    for name, file in MODULES.items()
    if file.startswith(("data/", "export/runtime/", "evaluation/", "annotation/", "app/"))
    and file not in ("app/export_model.py", "app/export_forms.py")
    and not file.startswith("app/web/")
]


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
from data.synthetic import scenes
from evaluation.permutation_test import permutation_test
from evaluation.report.html import render_page
from evaluation.saliency import protocol
from saliency import metrics
root = Path({str(tmp_path / "set")!r})
scenes.write(root, 3, seed=1)
settings = protocol.Settings(split="all", baselines=False, sigma=4.0, slices=True)
result = protocol.evaluate(root, [{str(toy_model)!r}], settings, against="centre bias")
text = result.to_json() + render_page(result)
maps, counts = np.random.default_rng(0).random((2, 9, 12)), np.ones((2, 9, 12), np.int64)
for convention in ("tuebingen", "mit"):
    metrics.sauc(maps, counts, counts, convention=convention)
permutation_test(np.arange(6.0), np.arange(6.0) - 1, 1)
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
