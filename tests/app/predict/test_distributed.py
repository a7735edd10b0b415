"""Predicting with Ray: the rules of parts, rows and places here in this process; whole runs on a local Ray are slow."""

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet
from pyarrow.fs import FileSelector, FileSystem, _MockFileSystem

from app.predict import jobs
from app.predict.distributed import job, places, table
from app.predict.distributed.places import Place, Source, find
from app.predict.distributed.table import Part, Table, making
from app.predict.distributed.worker import MOST, Drawing, Order, Tally, Worker, decoded, encoded
from app.predict.files import output_names
from app.predict.saliency import Output, run
from data.errors import GazeError
from data.picture import encode, save
from data.plain_text import escaped
from export.runtime.saliency import Predictor
from tests.app.predict import dying_worker

ROOT = Path(__file__).parents[3]
MADE = making({"name": "toy"}, "any", {"opacity": 0.6})
KINDS = ("png", "npy", "json")
TIME_OUT = 240


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (20 + seed, 30, 3), np.uint8)


def photo(path: Path, seed: int = 0) -> Source:
    path.parent.mkdir(parents=True, exist_ok=True)
    save(path, picture(seed))
    return places._local(path)


def order(out: Place, stores: tuple[FileSystem, ...] = (), **fields: Any) -> Order:
    drawing = Drawing(KINDS, 0.6, "plasma", slices=True)
    return replace(Order("toy.onnx", "cpu", "any", False, drawing, MADE, out, stores), **fields)


def worker(toy_model: Path, ordered: Order, tally: Tally | None = None) -> Worker:
    return Worker(ordered, toy_model.read_bytes, tally or Tally())


def part(*sources: Source) -> Part:
    return Table(Place.of("/nowhere")).parts([(source, source.path.stem) for source in sources], 10)[0]


def test_what_a_worker_writes_is_what_the_plain_pipeline_writes(toy_model: Path, tmp_path: Path) -> None:
    sources = [photo(tmp_path / "in" / f"{name}.png", seed) for seed, name in enumerate("abc")]
    paths = [source.path for source in sources]
    output = Output(tmp_path / "plain", output_names(paths), KINDS)
    assert all(error is None for _, error in run(Predictor(toy_model, provider="cpu", threads=1), paths, output))
    out = Place.of(str(tmp_path / "ray"))
    out.below(table.FOLDER).make()
    assert worker(toy_model, order(out, threads=2)).outcome(part(*sources)).broken == {}
    plain = {file.name: file.read_bytes() for file in (tmp_path / "plain").iterdir()}
    assert {f.name: f.read_bytes() for f in (tmp_path / "ray").iterdir() if f.is_file()} == plain
    rows = parquet.read_table(tmp_path / "ray" / table.FOLDER).to_pylist()
    for row, path in zip(rows, paths, strict=True):
        record = json.loads((tmp_path / "plain" / f"{path.stem}.json").read_text())
        assert (row["picture"], row["entropy_bits"]) == (str(path), record["entropy_bits"])
        assert {"x": row["peak_x"], "y": row["peak_y"]} == record["peak"]
        assert [plane["entropy_bits"] for plane in row["slices"]] == [p["entropy_bits"] for p in record["slices"]]


def test_a_part_that_is_done_again_writes_over_itself(toy_model: Path, tmp_path: Path) -> None:
    sources = [photo(tmp_path / "in" / f"{seed}.png", seed) for seed in range(3)]
    out = Place.of(str(tmp_path / "out"))
    out.below(table.FOLDER).make()
    for turn in (sources, sources[::-1]):
        worker(toy_model, order(out)).outcome(part(*turn))
    assert parquet.read_table(tmp_path / "out" / table.FOLDER).num_rows == 3
    assert len(list((tmp_path / "out" / table.FOLDER).iterdir())) == 1


def test_a_part_travels_as_text() -> None:
    there = Part("part-0.parquet", [(Source("s3://b/\u00fc.jpg", 0, 5, 7), "\u00fc")], [{"picture": "a", "bytes": 1}])
    assert decoded(encoded(there)) == there


