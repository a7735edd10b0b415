"""What `gaze evaluate --format json` prints, as a record: read again for model cards, and the source of its schema."""

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, ValidationError

from data.errors import GazeError
from export.runtime.records import Record, problem

NAME = "gaze/evaluation/1"  # of the schema


class Open(Record):
    """A record to which a newer gaze may add."""

    model_config = ConfigDict(extra="ignore")


Score = Annotated[float | None, Field(description="null where there was nothing to score.")]
Pictures = Annotated[int, Field(ge=0, description="How many have the score.")]


class Summary(Open):
    """A score's mean over pictures, and the ends of its 95 % bootstrap interval."""

    mean: Score
    low: Score
    high: Score
    pictures: Pictures = 0


class Protocol(Open):
    """What was scored and how: these facts, and others that depend on the task."""

    model_config = ConfigDict(extra="allow")

    data: str = Field(description="Name of the data set.")
    split: str = Field(description="Of its splits, or all.")
    pictures: int = Field(ge=0, description="How many were evaluated.")
    pictures_of_split: int = Field(default=0, ge=0, description="How many there are; absent where all were evaluated.")


class Difference(Open):
    """A row less the row that it is compared with, picture by picture, as `evaluation.permutation_test` says."""

    difference: Score
    low: Score
    high: Score
    p: Score
    win_rate: Score = Field(alias="won")
    pictures: Pictures


class PairedTests(Open):
    """The comparison of all rows with one."""

    against: str = Field(description="The row that the others are compared with.")
    protocol: dict[str, Any]
    rows: dict[str, dict[str, Difference]] = Field(description="Row, score.")


class Extreme(Open):
    """A picture on which a row is worst or best."""

    picture: str
    value: float


class Ends(Open):
    """The pictures on which a row is worst and best, the worst and the best first."""

    worst: list[Extreme]
    best: list[Extreme]


class Extremes(Open):
    """Where models are worst and best."""

    score: str = Field(description="What pictures are ordered by.")
    less: str = Field(description="The row of people whose score is taken away; empty: none.")
    rows: dict[str, Ends]


class Line(Open):
    """The scores of a row on a picture, by name; null where there was nothing to score."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, float | None]

    picture: str
    period: str
    row: str


class EvaluationRecord(Open):
    """What `gaze evaluate --format json` prints.

    A period is "whole", or a second of the viewing such as "0-1 s"; a row is a model, a baseline, chance or people.
    """

    model_config = ConfigDict(title="How well models predict people", json_schema_extra={"$id": NAME})

    protocol: Protocol
    scores: dict[str, dict[str, dict[str, Summary]]] = Field(description="Period, row, score.")
    paired: PairedTests | None = None
    extremes: Extremes | None = None
    per_picture: tuple[Line, ...] = ()


def read(path: Path) -> EvaluationRecord:
    """The evaluation in a file.

    Raises:
        GazeError: The file cannot be read, or what it holds is no evaluation.
    """
    try:
        record = json.dumps(json.loads(path.read_bytes()), ensure_ascii=False)
        return EvaluationRecord.model_validate_json(record.encode(errors="replace"))
    except (OSError, ValueError, RecursionError) as error:
        words = problem(error) if isinstance(error, ValidationError) else " ".join(str(error).split())
        hint = "write one with `gaze evaluate ... --format json`"
        raise GazeError(f"{path}: not an evaluation; {hint} ({words}).") from error
