"""What a person asks of a command, checked."""

from typing import Any

from pydantic import ValidationError

from data.errors import GazeError
from export.runtime.records import Record, problem


class Options(Record):
    """What a person asks for; what cannot be is a `GazeError` of one sentence."""

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            flag = "".join(f" (--{str(name).replace('_', '-')})" for name in error.errors()[0]["loc"][:1])
            raise GazeError(f"{problem(error)}; give another value{flag}.") from error