@pytest.fixture
def done(toy_model: Path, tmp_path: Path) -> tuple[Place, list[Source]]:
    """A folder of results in which three pictures are predicted and one is broken."""
    sources = [photo(tmp_path / "in" / f"{seed}.png", seed) for seed in range(3)]
    (tmp_path / "in" / "bad.png").write_bytes(b"bad")
    sources.append(places._local(tmp_path / "in" / "bad.png"))
    out = Place.of(str(tmp_path / "out"))
    out.below(table.FOLDER).make()
    assert set(worker(toy_model, order(out)).outcome(part(*sources)).broken) == {sources[3].where}
    return out, sources


def left(out: Place, sources: list[Source], made: str = MADE) -> list[str]:
    files = Drawing(KINDS, 0.6, "plasma", slices=True).files
    there = Table(out)
    stems = [Path(source.where).stem for source in sources]
    return [s for s, of in zip(stems, sources, strict=True) if not there.is_done(of, s, files(s), made, False)]


def test_what_is_done_is_left_out_and_what_is_broken_is_tried_again(done: tuple[Place, list[Source]]) -> None:
    assert left(*done) == ["bad"]


def test_a_picture_that_has_changed_and_one_whose_file_is_gone_are_done_again(
    done: tuple[Place, list[Source]],
) -> None:
    out, (first, second, third, _) = done
    Path(out.path, "1.heat.png").unlink()
    changed = [first._replace(bytes=1), second, third._replace(changed_ns=1)]
    assert left(out, changed) == ["0", "1", "2"]
    assert left(out, [first, second, third]) == ["1"]


def test_another_model_condition_or_option_does_all_again(done: tuple[Place, list[Source]]) -> None:
    for other in (
        making({"name": "other"}, "any", {"opacity": 0.6}),
        making({"name": "toy"}, "free", {"opacity": 0.6}),
        making({"name": "toy"}, "any", {"opacity": 0.5}),
    ):
        assert left(*done, other) == ["0", "1", "2", "bad"]


def test_a_picture_stays_in_its_part_and_the_rows_of_the_others_too(
    toy_model: Path, tmp_path: Path, done: tuple[Place, list[Source]]
) -> None:
    out, sources = done
    new = [photo(tmp_path / "in" / f"new{seed}.png", seed) for seed in range(5)]
    again = photo(Path(sources[0].where), 7)
    todo = [(source, Path(source.where).stem) for source in (again, *new)]
    parts = Table(out).parts(todo, 2)
    assert [len(made.todo) for made in parts] == [1, 2, 2, 1]
    assert [len(made.kept) for made in parts] == [3, 0, 0, 0]
    for made in parts:
        worker(toy_model, order(out)).outcome(decoded(encoded(made)))
    rows = parquet.read_table(Path(out.path, table.FOLDER)).to_pylist()
    assert sorted(row["name"] for row in rows) == ["0", "1", "2", "bad", *(f"new{seed}" for seed in range(5))]
    assert next(row["height"] for row in rows if row["name"] == "0") == 27
    assert left(out, [again, *sources[1:], *new]) == ["bad"]


def test_a_table_that_is_damaged_or_foreign_is_named(done: tuple[Place, list[Source]]) -> None:
    file = next(Path(done[0].path, table.FOLDER).iterdir())
    sound = file.read_bytes()
    foreign = table.pa.table({"a": [1]})
    for spoil in (lambda: file.write_bytes(sound[:-50]), lambda: parquet.write_table(foreign, file)):
        spoil()
        with pytest.raises(GazeError, match=rf"{file.name} is damaged or no table of this gaze; remove it"):
            Table(done[0])


