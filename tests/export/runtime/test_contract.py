"""A contract is checked when it is made, whether by us, by an older gaze, by a newer one, or by somebody else."""

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from data.errors import ModelError
from data.picture import FILL
from export.runtime import contract as contracts
from export.runtime import metadata
from export.runtime.contract import KEY, Contract
from export.runtime.registry import WEIGHTS, read_contract
from export.runtime.saliency import Predictor
from scanpath import decode, inputs
from tests.toy_model import CONTRACT, write

NEEDED = [name for name, field in Contract.model_fields.items() if field.is_required()]


def changed(**fields: Any) -> str:
    """The JSON of a sound contract with other fields."""
    return json.dumps({**json.loads(CONTRACT.to_json()), **fields})


def test_the_contract_survives_its_json() -> None:
    assert Contract.of_json(CONTRACT.to_json(), "x") == CONTRACT
    assert pickle.loads(pickle.dumps(CONTRACT)) == CONTRACT


@pytest.mark.parametrize("path", sorted(WEIGHTS.glob("*.onnx")), ids=lambda path: path.name)
def test_what_ships_is_read_unchanged_and_written_again_as_it_was(path: Path) -> None:
    text = metadata.read(path, KEY)
    assert text is not None
    told, written = json.loads(text), json.loads(Contract.of_json(text, path.name).to_json())
    assert {name: written[name] for name in told} == told
    assert list(written)[: len(told)] == list(told)
    newer = {"precision", "fixed", "memory", "pixels_per_degree", "stride"}
    assert set(written) - set(told) <= {"categories", "appearance", "crop", "past", "decoding", "durations", *newer}


@pytest.mark.parametrize("name", NEEDED)
def test_every_field_that_has_no_default_is_missed(name: str, tmp_path: Path) -> None:
    record = json.loads(CONTRACT.to_json())
    del record[name]
    path = write(tmp_path / "old.onnx", metadata={KEY: json.dumps(record)})
    with pytest.raises(ModelError, match=rf"old\.onnx: the contract lacks {name}; export the model again\.$"):
        read_contract(path)


def test_a_contract_of_a_newer_version_is_read_and_an_older_one_says_what_it_lacks() -> None:
    assert Contract.of_json(changed(from_the_future=1), "x") == CONTRACT
    record = json.loads(CONTRACT.to_json())
    del record["conditions"], record["licence"]
    with pytest.raises(ModelError, match="x: the contract lacks conditions, licence; export"):
        Contract.of_json(json.dumps(record), "x")
    for name in ("fill", "mirror", "inputs", "outputs", "decoding", "durations"):
        del (older := json.loads(CONTRACT.to_json()))[name]
        assert Contract.of_json(json.dumps(older), "x") == CONTRACT


WRONG: list[tuple[str, Any, str]] = [
    ("canvas", [-32, 96], "canvas[0] should be greater than or equal to 1, but it is -32"),
    ("canvas", [96], "canvas[1] is missing"),
    ("canvas", "96x128", "canvas should be a valid array, but it is '96x128'"),
    ("canvas", [96, 100], "canvas should have sides that are multiples of 32"),
    ("canvas", [96, 10**9], "canvas[1] should be less than or equal to 8192"),
    ("multiple", "32", "multiple should be a valid integer, but it is '32'"),
    ("multiple", True, "multiple should be a valid integer, but it is True"),
    ("multiple", -1, "multiple should be greater than or equal to 0"),
    ("conditions", [], "conditions: tuple should have at least 1 item"),
    ("conditions", ["any", "any"], "conditions should be unique"),
    ("conditions", ["any", ""], "conditions[1]: string should match"),
    ("slices", [[1, 1]], "slices should end after they start"),
    ("slices", [[1, 2], [0, 1]], "slices should come in the order of their time"),
    ("slices", [[-1, 2]], "slices[0][0] should be greater than or equal to 0"),
    ("slices", [[0, 1]] * 10_001, "slices: tuple should have at most 10000 items"),
    ("scores", {"osie": {"cc": None}}, "scores['osie']['cc'] should be a valid number, but it is None"),
    ("scores", {"a\nb": 1}, r"scores['a\nb'] should be an object"),
    ("task", 3, "task should be a valid string, but it is 3"),
    ("name", "", "name: string should match"),
    ("name", "a\nb", "name: string should match"),
    ("name", "x" * 201, "name: string should have at most 200 characters"),
    ("fill", 256, "fill should be less than or equal to 255"),
    ("crop", 10**6, "crop should be less than or equal to 4096"),
    ("past", [1, 4], "past should hold three numbers"),
    ("past", [1, 4, 10**6], "past[2] should be less than or equal to 4096"),
    ("decoding", {"heat": 1.0}, "decoding should hold none but temperature, top_p, inhibition"),
    ("appearance", "smell", "appearance should be one of none, crops, saliency"),
    ("training", "osie", "training should be a valid array"),
    ("mirror", 1, "mirror should be a valid boolean"),
    ("inputs", [], "inputs should be an object"),
    ("memory", [], "memory should be an object"),
    ("memory", {"hidden": [48]}, "memory['hidden'][1] is missing"),
    ("memory", {"hidden": [0, 8]}, "memory['hidden'][0] should be greater than or equal to 1, but it is 0"),
    ("memory", {"hidden": [48, 5]}, "memory should have cells whose sides divide 32"),
    ("memory", {"picture": [3, 1]}, "memory should have names of its own"),
    ("memory", {str(n): [1, 1] for n in range(65)}, "memory: dictionary should have at most 64 items"),
]


