"""The model knows what it should of a scene and nothing else, and steps through a path as it reads a whole one."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from data.errors import GazeError
from scanpath import MODELS
from scanpath.decode import MAX_STEPS
from scanpath.inputs import APPEARANCES
from scanpath.models import _object_crops as looks
from scanpath.models.oat import NEVER, OAT
from tests import scanpath_toy as toy
from training import weights

ORDER = torch.tensor([[[2, 1, 1, 0, 3, -1], [0, 2, -1, -1, -1, -1]]])


def fed(
    kind: str, count: int, seed: int = 0, targets: tuple[int, ...] = (0,), target_known: bool = False
) -> dict[str, np.ndarray]:
    scene, look = toy.scene(count, seed, targets), toy.look(seed)
    return toy.input_spec(kind).inputs(scene, 1 + seed % 2, target_known, toy.pixels(seed), look=look)


def ask(network: OAT, batch: dict[str, Tensor], order: Tensor = ORDER) -> tuple[Tensor, Tensor]:
    with torch.no_grad():
        logits, pace = network(batch, order)
    return logits, pace


def close(one: Tensor, other: Tensor, tolerance: float = 1e-5) -> None:
    torch.testing.assert_close(one, other, rtol=0, atol=tolerance)


@pytest.mark.slow
@pytest.mark.parametrize("target_known", [False, True])
@pytest.mark.parametrize("third", [(2,), ()], ids=["search", "free"])
@pytest.mark.parametrize("kind", APPEARANCES)
def test_steps_that_remember_equal_whole_paths_read_at_once(
    kind: str, third: tuple[int, ...], target_known: bool
) -> None:
    """Three scenes of different sizes in one batch, the last with one less in mind, against each alone step by step."""
    network = toy.network(kind)
    two = replace(toy.scene(7, 1, (1, 5)), memory_set=("lamp", "cup"))
    crops = [toy.pixels(3)[:9, :20], toy.pixels(4)]
    both = toy.input_spec(kind).inputs(two, 1, target_known, toy.pixels(1), crops, toy.look(1))
    scenes = [fed(kind, 4, 0, (3,), target_known), both, fed(kind, 5, 2, third, target_known and bool(third))]
    order = torch.tensor([[[3, 1, 1, 0], [0, 2, -1, -1]], [[6, 1, 5, 6], [2, -1, -1, -1]], [[4, 0, 4, 2], [-1] * 4]])
    whole, rhythm = ask(network, toy.batch(*scenes), order)
    for scene, paths, logits, pace in zip(scenes, order, whole, rhythm, strict=True):
        walk = toy.Walk(network, scene)
        count, last, state = walk.count, np.full(2, walk.count), walk.start(2)
        for place in range(5):
            got, tempo, state = walk.step(last, state)
            for path in range(2):
                if place and paths[path, place - 1] < 0:
                    continue  # after the end
                close(torch.from_numpy(got[path, :-1]), logits[path, place, :count])
                close(torch.from_numpy(got[path, -1:]), logits[path, place, -1:])
                close(torch.from_numpy(tempo[path]), pace[path, place, :count])
            last = np.where(paths[:, place] < 0, count, paths[:, place]) if place < 4 else last


@pytest.mark.parametrize(
    "options", [{"before": False}, {"pointers": 3}, {"relation": False, "trace": False}, {"position": "sinusoid"}]
)
def test_every_option_steps_as_it_reads(options: dict[str, Any]) -> None:
    network, scene = toy.network(**options), fed("none", 4)
    logits, _ = ask(network, toy.batch(scene))
    walk = toy.Walk(network, scene)
    last, state = np.full(1, 4), walk.start(1)
    for place in range(6):
        got, _, state = walk.step(last, state)
        close(torch.from_numpy(got[0]), logits[0, 0, place])
        last = ORDER[0, 0, place : place + 1].numpy()


@pytest.mark.parametrize("target_known", [False, True])
@pytest.mark.parametrize("kind", APPEARANCES)
def test_objects_in_another_order_get_the_same_logits(kind: str, target_known: bool) -> None:
    network, batch = toy.network(kind), toy.batch(fed(kind, 6, 0, (2,), target_known))
    shuffle = torch.tensor([4, 2, 0, 5, 1, 3])
    place = shuffle.argsort()
    other = dict(batch)
    for name in ("boxes", "present", "target", "category", "crops", "likeness", "features"):
        if name in batch:
            other[name] = batch[name][:, shuffle]
    logits, pace = ask(network, batch)
    moved, paced = ask(network, other, torch.where(ORDER < 0, ORDER, place[ORDER]))
    close(moved[..., :-1], logits[..., :-1][..., shuffle], 2e-5)
    close(moved[..., -1], logits[..., -1], 2e-5)
    close(paced, pace[..., shuffle, :], 2e-5)


@pytest.mark.parametrize("kind", APPEARANCES)
def test_objects_that_only_fill_up_a_batch_change_nothing_and_are_never_chosen(kind: str) -> None:
    network = toy.network(kind)
    alone, _ = ask(network, toy.batch(fed(kind, 5)))
    together, _ = ask(network, toy.batch(fed(kind, 5), fed(kind, 9, 1, (0, 1))), ORDER.repeat(2, 1, 1))
    close(together[0, ..., :5], alone[0, ..., :5])
    close(together[0, ..., -1], alone[0, ..., -1])
    assert (together[0, ..., 5:9] == NEVER).all()
    assert (together[0].softmax(-1)[..., 5:9] == 0).all()


def test_what_is_absent_is_never_chosen_wherever_it_stands() -> None:
    network, batch = toy.network(), toy.batch(fed("none", 5))
    batch["present"][0, 3] = False
    changed = {**batch, "boxes": batch["boxes"].clone(), "category": batch["category"].clone()}
    changed["boxes"][0, 3] = torch.tensor([1.0, 1, 90, 90])
    changed["category"][0, 3] = 2
    order = torch.tensor([[[2, 1, 0]]])
    logits, _ = ask(network, batch, order)
    assert (logits.softmax(-1)[..., 3] == 0).all()
    close(ask(network, changed, order)[0], logits)


@pytest.mark.parametrize("kind", APPEARANCES)
def test_where_the_target_lies_counts_only_once_it_was_fixated_unless_it_is_told(kind: str) -> None:
    network = toy.network(kind)
    here, there = (toy.batch(fed(kind, 5)) for _ in range(2))
    there["target"] = torch.tensor([[False, False, True, False, False]])
    order = torch.tensor([[[1, 3, 4, 0, 1]]])  # object 0 comes fourth
    logits, other = (ask(network, batch, order)[0] for batch in (here, there))
    close(other[:, :, :4], logits[:, :, :4], 1e-6)
    assert (other[:, :, 4:] - logits[:, :, 4:]).abs().amax(-1).min() > 1e-3  # it was found, or was not
    for batch in (here, there):
        batch["told"] = torch.tensor([True])
    logits, other = (ask(network, batch, order)[0] for batch in (here, there))
    assert (other - logits).abs().amax(-1).min() > 1e-3


def test_being_told_without_any_target_changes_nothing() -> None:
    network, batch = toy.network(), toy.batch(fed("none", 5, 0, ()))
    logits, _ = ask(network, batch)
    close(ask(network, {**batch, "told": torch.tensor([True])})[0], logits, 1e-6)


def test_what_is_looked_for_counts_and_its_padding_does_not() -> None:
    network, batch = toy.network(), toy.batch(fed("none", 5))
    logits, _ = ask(network, batch)
    other, _ = ask(network, {**batch, "sought": torch.tensor([[3]]) - batch["sought"]})
    assert (logits - other).abs().max() > 1e-3
    padded = {**batch, "sought": torch.cat([batch["sought"], torch.tensor([[2]])], 1)}
    padded["sought_present"] = torch.tensor([[True, False]])
    close(ask(network, padded)[0], logits)


@pytest.mark.parametrize("name", ["category", "condition", "boxes", "size", "crops", "likeness"])
def test_everything_else_of_a_scene_counts(name: str) -> None:
    network, batch = toy.network("crops"), toy.batch(fed("crops", 5))
    logits, _ = ask(network, batch)
    change = {"category": 1, "condition": -1, "boxes": 9, "size": 50, "crops": 60, "likeness": 0.5}[name]
    batch[name] = (batch[name] % 3 if name == "category" else batch[name]) + change
    assert (ask(network, batch)[0] - logits).abs().max() > 1e-3


def test_a_scene_scaled_with_its_picture_is_the_same_scene() -> None:
    network, batch = toy.network(), toy.batch(fed("none", 5))
    scaled = {**batch, "boxes": batch["boxes"] * 4, "size": batch["size"] * 4}
    close(ask(network, scaled)[0], ask(network, batch)[0])


def test_the_past_counts_by_its_order_and_by_its_repeats() -> None:
    network, batch = toy.network(), toy.batch(fed("none", 5))
    orders = [[1, 2, 3], [2, 1, 3], [1, 1, 3], [4, 2, 3]]
    logits, _ = ask(network, batch, torch.tensor([orders]))
    for i in range(4):
        for j in range(i):
            assert (logits[0, i, 3] - logits[0, j, 3]).abs().max() > 1e-3
    close(logits[0, 0, 0], logits[0, 3, 0])  # before the first fixation nothing differs


@pytest.mark.parametrize("kind", APPEARANCES)
def test_dropout_is_off_when_the_model_predicts(kind: str) -> None:
    network, batch = toy.network(kind, drop=0.5), toy.batch(fed(kind, 5))
    assert torch.equal(ask(network, batch)[0], ask(network, batch)[0])
    network.train()
    assert not torch.equal(ask(network, batch)[0], ask(network, batch)[0])


def test_what_is_remembered_of_a_scene_is_what_would_be_computed_anew() -> None:
    """One memory serves every step and all observers."""
    network, scene = toy.network(), fed("none", 6)
    kept = toy.Walk(network, scene)
    before = [values.clone() for values in kept.memory]
    last, states = np.full(2, 6), [kept.start(2) for _ in range(2)]
    for place in range(4):
        fresh = toy.Walk(network, scene)
        (one, _, states[0]), (other, _, states[1]) = kept.step(last, states[0]), fresh.step(last, states[1])
        assert np.array_equal(one, other)
        last = np.array([place, 5 - place])
    assert all(torch.equal(values, was) for values, was in zip(kept.memory, before, strict=True))


def test_observers_do_not_see_each_other() -> None:
    network, scene = toy.network(), fed("none", 6)
    many, alone = toy.Walk(network, scene), toy.Walk(network, scene)
    crowd, single = many.start(3), alone.start(1)
    last = np.full(3, 6)
    for place in range(4):
        logits, _, crowd = many.step(last, crowd)
        own, _, single = alone.step(last[1:2], single)
        np.testing.assert_allclose(logits[1], own[0], atol=1e-5)
        last = np.array([place, 2 * place % 6, 5])


def test_the_pointer_and_the_pace_are_computed_in_float32_under_autocast(monkeypatch: pytest.MonkeyPatch) -> None:
    network, point, calls = toy.network("saliency"), OAT._point, []

    def remembered(*given: Any) -> Any:
        calls.append((given, point(*given)))
        return calls[-1][1]

    monkeypatch.setattr(OAT, "_point", remembered)
    with torch.autocast("cpu", torch.bfloat16):
        logits, pace = ask(network, toy.batch(fed("saliency", 5)))
        walk = toy.Walk(network, fed("saliency", 5))
        walk.step(np.full(2, 5), walk.start(2))
    assert logits.dtype == pace.dtype == torch.float32
    assert len(calls) == 2
    for (_, x, memory, lies, trace, second), given in calls:
        kept = (memory.pointer, memory.target_relation, memory.duration_key, memory.mass)
        assert {t.dtype for t in (x, *kept, lies, trace, second)} == {torch.float32}
        with torch.no_grad():
            for one, other in zip(given, point(network, x, memory, lies, trace, second), strict=True):
                assert torch.equal(one, other)


def masses(*share: float) -> dict[str, np.ndarray]:
    """A scene whose objects have these shares of the looks in the first second, and nothing else to tell them apart."""
    network = fed("saliency", len(share), targets=())
    network["features"][:] = network["features"][:1]
    network["features"][:, 1] = np.log(share)
    return network


def test_a_new_network_looks_first_where_the_saliency_model_does() -> None:
    torch.manual_seed(0)
    network = OAT(
        ("one", "two"), toy.CATEGORIES, "saliency", saliency=toy.WEIGHTS, features=toy.SIZES, **toy.TINY
    ).eval()
    assert network.second is not None
    with torch.no_grad():
        network.second[0] *= 20
    few, many = (
        ask(network, toy.batch(masses(*share)))[0][0, 0, 0, :3] for share in ((0.6, 0.3, 0.1), (0.1, 0.3, 0.6))
    )
    assert (few.argmax(), many.argmax()) == (0, 2)


def test_the_log_mass_in_question_is_added_to_the_logits_of_objects_alone() -> None:
    """Of each step the second with its own weight, relative to all objects; twice the mass everywhere is the same."""
    network = toy.network("saliency")
    assert network.second is not None
    shares = (0.4, 0.2, 0.1, 0.1)
    given = toy.batch(masses(*shares))
    with torch.no_grad():
        kept = network.second.clone()
        network.second.zero_()
        without = ask(network, given)[0]
        network.second.copy_(kept)
    logits = ask(network, given)[0]
    told = given["features"][0, :, : toy.SIZES[0]].log_softmax(0)
    for step in range(ORDER.shape[2] + 1):
        wanted = told @ kept[step]
        close((logits - without)[0, 0, step, :4], wanted, 1e-4)
        close((logits - without)[0, 1, step, 4], torch.tensor(0.0))


def test_a_step_beyond_the_table_takes_its_last_row() -> None:
    network = toy.network("saliency")
    assert network.row_of[[0, 11, 12, 200]].tolist() == [0, 11, 11, 11]


def test_sizes_of_features_and_the_appearance_belong_together() -> None:
    for options in ({"appearance": "saliency"}, {"appearance": "crops", "features": toy.SIZES}):
        with pytest.raises(GazeError, match="sizes of features"):
            OAT(**options)
    with pytest.raises(GazeError, match=r"copy of TempSAL, as those of gaze 0\.2 did.*train it again"):
        OAT(appearance="saliency", saliency={"slices": 1})  # type: ignore[arg-type]


def test_a_network_comes_back_from_its_file(tmp_path: Any) -> None:
    network, batch = toy.network("crops"), toy.batch(fed("crops", 5))
    weights.save(network, tmp_path / "o.safetensors")
    again = weights.load(tmp_path / "o.safetensors", MODELS)
    assert isinstance(again, OAT)
    assert again.arguments == network.arguments
    assert torch.equal(ask(again, batch)[0], ask(network, batch)[0])


def test_a_crop_without_light_tells_nothing() -> None:
    torch.manual_seed(0)
    crops = looks.Crops(12, 8)
    shown = torch.zeros(1, 2, 12, 12, 3, dtype=torch.uint8)
    shown[0, 1, 3:9] = 200
    made = crops(shown)[0]
    assert (made[0] == 0).all()
    assert made[1].abs().max() > 0


def test_longer_paths_than_it_can_count_are_the_last() -> None:
    """A path of MAX_STEPS - 1 fixations can be read and its end asked for."""
    network, scene = toy.network(), fed("none", 3)
    order = torch.arange(MAX_STEPS - 1)[None, None] % 3
    logits, _ = ask(network, toy.batch(scene), order)
    assert logits.shape == (1, 1, MAX_STEPS, 4)
    assert torch.isfinite(logits).all()


def test_a_path_without_fixations_has_the_logits_of_the_first_one() -> None:
    network, batch = toy.network(), toy.batch(fed("none", 5))
    logits, pace = ask(network, batch, torch.zeros(1, 2, 0, dtype=torch.int64))
    assert logits.shape == (1, 2, 1, 6)
    assert pace.shape == (1, 2, 1, 5, 2)
    close(logits[0, 0, 0], ask(network, batch)[0][0, 0, 0])


def test_an_appearance_that_is_not_known_is_refused() -> None:
    with pytest.raises(GazeError, match="no appearance 'smell'; choose one of none, crops, saliency"):
        OAT(appearance="smell")
