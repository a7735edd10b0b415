"""Write the JSON schemas of what gaze writes for other programs: `make schemas`, or `python -m app.schemas`.

They are made from the records, and are never written by hand; a test holds that the files say what the records say.
"""

import json
from pathlib import Path
from typing import Any

import click
from pydantic.json_schema import GenerateJsonSchema

from data.atomic import atomic_write
from evaluation.record import EvaluationRecord
from export.forms.manifest import Manifest
from export.runtime.contract import Contract
from export.runtime.records import (
    FollowingRecord,
    FrameRecord,
    Record,
    SaliencyRecord,
    ScanpathRecord,
    SearchComparisonRecord,
    SearchRecord,
)

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ROOT = Path(__file__).parents[1]
SCHEMAS: dict[str, type[Record]] = {  # by file
    "export/schema.json": SaliencyRecord,
    "export/schema_scanpath.json": ScanpathRecord,
    "export/schema_search.json": SearchRecord,
    "export/schema_search_comparison.json": SearchComparisonRecord,
    "export/schema_video.json": FrameRecord,
    "export/schema_following.json": FollowingRecord,
    "export/schema_contract.json": Contract,
    "export/schema_manifest.json": Manifest,
    "evaluation/schema_evaluation.json": EvaluationRecord,
}


class _Untitled(GenerateJsonSchema):
    """Without a title for each field, which only repeats its name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def text(record: type[Record]) -> str:
    """The JSON schema of what a record becomes."""
    schema = record.model_json_schema(schema_generator=_Untitled)
    words = " ".join(schema["description"].split())
    first = {"$schema": DIALECT, "$id": schema["$id"], "title": schema["title"], "description": words}
    return json.dumps(first | schema | first, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write every schema."""
    for name, record in SCHEMAS.items():
        with atomic_write(ROOT / name) as file:
            file.write(text(record).encode())
        click.echo(name)


if __name__ == "__main__":
    main()