@pytest.mark.parametrize(("name", "value", "words"), WRONG, ids=[f"{name}-{n}" for n, (name, *_) in enumerate(WRONG)])
def test_a_wrong_field_is_refused_by_the_names_of_file_and_field(
    name: str, value: Any, words: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "wrong.onnx", metadata={KEY: changed(**{name: value})})
    with pytest.raises(ModelError) as caught:
        Predictor(path, provider="cpu")
    message = str(caught.value)
    assert message.startswith(f"{path}: the contract is wrong, {words}")
    assert message.endswith("; export the model again.")
    assert "\n" not in message
    assert len(message) < 300


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "7",
        "null",
        "[" * 100_000,
        CONTRACT.to_json().replace("0.1", "NaN"),
        CONTRACT.to_json().replace("0.1", "1e999"),
        CONTRACT.to_json().replace('"opset": 20', f'"opset": {"9" * 5000}'),
        '{"name": "\\ud800"}',
    ],
    ids=range(10),
)
def test_a_contract_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ModelError, match=r"^x: the contract is wrong, .*; export the model again\.$"):
        Contract.of_json(text, "x")


def test_a_copy_with_other_values_is_checked_and_the_first_stays_as_it_was() -> None:
    other = CONTRACT.model_copy(update={"slices": (), "name": "still"})
    assert (other.name, other.slices, other.canvas) == ("still", (), CONTRACT.canvas)
    assert (CONTRACT.name, len(CONTRACT.slices)) == ("toy", 2)
    with pytest.raises(ValidationError, match="multiples of 32"):
        CONTRACT.model_copy(update={"canvas": (1, 2)})
    with pytest.raises(ValidationError, match="canvs"):
        CONTRACT.model_copy(update={"canvs": (96, 128)})
    with pytest.raises(ValidationError, match="frozen"):
        CONTRACT.name = "another"  # type: ignore[misc]


def test_defaults_are_not_shared_between_contracts() -> None:
    copy.deepcopy(CONTRACT).inputs["later"] = "x"
    CONTRACT.model_copy().decoding["top_p"] = 0.5
    assert "later" not in contracts.INPUTS
    assert "later" not in CONTRACT.inputs
    fresh = Contract.of_json(CONTRACT.to_json(), "x").model_copy(update={"decoding": {}})
    assert fresh.decoding == {}
    assert fresh.fill == FILL


def test_what_a_contract_may_say_is_what_the_runtime_understands() -> None:
    assert contracts.APPEARANCES == inputs.APPEARANCES
    told = decode.sample.__kwdefaults__ or {}
    assert {*contracts.DECODING} <= set(told)


def test_a_model_whose_contract_names_a_number_of_slices_gives_so_many(tmp_path: Path) -> None:
    path = write(tmp_path / "toy.onnx")
    prediction = Predictor(path, provider="cpu")(np.zeros((20, 30, 3), np.uint8))
    assert len(prediction.slices) == len(read_contract(path).slices) == 2
