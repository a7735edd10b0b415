"""Screens, graphics and pages are drawn from a seed, and told from photographs by what the encoder sees."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from app.cli.main import main
from data.errors import GazeError
from data.synthetic import scenes
from data.synthetic.graphics import graphic, text_page
from saliency import MODELS, media
from saliency.layers.medium import MEDIA, Medium, statistics
from saliency.media import learn_media
from saliency.models.center_bias import CenterBias
from saliency.models.tempsal import TempSAL
from training import weights

CANVAS = (64, 96)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets") / "first"
    scenes.write(folder, count=40, size=(72, 96), viewers=2)
    return folder


def network() -> TempSAL:
    torch.manual_seed(0)
    return TempSAL(("first",), slices=1, width=8, fine=4, blocks=1, heads=2, canvas=CANVAS).eval()


def drawn(seed: int) -> np.ndarray:
    return graphic(seed).pixels


@pytest.mark.slow
@pytest.mark.parametrize("draw", [drawn, text_page])
def test_pages_follow_from_their_seed_and_differ_by_it(draw) -> None:  # type: ignore[no-untyped-def]
    for seed in range(6):
        page = draw(seed)
        assert page.dtype == np.uint8
        assert page.shape[2] == 3
        assert page.std() > 3
        np.testing.assert_array_equal(page, draw(seed))
        assert page.shape != draw(seed + 1).shape or (page != draw(seed + 1)).any()


def test_a_graphic_shows_photographs_where_it_is_given_some() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    assert any((graphic(seed).pixels != graphic(seed, [noise]).pixels).any() for seed in range(8))


def test_statistics_are_those_of_the_picture_and_not_of_its_bars() -> None:
    features = torch.zeros(1, 2, 2, 4)
    features[0, 0, :, 1:3] = torch.tensor([[1.0, 3.0], [5.0, 7.0]])
    features[0, :, :, 0] = features[0, :, :, 3] = 99  # the bars
    found = statistics(features, torch.tensor([[32.0, 0, 96, 64]]))[0]
    assert found[:2].tolist() == pytest.approx([4, 0], abs=1e-5)
    assert found[2].item() == pytest.approx(np.std([1, 3, 5, 7]), abs=1e-3)
    small = statistics(features, torch.tensor([[40.0, 20, 44, 24]]))  # no cell has its middle there
    assert small.isfinite().all()


def test_until_it_is_fitted_every_medium_is_as_likely() -> None:
    head = Medium(3)
    found = head(torch.randn(2, 3, 2, 3), torch.tensor([[0.0, 0, 96, 64]]).expand(2, 4))
    torch.testing.assert_close(found, torch.full((2, 3), 1 / 3))


def test_media_that_differ_are_told_apart_whatever_their_number() -> None:
    torch.manual_seed(0)
    medium = torch.tensor([0] * 60 + [1] * 12 + [2] * 6)
    found = torch.randn(78, 6) + 3 * torch.nn.functional.one_hot(medium, 6)
    assert Medium(3).fit(found, medium) > 0.95


@pytest.mark.slow
def test_a_network_learns_media_and_predicts_as_before(root: Path) -> None:
    made = network()
    copy, share = learn_media(made, [root], made=20)
    assert share > 0.5  # a random network of eight channels; by chance 1/3
    assert copy.media == MEDIA
    pages = [np.resize(draw(900), (*CANVAS, 3)) for draw in (text_page, drawn)]
    picture = torch.from_numpy(np.stack(pages))
    content, condition = torch.tensor([[0.0, 0, 96, 64]]).expand(2, 4), torch.zeros(2, dtype=torch.int64)
    with torch.inference_mode():
        before, after = (each.outputs(picture, content, condition) for each in (made, copy))
    for name, value in before.items():
        assert torch.equal(value, after[name])
    torch.testing.assert_close(after["medium"].sum(1), torch.ones(2))


@pytest.mark.slow
def test_the_command_writes_weights_that_know_media(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights.save(network(), tmp_path / "a.safetensors")
    command = ["calibrate", str(tmp_path / "a.safetensors"), "-o", str(tmp_path / "b.safetensors")]
    monkeypatch.setattr(media, "learn_media", partial(learn_media, made=8))
    result = CliRunner().invoke(main, [*command, "--photographs", str(root), "--gain", "0.8", "--bias", "0.5"])
    assert result.exit_code == 0, result.output
    assert "of held-out pictures are told right" in result.output
    found = weights.load(tmp_path / "b.safetensors", MODELS)
    assert found.arguments["media"] == list(MEDIA)
    assert found.arguments["any_bias"] == 0.5


def test_too_few_photographs_and_other_models_are_refused(root: Path, tmp_path: Path) -> None:
    few = tmp_path / "few"
    scenes.write(few, count=8, size=(40, 64), viewers=1)
    with pytest.raises(GazeError, match="photographs to learn from; give sets with at least 10"):
        learn_media(network(), [few], made=4)
    weights.save(CenterBias(("a",), 1), tmp_path / "c.safetensors")
    command = ["calibrate", str(tmp_path / "c.safetensors"), "-o", str(tmp_path / "d.safetensors")]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 2
    assert "CenterBias cannot be calibrated; give a tempsal" in result.output
