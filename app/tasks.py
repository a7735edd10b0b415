"""The tasks that gaze knows, by name: its own, and those that installed packages bring (entry points `gaze.tasks`)."""

import logging
import pkgutil
from importlib.metadata import entry_points
from pathlib import Path

from training import Model, Task

BUILT_IN = ("saliency:TASK", "scanpath:TASK", "video:TASK", "following:TASK")
GROUP = "gaze.tasks"

logger = logging.getLogger(__name__)


def _tasks() -> dict[str, Task]:
    tasks = {task.name: task for task in map(pkgutil.resolve_name, BUILT_IN)}
    for point in entry_points(group=GROUP):
        try:
            task = point.load()
        except Exception:  # whatever another package does when it is imported
            logger.warning("%s: the task %s cannot be loaded and is left out.", point.value, point.name, exc_info=True)
            continue
        tasks[task.name] = task
    return tasks


TASKS = _tasks()


def models() -> dict[str, Model]:
    """The models of all tasks by key."""
    return {key: model for task in TASKS.values() for key, model in task.models.items()}


def task_of(key: str) -> Task:
    """The task of the model with this key.

    Raises:
        LookupError: No task has it.
    """
    for task in TASKS.values():
        if key in task.models:
            return task
    raise LookupError(f"No task has a model {key!r}.")


def recipes() -> dict[str, tuple[Task, Path]]:
    """The recipes of all tasks by name."""
    return {name: (task, path) for task in TASKS.values() for name, path in task.recipes.items()}