def test_a_table_that_cannot_be_read_is_not_called_damaged(
    toy_model: Path, store: FileSystem, done: tuple[Place, list[Source]], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Part("part-0.parquet", [(Source("s3://bucket/no.png", 0), "no")], [])
    worker(toy_model, order(Place(store, "bucket/out", "s3"), (store,))).outcome(gone)

    def refused(*arguments: object) -> None:
        raise PermissionError(errno.EACCES, "AWS Error ACCESS_DENIED")

    closed: Any = SimpleNamespace(get_file_info=store.get_file_info, open_input_file=refused)
    monkeypatch.setattr(os, "open", refused)
    for place, remedy in (
        (Place(closed, "bucket/out", "s3"), r"\(ACCESS_DENIED\); check credentials and bucket\."),
        (done[0], r"part-\w+\.parquet: cannot be read \(.+\); check its permissions\."),
    ):
        with pytest.raises(GazeError, match=remedy):
            Table(place)


def test_names_that_are_not_utf_8_come_back_from_the_table(toy_model: Path, tmp_path: Path) -> None:
    names = [os.fsdecode(b"caf\xe9.png"), "b\\u0041.png", "b\\u005cu0041.png", os.fsdecode(b"bad\xff.png")]
    sources = [photo(tmp_path / "in" / name, seed) for seed, name in enumerate(names)]
    Path(sources[3].where).write_bytes(b"bad")
    for out in (Place.of(str(tmp_path / "out\udcff")), Place.of(str(tmp_path / "plain"))):
        out.below(table.FOLDER).make()
        outcome = worker(toy_model, order(out)).outcome(decoded(encoded(part(*sources))))
        assert list(outcome.broken) == [sources[3].where], outcome
        assert left(out, sources) == [sources[3].path.stem]
        assert Table(out).names() == {source.where: source.path.stem for source in sources}
    rows = parquet.read_table(tmp_path / "plain" / table.FOLDER).to_pylist()
    assert {Path(row["picture"]).name for row in rows} == {escaped(name) for name in names}
    assert Path(tmp_path / "plain", os.fsdecode(b"caf\xe9.json")).is_file()


def test_names_that_are_not_utf_8_are_keys_of_a_store_and_come_back(
    toy_model: Path, tmp_path: Path, store: FileSystem
) -> None:
    source, out = photo(tmp_path / os.fsdecode(b"caf\xe9.png")), Place(store, "bucket/out", "s3")
    assert worker(toy_model, order(out)).outcome(part(source)).broken == {}
    assert left(out, [source]) == []
    assert r"caf\udce9.json" in {info.base_name for info in store.get_file_info(FileSelector("bucket/out"))}


def test_a_picture_by_a_link_is_the_same_one_and_its_files_have_the_name_of_the_link(
    toy_model: Path, tmp_path: Path
) -> None:
    photo(tmp_path / "in" / "a.png")
    (tmp_path / "linked").symlink_to(tmp_path / "in")
    (tmp_path / "other.png").symlink_to(tmp_path / "in" / "a.png")
    out = Place.of(str(tmp_path / "out"))
    by_link, by_folder, itself = (find([str(tmp_path / name)], out)[0][0] for name in ("other.png", "linked", "in"))
    assert by_link.where == by_folder.where == itself.where == str(tmp_path / "in" / "a.png")
    assert (by_link.path.stem, by_folder.shown) == ("other", str(tmp_path / "linked" / "a.png"))
    out.below(table.FOLDER).make()
    assert worker(toy_model, order(out)).outcome(part(by_link)).broken == {}
    assert [len(find([str(tmp_path / n) for n in two], out)[0]) for two in (("in", "other.png"), ("linked", "in"))] == [
        1,
        1,
    ]
    for source in (by_folder, itself):
        names = job._names([source], Table(out), out)
        assert names == {source.where: "other"}
        assert Table(out).is_done(source, "other", [], MADE, False)


def test_a_picture_that_was_begun_alone_too_often_is_named_and_the_others_are_done(
    toy_model: Path, tmp_path: Path
) -> None:
    sources = [photo(tmp_path / "in" / f"{seed}.png", seed) for seed in range(3)]
    out, tally, made = Place.of(str(tmp_path / "out")), Tally(), part(*sources)
    out.below(table.FOLDER).make()
    tally.begin(made.file)  # and the worker died
    for _ in range(MOST):  # and died again
        tally.begin(sources[1].where)
    for _ in range(MOST + 1):
        outcome = worker(toy_model, order(out), tally).outcome(made)
        assert list(outcome.broken) == [sources[1].where]
    assert outcome.broken[sources[1].where].startswith(f"{sources[1].where}: its worker died each time")
    assert left(out, sources) == ["1"]


def test_a_mistake_stops_all_and_a_bug_shows_itself(toy_model: Path, tmp_path: Path) -> None:
    source = photo(tmp_path / "a.png")
    gone = order(Place.of(str(tmp_path / "nowhere")))
    assert "cannot be written (No such file or directory)" in worker(toy_model, gone).outcome(part(source)).stop
    no_model = Worker(gone, lambda: b"no model", Tally()).outcome(part(source))
    assert "toy.onnx" in no_model.stop
    assert "ZeroDivisionError" in Worker(gone, lambda: bytes(1 // 0), Tally()).outcome(part(source)).bug


@pytest.fixture
def store() -> FileSystem:
    """A store in memory."""
    files = _MockFileSystem()
    files.create_dir("bucket/out/summaries")
    for name in ("set/a/x.png", "set/b/x.png", "set/.hidden/y.png", "set/notes.txt", "out/x.heat.png"):
        files.create_dir(f"bucket/{name.rpartition('/')[0]}")
        with files.open_output_stream(f"bucket/{name}") as stream:
            stream.write(encode(picture(3)))
    return files


def test_from_store_to_store(toy_model: Path, store: FileSystem) -> None:
    found = places._objects(Place(store, "bucket", "s3"), 0, Place(store, "bucket/out", "s3"))
    assert [source.where for source in found] == ["s3://bucket/set/a/x.png", "s3://bucket/set/b/x.png"]
    out = Place(store, "bucket/out", "s3")
    assert worker(toy_model, order(out, (store,))).outcome(Part("part-0.parquet", [(found[0], "x")], [])).broken == {}
    assert json.loads(Place(store, "bucket/out/x.json", "s3").read())["picture"] == "s3://bucket/set/a/x.png"
    rows = Table(out).rows["part-0.parquet"]
    assert rows["s3://bucket/set/a/x.png"]["bytes"] == len(encode(picture(3)))


def test_an_object_that_is_gone_is_a_broken_picture(toy_model: Path, store: FileSystem) -> None:
    gone = Source("s3://bucket/set/none.png", 0)
    made = Part("part-0.parquet", [(gone, "none")], [])
    outcome = worker(toy_model, order(Place(store, "bucket/out", "s3"), (store,))).outcome(made)
    assert outcome.broken[gone.where].startswith("s3://bucket/set/none.png: cannot be read (No such file or directory)")


def test_keys_that_differ_in_slashes_and_dots_only_are_different_pictures(tmp_path: Path) -> None:
    keys = ("a/x.png", "a//x.png", "a/./x.png", "a/../x.png", "x.png", "a/%/x.png", "a/%2E/x.png", "a/%2E%2E/x.png")
    sources = [Source(f"s3://bucket/{key}", 0) for key in keys]
    assert len({source.path for source in sources}) == len(keys)
    names = job._names(sources, Table(Place.of(str(tmp_path))), Place.of("s3://bucket/out?region=us-east-1"))
    assert len(set(names.values())) == len(keys)


def test_one_uri_in_two_stores_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "_objects", lambda place, number, out: [Source("s3://b/x.png", number, 1)])
    ends = [f"s3://b/x.png?region=us-east-1&endpoint_override=http://127.0.0.1:{port}" for port in (1, 2)]
    assert find([ends[0], ends[0]], Place.of("out"))[0] == [Source("s3://b/x.png", 0, 1)]
    with pytest.raises(GazeError, match=r"^s3://b/x\.png is named in two stores or with two endpoints"):
        find(ends, Place.of("out"))


def test_videos_are_for_the_run_without_ray(
    toy_model: Path, tmp_path: Path, store: FileSystem, caplog: pytest.LogCaptureFixture
) -> None:
    clip, source = tmp_path / "in" / "clip.mp4", photo(tmp_path / "in" / "a.png")
    clip.write_bytes(b"clip")
    with store.open_output_stream("bucket/set/clip.MOV") as stream:
        stream.write(b"clip")
    assert find([str(tmp_path / "in")], Place.of("out"))[0] == [source]
    places._objects(Place(store, "bucket", "s3"), 0, Place(store, "bucket/out", "s3"))
    told = [record.getMessage() for record in caplog.records]
    assert [line.partition("; ")[2] for line in told] == [f"{places.WITHOUT_RAY}."] * 2
    out = Place.of(str(tmp_path / "out"))
    out.below(table.FOLDER).make()
    named = places._local(clip)
    assert worker(toy_model, order(out)).outcome(part(named)).broken == {str(clip): f"{clip}: {places.WITHOUT_RAY}."}
    options = OPTIONS | {"engine": "ray", "model": str(toy_model)}
    with pytest.raises(GazeError, match=r"clip\.mp4: videos are predicted without --engine ray"):
        jobs.job("saliency", (), (str(clip),), str(tmp_path / "out"), **options)
    (tmp_path / "in" / "a.png").unlink()
    caplog.clear()
    with pytest.raises(GazeError, match="No pictures found"):
        jobs.job("saliency", (), (str(tmp_path / "in"),), str(tmp_path / "out"), **options)
    assert [places.WITHOUT_RAY in record.getMessage() for record in caplog.records] == [True]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning:ray")
def test_what_ray_says_when_it_stops_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray
    import ray.data

    def dead(*arguments: object, **options: object) -> None:
        raise ray.exceptions.RayActorError

    monkeypatch.setattr(ray, "get", dead)
    monkeypatch.setattr(ray, "put", dead)
    monkeypatch.setattr(ray.actor.ActorClass, "_remote", dead)
    actor = SimpleNamespace(begin=SimpleNamespace(remote=str), end=SimpleNamespace(remote=dead))
    out = order(Place.of("out"))
    for call in (
        lambda: job.SharedTally(actor).begin("part"),
        lambda: job.SharedTally(actor).end("part"),
        job.Fetched(None),
        lambda: list(job.dealt([part(Source("a"))], out, job.Pool(1, 0.5, 0, 1, "cpu"), b"")),
    ):
        with pytest.raises(GazeError, match=r"^Ray has stopped \(.+\); the same command goes on from here\.$"):
            call()


def test_pictures_of_one_name_have_files_of_their_own_also_across_stores(tmp_path: Path) -> None:
    here = photo(tmp_path / "bucket" / "set" / "x.png")
    there = [Source(f"{scheme}://bucket/set/x.png", 0) for scheme in ("s3", "gs")]
    nothing = Table(Place.of(str(tmp_path / "out")))
    names = job._names([here, *there], nothing, Place.of("s3://bucket/out?region=us-east-1"))
    assert len(set(names.values())) == 3


def test_local_pictures_are_found_with_their_place_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = photo(tmp_path / "in" / "a.png")
    photo(tmp_path / "out" / "a.heat.png")
    monkeypatch.chdir(tmp_path)
    out = Place.of("out")
    assert find(["."], out) == ([source], [])
    assert find([(tmp_path / "in").as_uri()], out) == ([source], [])
    for wrong in (["none"], [""]):
        with pytest.raises(GazeError, match=r"No pictures found in none|A name of a picture is empty"):
            find(wrong, out)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ftp://ann:secret@host/x", "ftp://host/x: ftp:// is not read; give a folder, or an object store"),
        ("s3://", "s3:// names no bucket; write s3://BUCKET/FOLDER."),
        ("s3://key:secret@bucket/x?foo=secret", "s3://bucket/x cannot be used as an object store"),
        ("s3:///x", "s3:///x cannot be used as an object store"),
    ],
)
def test_what_is_no_object_store_is_refused_and_no_secret_is_told(name: str, said: str) -> None:
    with pytest.raises(GazeError) as refused:
        Place.of(name)
    assert said in str(refused.value)
    assert "secret" not in str(refused.value).replace("'foo'", "")


