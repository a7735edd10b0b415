"""Does `gaze predict --task scanpath` write what its schema and its help promise, and answer every mistake?"""

import csv
import json
import weakref
from collections import Counter
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result

from app.cli.main import main
from app.predict.scanpath import tracer
from app.predict.simulate import Baseline, Settings, Target, scene, simulate
from data.errors import GazeError, PictureError
from data.gaze import Objects, Picture, Scene
from data.picture import read, save
from export.runtime.registry import read_contract
from export.runtime.saliency import Prediction, Predictor
from scanpath.decode import Rollouts
from tests import scanpath_toy
from tests import toy_model as toy

ROOT = Path(__file__).parents[3]
SCHEMA = json.loads((ROOT / "export" / "schema_scanpath.json").read_text())
TWO = Objects(np.array([(10.0, 10, 30, 20), (90, 40, 40, 40)]), ("cup", "face"))


class Fixed:
    """A model whose observers all look at object 1, then at 0, for 200 and 300 ms; it remembers what it was asked."""

    model, version, provider, conditions, temperature = "fixed", "0.1.0", "cpu", ("any",), 0.8
    searches, files = True, ()

    def __init__(self) -> None:
        self.asked: list[tuple[Scene, tuple[np.ndarray, ...]]] = []

    def __call__(self, scene, pixels, prediction, target_crops, settings):  # type: ignore[no-untyped-def]
        self.asked.append((scene, tuple(target_crops)))
        size = settings.observers
        order = np.array([[1, 0, -1]] * size, np.int64)
        duration = np.array([[200.0, 300.0, np.nan]] * size)
        return Rollouts(order, duration, np.full(size, -1.5), np.ones(size, bool))


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a tiny density model under the name that is looked for."""
    toy.write(tmp_path / "weights" / "tempsal.onnx")
    monkeypatch.setenv("GAZE_MODELS", str(tmp_path / "weights"))
    return tmp_path / "weights"


@pytest.fixture
def pixels() -> np.ndarray:
    """160 x 100 pixels with a bright place at the right and one at the left."""
    picture = np.zeros((100, 160, 3), np.uint8)
    picture[40:60, 110:130], picture[10:20, 20:30] = 220, 120
    return picture


@pytest.fixture
def photos(tmp_path: Path, pixels: np.ndarray) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3):
        save(folder / f"{number}.png", np.roll(pixels, 5 * number, 0))
    return folder


def gaze(*words: object) -> Result:
    command = ["predict", "--task", "scanpath", *map(str, words)]
    return CliRunner().invoke(main, command, catch_exceptions=False)


def coco(path: Path, *names: str) -> Path:
    images = [{"id": i, "file_name": name, "width": 160, "height": 100} for i, name in enumerate(names)]
    boxes = [(i, box) for i in range(len(names)) for box in TWO.boxes.tolist()]
    entries = [{"id": k, "image_id": i, "bbox": box, "category_id": k % 2} for k, (i, box) in enumerate(boxes)]
    kinds = [{"id": k, "name": name} for k, name in enumerate(TWO.categories)]
    path.write_text(json.dumps({"images": images, "annotations": entries, "categories": kinds}))
    return path


def test_a_coco_file_is_parsed_once_and_not_once_a_picture(
    photos: Path, tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = coco(tmp_path / "o.json", "0.png", "1.png", "2.png")
    opened: list[Path] = []
    whole = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: (opened.append(path), whole(path))[1])
    result = gaze(photos, "-o", tmp_path / "out", "--model", "walk", "--objects", objects, "--format", "json")
    assert result.stdout.startswith("3 done; ")
    assert opened.count(objects) == 1


@pytest.mark.parametrize("bare", [False, True])
def test_an_odd_box_of_a_coco_file_or_a_list_of_detections_loses_no_other(
    photos: Path, tmp_path: Path, models: Path, bare: bool
) -> None:
    file, out = tmp_path / "o.json", tmp_path / "out"
    content = json.loads(coco(file, "1.png").read_text())
    content["annotations"] = [entry | {"image_id": 1, "score": 0.5} for entry in content["annotations"]]
    content["images"][0]["id"] = "1"
    content["annotations"].append(content["annotations"][0] | {"bbox": [5, 5, 3, 0]})
    file.write_text(json.dumps(content["annotations"] if bare else content))
    result = gaze(photos / "1.png", "-o", out, "--model", "walk", "--objects", file, "--format", "json")
    assert result.exit_code == 0
    assert result.stderr.splitlines() == [
        f"{file}: left out: 1 box without area (annotations[2]); mend or remove these entries."
    ]
    boxes = [list(thing["box"].values()) for thing in json.loads((out / "1.path.json").read_text())["objects"]]
    assert boxes == TWO.boxes.tolist()


def test_pictures_of_one_name_in_two_folders_have_each_their_own_objects(
    photos: Path, tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, name in (("a", "0.png"), ("b", "1.png")):
        (photos / folder).mkdir()
        (photos / name).rename(photos / folder / "x.png")
    objects = json.loads(coco(tmp_path / "o.json", "a/x.png", "b/x.png").read_text())
    del objects["annotations"][-1]
    (tmp_path / "o.json").write_text(json.dumps(objects))
    words = ("-o", tmp_path / "out", "--model", "walk", "--objects", tmp_path / "o.json", "--format", "json")
    assert gaze(photos / "a", photos / "b", *words).exit_code == 0
    records = [json.loads((tmp_path / "out" / f"{folder}-x.png.path.json").read_text()) for folder in "ab"]
    assert [len(record["objects"]) for record in records] == [2, 1]
    monkeypatch.chdir(photos / "b")
    alone = ("-o", tmp_path / "alone", *words[2:])
    assert gaze("x.png", *alone).exit_code == 0  # where it lies is known, also without its folder
    assert len(json.loads((tmp_path / "alone" / "x.path.json").read_text())["objects"]) == 1
    (photos / "2.png").rename(photos / "x.png")
    result = gaze(photos / "x.png", *words, "--overwrite")
    assert result.exit_code == 3
    assert "2 of its pictures are called 'x.png', such as 'a/x.png' and 'b/x.png'; give the picture" in result.stderr


def test_a_picture_becomes_a_path_two_tables_and_a_record(photos: Path, tmp_path: Path, models: Path) -> None:
    out = tmp_path / "out"
    result = gaze(photos / "1.png", "-o", out, "--model", "walk", "--observers", 7, "--limit", 5)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"1 done; {out} (walk on cpu)\n"
    names = [".gaze.jsonl", "1.objects.csv", "1.path.json", "1.path.png", "1.paths.csv"]
    assert sorted(file.name for file in out.iterdir()) == names
    assert read(out / "1.path.png").shape == (100, 160, 3)
    record = json.loads((out / "1.path.json").read_text())
    jsonschema.validate(record, SCHEMA)
    assert record["picture"] == str(photos / "1.png")
    assert record["density"] == "toy"
    assert len(record["paths"]) == record["observers"] == 7
    assert all(1 <= len(path["fixations"]) <= 5 for path in record["paths"])
    rows = list(csv.DictReader((out / "1.paths.csv").read_text().splitlines()))
    told = [look for path in record["paths"] for look in path["fixations"]]
    assert [(int(r["object"]), float(r["x"]), float(r["y"])) for r in rows] == [
        (look["object"], look["x"], look["y"]) for look in told
    ]
    assert {row["duration_ms"] for row in rows} == {""}
    objects = list(csv.DictReader((out / "1.objects.csv").read_text().splitlines()))
    assert [float(row["seen"]) for row in objects] == pytest.approx(
        [each["seen"] for each in record["objects"]], abs=1e-4
    )


@pytest.mark.parametrize("option", ["--detector", "--objects"])
def test_a_detector_finds_what_is_looked_at(option: str, photos: Path, tmp_path: Path, models: Path) -> None:
    answer = np.zeros((1, 6, 8), np.float32)  # YOLOv8 on an input of 64 x 64: scale 0.4, bars of 12 above and below
    answer[0, :, 0], answer[0, :, 1] = (16, 32, 16, 20, 0.9, 0), (48, 32, 16, 20, 0, 0.8)
    inputs = [onnx.helper.make_tensor_value_info("images", onnx.TensorProto.FLOAT, (1, 3, 64, 64))]
    outputs = [onnx.helper.make_tensor_value_info("output0", onnx.TensorProto.FLOAT, answer.shape)]
    node = onnx.helper.make_node("Constant", [], ["output0"], value=onnx.numpy_helper.from_array(answer))
    graph = onnx.helper.make_graph([node], "detector", inputs, outputs)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    onnx.helper.set_model_props(model, {"names": "{0: 'cup', 1: 'hat'}"})
    onnx.save(model, tmp_path / "yolo.onnx")
    words = ("--model", "walk", option, tmp_path / "yolo.onnx", "--format", "json")
    assert gaze(photos / "0.png", "-o", tmp_path / "out", *words).exit_code == 0
    record = json.loads((tmp_path / "out" / "0.path.json").read_text())
    assert [each["category"] for each in record["objects"]] == ["cup", "hat"]
    assert record["objects"][0]["box"] == pytest.approx({"x": 20, "y": 25, "width": 40, "height": 50})


@pytest.mark.slow
@pytest.mark.parametrize("objects", ["found", "proto", "grid:2x3", "{coco}"])
def test_every_look_lies_in_the_box_of_its_object(objects: str, photos: Path, tmp_path: Path, models: Path) -> None:
    source = objects.replace("{coco}", str(coco(tmp_path / "o.json", "0.png", "1.png", "2.png")))
    result = gaze(photos, "-o", tmp_path / "out", "--model", "walk", "--objects", source, "--format", "json")
    assert result.stdout.startswith("3 done; ")
    for file in (tmp_path / "out").glob("[!.]*"):
        record = json.loads(file.read_text())
        jsonschema.validate(record, SCHEMA)
        assert record["objects"]
        for look in (look for path in record["paths"] for look in path["fixations"]):
            box = record["objects"][look["object"]]["box"]
            assert box["x"] <= look["x"] <= box["x"] + box["width"]
            assert box["y"] <= look["y"] <= box["y"] + box["height"]


def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(
    photos: Path, tmp_path: Path, models: Path
) -> None:
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        gaze(photos / "0.png", "-o", tmp_path / folder, "--model", "walk", "--seed", seed, "--format", "csv")
    one, same, other = ((tmp_path / folder / "0.paths.csv").read_bytes() for folder in "abc")
    assert one == same != other


def test_durations_become_starts_and_times(pixels: np.ndarray) -> None:
    told = simulate(Fixed(), "a.png", pixels, TWO, settings=Settings(observers=3))
    record = told.record()
    jsonschema.validate(record, SCHEMA)
    looks = record["paths"][2]["fixations"]
    assert [(each["object"], each["duration_ms"], each["start_ms"]) for each in looks] == [(1, 200, 0), (0, 300, 250)]
    assert [each["time_to_first_ms"] for each in record["objects"]] == [250, 0]
    assert [each["category"] for each in record["objects"]] == ["cup", "face"]
    assert record["density"] is None
    assert "picture" not in record
    assert told.fixations()[-1]["observer"] == 2
    assert told.precedence == [1, 0]
    assert record["temperature"] == 0.8


def test_the_drawn_path_fits_a_picture_of_another_size(pixels: np.ndarray) -> None:
    told = simulate(Fixed(), "a.png", pixels, TWO)
    large = np.zeros((300, 480, 3), np.uint8)
    for labels in (None, ["A cup", "B face"]):
        drawn = told.drawn(large, labels=labels)
        assert drawn.shape == large.shape
        x, y = (told.xy[told.typical, 0] * 3).astype(int)
        assert np.ptp(drawn[y - 5 : y + 6, x - 5 : x + 6]) > 100
    assert not large.any()


def test_a_target_that_is_an_object_is_that_object_and_any_other_becomes_one(pixels: np.ndarray) -> None:
    picture = Picture("a", 160, 100)
    at, target_crops = scene(picture, pixels, TWO, Target((92, 42, 36, 38)))
    assert (at.targets, at.memory_set, at.task, len(at.objects)) == ((1,), ("face",), "search", 2)
    np.testing.assert_array_equal(target_crops[0], pixels[42:80, 92:128])
    at, _ = scene(picture, pixels, TWO, Target((50, 50, 20, 20)))
    assert (at.targets, at.memory_set, len(at.objects)) == ((2,), ("",), 3)
    np.testing.assert_array_equal(at.objects.boxes[2], (50, 50, 20, 20))
    masked = Objects(TWO.boxes, masks=np.zeros((2, 100, 160), bool))
    at, _ = scene(picture, pixels, masked, Target((50, 50, 20, 20)))
    assert at.objects.masks is not None
    assert at.objects.masks[2].sum() == 400
    at, target_crops = scene(picture, pixels, TWO, Target(crop=pixels[:1, :1]))
    assert (at.targets, at.memory_set, at.task, target_crops[0].shape) == ((), ("",), "search", (1, 1, 3))
    with pytest.raises(GazeError, match=r"The target cannot be looked for: .*outside of the picture of 160 x 100"):
        scene(picture, pixels, TWO, Target((500, 5, 20, 20)))
    with pytest.raises(GazeError, match="its box of 161 x 20 pixels is larger than the picture of 160 x 100"):
        scene(picture, pixels, TWO, Target((0, 5, 161, 20)))


def test_a_model_is_told_what_is_sought_and_chosen_by_it(
    photos: Path, tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, names = Fixed(), []
    monkeypatch.setattr("app.predict.simulate.Trained", lambda name, provider: (names.append(name), model)[1])
    for folder, target in (("box", "90,40,40,40"), ("crop", str(photos / "2.png"))):
        result = gaze(photos / "0.png", "-o", tmp_path / folder, "--target", target, "--objects", "grid:1x2")
        assert result.stdout.endswith("(fixed on cpu)\n")
    gaze(photos / "0.png", "-o", tmp_path / "free", "--objects", "grid:1x2")
    assert names == ["oat-search", "oat-search", "oat-free"]
    assert [len(target_crops) for _, target_crops in model.asked] == [1, 1, 0]
    assert [at.targets for at, _ in model.asked] == [(2,), (), ()]


@pytest.mark.slow
@pytest.mark.parametrize("words", [(), ("--target", "90,40,40,40")], ids=["free", "search"])
def test_an_exported_model_is_run_with_its_own_temperature_and_durations(
    words: tuple[str, ...], photos: Path, tmp_path: Path, models: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    made = scanpath_toy.exported(tmp_path_factory.getbasetemp())[0]
    result = gaze(photos / "0.png", "-o", tmp_path / "out", "--model", made, "--provider", "cpu", *words)
    assert (result.exit_code, result.stderr) == (0, "")
    record = json.loads((tmp_path / "out" / "0.path.json").read_text())
    jsonschema.validate(record, SCHEMA)
    assert record["temperature"] == read_contract(made).decoding.get("temperature", 1.0)
    assert record["task"] == ("search" if words else "free")
    looks = [look for path in record["paths"] for look in path["fixations"]]
    assert looks
    assert all(look["duration_ms"] > 0 for look in looks)
    assert read(tmp_path / "out" / "0.path.png").shape == (100, 160, 3)


def test_broken_pictures_are_named_the_rest_is_done_and_the_command_goes_on(
    photos: Path, tmp_path: Path, models: Path
) -> None:
    (photos / "1.png").write_bytes(b"no picture")
    objects = coco(tmp_path / "o.json", "0.png", "1.png")
    command = (photos, "-o", photos, "--model", "walk", "--objects", objects)
    result = gaze(*command)
    assert result.exit_code == 3
    assert result.stdout.startswith("1 done, 2 broken; ")
    lines = sorted(result.stderr.splitlines())
    assert lines[0].startswith(f"{photos / '1.png'}: this is not a picture")
    assert lines[1].startswith(f"{photos / '2.png'}: {objects}: none of its 2 pictures is '2.png'")
    coco(objects, "0.png", "1.png", "2.png")
    again = gaze(*command)
    assert again.stdout.startswith("1 done, 1 skipped that were there (--overwrite writes them anew), 1 broken; ")


def test_one_picture_is_decoded_at_a_time(
    photos: Path, tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (photos / "1.png").write_bytes(b"no picture")
    held, most = Counter[str](), []

    def counted(path: Path) -> np.ndarray:
        held["pictures"] += 1
        most.append(held["pictures"])
        try:
            picture = read(path)
        except PictureError:
            held["pictures"] -= 1
            raise
        weakref.finalize(picture, held.subtract, {"pictures": 1})
        return picture

    monkeypatch.setattr("app.predict.scanpath.pictures.read", counted)
    objects = coco(tmp_path / "o.json", "0.png", "3.png")  # 2.png is broken for want of objects
    save(photos / "3.png", read(photos / "0.png"))
    result = gaze(photos, "-o", tmp_path / "out", "--model", "walk", "--objects", objects)
    assert result.stdout.startswith("2 done, 2 broken; ")
    assert most == [1, 1, 1, 1]


def test_without_a_density_model_grids_are_walked_and_proto_objects_are_refused(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAZE_MODELS", str(tmp_path))
    monkeypatch.setattr("export.runtime.registry.WEIGHTS", tmp_path)
    result = gaze(photos / "0.png", "-o", tmp_path / "out", "--model", "walk", "--objects", "grid:2x2")
    assert result.exit_code == 0
    record = json.loads((tmp_path / "out" / "0.path.json").read_text())
    jsonschema.validate(record, SCHEMA)
    assert record["density"] is None
    refused = gaze(photos / "0.png", "-o", tmp_path / "out", "--model", "walk")
    assert (refused.exit_code, "There is no model 'tempsal'" in refused.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["--objects", "cats"],
            "Objects cannot come from 'cats'; choose found, proto, text, found+text, proto+text, a grid",
        ),
        (["--objects", "none.json"], "There is no file none.json"),
        (["--objects", "grid:2x2", "--detector", "yolo.onnx"], "--objects and --detector both say"),
        (["--detector", "boxes.json"], "--detector takes an .onnx file, but it is 'boxes.json'"),
        (["--objects", "grid:0x4"], "Objects cannot come from 'grid:0x4'"),
        (["--target", "1,2,3"], "The target '1,2,3' is no box x,y,width,height, and no such file exists"),
        (["--format", "npy"], "no format 'npy'"),
        (["--palette", "fog"], "--palette is for --task saliency"),
        (["--condition", "cinema"], "no viewing condition 'cinema'"),
        (["--observers", "0"], "0"),
        (["--temperature", "nan"], "temperature should be a finite number, but it is nan; give another value (--temp"),
        (["--temperature", "inf"], "temperature should be a finite number, but it is inf; give another value (--temp"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(
    words: list[str], sentence: str, photos: Path, tmp_path: Path, models: Path
) -> None:
    result = gaze(photos, "-o", tmp_path / "out", "--model", "walk", *words)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert not list((tmp_path / "out").glob("*"))


def test_options_of_scanpaths_are_refused_for_maps(photos: Path, tmp_path: Path, models: Path) -> None:
    command = ["predict", str(photos), "-o", str(tmp_path / "out"), "--observers", "5"]
    result = CliRunner().invoke(main, command)
    assert (result.exit_code, "--observers is for --task scanpath" in result.stderr) == (2, True)


def test_a_picture_without_objects_has_no_path_and_a_record_all_the_same(pixels: np.ndarray) -> None:
    told = simulate(Baseline(), "a.png", pixels, Objects(np.zeros((0, 4))), settings=Settings(observers=2))
    record = told.record("a.png")
    jsonschema.validate(record, SCHEMA)
    assert record["objects"] == []
    assert [path["fixations"] for path in record["paths"]] == [[], []]
    assert told.paths_csv() == ",".join(("observer", "index", "object", "x", "y", "duration_ms", "start_ms")) + "\n"
    assert told.drawn(pixels).shape == pixels.shape


def test_a_low_temperature_brings_observers_together(pixels: np.ndarray) -> None:
    share = []
    for temperature in (0.1, 1.0, 10.0):
        told = simulate(Baseline(), "a", pixels, TWO, settings=Settings(observers=300, temperature=temperature))
        share.append(told.statistics.first[1])
    np.testing.assert_allclose(share, [1, 1600 / 2200, 0.52], atol=0.07)


@pytest.mark.slow
def test_a_picture_is_looked_at_once_for_its_map_and_its_paths(
    pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = tracer(None, "cpu", "found", None, observers=3)
    assert shipped.density is not None
    seen: list[str] = []
    batch = Predictor.batch

    def counted(self: Predictor, *arguments: object) -> list[Prediction]:
        seen.append(self.contract.name)
        return batch(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Predictor, "batch", counted)
    once = shipped(pixels, "a.png")
    assert seen == ["tempsal"]
    found = shipped.source(pixels, "a.png", shipped.density(pixels))
    twice = simulate(shipped.model, "a.png", pixels, found, None, settings=shipped.settings)
    assert seen == ["tempsal"] * 3
    np.testing.assert_array_equal(once.rollouts.order, twice.rollouts.order)
    elsewhere = replace(shipped.density(pixels), weights="of another model")
    simulate(shipped.model, "a.png", pixels, found, elsewhere, settings=shipped.settings)
    assert seen == ["tempsal"] * 5
