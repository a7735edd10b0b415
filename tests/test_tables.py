"""Every entry of every table resolves, and every recipe names things that exist."""

import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import saliency
import scanpath
from data.datasets import READERS
from data.recorders import RECORDERS
from saliency import LOSSES, METRICS, MODELS

PATHS = {"scanpath.MODELS": scanpath.MODELS, "scanpath.METRICS": scanpath.METRICS}
TABLES = {"READERS": READERS, "RECORDERS": RECORDERS, "MODELS": MODELS, "LOSSES": LOSSES, "METRICS": METRICS, **PATHS}
ENTRIES = [(table, name) for table, entries in TABLES.items() for name in entries]
RECIPES = [path for kind in (saliency, scanpath) for path in sorted(Path(kind.__path__[0], "recipes").glob("*.yaml"))]
ROOMS = {  # what a recipe of each folder trains with
    "saliency": ("saliency.task:SaliencyTask", "saliency.datamodule:GazeData"),
    "scanpath": ("scanpath.task:ScanpathTask", "scanpath.datamodule:SceneData"),
}


@pytest.mark.parametrize(("table", "name"), ENTRIES)
def test_an_entry_resolves_to_something_with_a_docstring(table: str, name: str) -> None:
    found = pkgutil.resolve_name(TABLES[table][name])
    assert callable(found)
    assert inspect.getdoc(found)


def first_arguments(found: Any) -> list[str]:
    return list(inspect.signature(found).parameters)


@pytest.mark.parametrize("name", READERS)
def test_a_reader_reads_a_folder(name: str) -> None:
    module, _, function = READERS[name].partition(":")
    assert module.startswith("data.datasets.") or name == "table"
    assert function == ("read_table" if name == "table" else "read")
    assert first_arguments(pkgutil.resolve_name(READERS[name]))[0] == "root"


@pytest.mark.parametrize("name", MODELS)
def test_a_model_lives_in_the_file_of_its_name_and_has_the_common_interface(name: str) -> None:
    model = pkgutil.resolve_name(MODELS[name])
    assert MODELS[name].startswith(f"saliency.{name}:")
    assert first_arguments(model)[:2] == ["conditions", "slices"]
    assert first_arguments(model.forward) == ["self", "picture", "content", "condition", "stride"]
    assert isinstance(model.multiple, int)


@pytest.mark.parametrize("name", scanpath.MODELS)
def test_a_scanpath_model_lives_in_the_file_of_its_name_and_has_the_common_interface(name: str) -> None:
    model = pkgutil.resolve_name(scanpath.MODELS[name])
    assert scanpath.MODELS[name].startswith(f"scanpath.{name}:")
    assert first_arguments(model)[:2] == ["conditions", "categories"]
    assert first_arguments(model.forward) == ["self", "scene", "order", "features"]
    assert first_arguments(model.step) == ["self", "memory", "last", "trace", "past"]


@pytest.mark.parametrize("name", scanpath.METRICS)
def test_a_score_of_scanpaths_is_a_function_of_its_own_name(name: str) -> None:
    assert pkgutil.resolve_name(scanpath.METRICS[name]).__name__ == name


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_a_function_of_its_own_name(name: str) -> None:
    loss = pkgutil.resolve_name(LOSSES[name])
    assert loss.__name__ == name
    assert first_arguments(loss) == ["log_p", "truth", "counts"]


@pytest.mark.parametrize("name", METRICS)
def test_a_score_is_a_function_of_its_own_name(name: str) -> None:
    score = pkgutil.resolve_name(METRICS[name])
    assert score.__name__ == name
    assert "convention" in first_arguments(score)


def parts(tree: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every class named in a recipe, with its arguments."""
    for value in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else []:
        yield from parts(value)
    if isinstance(tree, dict) and "class_path" in tree:
        yield tree["class_path"], tree.get("init_args") or {}


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_names_classes_and_arguments_that_exist(recipe: Path) -> None:
    tree = yaml.safe_load(recipe.read_text("utf-8"))
    named = list(parts(tree))
    assert named
    for path, arguments in named:
        module, _, name = path.rpartition(".")
        parameters = inspect.signature(pkgutil.resolve_name(f"{module}:{name}")).parameters
        assert set(arguments) <= set(parameters) or any(p.kind == p.VAR_KEYWORD for p in parameters.values()), path
    room = recipe.parts[-3]
    for key, target in zip(("model", "data"), ROOMS[room], strict=True):
        known = inspect.signature(pkgutil.resolve_name(target)).parameters
        assert set(tree[key]) <= set(known), key
    assert set(tree["model"].get("losses", {})) <= set(LOSSES)
    module, _, name = tree["model"]["network"]["class_path"].rpartition(".")
    assert f"{module}:{name}" in {**MODELS, **scanpath.MODELS}.values()
    assert module.startswith(f"{room}.")


def test_there_are_recipes_and_each_says_what_it_is() -> None:
    assert RECIPES
    for recipe in RECIPES:
        assert recipe.read_text("utf-8").startswith("# "), recipe.name
