"""Do paths over areas say the same as the measures of areas, and can they be drawn and written as other paths are?"""

import csv
import io
import json
import math

import numpy as np
import pytest

from app.predict.area_paths import observers_over
from app.predict.areas import measure
from app.predict.observers import Observers, observe
from app.predict.simulate import Settings
from data.areas import Area, rectangle
from tests.app.predict.made_maps import made, spot

MAPS = made(0.6 * spot(0.25, 0.5, 0.08) + 0.4 * spot(0.75, 0.4, 0.1))
PAGE, BUTTON = rectangle("page", (0, 0, 400, 480)), rectangle("button", (120, 180, 80, 100))
ROOF = Area("roof", ((400, 480), (640, 480), (520, 0)))


def test_statistics_are_those_of_the_measures() -> None:
    areas, seen = (PAGE, BUTTON, ROOF), observe(MAPS, 60)
    told, paths = measure(MAPS, areas, seen), observers_over(MAPS, areas, seen)
    one = paths.statistics
    for number, area in enumerate(told):
        assert one.seen[number] == pytest.approx(area.seen)
        assert one.dwell_ms[number] / 1000 == pytest.approx(area.dwell_s)
    assert [told[number].rank for number in paths.precedence] == [1, 2, 3]
    assert one.looks[0] >= one.looks[1]  # what lies on the button lies on the page


def test_a_look_belongs_to_the_smallest_area_and_the_background_stays_empty() -> None:
    xy = np.array([[[150.0, 200], [10, 10], [600, 10], [520, 400]]])
    seen = Observers(xy, np.array([[100.0, 500, 900, 1300]]), np.full((1, 4), 300.0), 5.0)
    paths = observers_over(MAPS, (PAGE, BUTTON, ROOF), seen)
    assert paths.rollouts.order.tolist() == [[1, 0, -1, 2]]
    told = paths.statistics
    assert told.first.tolist() == [1, 1, 0]  # page and button at once
    assert told.rank.tolist() == [1, 1, 4]
    assert told.time_to_first_ms.tolist() == [100, 100, 1300]
    assert told.looks.tolist() == [2, 1, 1]
    assert told.revisits.tolist() == [0, 0, 0]
    rows = list(csv.DictReader(io.StringIO(paths.paths_csv())))
    assert [row["object"] for row in rows] == ["1", "0", "", "2"]
    assert [float(row["start_ms"]) for row in rows] == [100, 500, 900, 1300]


def test_paths_are_written_and_drawn() -> None:
    paths = observers_over(MAPS, (PAGE, BUTTON), name="a.png", settings=Settings(observers=7), model="toy", version="1")
    record = json.loads(paths.to_json("a.png"))
    assert (record["observers"], record["model"], record["temperature"]) == (7, "toy", 1.0)
    assert len(record["objects"]) == 2
    starts = [look["start_ms"] for path in record["paths"] for look in path["fixations"]]
    assert min(starts) >= 20
    assert max(starts) < 5000
    picture = np.zeros((480, 640, 3), np.uint8)
    assert paths.drawn(picture, labels=["page", "button"]).any()
    assert paths.objects_csv().count("\n") == 3
    assert 0 <= paths.typical < 7


def test_without_areas_there_are_looks_and_nothing_is_said_of_areas() -> None:
    paths = observers_over(MAPS, (), observe(MAPS, 3))
    assert len(paths.statistics) == 0
    assert paths.precedence == []
    assert (paths.rollouts.order == -1).all()
    assert paths.drawn(np.zeros((48, 64, 3), np.uint8)).any()


def test_an_area_that_nobody_sees_is_last() -> None:
    paths = observers_over(MAPS, (rectangle("far", (630, 470, 2, 2)), PAGE), observe(MAPS, 20))
    assert paths.precedence == [1, 0]
    assert math.isnan(paths.statistics.rank[0])
    assert paths.statistics.first.tolist() == [0, paths.statistics.seen[1]]
