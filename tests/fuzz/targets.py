"""What is fuzzed: each target is handed a folder of damaged files and must answer, or raise a `GazeError`.

A recorder joins by being in `data/recorders`; its own sound files are `corpus/<its name>/<input>/`, and what
`../shared` holds of its format is taken too. One without any is tried on the files of all others.
"""

import functools
import json
import os
import random
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fuzz.mutate import Files, damaged, odd_json

HERE = Path(__file__).parent
SHARED = Path(os.environ.get("GAZE_SHARED", HERE.parents[2] / "shared"))
SCREENS = ((None, None, 38.0, 30.0, 67.0), (1024, 768, 38.0, 30.0, 67.0))  # that which the file names, and another
SHORT = 20_000  # bytes of a real recording that are taken, in whole lines


@dataclass(frozen=True)
class Target:
    """What is fuzzed."""

    name: str
    corpus: Callable[[], list[Files]]  # sound inputs, the file that is read first
    run: Callable[[Path, Path], object]  # of the folder, and of the file in it that is read
    once: Callable[[], object] = lambda: None  # before the first input
    damage: Callable[[Files, list[Files], random.Random], Files] | None = None  # where the usual ways do not reach


def folder(root: Path, first: Path | None = None) -> Files:
    """The files below a folder; the largest that is no JSON stands first unless another is named."""
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    paths.sort(key=lambda path: (path != first, path.suffix == ".json", -path.stat().st_size))
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def put(files: Files, root: Path) -> Path:
    """Writes the files into an empty folder; gives the path of the first."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root / next(iter(files))


# pictures


def _pictures() -> list[Files]:
    import io

    import numpy as np
    from PIL import Image

    chance = np.random.default_rng(0)
    grey = chance.integers(0, 255, (24, 32), np.uint8)
    colour = Image.fromarray(np.stack([grey, grey.T.reshape(24, 32), 255 - grey], -1))
    made = {
        "a.jpg": (colour, {"quality": 90, "exif": _turned()}),
        "progressive.jpg": (colour, {"progressive": True, "icc_profile": bytes(300)}),
        "cmyk.jpg": (colour.convert("CMYK"), {}),
        "a.png": (colour, {}),
        "alpha.png": (colour.convert("RGBA"), {}),
        "palette.png": (colour.convert("P"), {"transparency": 3}),
        "deep.png": (Image.fromarray(grey.astype(np.uint16) * 257), {}),
        "one.png": (colour.convert("1"), {}),
        "a.gif": (colour.convert("P"), {"save_all": True, "append_images": [colour.convert("L")]}),
        "a.bmp": (colour, {}),
        "a.tif": (colour, {"compression": "tiff_lzw"}),
        "float.tiff": (Image.fromarray(grey.astype(np.float32) / 255), {}),
        "whole.tif": (Image.fromarray(grey.astype(np.int32)), {"compression": "tiff_adobe_deflate"}),
        "jpeg.tif": (colour, {"compression": "jpeg"}),
        "a.webp": (colour, {"lossless": True}),
        "lossy.webp": (colour, {"quality": 50}),
    }
    inputs = []
    for name, (image, options) in made.items():
        out = io.BytesIO()
        image.save(out, {"jpg": "JPEG", "tif": "TIFF"}.get(name.split(".")[1], name.split(".")[1].upper()), **options)
        inputs.append({name: out.getvalue()})
    found = (SHARED / "cases").rglob("*.jpg") if SHARED.is_dir() else ()
    return inputs + [{path.name: path.read_bytes()} for path in sorted(found) if path.stat().st_size < 10 * SHORT]


def _turned() -> bytes:
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6
    return exif.tobytes()


def _picture(root: Path, path: Path) -> None:
    from data import picture
    from data.errors import GazeError

    answers = []
    for ask in (picture.read, picture.picture_size, picture.area, lambda path: picture.read(path.read_bytes())):
        try:
            answers.append(ask(path))
        except GazeError as error:
            _one_sentence(error)
    if len(answers) == 4:
        assert answers[0].shape[:2][::-1] == tuple(answers[1]), "another size than the header's"


def _one_sentence(error: Exception) -> None:
    text = str(error)
    whole = text.endswith(".") and "\n" not in text and len(text) < 3000
    assert whole, f"not one sentence: {text[:300]!r}"


# archives of pictures


def _archives() -> list[Files]:
    import io
    import zipfile

    inputs = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", method) as made:
            for files in _pictures()[:6]:
                for name, content in files.items():
                    made.writestr(f"folder/{name}", content)
            made.writestr("notes.txt", "x" * 5000)
            made.comment = b"a comment"
        inputs.append({"pictures.zip": out.getvalue()})
    return inputs


def _archive(root: Path, path: Path) -> None:
    from data.archives import reading
    from data.errors import GazeError

    try:
        members, told = reading.pictures(path.read_bytes(), path.name)
    except GazeError as error:
        _one_sentence(error)
        return
    assert len(told) < 3
    for member in members:
        try:
            assert len(member.read()) <= reading.Limits().member
        except GazeError as error:
            _one_sentence(error)


# recordings


@functools.cache
def _recordings() -> dict[str, list[Files]]:
    """Sound inputs by the name of the recorder that takes them for its own; "" those that none takes."""
    from data.errors import GazeError
    from data.recorders import detect_format

    found: dict[str, list[Files]] = {}
    for path in sorted((HERE / "corpus").glob("*/*/")):
        found.setdefault(path.parent.name, []).append(folder(path))
    places = [place for name in ("recorders", "cases") for place in sorted((SHARED / name).glob("*/"))]
    for place in places:
        for path in sorted(
            path for path in place.rglob("*") if path.is_file() and path.name not in ("SOURCE", "README")
        ):
            try:
                name = detect_format.detect(path)
            except GazeError:
                name = ""
            whole = folder(place, path)
            few = [*list(whole)[:1], *(n for n in list(whole)[1:] if len(whole[n]) < SHORT)]
            found.setdefault(name, []).append({name: _short(whole[name]) for name in few})
    return found


def _short(content: bytes) -> bytes:
    """The first lines of a long text; other files as they are."""
    if len(content) <= SHORT or b"\0" in content[:SHORT] or content[:2] == b"\x1f\x8b":
        return content[: 10 * SHORT]
    return content[: content.rindex(b"\n", 0, SHORT) + 1] if b"\n" in content[:SHORT] else content[:SHORT]


def _of_recorder(name: str) -> list[Files]:
    own = _recordings().get(name, [])
    return own or [files for group in _recordings().values() for files in group]


def _record(name: str, root: Path, path: Path) -> None:
    from data.errors import GazeError
    from data.recorders import Setup, detect_format

    module = detect_format.modules()[name]
    module.sniff(path, path.read_bytes()[: detect_format.HEAD].decode("utf-8", "replace"))
    for screen in SCREENS:
        try:
            for trial in module.read(path, Setup(*screen), subject="s", stimulus="a.png", tell=lambda sentence: None):
                assert len(trial) == len(trial.xy)
        except GazeError as error:
            _one_sentence(error)


def _whole_recording(root: Path, path: Path) -> None:
    from data.errors import GazeError
    from data.recorders import Setup, detect_format, to_scanpaths

    tell: list[str] = []
    trials = []
    for file in detect_format.files([root], tell.append):
        for screen in SCREENS:
            try:
                read = detect_format.modules()[detect_format.detect(file)].read
                trials += list(read(file, Setup(*screen), subject="s", stimulus="a.png", tell=tell.append))
            except GazeError as error:
                _one_sentence(error)
    items = to_scanpaths.scanpaths(trials, _shown(), tell=tell.append)
    assert all(len(path) for _, paths in items for path in paths)


@functools.cache
def _shown() -> Path:
    """A folder of the pictures that were shown, beside the inputs."""
    from PIL import Image

    root = Path.cwd() / "shown"
    root.mkdir(exist_ok=True)
    for name in ("a.png", "b.png"):
        Image.new("RGB", (512, 384)).save(root / name)
    return root


# tables, objects and their cache


@functools.cache
def _tables() -> list[Files]:
    import tempfile

    from tests import table_toy

    with tempfile.TemporaryDirectory() as name:
        root = table_toy.sound(Path(name))
        (root / "trials.csv").write_text("image,subject,target,memory_set\na.png,s1,cup,cup;pen\n")
        table_toy.lines(
            root, "a.png,s1,0,1,1,,,search,cup,1,2,3,4,1", "b.png,s1,0,1,1,5,,,,,,,,", header=table_toy.SEARCH
        )
        searched = folder(root, root / "fixations.csv")
        table_toy.lines(root, *table_toy.ROWS)
        (root / "trials.csv").unlink()
        return [searched, folder(root, root / "fixations.csv")]


def _table(root: Path, path: Path) -> None:
    from data.errors import GazeError
    from data.table import read
    from data.table.validate import check_table

    for ask in (lambda: list(read.read_table(root)), lambda: read.read_objects(root), lambda: read.read_splits(root)):
        try:
            ask()
        except GazeError as error:
            _one_sentence(error)
    for defect in check_table(root):
        assert str(defect).endswith("."), str(defect)


@functools.cache
def _people_sets() -> list[Files]:
    import tempfile

    from data.synthetic import onlookers
    from tests.data.datasets import tiny_people

    with tempfile.TemporaryDirectory() as name:
        made, follow, video = (Path(name) / each for each in ("made", "follow", "video"))
        onlookers.write(made, 2, size=(64, 80))
        tiny_people.gazefollow(follow)
        tiny_people.video_attention_target(video, 1, 3)
        return [
            folder(made, made / "people.csv"),
            folder(follow, follow / "train_annotations_release.txt"),
            folder(video, video / "annotations/test/Last/0_120/s00.txt"),
        ]


def _people(root: Path, path: Path) -> None:
    import numpy as np

    from data.errors import GazeError
    from data.following.sets import open_set

    try:
        found = open_set(root)
    except GazeError as error:
        _one_sentence(error)
        return
    for person in (each for part in found.splits.values() for each in part):
        low, size = person.head[:2], np.array(person.size[::-1])
        assert (low >= 0).all(), "a head beside the picture"
        assert (low + person.head[2:] <= size).all(), "a head beside the picture"
        assert ((person.gaze >= 0) & (person.gaze < size)).all(), "a point beside the picture"


def _coco_files() -> list[Files]:
    from tests import table_toy

    big: dict[str, Any] = {
        "images": [{"id": n, "file_name": f"{n}.jpg", "width": 64, "height": 48} for n in (1, 2)],
        "categories": [{"id": 3, "name": "face"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 3, "bbox": [1, 2, 30, 14], "score": 0.5,
             "segmentation": [[1, 2, 31, 2, 31, 16, 1, 16]]},
            {"id": 2, "image_id": 1, "category_id": 3, "segmentation": {"size": [48, 64], "counts": [100, 50, 2922]}},
            {"id": 3, "image_id": 2, "category_id": 3, "bbox": [0, 0, 9, 9], "iscrowd": 1,
             "segmentation": {"size": [48, 64], "counts": "lf0`0000j`0"}},
        ],
    }  # fmt: skip
    detections = [{"image_id": 1, "category_id": 3, "bbox": [1, 2, 3, 4], "score": 0.9}]
    files: list[Any] = [big, table_toy.COCO, detections]
    found = sorted((SHARED / "cases" / "CO").glob("*.json"))
    made = [{"o.json": json.dumps(content).encode()} for content in files]
    return made + [{path.name: path.read_bytes()} for path in found if path.stat().st_size < 5 * SHORT]


def _coco(root: Path, path: Path) -> None:
    from data import coco
    from data.errors import GazeError

    reported: list[Any] = []
    coco.Coco(path, reported.append)
    for defect in reported:
        assert "\n" not in str(defect), str(defect)
    file = coco.read(path)
    names: Iterable[str | None] = [None, *(picture.name for picture in file.pictures[:5])]
    for name in names:
        try:
            file.objects(name) if name is not None else file.objects()
        except GazeError as error:
            _one_sentence(error)


@functools.cache
def _cached() -> tuple[list[Files], list[Any]]:
    """Data sets with their caches, and what they say."""
    import tempfile

    from tests import table_toy

    rows = [f"{'ab'[i // 31 % 2]}.png,s{i // 7 % 5},{i},{i / 7},{i % 3},{i},{9 * i}" for i in range(200)]
    inputs, said = [], []
    for few in (table_toy.ROWS, rows):
        with tempfile.TemporaryDirectory() as name:
            root = table_toy.sound(Path(name))
            table_toy.lines(root, *few)
            said.append(_said(root))
            whole = folder(root)
            kept = sorted(name for name in whole if name.startswith(".gaze/"))
            assert len(kept) == 3, kept
            inputs += [
                {name: whole[name], **{other: whole[other] for other in whole if other != name}} for name in kept
            ]
    return inputs, said


def _all_cached() -> None:
    from data.table import cache

    cache.MIN_TABLE_BYTES = 1


def _said(root: Path) -> Any:
    from data.table import fixation_array, read
    from tests import table_toy

    items, rows = table_toy.plain(read.read_table(root)), fixation_array.load(root, 3.0).rows.tolist()
    return repr(items).replace(str(root.resolve()), ".").replace(str(root), "."), rows


def _cache(root: Path, path: Path) -> None:
    """Whatever became of the cache, the table says what it said, unless it was damaged itself."""
    from data.errors import GazeError

    tables = [files["fixations.csv"] for files in _cached()[0][::3]]
    content = (root / "fixations.csv").read_bytes() if (root / "fixations.csv").exists() else b""
    try:
        said = _said(root)
    except GazeError as error:
        _one_sentence(error)
        said = None
    whole = all((root / "images" / name).exists() for name in ("a.png", "b.png")) and content in tables
    if whole and all((root / "images" / n).read_bytes() == _cached()[0][0][f"images/{n}"] for n in ("a.png", "b.png")):
        assert said == _cached()[1][tables.index(content)], "the cache says something else than its table"


# models


def _contracts() -> list[Files]:
    import tempfile

    from export.runtime.registry import WEIGHTS, read_contract
    from tests import toy_model

    with tempfile.TemporaryDirectory() as name:
        toy = toy_model.write(Path(name) / "toy.onnx").read_bytes()
    listed = {"models": [{"name": "toy", "files": [{"file": "toy.onnx", "sha256": "0" * 64, "bytes": len(toy)}]}]}
    inputs: list[Files] = [{"toy.onnx": toy}, {"manifest.json": json.dumps(listed).encode()}]
    for shipped in sorted(WEIGHTS.glob("*.onnx")):
        inputs.append({"contract.json": read_contract(shipped).to_json().encode()})
    return inputs


def _contract(root: Path, path: Path) -> None:
    from data import checksums
    from data.errors import GazeError
    from export.runtime import external_data, metadata, registry
    from export.runtime.contract import KEY, Contract

    for ask in (
        lambda: registry.read_contract(path),
        lambda: metadata.read(path, KEY),
        lambda: external_data.check(path),
        lambda: checksums.read_manifest(path.parent),
        lambda: Contract.of_json(path.read_text("utf-8", "replace"), path.name),
    ):
        try:
            ask()
        except GazeError as error:
            _one_sentence(error)


@functools.cache
def _checkpoints() -> list[Files]:
    import tempfile

    import torch

    from saliency.models.center_bias import CenterBias
    from saliency.models.tempsal import TempSAL
    from scanpath.models.oat import OAT
    from training import weights

    small = TempSAL(["one"], slices=2, width=8, fine=4, blocks=1, heads=2)
    networks = [CenterBias(["osie"], 2), OAT(["one"], ["cup"], width=16, heads=2, hidden=16), small]
    inputs: list[Files] = []
    with tempfile.TemporaryDirectory() as name:
        for number, network in enumerate(networks):
            path = Path(name) / f"{number}.safetensors"
            weights.save(network, path)
            state = {f"network.{key}": value for key, value in network.state_dict().items()}
            held = {"state_dict": state, "network": weights.describe(network), "epoch": 1, "hyper_parameters": {}}
            torch.save(held, path.with_suffix(".ckpt"))
            inputs += [{p.name: p.read_bytes()} for p in (path, path.with_suffix(".ckpt"))]
    return inputs


def _described(files: Files, others: list[Files], chance: random.Random) -> Files:
    """Weights whose description says something else, or the bytes of whose file are others."""
    if chance.random() < 0.5:
        return damaged(files, others, chance)
    try:
        return _told_otherwise(files, chance)
    except RecursionError:  # deeper than can be written
        return damaged(files, others, chance)


def _told_otherwise(files: Files, chance: random.Random) -> Files:
    import io

    import torch
    from safetensors.torch import load, save

    (name, content), *_ = files.items()
    if name.endswith(".ckpt"):
        held = torch.load(io.BytesIO(content), weights_only=True)
        held["network"] = odd_json(json.loads(json.dumps(held["network"])), chance)
        if chance.random() < 0.3:
            key = chance.choice(list(held["state_dict"]))
            held["state_dict"][key] = chance.choice([torch.zeros(1).expand(10**6, 10**6), "x", None, torch.zeros(0)])
        out = io.BytesIO()
        torch.save(held, out)
        return {name: out.getvalue()}
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    if chance.random() < 0.3:
        changed = json.dumps(odd_json(header, chance)).encode()
        return {name: len(changed).to_bytes(8, "little") + changed + content[8 + length :]}
    told = odd_json(json.loads(header["__metadata__"]["gaze"]), chance)
    return {name: save(load(content), {"gaze": json.dumps(told)})}


def _checkpoint(root: Path, path: Path) -> None:
    from app import tasks
    from data.errors import GazeError
    from saliency.models.center_bias import CenterBias
    from training import weights

    models = tasks.models()
    for ask in (lambda: weights.load(path, models), lambda: weights.start(CenterBias(["one"], 2), path)):
        try:
            ask()
        except GazeError as error:
            _one_sentence(error)


def targets() -> dict[str, Target]:
    """All of them by name."""
    from data.recorders import RECORDERS

    listed = [Target("picture", _pictures, _picture), Target("archive", _archives, _archive)]
    for name in RECORDERS:
        listed.append(
            Target(f"recorder {name}", functools.partial(_of_recorder, name), functools.partial(_record, name))
        )
    listed += [
        Target("recording", lambda: [f for group in _recordings().values() for f in group], _whole_recording, _shown),
        Target("table", _tables, _table),
        Target("people", _people_sets, _people),
        Target("coco", _coco_files, _coco),
        Target("contract", _contracts, _contract),
        Target("cache", lambda: _cached()[0], _cache, _all_cached),
        Target("checkpoint", _checkpoints, _checkpoint, damage=_described),
    ]
    return {target.name: target for target in listed}


def empty(root: Path) -> None:
    """Removes what is in a folder."""
    for path in root.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