def node(**resources: float) -> dict[str, Any]:
    return {"Alive": True, "Resources": resources}


def test_there_is_a_worker_for_each_core_or_gpu_and_a_core_is_left_over() -> None:
    pool = job.pool_of([node(CPU=2), node(CPU=8), {"Alive": False, "Resources": {"CPU": 64}}], "auto")
    assert (pool.workers, pool.gpus, pool.provider, pool.nodes) == (10, 0, "cpu", 2)
    assert 8 * pool.cpus + 1 <= 8
    graphics = [node(CPU=8, GPU=2)]
    assert (job.pool_of(graphics, "auto").workers, job.pool_of(graphics, "auto").provider) == (2, "auto")
    assert job.pool_of(graphics, "auto").threads == 4
    assert job.pool_of(graphics, "tensorrt").provider == "tensorrt"
    for provider in ("cpu", "openvino"):
        assert (job.pool_of(graphics, provider).workers, job.pool_of(graphics, provider).provider) == (8, provider)
    for provider in ("cuda", "tensorrt"):
        with pytest.raises(GazeError, match="No node of this Ray has a GPU"):
            job.pool_of([node(CPU=2)], provider)


OPTIONS = {"model": None, "formats": None, "condition": "any", "provider": "cpu", "opacity": 0.6, "palette": "plasma"}


