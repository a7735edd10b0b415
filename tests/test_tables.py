"""Every entry of every table resolves, and every recipe names things that exist."""

import inspect
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

import saliency
import scanpath
from app import tasks
from app.cli.predict import predict
from app.tasks import TASKS
from data.datasets import READERS
from data.recorders import RECORDERS
from saliency import LOSSES, METRICS
from training import Task
from training.run import with_class_paths

MODELS = [(task.name, key) for task in TASKS.values() for key in task.models]
TABLES = {
    "READERS": READERS,
    "RECORDERS": RECORDERS,
    "LOSSES": LOSSES,
    "saliency.METRICS": saliency.METRICS,
    "scanpath.METRICS": scanpath.METRICS,
}
ENTRIES = [(table, name) for table, entries in TABLES.items() for name in entries]
PLACES = ("lightning_cli", "export", "predictor", "job", "evaluation")


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_every_place_that_a_task_names_is_there(task: Task) -> None:
    assert all(callable(task.load(place)) for place in PLACES)
    assert task.models
    assert task.recipes
    options = {parameter.name for parameter in predict.params}
    assert set(task.options) <= options


@pytest.mark.parametrize(("task", "key"), MODELS)
def test_a_model_lives_in_the_file_of_its_key_and_says_what_it_is(task: str, key: str) -> None:
    model = TASKS[task].models[key]
    assert model.place.partition(":")[0].rpartition(".")[2] == key
    assert inspect.getdoc(model.load())


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


@pytest.mark.parametrize("name", saliency.MODELS)
def test_a_saliency_model_has_the_common_interface(name: str) -> None:
    model = saliency.MODELS[name].load()
    assert first_arguments(model)[:2] == ["conditions", "slices"]
    assert first_arguments(model.forward) == ["self", "picture", "content", "condition", "stride"]
    assert isinstance(model.multiple, int)


@pytest.mark.parametrize("name", [name for name, model in scanpath.MODELS.items() if model.trainable])
def test_a_trainable_scanpath_model_has_the_common_interface(name: str) -> None:
    model = scanpath.MODELS[name].load()
    assert first_arguments(model)[:2] == ["conditions", "categories"]
    assert first_arguments(model.forward) == ["self", "scene", "order"]
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


@pytest.mark.parametrize("name", tasks.recipes())
def test_a_recipe_names_classes_and_arguments_that_exist(name: str) -> None:
    task, recipe = tasks.recipes()[name]
    text = recipe.read_text("utf-8")
    assert yaml.safe_load(text)["model"]["network"]["class_path"] in task.models  # by key, never by class
    tree = yaml.safe_load(with_class_paths(text, tasks.models()))
    named = list(parts(tree))
    assert named
    for path, arguments in named:
        module, _, class_name = path.rpartition(".")
        parameters = inspect.signature(pkgutil.resolve_name(f"{module}:{class_name}")).parameters
        assert set(arguments) <= set(parameters) or any(p.kind == p.VAR_KEYWORD for p in parameters.values()), path
    cli = task.load("lightning_cli")
    for key, target in (("model", cli.task), ("data", cli.data)):
        assert set(tree[key]) <= set(inspect.signature(target).parameters), key
    assert set(tree["model"].get("losses", {})) <= set(LOSSES)


def test_there_are_recipes_and_each_says_what_it_is() -> None:
    assert tasks.recipes()
    for name, (_, recipe) in tasks.recipes().items():
        assert recipe.read_text("utf-8").startswith("# "), name
