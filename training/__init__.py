"""What every task shares: the record that describes one, the Lightning base, data module, augmentation and weights.

Nothing here is imported before it is needed: the records hold names of places ("package.module:name").
"""

import pkgutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple


class Model(NamedTuple):
    """A row of a task's `MODELS`: where its class is, whether training it makes sense, and how it is exported."""

    place: str  # "package.module:Class"
    trainable: bool = True
    ships: bool = True  # False: no weights come with gaze; the recipe of the model's name trains it
    export: str = ""  # where it has an exporter of its own, as `Task.export`; what needs no training has one, or none

    def load(self) -> Any:
        """The class itself."""
        return pkgutil.resolve_name(self.place)


@dataclass(frozen=True)
class Task:
    """One question that gaze answers, as names of the places that answer it.

    The folder `package` has a table `MODELS` of its models by key and a folder `recipes` of YAML files. Everything
    else is a place, "package.module:name":

        lightning_cli   a `training.lightning_cli.TaskCLI`                              gaze train
        export          (network, path, contract, options) -> largest difference        gaze export
        forms           an `export.forms.form.Exporter`; "": in float32 alone           gaze export --precision
        predictor       an exported model, ready to run: (name or path, provider=...)   the app
        job             (sources, folder, **options) -> `app.predict.jobs.Job`           gaze predict
        distributed     the same for many processes of Ray; "": there is none            gaze predict --engine ray
        evaluation      the command `gaze evaluate NAME`

    `options` are those of `gaze predict` that mean nothing to other tasks; `default_models` what it takes by default.
    """

    name: str
    question: str
    package: str
    default_models: tuple[str, ...]
    lightning_cli: str
    export: str
    predictor: str
    job: str
    evaluation: str
    options: tuple[str, ...] = ()
    forms: str = ""
    distributed: str = ""

    def load(self, field: str) -> Any:
        """What the place in a field holds."""
        return pkgutil.resolve_name(getattr(self, field))

    def exporter(self, key: str) -> Any:
        """How the model with this key is exported."""
        own = self.models[key].export
        return pkgutil.resolve_name(own) if own else self.load("export")

    @property
    def models(self) -> dict[str, Model]:
        """The task's models by key."""
        models: dict[str, Model] = pkgutil.resolve_name(f"{self.package}:MODELS")
        return models

    @property
    def recipes(self) -> dict[str, Path]:
        """The task's recipes by name."""
        folder = Path(pkgutil.resolve_name(self.package).__file__).parent / "recipes"
        return {path.stem: path for path in sorted(folder.glob("*.yaml"))}
