"""The schemas that are committed are those of the records, and the records are what is written."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from app import schemas
from data.errors import GazeError
from data.synthetic import scenes as synthetic_scenes
from evaluation import record as evaluation_record
from evaluation.record import EvaluationRecord
from evaluation.saliency.protocol import Settings, evaluate
from export.runtime.contract import Contract
from tests.toy_model import CONTRACT

FILES = [schemas.ROOT / name for name in schemas.SCHEMAS]
EVALUATION = json.loads((schemas.ROOT / "evaluation" / "schema_evaluation.json").read_text("utf-8"))


@pytest.mark.parametrize("name", schemas.SCHEMAS)
def test_a_schema_is_written_by_make_schemas_and_not_by_hand(name: str) -> None:
    text = (schemas.ROOT / name).read_text("utf-8")
    assert text == schemas.text(schemas.SCHEMAS[name]), "run `make schemas`"
    jsonschema.Draft202012Validator.check_schema(json.loads(text))


def test_every_schema_of_the_house_is_made_from_a_record() -> None:
    folders = [schemas.ROOT / folder for folder in ("app", "data", "evaluation", "export", "saliency", "scanpath")]
    assert {path for folder in folders for path in folder.rglob("schema*.json")} == set(FILES)


def test_a_contract_obeys_its_schema_and_so_does_that_of_a_newer_gaze() -> None:
    schema = json.loads((schemas.ROOT / "export" / "schema_contract.json").read_text("utf-8"))
    record = json.loads(CONTRACT.to_json())
    jsonschema.validate({**record, "from_the_future": 1}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**record, "canvas": [96]}, schema)
    assert set(schema["properties"]) == set(record) == set(Contract.model_fields)


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory, toy_model: Path) -> str:
    """An evaluation with seconds, a comparison, worst pictures, and scores that are not known."""
    root = tmp_path_factory.mktemp("set")
    synthetic_scenes.write(root, 20, seed=1)
    settings = Settings(sigma=4.0, slices=True, seconds=9.0, baselines=False)
    return evaluate(root, [toy_model], settings, against="centre bias").to_json()


def test_a_printed_evaluation_obeys_the_schema_and_is_read_as_it_was_printed(printed: str, tmp_path: Path) -> None:
    document = json.loads(printed)
    jsonschema.validate(document, EVALUATION)
    (tmp_path / "a.json").write_text(printed)
    record = evaluation_record.read(tmp_path / "a.json")
    assert record.model_dump(mode="json", exclude_unset=True) == document
    assert record.per_picture
    assert any(summary.mean is None for row in record.scores["8-9 s"].values() for summary in row.values())


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (("protocol",), 1, "protocol should be an object, but it is 1"),
        (("protocol", "data"), None, "protocol['data'] should be a valid string"),
        (("scores", "whole"), [], "scores['whole'] should be an object"),
        (("scores", "whole", "toy", "nss"), {}, "scores['whole']['toy']['nss']['mean'] is missing"),
        (("scores", "whole", "toy", "nss", "mean"), "0.5", "scores['whole']['toy']['nss']['mean'] should be a valid n"),
        (("per_picture", 0, "nss"), "high", "should be a valid number, but it is 'high'"),
    ],
)
def test_a_wrong_evaluation_is_refused_by_its_file_and_field(
    place: tuple[Any, ...], value: Any, words: str, printed: str, tmp_path: Path
) -> None:
    document = json.loads(printed)
    spoiled = document
    for step in place[:-1]:
        spoiled = spoiled[step]
    spoiled[place[-1]] = value
    (tmp_path / "a.json").write_text(json.dumps(document))
    with pytest.raises(GazeError, match=r"a\.json: not an evaluation") as caught:
        evaluation_record.read(tmp_path / "a.json")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, EVALUATION)


@pytest.mark.parametrize("content", [b"", b"\xff", b"[" * 100_000, b"7", b'{"protocol": NaN}'], ids=range(5))
def test_what_is_no_evaluation_is_refused_in_one_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(GazeError, match=r"a\.json: not an evaluation; write one with `gaze evaluate") as caught:
        evaluation_record.read(tmp_path / "a.json")
    assert "\n" not in str(caught.value)
    with pytest.raises(GazeError, match="not an evaluation"):
        evaluation_record.read(tmp_path / "nowhere.json")


def test_what_is_added_later_and_names_that_are_no_unicode_do_not_keep_an_evaluation_from_being_read(
    printed: str, tmp_path: Path
) -> None:
    document = json.loads(printed)
    newer = copy.deepcopy(document)
    newer |= {"later": np.pi}
    newer["scores"]["whole"]["toy"]["nss"]["median"] = 1.0
    newer["scores"]["whole"]["m\udcff"] = newer["scores"]["whole"].pop("toy")
    (tmp_path / "a.json").write_text(json.dumps(newer))
    read: EvaluationRecord = evaluation_record.read(tmp_path / "a.json")
    assert read.scores["whole"]["m?"]["nss"].mean == document["scores"]["whole"]["toy"]["nss"]["mean"]
