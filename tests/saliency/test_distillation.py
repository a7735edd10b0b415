"""What networks together say of training pictures, and how the loader mixes it into what people did."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from app.cli.main import main
from data.errors import GazeError, TableError
from data.picture import Letterbox, read
from data.synthetic import scenes
from data.table.read import read_splits
from saliency.datamodule import GazeData
from saliency.distillation import densities, variant, write, write_variants
from saliency.losses import kl
from saliency.models.tempsal import TempSAL
from saliency.task import SaliencyTask
from training import weights
from training.augment import Augment, Moved
from training.data_state import changes

CANVAS = (64, 96)
SLICES = 2


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets") / "first"
    scenes.write(folder, count=16, size=(36, 64), viewers=3)
    return folder


def network(seed: int = 0, conditions: tuple[str, ...] = ("first",)) -> TempSAL:
    torch.manual_seed(seed)
    return TempSAL(conditions, slices=SLICES, width=8, fine=4, blocks=1, heads=2, canvas=CANVAS).eval()


def data(root: Path, **options: object) -> GazeData:
    module = GazeData(str(root), canvas=CANVAS, batch_size=4, workers=0, sigma=3.0, slices=SLICES, **options)  # type: ignore[arg-type]
    module.setup("fit")
    return module


def picture(root: Path) -> np.ndarray:
    return read(next((root / "images").iterdir()))


def test_densities_lie_on_a_quarter_of_the_largest_canvas_and_sum_to_one(root: Path) -> None:
    maps = densities([(network(), (32, 64)), (network(), CANVAS)], picture(root), "first")
    _, _, height, width = Letterbox.fit((36, 64), CANVAS).content
    assert maps.shape == (1 + SLICES, height // 4, width // 4)
    np.testing.assert_allclose(np.exp(maps).sum((1, 2)), 1, atol=1e-4)


def test_two_networks_are_believed_equally(root: Path) -> None:
    one, other = network(0), network(1)
    alone = [np.exp(densities([(each, CANVAS)], picture(root), "first")) for each in (one, other)]
    both = np.exp(densities([(one, CANVAS), (other, CANVAS)], picture(root), "first"))
    np.testing.assert_allclose(both, (alone[0] + alone[1]) / 2, rtol=1e-4)


def test_a_picture_and_its_mirror_image_are_told_alike(root: Path) -> None:
    pixels = picture(root)
    maps = densities([(network(), CANVAS)], pixels, "first")
    turned = densities([(network(), CANVAS)], np.ascontiguousarray(pixels[:, ::-1]), "first")
    np.testing.assert_allclose(maps, turned[..., ::-1], atol=1e-3)


def test_a_condition_that_is_not_known_is_any(root: Path) -> None:
    maps = [densities([(network(), CANVAS)], picture(root), name) for name in ("elsewhere", "any")]
    np.testing.assert_array_equal(*maps)


def test_training_pictures_alone_are_told_and_what_is_there_stays(root: Path, tmp_path: Path) -> None:
    told = [path for path, _ in write([network()], root, tmp_path, [CANVAS])]
    assert {path.name.removesuffix(".npy") for path in told} == set(read_splits(root)["train"])
    first = told[0]
    assert first.parent == tmp_path / "first"
    assert np.load(first).dtype == np.float16
    first.write_bytes(b"kept")
    list(write([network()], root, tmp_path, [CANVAS]))
    assert first.read_bytes() == b"kept"


def test_a_canvas_that_does_not_suit_is_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(GazeError, match="canvas 50x96 must have sides that are multiples of 32"):
        list(write([network()], root, tmp_path, [(50, 96)]))


def test_a_missing_picture_is_named(root: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(root, tmp_path / "first"))
    name = read_splits(root)["train"][0]
    (folder / "images" / name).unlink()
    with pytest.raises(TableError, match=name):
        list(write([network()], folder, tmp_path / "out", [CANVAS]))


def test_a_teacher_is_mixed_into_what_people_did(root: Path, tmp_path: Path) -> None:
    list(write([network()], root, tmp_path, [CANVAS]))
    plain, taught = (
        data(root, any_share=0.0, **more) for more in ({}, {"teacher": str(tmp_path), "teacher_share": 0.25})
    )
    for index in range(4):
        truth, mixed = plain.sets["train"][0, index], taught.sets["train"][0, index]
        name = taught.sets["train"].sets[0].gathered.pictures[index].name
        told = np.exp(np.load(tmp_path / "first" / f"{name}.npy").astype(np.float32))
        rows = slice(1, 15)  # the picture's 54 of 64 pixels begin at the fifth; on its own grid at 13 of 13.5 rows
        goal = 0.75 * truth["density"] + 0.25 * spread(told, truth["density"].shape[1:])
        valid = truth["valid"]
        np.testing.assert_allclose(mixed["density"][valid].sum((1, 2)), 1, atol=1e-3)
        apart = np.abs(mixed["density"] - goal)[valid][:, rows].sum((1, 2))
        assert (apart < 0.03).all(), apart
        np.testing.assert_array_equal(mixed["counts"], truth["counts"])
    validation = (each.sets["val"][0, 0]["density"] for each in (plain, taught))
    np.testing.assert_array_equal(*validation)  # people alone judge


def spread(maps: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """Maps of a picture on the cells of its canvas."""
    top, _, height, _ = Letterbox.fit((36, 64), CANVAS).content
    inside = np.stack([cv2.resize(each, (CANVAS[1], height)) for each in maps])
    full = np.zeros((len(maps), *CANVAS), np.float32)
    full[:, top : top + height] = inside
    small = full.reshape(len(maps), grid[0], 4, grid[1], 4).mean((2, 4))
    return np.asarray(small / small.sum((1, 2), keepdims=True))


class Mirror(Augment):
    """Always turns left and right."""

    def __call__(self, image: np.ndarray, xy: np.ndarray, seed: int) -> Moved:
        matrix = np.array([[-1.0, 0, image.shape[1]], [0, 1, 0]])
        points = xy @ matrix[:, :2].T + matrix[:, 2]
        return Moved(np.ascontiguousarray(image[:, ::-1]), points, np.arange(len(xy)), matrix)


class Unknown(Mirror):
    """Does not say where things went."""

    def __call__(self, image: np.ndarray, xy: np.ndarray, seed: int) -> Moved:
        return super().__call__(image, xy, seed)._replace(matrix=None)


def test_a_teacher_follows_a_moved_picture(root: Path, tmp_path: Path) -> None:
    list(write([network()], root, tmp_path, [CANVAS]))
    options = {"teacher": str(tmp_path), "teacher_share": 1.0, "any_share": 0.0}
    straight, turned = (data(root, augment=augment, **options) for augment in (None, Mirror()))
    for index in range(3):
        one, other = (each.sets["train"][0, index] for each in (straight, turned))
        valid = one["valid"]
        apart = np.abs(one["density"] - other["density"][..., ::-1])[valid].sum((1, 2))
        assert (apart < 0.02).all(), apart


def test_who_does_not_say_where_things_went_is_taught_by_people_alone(root: Path, tmp_path: Path) -> None:
    list(write([network()], root, tmp_path, [CANVAS]))
    plain, taught = (data(root, augment=Unknown(), any_share=0.0, **more) for more in ({}, {"teacher": str(tmp_path)}))
    for index in range(3):
        np.testing.assert_array_equal(*(each.sets["train"][0, index]["density"] for each in (plain, taught)))


def test_densities_of_other_networks_are_not_mixed_in(root: Path, tmp_path: Path) -> None:
    list(write([network()], root, tmp_path, [CANVAS]))
    list(write([network()], root, tmp_path, [CANVAS]))
    for networks, canvases in (([network(1)], [CANVAS]), ([network()], [(32, 64)])):
        with pytest.raises(GazeError, match="holds densities of other networks, canvases or data"):
            list(write(networks, root, tmp_path, canvases))


def test_networks_and_teachers_of_other_seconds_are_refused(root: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    longer = TempSAL(("first",), slices=3, width=8, fine=4, blocks=1, heads=2)
    with pytest.raises(GazeError, match="different numbers of seconds"):
        list(write([network(), longer], root, tmp_path, [CANVAS]))
    list(write([longer], root, tmp_path / "other", [CANVAS]))
    with pytest.raises(GazeError, match=r"holds 3 seconds beside the whole viewing, but data\.slices is 2"):
        data(root, teacher=str(tmp_path / "other"))


def test_a_teacher_that_lacks_pictures_is_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(GazeError, match=r"lacks the densities of \d+ training pictures .* gaze distill"):
        data(root, teacher=str(tmp_path))


def test_the_command_writes_what_training_reads(root: Path, tmp_path: Path) -> None:
    weights.save(network(), tmp_path / "a.safetensors")
    arguments = ["distill", str(tmp_path / "a.safetensors"), "--data", str(root), "--canvas", "64x96"]
    result = CliRunner().invoke(main, [*arguments, "-o", str(tmp_path / "told")])
    assert result.exit_code == 0, result.output
    count = len(read_splits(root)["train"])
    assert f"{tmp_path / 'told' / 'first'}: {count} pictures" in result.output
    data(root, teacher=str(tmp_path / "told"))
    wrong = CliRunner().invoke(main, [*arguments[:-1], "64", "-o", str(tmp_path)])
    assert wrong.exit_code == 2
    assert "HEIGHTxWIDTH" in wrong.output


def test_boxes_are_drawn_where_the_picture_lies(root: Path) -> None:
    module = data(root, objects=True, any_share=0.0)
    assert module.kinds == ["object", "face"]
    known = json.loads((root / "objects.json").read_text())
    names = {entry["id"]: entry["file_name"] for entry in known["images"]}
    faces = {entry["id"] for entry in known["categories"] if entry["name"] == "face"}
    for index, shown in enumerate(module.sets["train"].sets[0].gathered.pictures[:4]):
        sample = module.sets["train"][0, index]
        for kind in (0, 1):
            boxes = [
                entry["bbox"]
                for entry in known["annotations"]
                if names[entry["image_id"]] == shown.name and (entry["category_id"] in faces) == kind
            ]
            centres = {(int((5 + 1.5 * (y + h / 2)) / 4), int(1.5 * (x + w / 2) / 4)) for x, y, w, h in boxes}
            assert {tuple(place) for place in np.argwhere(sample["centres"][kind] == 1).tolist()} == centres
        assert sample["known"][:, 2:14].all()
        assert sample["centres"].shape == (2, 16, 24)
        assert sample["boxes"].shape == (2, 4, 16, 24)
    unknown = data(root, objects=True, augment=Unknown()).sets["train"][0, 0]
    assert not unknown["known"].any()


def test_a_kind_that_nobody_annotated_is_not_trained(root: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(root, tmp_path / "first"))
    content = json.loads((folder / "objects.json").read_text())
    for entry in content["categories"]:
        entry["name"] = "thing"
    (folder / "objects.json").write_text(json.dumps(content))
    found = data(folder, objects=True)
    assert found.kinds == ["object"]
    assert found.sets["train"][0, 0]["known"].shape[0] == 1
    (folder / "objects.json").unlink()
    none = data(folder, objects=True)
    assert none.kinds == []
    assert "known" not in none.sets["train"][0, 0]


def copies(root: Path, folder: Path, count: int, networks: list[TempSAL] | None = None) -> list[Path]:
    networks = networks or [network()]
    list(write(networks, root, folder, [CANVAS]))
    return [path for path, _ in write_variants(networks, root, folder, count)]


@pytest.mark.slow
def test_changed_copies_are_told_and_what_is_there_stays(root: Path, tmp_path: Path) -> None:
    told = copies(root, tmp_path, 2)
    names = read_splits(root)["train"]
    assert sorted(path.name for path in told) == sorted(f"{name}.{number}.npy" for name in names for number in (0, 1))
    first = told[0]
    copy = read(first.with_suffix(".jpg"))
    looks = [(each, each.canvas) for each in [network()]]
    np.testing.assert_allclose(
        np.exp(np.load(first).astype(np.float32)), np.exp(densities(looks, copy, "first", mirror=False)), atol=2e-3
    )
    first.write_bytes(b"kept")
    assert len(copies(root, tmp_path, 3)) == 3 * len(names)
    assert first.read_bytes() == b"kept"


def test_every_other_copy_is_blended_with_another_picture(tmp_path: Path) -> None:
    paths = []
    for number, level in enumerate((40, 220)):
        paths.append(tmp_path / f"{number}.png")
        cv2.imwrite(str(paths[-1]), np.full((60, 90, 3), level, np.uint8))
    plain, blended = (np.stack([variant(paths, 0, 2 * k + odd, CANVAS) for k in range(8)]) for odd in (0, 1))
    assert plain.shape[1:3] == (64, 96)
    centre = plain[:, 32, 48].mean(-1)
    assert (centre < 80).all()  # other light, no other picture
    assert blended[:, 32, 48].mean(-1).max() > 80


def test_an_epoch_holds_a_changed_copy_of_each_picture_by_turns(root: Path, tmp_path: Path) -> None:
    copies(root, tmp_path, 2)
    plain = data(root, teacher=str(tmp_path))
    more = data(root, teacher=str(tmp_path), variants="added", objects=True)
    count = len(plain.sets["train"])
    assert len(more.sets["train"]) == 2 * count
    assert len(more.sets["val"]) == len(plain.sets["val"])
    samples = [more.sets["train"][epoch, count] for epoch in range(3)]
    for sample in samples:
        np.testing.assert_allclose(sample["density"][sample["valid"]].sum((1, 2)), 1, atol=1e-3)
        assert sample["valid"].all()
        assert not sample["counts"].any()
        assert not sample["known"].any()  # nobody drew boxes there
    name, shown = more.sets["train"].sets[0].gathered.pictures[0].name, more.sets["train"].sets[1]
    seen: list[str] = []
    shown.decoded = lambda path: (seen.append(path.name), read(path))[1]  # type: ignore[assignment, func-returns-value]
    for epoch in range(3):
        _ = shown[epoch, 0]
    assert seen == [f"{name}.{number}.jpg" for number in (0, 1, 0)]
    batch = next(iter(more.train_dataloader()))
    assert batch["picture"].shape == (4, *CANVAS, 3)
    alone = data(root, teacher=str(tmp_path), variants="only", objects=True)
    assert len(alone.sets["train"]) == count
    np.testing.assert_array_equal(alone.sets["train"][0, 0]["picture"], more.sets["train"][0, count]["picture"])


@pytest.mark.slow
def test_a_network_learns_from_changed_copies(root: Path, tmp_path: Path) -> None:
    copies(root, tmp_path, 1, [network(1)])
    module = data(root, teacher=str(tmp_path), variants="added", any_share=0.0)
    task = SaliencyTask(network(2))
    samples = torch.utils.data.default_collate([module.sets["train"].sets[1][0, index] for index in range(4)])
    optimizer = torch.optim.Adam(task.parameters(), 0.01)
    values = []
    for _ in range(5):
        optimizer.zero_grad()
        log_p = task(samples)
        valid = samples["valid"]
        loss = kl(log_p[valid], samples["density"][valid], samples["counts"][valid]).mean()
        loss.backward()
        optimizer.step()
        values.append(loss.item())
    assert values[-1] < values[0]


def test_pictures_in_folders_keep_their_names(root: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(root, tmp_path / "first"))
    name = read_splits(folder)["train"][0]
    for part in ("a", "b"):
        (folder / "images" / part).mkdir()
        shutil.copy(folder / "images" / name, folder / "images" / part / name)
    table = (folder / "fixations.csv").read_text()
    rows = [row for row in table.splitlines() if row.startswith(f"{name},")]
    more = [f"{part}/{row}" for part in ("a", "b") for row in rows]
    (folder / "fixations.csv").write_text("\n".join([*table.splitlines(), *more]) + "\n")
    splits = json.loads((folder / "splits.json").read_text())
    splits["train"] += [f"a/{name}", f"b/{name}"]
    (folder / "splits.json").write_text(json.dumps(splits))
    told = copies(folder, tmp_path / "told", 1)
    assert len(set(told)) == len(splits["train"])
    assert (tmp_path / "told" / "first" / "variants" / "a" / f"{name}.0.jpg").exists()
    module = data(folder, teacher=str(tmp_path / "told"), variants="added")
    assert len(module.sets["train"]) == 2 * len(splits["train"])


def test_a_run_that_goes_on_sees_that_its_teacher_has_changed(root: Path, tmp_path: Path) -> None:
    copies(root, tmp_path, 1)
    options = {"teacher": str(tmp_path), "variants": "added"}
    then = data(root, **options).data_state
    assert not changes(then, data(root, **options).data_state)
    copies(root, tmp_path, 2)
    assert changes(then, data(root, **options).data_state) == ["train has another teacher, or other changed copies"]
    plain = data(root).data_state
    assert not changes(plain, plain)


@pytest.mark.slow
def test_copies_without_a_teacher_or_lacking_ones_are_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(GazeError, match=r"data\.variants: changed copies are a teacher's"):
        data(root, variants="added")
    list(write([network()], root, tmp_path, [CANVAS]))
    with pytest.raises(GazeError, match=r"holds no changed copies of .* gaze distill --variants"):
        data(root, teacher=str(tmp_path), variants="added")
    last = copies(root, tmp_path, 1)[-1]
    with pytest.raises(GazeError, match="holds densities of other networks"):
        list(write_variants([network(1)], root, tmp_path, 1))
    copies(root, tmp_path, 2)
    last.with_suffix("").with_suffix(".1.npy").unlink()
    with pytest.raises(GazeError, match=r"holds 1, and not 2, changed copies of .* gaze distill --variants"):
        data(root, teacher=str(tmp_path), variants="added")


@pytest.mark.slow
def test_the_command_writes_changed_copies(root: Path, tmp_path: Path) -> None:
    weights.save(network(), tmp_path / "a.safetensors")
    arguments = ["distill", str(tmp_path / "a.safetensors"), "--data", str(root), "--canvas", "64x96"]
    result = CliRunner().invoke(main, [*arguments, "--variants", "1", "-o", str(tmp_path / "told")])
    assert result.exit_code == 0, result.output
    assert f"{len(read_splits(root)['train'])} changed copies" in result.output
    data(root, teacher=str(tmp_path / "told"), variants="added")
