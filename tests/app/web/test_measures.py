"""Do all pages get the same numbers of a picture, made once, and do other areas, settings and targets get their own?"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.predict import observers as asked
from app.predict.area_paths import AreaPaths
from app.predict.simulate import Baseline, Settings, Target
from app.web import measures
from app.web.predictions import View, open_model, view
from app.web.workspace import StoredPicture
from data import picture as pictures
from data.areas import Area, rectangle
from data.gaze import Scene
from export.runtime.saliency import Predictor
from scanpath.decode import Rollouts
from tests import toy_model as toy

SPOT = rectangle("spot", (40, 4, 14, 12))
CORNER = Area("corner", ((0, 40), (0, 20), (20, 40)))
FEW = Settings(observers=12)
Looked = tuple[Predictor, StoredPicture, View]


@pytest.fixture
def looked(tmp_path: Path) -> Looked:
    """A model that looks at what is bright, and a black picture with a bright spot in the upper right."""
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[8:12, 44:50] = 255
    content = pictures.encode(pixels)
    model = open_model(toy.write(tmp_path / "toy.onnx"))
    stored = StoredPicture(tmp_path.name, "spot.png", content, (60, 40))
    return model, stored, view(model, stored)


def test_paths_and_measures_say_the_same(looked: Looked) -> None:
    told = measures.measures(*looked, (SPOT, CORNER), FEW)
    paths = measures.paths(None, *looked, (SPOT, CORNER), FEW)
    assert isinstance(paths, AreaPaths)
    assert [area.seen for area in told] == pytest.approx(paths.statistics.seen.tolist())
    assert [area.name for area in told] == ["spot", "corner"]
    record = paths.record("spot.png")
    assert (record["model"], record["observers"], record["condition"]) == ("toy", 12, "any")


def test_what_is_asked_twice_is_made_once(looked: Looked, monkeypatch: pytest.MonkeyPatch) -> None:
    first = measures.measures(*looked, (SPOT,), FEW)
    monkeypatch.setattr(asked, "_draw", None)  # nobody is drawn again
    assert measures.measures(*looked, (rectangle("spot", (40, 4, 14, 12)),), FEW) is first
    moved = measures.measures(*looked, (CORNER,), FEW)  # the same observers
    assert moved[0].name == "corner"
    assert measures.paths(None, *looked, (SPOT,), FEW) is measures.paths(None, *looked, [SPOT], FEW)
    with pytest.raises(TypeError):
        measures.measures(*looked, (SPOT,), Settings(observers=12, seed=1))


class Seeker(Baseline):
    """Looks for the target and nothing else."""

    model, searches = "seeker", True

    def __call__(self, scene: Scene, *_: Any, **__: Any) -> Rollouts:
        order = np.array([[len(scene.objects) - 1]] * 3)
        return Rollouts(order, np.full(order.shape, 200.0), np.zeros(3), np.ones(3, bool))


def test_whoever_searches_walks_over_the_areas(looked: Looked) -> None:
    target = Target(box=(0, 0, 10, 10))
    paths = measures.paths(Seeker(), *looked, (SPOT,), FEW, target)
    assert not isinstance(paths, AreaPaths)
    assert paths.scene.targets == (1,)
    assert paths.rollouts.order.tolist() == [[1]] * 3
    assert measures.paths(Seeker(), *looked, (SPOT,), FEW, Target(box=(30, 0, 10, 10))) is not paths
    crop = np.zeros((4, 4, 3), np.uint8)
    assert measures.paths(Seeker(), *looked, (SPOT,), FEW, Target(crop=crop)).scene.task == "search"


def test_focus_and_clarity_of_a_view(looked: Looked) -> None:
    told = measures.attention(*looked)
    assert 0 <= told.focus <= 100
    assert np.isnan(told.focus_percentile)  # photographs were not measured with this model
    assert measures.attention(*looked) is told
