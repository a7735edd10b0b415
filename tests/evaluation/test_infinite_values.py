"""No score takes an infinite number: each refuses it by the argument's name, whatever else it is given."""

import inspect
import math
import re
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from data.events import agreement
from data.gaze import Scanpath
from saliency import metrics
from scanpath.metrics import behaviour, multimatch, scanmatch, sequence

MODULES = (metrics, sequence, behaviour, multimatch, scanmatch, agreement)
RANDOM = np.random.default_rng(0)
MAP, ORDER, PLACES, BOX = RANDOM.random((1, 3, 4)), np.array([0, 2, 1]), RANDOM.random((4, 2)), (0.0, 0.0, 0.5, 0.5)
PATH = Scanpath("s", 9 * PLACES, np.arange(4.0), np.full(4, 200.0))
RATES, LABELS = np.full((2, 5), 0.5), np.zeros(3, np.int8)
SOUND: dict[str, Any] = {  # an argument by its name, or by its function and its name
    **dict.fromkeys(("prediction", "truth", "fixations", "negatives"), MAP),
    **dict.fromkeys(("log_prediction", "log_baseline"), np.log(MAP / MAP.sum())),
    **dict.fromkeys(("a", "b", "model", "human"), PLACES),
    **dict.fromkeys(("rows", "columns", "paths", "recall.model", "recall.human"), (ORDER, ORDER)),
    **dict.fromkeys((f"{name}.{side}" for name in ("sequence_score", "edit_distance") for side in "ab"), ORDER),
    **dict.fromkeys((f"{name}.{side}" for name in ("multimatch", "scanmatch") for side in "ab"), PATH),
    **dict.fromkeys((f"{name}.pairs" for name in ("sequence_scores", "edit_distances")), ((ORDER, ORDER),)),
    **dict.fromkeys((f"{name}.pairs" for name in ("multimatches", "scanmatches")), ((PATH, PATH), (PATH, PATH))),
    **dict.fromkeys((f"{name}.{side}" for name in ("delta", "delta_by_trial") for side in ("model", "human")), RATES),
    **dict.fromkeys(("curve", "mismatch.model", "mismatch.human"), np.array([0.1, 0.4])),
    **dict.fromkeys(("log_p", "information_gain.log_baseline"), np.log([0.5, 0.2])),
    "dtws.pairs": [(PLACES, PLACES)],
    "order": ORDER,
    "binned.order": ORDER,
    "duration": np.full(3, 130.0),
    "targets": [2],
    "xy": PLACES,
    "box": BOX,
    "first": [1.0, 2.0],
    "steps": 4,
    "k": 2,
    "line": 2,
    "worst": True,
    "size": (9.0, 9.0),
    "screen": (9, 9),
    "multimatches.screen": (9.0, 9.0),
    "multimatch.screen": (9.0, 9.0),
    "grid": (3, 3),
    "bin": 50.0,
    "threshold": 0.5,
    "gap": -0.1,
    "radius": 2.0,
    "truncate": False,
    "seed": 0,
    "convention": "tuebingen",
    "simplification": None,
    "first_rater": LABELS,
    "second": LABELS,
    "label": 1,
    "agreement.first": LABELS,
    "match.first": LABELS,
    "time": np.arange(3.0),
}


def functions() -> Iterator[Callable[..., Any]]:
    for module in MODULES:
        yield from public(module)


def public(module: ModuleType) -> list[Callable[..., Any]]:
    found = [value for name, value in vars(module).items() if inspect.isfunction(value) and name[0] != "_"]
    return [function for function in found if function.__module__ == module.__name__]


def sound(score: Callable[..., Any]) -> dict[str, Any]:
    names = inspect.signature(score).parameters
    return {name: SOUND.get(f"{score.__name__}.{name}", SOUND.get(name, KeyError)) for name in names}


def spoilt(value: Any, bad: float) -> Iterator[Any]:
    """The argument with one of its floating-point numbers, in each place that holds some, replaced."""
    if isinstance(value, Scanpath):
        for name in ("xy", "duration"):
            yield from (Scanpath(**{**vars(value), name: array}) for array in spoilt(getattr(value, name), bad))
    elif isinstance(value, list | tuple):
        for k, item in enumerate(value):
            yield from (type(value)([*value[:k], other, *value[k + 1 :]]) for other in spoilt(item, bad))
    elif isinstance(value, np.ndarray) and value.dtype.kind == "f":
        for place in (0, value.size // 2, value.size - 1):
            array = value.copy()
            array.flat[place] = bad
            yield array
    elif isinstance(value, float):
        yield bad


CASES = [
    pytest.param(score, name, id=f"{score.__name__}-{name}")
    for score in functions()
    for name, value in sound(score).items()
    if any(True for _ in spoilt(value, math.inf))
]


@pytest.mark.parametrize("score", [pytest.param(score, id=score.__name__) for score in functions()])
def test_a_sound_call_has_an_answer(score: Callable[..., Any]) -> None:
    """A new score must be given arguments above, so that it is tried below."""
    assert score(**sound(score)) is not None


@pytest.mark.parametrize("bad", [math.inf, -math.inf])
@pytest.mark.parametrize(("score", "name"), CASES)
def test_an_infinite_number_is_refused_by_the_name_of_its_argument(
    score: Callable[..., Any], name: str, bad: float
) -> None:
    for argument in spoilt(sound(score)[name], bad):
        if name == "first" and bad > 0:
            assert score(**sound(score) | {name: argument}).max() < 1  # a search that never finds is no mistake
            continue
        with pytest.raises(ValueError, match=rf"\b{re.escape(name)}\b.*(infinite|inf)"):
            score(**sound(score) | {name: argument})


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.longdouble])
def test_every_float_is_looked_at(dtype: type) -> None:
    values = np.ones((1, 3, 4), dtype)
    values[0, 2, 3] = -math.inf
    with pytest.raises(ValueError, match=r"^truth holds an infinite value"):
        metrics.cc(MAP, values)
