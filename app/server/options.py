"""What a request may ask for: options in its query, or fields of its form. No option names a file or an address."""

from collections.abc import Sequence
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from app.server.problems import RefusedError
from data import objects
from data.draw.palettes import DEFAULT, PALETTES
from export.runtime.records import problem
from export.runtime.scene_objects import FOUND
from scanpath.decode import LIMIT

PLACES = (FOUND, "proto")  # where objects come from, beside grids
CELLS = 32  # rows or columns of a grid at most


class Options(BaseModel):
    """What both questions know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    model: str | None = Field(
        default=None, description="A name from `/v1/models`; by default the first of those that answer the question."
    )
    condition: str = Field(default="any", description="Viewing condition that the model knows.")
    accept_damaged: bool = Field(
        default=False, description="Predict what is left of a damaged picture, and say what is wrong in the JSON."
    )

    @classmethod
    def read(cls, pairs: Sequence[tuple[str, str]]) -> Self:
        """The options that names and words say.

        Raises:
            RefusedError: There is no such option, it is given twice, or its value cannot be.
        """
        given: dict[str, str] = {}
        for name, words in pairs:
            if name not in cls.model_fields:
                raise RefusedError(
                    400, f"There is no option {short(name)} here; choose of: {', '.join(cls.model_fields)}."
                )
            if name in given:
                raise RefusedError(400, f"The option {name} is given more than once; give it once.")
            given[name] = words
        try:
            return cls.model_validate_strings(given)
        except ValidationError as error:
            raise RefusedError(400, f"{problem(error)}; give another value.") from error

    @classmethod
    def parameters(cls, **enums: Sequence[str]) -> list[dict[str, Any]]:
        """The options as parameters of a query in an OpenAPI document; `enums` are the values that some may have."""
        listed = []
        for name, known in cls.model_json_schema()["properties"].items():
            schema = {key: value for key, value in known.items() if key not in ("title", "description", "anyOf")}
            for choice in known.get("anyOf", []):  # a value, or none of it
                schema |= choice if choice != {"type": "null"} else {}
            if schema.get("default", ...) is None:
                del schema["default"]
            schema |= {"enum": list(enums[name])} if name in enums else {}
            about = {"name": name, "in": "query", "required": False, "description": known["description"]}
            listed.append({**about, "schema": schema})
        return listed


class SaliencyOptions(Options):
    """How it is shown where people look."""

    opacity: float = Field(default=0.6, ge=0, le=1, description="Of the heat, in a PNG.")
    palette: str = Field(
        default=DEFAULT, description="Colours of the heat, in a PNG.", json_schema_extra={"enum": list(PALETTES)}
    )
    slices: bool = Field(
        default=False,
        description="Give the slices of time instead of the whole viewing: a strip as PNG, (t, h, w) as npy. JSON "
        "always has both.",
    )

    @field_validator("palette")
    @classmethod
    def _exists(cls, palette: str) -> str:
        if palette not in PALETTES:
            raise ValueError(f"There is no palette {short(palette)}, only {', '.join(PALETTES)}")
        return palette


class ScanpathOptions(Options):
    """How observers are sent over a picture."""

    objects: str = Field(
        default=FOUND,
        description=f"What looks fall on: {FOUND} (objects and faces that the density model finds), proto (regions of "
        f"one colour), or grid:RxC with at most {CELLS} rows and columns.",
        json_schema_extra={"pattern": r"^(found|proto|grid:([1-9]|[12]\d|3[0-2])x([1-9]|[12]\d|3[0-2]))$"},
    )
    observers: int = Field(default=20, ge=1, le=200, description="Simulated.")
    temperature: float | None = Field(
        default=None, ge=0.05, le=20, description="Below 1 observers agree more, above 1 less; by default the model's."
    )
    seed: int = Field(default=0, ge=0, le=2**53, description="The same seed gives the same paths.")
    limit: int = Field(default=LIMIT, ge=1, le=64, description="Fixations at most.")

    @field_validator("objects")
    @classmethod
    def _is_place(cls, words: str) -> str:
        cells = objects.cells(words)
        if words not in PLACES and (cells is None or max(cells) > CELLS):
            known = f"{', '.join(PLACES)} or grid:RxC with at most {CELLS} rows and columns"
            raise ValueError(f"Objects cannot come from {short(words)}, only from {known}")
        return words


def short(words: str) -> str:
    """What a client has written, in quotes, and no more of it than fits into a sentence."""
    return repr(words if len(words) <= 60 else f"{words[:60]}...")