@pytest.mark.parametrize(
    ("task", "folder", "options", "said"),
    [
        ("scanpath", "out", {"engine": "ray"}, "--engine ray predicts --task saliency only"),
        ("saliency", "out", {"address": "auto"}, "--address auto is for --engine ray"),
        ("saliency", "s3://k:secret@b/out", {}, "s3://b/out is no path; add --engine ray for an object store"),
        ("saliency", "out", {"engine": "ray", "address": "ray://host:10001"}, "Ray Data does not run through ray://"),
        ("saliency", "out", {"engine": "ray", "formats": "gif"}, "There is no format 'gif'"),
        ("saliency", "out", {"engine": "ray", "every": 2}, "--every is not for --engine ray"),
    ],
)
def test_what_the_engine_does_not_do_is_said(task: str, folder: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(GazeError) as refused:
        jobs.job(task, options, ("in",), folder, **(OPTIONS | options))
    assert said in str(refused.value)
    assert "secret" not in str(refused.value)


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(GazeError, match=r"install the extra: pip install -e '\.\[ray\]'"):
        jobs.job("saliency", (), ("in",), "out", engine="ray", **OPTIONS)


def gaze(*arguments: str, script: tuple[str, ...] = ("-m", "app.cli.main"), **environment: str) -> Any:
    """A whole run, on a Ray of its own."""
    return subprocess.run(
        [sys.executable, *script, "predict", "--engine", "ray", *arguments],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        timeout=TIME_OUT,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twenty pictures and a broken one."""
    for seed in range(20):
        photo(tmp_path / "in" / f"{seed:02}.png", seed)
    (tmp_path / "in" / "bad.jpg").write_bytes(b"bad")
    return tmp_path / "in"


def rows_of(out: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = parquet.read_table(out / table.FOLDER).to_pylist()
    assert len({row["picture"] for row in rows}) == len(rows)
    return rows


@pytest.mark.slow
def test_a_folder_is_predicted_as_without_ray_and_only_once(folder: Path, toy_model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = (str(folder), "-o", str(out), "--model", str(toy_model), "--format", "png,npy,json")
    first = gaze(*command)
    assert (first.returncode, first.stdout) == (3, f"20 done, 1 broken; {out} (toy on Ray)\n"), first.stderr
    assert first.stderr.splitlines() == [first.stderr.strip()]  # nothing of Ray's own
    assert f"{folder / 'bad.jpg'}: this is not a picture" in first.stderr
    paths = sorted(folder.glob("*.png"))
    output = Output(tmp_path / "plain", output_names(paths), KINDS)
    assert all(error is None for _, error in run(Predictor(toy_model, provider="cpu", threads=1), paths, output))
    for file in (tmp_path / "plain").iterdir():
        assert (out / file.name).read_bytes() == file.read_bytes(), file.name
    assert len(rows_of(out)) == 21
    (folder / "bad.jpg").unlink()
    again = gaze(*command)
    assert again.returncode == 0, again.stderr
    assert again.stdout.startswith("0 done, 20 skipped that were there")


@pytest.mark.slow
@pytest.mark.parametrize("dies", ["once", "always"])
def test_a_worker_that_is_killed_loses_and_doubles_nothing(
    folder: Path, toy_model: Path, tmp_path: Path, dies: str
) -> None:
    out, marker = tmp_path / "out", str(tmp_path / "died") if dies == "once" else "always"
    (folder / "08.png").rename(folder / os.fsdecode(b"08\xff.png"))  # which no process must be killed by
    script = (str(dying_worker.__file__), "07", marker)
    done = gaze(str(folder), "-o", str(out), "--model", str(toy_model), "--format", "json", script=script)
    broken = {"bad"} if dies == "once" else {"bad", "07"}
    assert done.returncode == 3, done.stderr
    assert done.stdout == f"{21 - len(broken)} done, {len(broken)} broken; {out} (toy on Ray)\n"
    assert dies == "always" or Path(marker).exists()
    rows = rows_of(out)
    assert len(rows) == 21
    assert {row["name"] for row in rows if row["error"]} == broken
    names = {f"{seed:02}" for seed in range(20)} - {"08"} | {os.fsdecode(b"08\xff")}
    assert {path.stem for path in out.glob("*.json")} == names - broken
    assert {row["name"] for row in rows} == {escaped(name) for name in names} | broken


@pytest.mark.slow
def test_from_bucket_to_bucket(toy_model: Path, tmp_path: Path, server: str) -> None:
    keys = {"set/a/x.png": 1, "set/b/x.png": 2, "set/\u00fc 1.png": 3}
    put("pictures", "set/a//x.png", encode(picture(1)), server)  # which pyarrow does not read
    environment = ACCESS | {"AWS_ENDPOINT_URL": server}
    for key, seed in keys.items():
        put("pictures", key, encode(picture(seed)), server)
    put("pictures", "set/bad.png", b"bad", server)
    where = f"s3://pictures/set?endpoint_override={server}"  # the URI says it here, and the environment there
    command = ("-o", "s3://results/first", "--model", str(toy_model), "--format", "npy,json")
    done = gaze(where, *command, **environment)
    assert done.returncode == 3, done.stderr
    assert "s3://pictures/set/bad.png: this is not a picture" in done.stderr
    assert "s3://pictures/set/a//x.png: cannot be read" in done.stderr
    assert "give the object a key without empty parts." in done.stderr
    assert done.stdout == "3 done, 2 broken; s3://results/first (toy on Ray)\n"
    client(server).delete_object(Bucket="pictures", Key="set/a//x.png")
    predictor = Predictor(toy_model, provider="cpu", threads=1)
    names = {"set/a/x.png": "a-x.png", "set/b/x.png": "b-x.png", "set/\u00fc 1.png": "\u00fc 1"}
    for key, name in names.items():
        (tmp_path / "density.npy").write_bytes(get("results", f"first/{name}.density.npy", server))
        np.testing.assert_array_equal(np.load(tmp_path / "density.npy"), predictor(picture(keys[key])).density)
        assert json.loads(get("results", f"first/{name}.json", server))["picture"] == f"s3://pictures/{key}"
    put("pictures", "set/bad.png", encode(picture(4)), server)
    again = gaze("s3://pictures/set", *command, **environment)
    assert again.returncode == 0, again.stderr
    assert again.stdout.startswith("1 done, 3 skipped that were there")
    refused = gaze("s3://pictures/set", "-o", "s3://nowhere/x", "--model", str(toy_model), **environment)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)
    assert "cannot be written (NO_SUCH_BUCKET); check credentials and bucket." in refused.stderr


ACCESS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}


def client(server: str) -> Any:
    import boto3

    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    return boto3.client("s3", endpoint_url=server, **keys)


def put(bucket: str, key: str, content: bytes, server: str) -> None:
    client(server).put_object(Bucket=bucket, Key=key, Body=content)


def get(bucket: str, key: str, server: str) -> bytes:
    return bytes(client(server).get_object(Bucket=bucket, Key=key)["Body"].read())


@pytest.fixture
def server() -> Iterator[str]:
    """A double of S3 on this computer with two buckets, in a process of its own."""
    code = """
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print("http://{}:{}".format(*server.get_host_and_port()), flush=True)
input()
"""
    command = [sys.executable, "-c", code]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, **pipes) as process:
        assert process.stdout
        assert process.stdin
        url = process.stdout.readline().strip()
        for bucket in ("pictures", "results"):
            client(url).create_bucket(Bucket=bucket)
        yield url
        process.stdin.close()


@pytest.mark.slow
def test_a_cluster_of_two_nodes_is_joined_by_its_address(folder: Path, toy_model: Path, tmp_path: Path) -> None:
    code = """
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
cluster.add_node(num_cpus=1)
print("at", cluster.address, flush=True)
input()
cluster.shutdown()
"""
    environment = {**os.environ, "RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": ""}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, "-c", code], text=True, env=environment, cwd=tmp_path, **pipes) as process:
        assert process.stdout
        assert process.stdin
        address = next(line.split()[1] for line in process.stdout if line.startswith("at "))
        command = (str(folder), "-o", str(tmp_path / "out"), "--model", str(toy_model), "--format", "parquet")
        done = gaze(*command, "--address", address, RAY_AUTH_MODE="disabled")
        process.stdin.write("\n")
        process.stdin.flush()
        process.wait(60)
    assert done.returncode == 3, done.stderr
    assert "Folders must lie on a disk that all 2 nodes share" in done.stderr
    assert done.stdout == f"20 done, 1 broken; {tmp_path / 'out'} (toy on Ray at {address})\n"
    assert len(rows_of(tmp_path / "out")) == 21
    assert [path.name for path in (tmp_path / "out").iterdir()] == [table.FOLDER]


@pytest.mark.slow
def test_an_address_where_nobody_is_is_said_in_one_sentence(folder: Path, toy_model: Path, tmp_path: Path) -> None:
    command = (str(folder), "-o", str(tmp_path / "out"), "--model", str(toy_model))
    for address in ("127.0.0.1:1", "nobody.invalid:6379", "6379"):
        done = gaze(*command, "--address", address)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        assert f"There is no Ray at '{address}'" in done.stderr


@pytest.mark.slow
def test_a_token_that_is_missing_and_names_that_ray_does_not_take_are_said_in_one_sentence(
    folder: Path, toy_model: Path, tmp_path: Path
) -> None:
    home, command = {"HOME": str(tmp_path)}, (str(folder), "-o", str(tmp_path / "out"), "--model", str(toy_model))
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = ("--address", f"127.0.0.1:{server.getsockname()[1]}")
        for more, environment in (
            (address, {"RAY_AUTH_MODE": "token"}),
            ((), {"RAY_AUTH_TOKEN_PATH": str(tmp_path / "none")}),
        ):
            done = gaze(*command, *more, **home, **environment)
            assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
            assert "Ray lets nobody in" in done.stderr
            assert "ray get-auth-token --generate" in done.stderr
    done = gaze(*command[:2], str(tmp_path / "out\udcff"), *command[3:])
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert "Ray takes no name that is not UTF-8 on the command line" in done.stderr


@pytest.mark.slow
def test_ctrl_c_ends_it_with_130_and_ends_its_ray_and_the_same_command_goes_on(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for seed in range(60):
        save(folder / f"large{seed}.png", np.full((600, 800, 3), seed, np.uint8))
    command = [sys.executable, "-m", "app.cli.main", "predict", "--engine", "ray", str(folder), "-o", str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        limit = time.monotonic() + TIME_OUT
        while not list(out.glob(f"{table.FOLDER}/*.parquet")) and time.monotonic() < limit:
            time.sleep(0.1)
        started = descendants(process.pid)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.splitlines()[-1] == "Error: Stopped; the same command goes on from here."
    limit = time.monotonic() + 30
    while any(Path(f"/proc/{number}").exists() for number in started) and time.monotonic() < limit:
        time.sleep(0.2)
    assert started
    assert not [number for number in started if Path(f"/proc/{number}").exists()]
    before = len([row for row in rows_of(out) if not row["error"]])
    done = gaze(str(folder), "-o", str(out))
    assert done.stdout.startswith(f"{80 - before} done, {before} skipped"), done.stdout
    assert len(rows_of(out)) == 81


def descendants(process: int) -> list[int]:
    """The processes that one has started, and those that these have."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(entry.parent.name)] = int(entry.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has just ended
            continue
    found = [process]
    for number in found:
        found += [child for child, parent in parents.items() if parent == number]
    return found[1:]
