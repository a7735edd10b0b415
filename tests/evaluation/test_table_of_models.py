"""The table of all models in docs/: its numbers are those of the cards, its rows keep their order, and it is drawn."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from evaluation.model_card import card_scores
from export.runtime.registry import WEIGHTS

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def maker() -> Any:
    found = importlib.util.spec_from_file_location("docs_table", DOCS / "table.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.fixture
def table() -> dict[str, Any]:
    told: dict[str, Any] = json.loads((DOCS / "table.json").read_text("utf-8"))
    return told


def test_the_numbers_of_a_model_are_those_of_its_card(maker: Any, table: dict[str, Any]) -> None:
    compared = 0
    for name, (_, kind) in maker.ROWS.items():
        card = WEIGHTS / f"{name}.md"
        if kind == "learned" and card.is_file():
            for data, told in card_scores(card.read_text("utf-8")).items():
                for score, value in told.rows[name].items():
                    if score in maker.KEPT:
                        found = table[data]["rows"][name][score][0]
                        assert found == pytest.approx(value, abs=6e-4), (name, data, score)
                        compared += 1
    assert compared >= 2 * 3 * len(maker.KEPT)


def test_the_file_is_written_as_it_is_read(maker: Any, table: dict[str, Any]) -> None:
    assert maker.written(table) == (DOCS / "table.json").read_text("utf-8")


def evaluation(**rows: dict[str, float]) -> dict[str, Any]:
    def score(mean: float) -> dict[str, float | None]:
        return {"mean": mean, "low": mean - 0.1, "high": mean + 0.1, "pictures": 9}

    scores = {row.replace("_", " "): {n: score(v) for n, v in each.items()} for row, each in rows.items()}
    return {"protocol": {"data": "osie", "pictures": 9}, "scores": {"whole": scores}}


def test_new_rows_replace_those_of_their_names_and_leave_the_others(maker: Any) -> None:
    table: dict[str, Any] = {}
    maker.merge(table, [evaluation(tempsal={"cc": 0.5, "nss": 1.0}, uniform={"cc": 0.0})])
    people = {"half_of_the_observers": {"cc": 0.9}, "leave_one_observer_out": {"nss": 3.0}}
    maker.merge(table, [evaluation(tempsal={"cc": 0.6, "nss": 2.0}, somebody={"cc": 0.99}, **people)])
    assert table == {
        "osie": {
            "pictures": 9,
            "rows": {
                "tempsal": {"cc": [0.6, 0.5, 0.7], "nss": [2.0, 1.9, 2.1]},
                "uniform": {"cc": [0.0, -0.1, 0.1]},
                "people": {"cc": [0.9, 0.8, 1.0], "nss": [3.0, 2.9, 3.1]},
            },
        }
    }
    assert list(json.loads(maker.written(table))["osie"]["rows"]) == ["uniform", "tempsal", "people"]


def test_a_panel_a_score_and_set_has_a_bar_a_row(maker: Any, table: dict[str, Any]) -> None:
    figure = maker.draw(table)
    assert len(figure.axes) == len(maker.SCORES) * len(table)
    shown = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    order = [words for words, _ in maker.ROWS.values()]
    assert [words for words in order if words in shown] == shown
    for axis in figure.axes:
        assert len(axis.patches) == len(shown)
