"""Pictures in, predictions out; whatever else comes ends in one sentence."""

import asyncio
import gc
import io
import json
import logging
import struct
import tempfile
import threading
import time
import weakref
import zipfile
import zlib
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from app.predict.simulate import Baseline
from app.server import guard, service
from app.server.models import Models
from data.errors import GazeError
from data.picture import encode, read
from export.runtime.saliency import Prediction, Predictor
from export.runtime.scanpath import ScanpathPredictor
from tests import toy_model as toy
from tests.app.server.conftest import Build
from tests.contracts import glowing

SALIENCY, SCANPATH = "/v1/saliency", "/v1/scanpath"
JPEG = {"content-type": "image/jpeg"}
PICTURE = encode(np.random.default_rng(0).integers(0, 255, (30, 40, 3), np.uint8), ".jpg")
SCHEMAS = Path(__file__).parents[3] / "export"


def said(answer: Any, status: int) -> str:
    """The sentence of a refusal, whose form is looked at."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert set(problem) == {"type", "title", "status", "detail"}
    assert problem["status"] == status
    detail = str(problem["detail"])
    assert detail.endswith(".")
    assert "\n" not in detail
    assert "Traceback" not in detail
    return detail


def form(client: TestClient, path: str = SALIENCY, content: bytes = PICTURE, name: str = "a.jpg", **more: Any) -> Any:
    return client.post(path, files={"picture": (name, content)}, **more)


def png(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG file that says to be of this size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def streamed(client: TestClient, parts: AsyncIterator[bytes]) -> list[dict[str, Any]]:
    """What is answered to a picture that comes in parts, without its length."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        async for part in parts:
            return {"type": "http.request", "body": part, "more_body": True}
        return await asyncio.sleep(60, {"type": "http.disconnect"})

    async def send(message: Any) -> None:
        sent.append(message)

    async def ask() -> None:
        scope = {"type": "http", "method": "POST", "path": SALIENCY, "raw_path": b"", "query_string": b""}
        scope |= {"headers": [(b"host", b"localhost")], "http_version": "1.1", "scheme": "http"}
        await client.app(scope, receive, send)  # type: ignore[arg-type]

    assert client.portal is not None
    client.portal.call(ask)
    return sent


@pytest.mark.parametrize("path", [SALIENCY, SCANPATH])
@pytest.mark.parametrize("how", ["body", "form"])
def test_json_is_what_gaze_predict_writes(client: TestClient, path: str, how: str) -> None:
    answer = client.post(path, content=PICTURE, headers=JPEG) if how == "body" else form(client, path)
    assert answer.status_code == 200, answer.text
    record = answer.json()
    name = "schema.json" if path == SALIENCY else "schema_scanpath.json"
    jsonschema.validate(record, json.loads((SCHEMAS / name).read_text("utf-8")))
    assert (record["width"], record["height"]) == (40, 30)
    assert record.get("picture") == (None if how == "body" else "a.jpg")


def test_numbers_are_those_of_the_predictor(client: TestClient, models: Models) -> None:
    expected = models.saliency["toy"](read(PICTURE), "any")
    answer = client.post(SALIENCY, content=PICTURE, headers=JPEG | {"accept": "application/x-npy"})
    assert answer.headers["content-type"] == "application/x-npy"
    np.testing.assert_allclose(np.load(io.BytesIO(answer.content)), expected.density, atol=1e-5)
    sliced = form(client, params={"slices": "true"}, headers={"accept": "application/octet-stream"})
    np.testing.assert_allclose(np.load(io.BytesIO(sliced.content)), expected.slices, atol=1e-5)
    assert client.post(SALIENCY, content=PICTURE).json() == expected.record()


@pytest.mark.parametrize(("path", "query"), [(SALIENCY, ""), (SALIENCY, "?slices=true"), (SCANPATH, "")])
def test_a_png_shows_the_prediction(client: TestClient, path: str, query: str) -> None:
    answer = form(client, path + query, headers={"accept": "image/png"})
    assert answer.headers["content-type"] == "image/png"
    drawn = read(answer.content)
    assert drawn.shape[1] >= 40
    assert (drawn.shape != (30, 40, 3)) == bool(query)
    assert drawn.std() > 1


def test_options_come_in_the_query_or_in_the_form(client: TestClient) -> None:
    asked = {"opacity": "1", "palette": "viridis"}
    png_wanted = {"accept": "image/png"}
    by_query, by_form = form(client, params=asked, headers=png_wanted), form(client, data=asked, headers=png_wanted)
    assert by_query.content == by_form.content != form(client, headers=png_wanted).content
    paths = form(client, SCANPATH, data={"observers": "3", "seed": "7", "limit": "2", "objects": "grid:2x3"}).json()
    assert (len(paths["paths"]), paths["seed"], len(paths["objects"])) == (3, 7, 6)
    rows = form(client, SCANPATH, data={"observers": "3"}, headers={"accept": "text/csv"})
    assert rows.headers["content-type"].startswith("text/csv")
    assert rows.text.splitlines()[0].split(",")[:3] == ["observer", "index", "object"]


@pytest.mark.parametrize(
    ("path", "options", "words"),
    [
        (SALIENCY, {"model": "nothing"}, "There is no model 'nothing' here"),
        (SALIENCY, {"model": "../../etc/passwd"}, "There is no model"),
        (SALIENCY, {"model": "walk"}, "There is no model 'walk' here that says where people look"),
        (SCANPATH, {"model": "toy"}, "There is no model 'toy' here"),
        (SALIENCY, {"condition": "moon"}, "toy knows no viewing condition 'moon'"),
        (SCANPATH, {"condition": "moon"}, "walk knows no viewing condition 'moon'"),
        (SALIENCY, {"palette": "mud"}, "There is no palette 'mud'"),
        (SALIENCY, {"opacity": "nan"}, "opacity should"),
        (SALIENCY, {"opacity": "-inf"}, "opacity should"),
        (SALIENCY, {"opacity": "-0.1"}, "opacity should be greater"),
        (SALIENCY, {"opacity": "much"}, "opacity should be a valid number"),
        (SALIENCY, {"slices": "maybe"}, "slices should be a valid boolean"),
        (SALIENCY, {"observers": "3"}, "There is no option 'observers' here"),
        (SCANPATH, {"observers": "0"}, "observers should be greater"),
        (SCANPATH, {"observers": "1e9"}, "observers should"),
        (SCANPATH, {"seed": "9" * 4000}, "seed should"),
        (SCANPATH, {"seed": "9" * 4000 + ".5"}, "seed should"),
        (SCANPATH, {"temperature": "inf"}, "temperature should"),
        (SCANPATH, {"temperature": "1e-300"}, "temperature should be greater"),
        (SCANPATH, {"limit": "100000"}, "limit should be less"),
        (SCANPATH, {"objects": "/etc/passwd.json"}, "Objects cannot come from '/etc/passwd.json'"),
        (SCANPATH, {"objects": "http://example.org/a.onnx"}, "Objects cannot come from"),
        (SCANPATH, {"objects": "grid:999x999"}, "grid:RxC with at most 32"),
        (SCANPATH, {"objects": "text"}, "Objects cannot come from 'text'"),
        (SCANPATH, {"target": "/etc/passwd"}, "There is no option 'target' here"),
    ],
)
def test_an_option_that_cannot_be_is_refused(
    client: TestClient, path: str, options: dict[str, str], words: str
) -> None:
    assert words in said(form(client, path, params=options), 400)
    assert words in said(form(client, path, data=options), 400)


def test_an_option_that_is_given_twice_is_refused(client: TestClient) -> None:
    words = "The option opacity is given more than once; give it once."
    assert said(form(client, SALIENCY + "?opacity=0.1&opacity=0.2"), 400) == words
    assert said(form(client, SALIENCY + "?opacity=0.1", data={"opacity": "0.2"}), 400) == words


def packed() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.jpg", PICTURE)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"not a picture", 422, "this is not a picture that can be read"),
        (packed(), 422, "this is not a picture that can be read"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 422, "this is not a picture"),
        (PICTURE[: len(PICTURE) // 2], 422, "the picture is damaged or cut off"),
        (png(40_000, 40_000), 413, "megapixels"),
        (png(8000, 4000), 413, "a.jpg: the picture has 32.0 megapixels, but the limit is 25"),
        (png(0, 5), 422, "a.jpg: the picture is damaged"),
        (b"\xff\xd8\xff", 422, "a.jpg: "),
    ],
)
def test_what_is_no_sound_picture_is_refused(client: TestClient, content: bytes, status: int, words: str) -> None:
    assert words in said(form(client, content=content), status)
    assert words.replace("a.jpg", "The picture") in said(client.post(SCANPATH, content=content), status)


def test_a_damaged_picture_is_predicted_when_that_is_accepted(client: TestClient) -> None:
    cut = PICTURE[: len(PICTURE) * 3 // 4]
    assert "or ask with accept_damaged=true." in said(form(client, content=cut), 422)
    for path in (SALIENCY, SCANPATH):
        answer = form(client, path, content=cut, params={"accept_damaged": "true"})
        assert answer.status_code == 200, answer.text
        assert answer.json()["damaged"]


def test_a_picture_of_one_pixel_and_an_animation_are_predicted(client: TestClient) -> None:
    one, moving = io.BytesIO(), io.BytesIO()
    Image.new("RGB", (1, 1)).save(one, "PNG")
    frames = [Image.new("L", (9, 7), grey) for grey in (0, 99, 200)]
    frames[0].save(moving, "GIF", save_all=True, append_images=frames[1:])
    for path in (SALIENCY, SCANPATH):
        assert form(client, path, content=one.getvalue()).json()["width"] == 1
        assert form(client, path, content=moving.getvalue()).json()["width"] == 9


@pytest.mark.parametrize(
    "name", ["caf\udce9.jpg", "\x1b[2J.jpg", "../../etc/passwd", "C:\\x\\y.jpg", "a" * 5000, "\u202eg.jpg"]
)
def test_odd_names_of_files_are_names_and_nothing_else(client: TestClient, name: str) -> None:
    raw = name.encode(errors="surrogateescape")
    body = b'--x\r\nContent-Disposition: form-data; name="picture"; filename="' + raw + b'"\r\n\r\n' + PICTURE
    headers = {"content-type": "multipart/form-data; boundary=x"}
    answer = client.post(SALIENCY, content=body + b"\r\n--x--\r\n", headers=headers)
    if answer.status_code == 200:
        assert not set("/\\") & set(answer.json()["picture"])
        assert not set("\x1b\u202e") & set(answer.text)
    else:
        said(answer, 400)  # a header that the parser of forms does not take


@pytest.mark.parametrize(
    ("send", "words"),
    [
        ({"content": b""}, "The body is empty"),
        ({"content": b"", "headers": JPEG}, "The body is empty"),
        ({"files": {"image": ("a.jpg", PICTURE)}}, "needs one in the field 'picture'"),
        ({"files": [("picture", ("a.jpg", PICTURE)), ("picture", ("b.jpg", PICTURE))]}, "The form has 2 files"),
        ({"files": [("picture", ("a.jpg", PICTURE))] * 3}, "The form cannot be read"),
        ({"content": b"--x", "headers": {"content-type": "multipart/form-data"}}, "The form cannot be read"),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data; boundary=y"}}, "The form"),
        ({"content": b"--y\r\n\r\n", "headers": {"content-type": "multipart/form-data; boundary=y"}}, "The form"),
        ({"files": {"picture": ("a.jpg", PICTURE)}, "data": {"model": "x" * 10_000}}, "The form cannot be read"),
        ({"files": {"picture": ("a.jpg", PICTURE)}, "data": {f"a{n}": "" for n in range(40)}}, "The form cannot"),
    ],
)
def test_a_body_without_exactly_one_picture_is_refused(client: TestClient, send: dict[str, Any], words: str) -> None:
    assert words in said(client.post(SALIENCY, **send), 400)


def test_a_large_file_in_a_form_never_touches_the_disk(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def written(*some: Any, **more: Any) -> Any:
        raise AssertionError("a temporary file")

    large = encode(np.random.default_rng(0).integers(0, 255, (800, 900, 3), np.uint8), ".png")
    assert len(large) > 2_000_000
    monkeypatch.setattr(tempfile, "TemporaryFile", written)
    assert form(client, content=large).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/json"},
        {"content-type": "text/plain"},
        {"content-type": "multipart/mixed; boundary=x"},
        {"content-type": "\xff"},
        {"content-type": "image/jpeg", "content-encoding": "gzip"},
    ],
)
def test_a_body_of_another_type_is_refused(client: TestClient, headers: dict[str, str]) -> None:
    said(client.post(SALIENCY, content=PICTURE, headers={k: v.encode("latin-1") for k, v in headers.items()}), 415)


@pytest.mark.parametrize(
    "wanted", ["text/html", "image/jpeg", "nonsense", ",,;q=", "application/json;q=0", "image/png;q=x"]
)
def test_an_answer_that_cannot_be_had_in_the_wanted_form_is_refused(client: TestClient, wanted: str) -> None:
    assert "application/json, image/png" in said(form(client, headers={"accept": wanted}), 406)


def test_scanpaths_are_not_to_be_had_as_arrays(client: TestClient) -> None:
    said(form(client, SCANPATH, headers={"accept": "application/x-npy"}), 406)


def test_a_body_that_is_too_large_is_refused_by_its_header_and_while_it_comes(build: Build) -> None:
    client = build(max_mb=0.01)
    large, words = bytes(20_000), "The body has more than 0.01 MB, which is the limit; send a smaller picture."
    assert said(client.post(SALIENCY, content=large), 413) == words
    came = []

    async def parts() -> AsyncIterator[bytes]:
        for number in range(10_000):
            came.append(number)
            yield bytes(1000)

    answer, body = streamed(client, parts())
    assert answer["status"] == 413
    assert words.encode() in body["body"]
    assert (b"connection", b"close") in answer["headers"]  # what is left is not read to its end
    assert len(came) < 100
    assert said(client.post(SALIENCY, content=b"", headers={"content-length": "9" * 30}), 413) == words
    assert form(client, content=PICTURE).status_code == 200
    assert "more than 0.01 MB" in said(form(client, content=large), 413)


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "\u0662"])
def test_a_length_that_is_no_number_is_refused(client: TestClient, length: str) -> None:
    answer = client.post(SALIENCY, content=PICTURE, headers={"content-length": length.encode()})
    assert "Content-Length" in said(answer, 400)


def test_a_client_that_sends_too_slowly_is_not_waited_for(build: Build) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"\xff"
        await asyncio.sleep(60)
        yield b"\xd8"

    start = time.monotonic()
    answer, body = streamed(build(timeout=0.2), parts())
    assert time.monotonic() - start < 5
    assert answer["status"] == 408
    assert (b"connection", b"close") in [(name.lower(), value.lower()) for name, value in answer["headers"]]
    assert b"did not come within 0.2 seconds" in body["body"]


def test_bodies_and_answers_are_bounded_together_and_who_is_alone_is_let_in(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.Limits, "all_bytes", property(lambda limits: 6_000))
    held, client = Held(monkeypatch), build()
    array = {"accept": "application/x-npy"}
    assert 4 * 30 * 40 < 6_000 < 2 * 4 * 30 * 40
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(form, client, headers=array)
        while not held.sizes:
            time.sleep(0.005)
        answer = form(client, headers=array)
        assert "Too many bytes are being received and sent at a time" in said(answer, 503)
        assert answer.headers["retry-after"] == "1"
        held.go.set()
        assert first.result().status_code == 200
    monkeypatch.setattr(service.Limits, "all_bytes", property(lambda limits: 10))
    for accept in ("application/x-npy", "image/png", "application/json"):
        assert form(client, headers={"accept": accept}).status_code == 200


@pytest.mark.parametrize("accept", ["application/x-npy", "application/json", "image/png"])
@pytest.mark.parametrize("goes", [False, True])
def test_who_does_not_take_the_answer_is_inside_until_it_is_taken_or_nobody_is_there(
    build: Build, accept: str, goes: bool
) -> None:
    client = build(queue=1)

    async def ask() -> tuple[list[int], bytes]:
        states: list[int] = []
        taken, told, parts, gone = asyncio.Event(), asyncio.Event(), [PICTURE], asyncio.Event()
        body = bytearray()

        async def receive() -> dict[str, Any]:
            if parts:
                return {"type": "http.request", "body": parts.pop(), "more_body": False}
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            body.extend(message.get("body", b""))
            if message["type"] == "http.response.body" and not taken.is_set():
                told.set()
                await taken.wait()

        scope = {"type": "http", "method": "POST", "path": SALIENCY, "raw_path": b"", "query_string": b""}
        scope |= {"headers": [(b"host", b"localhost"), (b"accept", accept.encode())], "http_version": "1.1"}
        asked = asyncio.ensure_future(client.app({**scope, "scheme": "http"}, receive, send))  # type: ignore[arg-type]
        await asyncio.wait_for(told.wait(), 20)
        states.append((await asyncio.to_thread(client.get, "/readyz")).status_code)
        (gone if goes else taken).set()
        await asyncio.sleep(0)
        taken.set()
        await asyncio.wait_for(asked, 20)
        states.append((await asyncio.to_thread(client.get, "/readyz")).status_code)
        return states, bytes(body)

    assert client.portal is not None
    states, body = client.portal.call(ask)
    assert states == [503, 200]
    if not goes:
        assert body == client.post(SALIENCY, content=PICTURE, headers={"accept": accept}).content


def test_slices_are_made_one_after_another_while_they_are_taken(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def whole(prediction: Prediction) -> Any:
        raise AssertionError("all slices at once")

    monkeypatch.setattr(Prediction, "slices", property(whole))
    for accept in ("application/x-npy", "image/png", "application/json"):
        answer = form(client, params={"slices": "true"}, headers={"accept": accept})
        assert answer.status_code == 200, answer.text
        assert int(answer.headers["content-length"]) == len(answer.content)


@pytest.mark.parametrize("path", [SALIENCY, SCANPATH])
def test_query_and_form_may_tell_some_of_the_options_each(
    client: TestClient, models: Models, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    toy, walk = copy(models.saliency["toy"]), Baseline()
    toy.contract, walk.conditions = toy.contract.model_copy(update={"conditions": ("at-night",)}), ("at-night",)
    monkeypatch.setitem(models.saliency, "other", toy)
    monkeypatch.setitem(models.scanpath, "other", walk)
    both = {"model": "other", "condition": "at-night"}
    for name, words in both.items():
        rest = {key: value for key, value in both.items() if key != name}
        answer = form(client, path, params={name: words}, data=rest)
        assert answer.status_code == 200, answer.text
        said(form(client, path, params={name: words}), 400)  # the other is the default
    assert client.post(path, content=PICTURE, params=both).status_code == 200


@pytest.mark.parametrize("path", [SALIENCY, SCANPATH])
@pytest.mark.parametrize(
    ("kind", "query", "is_early"),
    [
        ("image/png", "condition=moon", True),
        ("image/png", "model=nothing", True),
        ("multipart/form-data; boundary=x", "model=nothing", True),
        ("Multipart/Form-Data; boundary=x", "condition=moon&model={0}", True),
        ("multipart/form-data; boundary=x", "condition=moon", False),
    ],
)
def test_what_is_surely_wrong_in_the_query_is_told_before_the_body_is_read(
    client: TestClient, path: str, kind: str, query: str, is_early: bool
) -> None:
    asked = path + "?" + query.format("toy" if path == SALIENCY else "walk")
    answer = client.post(asked, content=b"no form", headers={"content-type": kind})
    assert ("knows no" in said(answer, 400) or "no model" in answer.text) == is_early


class Held:
    """A model that answers when it is let."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go, self.sizes = threading.Event(), list[int]()
        real = Predictor.batch

        def batch(predictor: Predictor, pictures: Sequence[Any], *rest: Any) -> list[Prediction]:
            self.sizes.append(len(pictures))
            assert self.go.wait(20)
            return real(predictor, pictures, *rest)

        monkeypatch.setattr(Predictor, "batch", batch)


def test_too_many_requests_at_a_time_are_told_to_come_again(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    held, client = Held(monkeypatch), build(queue=3)
    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(form, client) for _ in range(3)]
        while "gaze_requests_in_flight 3.0" not in client.get("/metrics").text:
            time.sleep(0.01)
        answer = form(client)
        assert "3 requests are being answered" in said(answer, 503)
        assert answer.headers["retry-after"] == "1"
        assert said(client.get("/readyz"), 503)
        assert client.get("/healthz").status_code == 200
        held.go.set()
        assert [one.result().status_code for one in asked] == [200] * 3
    assert client.get("/readyz").status_code == 200
    assert "gaze_requests_in_flight 0.0" in client.get("/metrics").text


def test_requests_that_come_together_are_computed_together(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    held, client = Held(monkeypatch), build(batch=4)
    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(form, client)
        while not held.sizes:
            time.sleep(0.005)
        others = [pool.submit(form, client) for _ in range(8)]
        while "gaze_queue_length 8.0" not in client.get("/metrics").text:
            time.sleep(0.01)
        held.go.set()
        answers = [one.result() for one in [first, *others]]
    assert held.sizes == [1, 4, 4]
    assert len({answer.text for answer in answers}) == 1
    assert 'gaze_batch_size_bucket{le="4.0",model="toy"} 3.0' in client.get("/metrics").text


def test_an_answer_that_takes_too_long_is_given_up_and_frees_its_place(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, client = Held(monkeypatch), build(timeout=0.5, queue=2)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(form, client)
        while not held.sizes:
            time.sleep(0.005)
        second = pool.submit(form, client)  # never runs: its time is up before its turn comes
        for asked in (first, second):
            assert "The answer took more than 0.5 seconds" in said(asked.result(), 504)
    said(form(client), 503)  # the first is still computed, and counts
    held.go.set()
    while "gaze_requests_in_flight 0.0" not in client.get("/metrics").text:
        time.sleep(0.01)
    assert held.sizes == [1]
    assert form(client).status_code != 503


def test_a_model_that_fails_is_an_error_of_the_server_and_tells_nothing(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*some: Any) -> Any:
        raise RuntimeError("/secret/place")

    monkeypatch.setattr(Predictor, "batch", fails)
    with caplog.at_level(logging.ERROR, "app.server"):
        answer = form(client)
    assert "secret" not in said(answer, 500)
    assert "/secret/place" in caplog.text
    assert client.get("/healthz").status_code == 200


def test_large_pictures_wait_for_each_other(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service.Limits, "all_pixels", property(lambda limits: 1500))
    held, client = Held(monkeypatch), build()
    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(form, client) for _ in range(3)]
        while not held.sizes:
            time.sleep(0.01)
        time.sleep(0.05)
        assert "gaze_queue_length 0.0" in client.get("/metrics").text
        held.go.set()
        assert [one.result().status_code for one in asked] == [200] * 3
    assert held.sizes == [1, 1, 1]


def test_a_token_is_asked_for_everywhere_but_where_nothing_is_told(build: Build) -> None:
    client = build(token="correct-horse-battery")
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic correct-horse-battery"}):
        for path in (SALIENCY, SCANPATH):
            answer = form(client, path, headers=headers)
            assert "Authorization: Bearer TOKEN" in said(answer, 401)
            assert answer.headers["www-authenticate"] == "Bearer"
        for path in ("/v1/models", "/metrics", "/nothing"):
            said(client.get(path, headers=headers), 401)
    right = {"authorization": "bearer correct-horse-battery"}
    assert form(client, headers=right).status_code == 200
    assert client.get("/metrics", headers=right).status_code == 200
    assert {client.get(path).status_code for path in guard.OPEN} == {200}
    document = client.get("/openapi.json").json()
    assert document["security"] == [{"token": []}]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.other", "", "a@b"])
def test_a_name_that_the_server_does_not_go_by_is_refused(build: Build, host: str) -> None:
    said(form(build(), headers={"host": host}), 421)
    assert form(build(listed=("*.example",)), headers={"host": host}).status_code == (
        200 if host == "evil.example" else 421
    )


def test_whether_it_lives_may_be_asked_by_number_whatever_names_it_goes_by(build: Build) -> None:
    client = build(listed=("gaze.example",))
    for path in ("/healthz", "/readyz"):
        for host in ("127.0.0.1:8600", "localhost", "[::1]:80", "10.1.2.3:8600", "[fd00::1]", "gaze.example"):
            assert client.get(path, headers={"host": host}).status_code == 200
        for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "a@127.0.0.1"):
            said(client.get(path, headers={"host": host}), 421)
    for path in ("/metrics", "/v1/models", "/openapi.json", "/healthz/"):
        said(client.get(path, headers={"host": "127.0.0.1"}), 421)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://[", "http://127.0.0.1:1"])
def test_a_page_of_another_site_is_refused(client: TestClient, origin: str) -> None:
    said(form(client, headers={"origin": origin}), 403)
    assert form(client, headers={"origin": "http://127.0.0.1"}).status_code == 200


def test_what_is_not_there_is_told(client: TestClient) -> None:
    assert "/v1/saliency" in said(client.get("/v1/nothing"), 404)
    for path in ("/docs", "/redoc", "/v1/saliency/", "/../etc/passwd"):
        said(client.get(path), 404)
    answer = client.get(SALIENCY)
    said(answer, 405)
    assert answer.headers["allow"] == "POST"


def test_models_are_listed_with_what_may_be_asked_of_them(client: TestClient) -> None:
    listed = {model["name"]: model for model in client.get("/v1/models").json()["models"]}
    assert list(listed) == ["toy", "walk"]
    assert listed["toy"]["task"] == "saliency"
    assert listed["walk"]["task"] == "scanpath"
    assert all(model["default"] and model["conditions"] for model in listed.values())


@pytest.mark.slow
def test_models_of_both_questions_have_run_once_when_the_server_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    looked, sampled = Predictor.__call__, ScanpathPredictor.sample

    def look(predictor: Predictor, *some: Any, **more: Any) -> Any:
        ran.append(predictor.contract.name)
        return looked(predictor, *some, **more)

    def sample(predictor: ScanpathPredictor, *some: Any, **more: Any) -> Any:
        ran.append(predictor.contract.name)
        return sampled(predictor, *some, **more)

    monkeypatch.setattr(Predictor, "__call__", look)
    monkeypatch.setattr(ScanpathPredictor, "sample", sample)
    models = Models(["tempsal-fast", "oat-free", "walk"], provider="cpu", threads=1)
    assert {"tempsal-fast", "oat-free"} <= set(ran)
    assert {predictor.contract.name for predictor in models.predictors} <= set(ran)


def test_a_model_of_videos_is_not_served_and_the_sentence_says_what_is(tmp_path: Path) -> None:
    path = toy.write(tmp_path / "toy-video.onnx", glowing())
    with pytest.raises(GazeError, match=r"toy-video is a model of video, not of saliency; .* or take tempsal\.$"):
        Models([path], provider="cpu", threads=1)


def test_counts_have_labels_of_few_values(client: TestClient) -> None:
    for number in range(30):
        client.get(f"/{number}")
        client.request(f"M{number}", SALIENCY)
        form(client, params={"model": f"m{number}"})
    text = client.get("/metrics").text
    assert 'gaze_requests_total{endpoint="other",status="404"} 30.0' in text
    assert 'gaze_requests_total{endpoint="/v1/saliency",status="400"} 30.0' in text
    assert len([line for line in text.splitlines() if line.startswith("gaze_requests_total")]) == 3


def test_the_document_describes_options_answers_and_refusals(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    asked = document["paths"][SALIENCY]["post"]
    known = {parameter["name"]: parameter["schema"] for parameter in asked["parameters"]}
    assert known["model"]["enum"] == ["toy"]
    assert known["palette"]["enum"] == ["plasma", "viridis", "cividis", "inferno", "magma", "turbo", "fog"]
    assert (known["opacity"]["minimum"], known["opacity"]["maximum"]) == (0, 1)
    assert {"200", "400", "401", "413", "422", "503", "504"} <= set(asked["responses"])
    for path, name in ((SALIENCY, "SaliencyRecord"), (SCANPATH, "ScanpathRecord")):
        answers = document["paths"][path]["post"]["responses"]["200"]["content"]
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        jsonschema.validate(answers["application/json"]["example"], schema)
    assert "http" not in json.dumps(document["components"])


@pytest.mark.slow
def test_pictures_are_not_held_after_their_answers(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[weakref.ref[np.ndarray]] = []
    real = Predictor.batch

    def batch(predictor: Predictor, pictures: Sequence[Any], *rest: Any) -> list[Prediction]:
        made = real(predictor, pictures, *rest)
        held.extend(weakref.ref(array) for array in (*pictures, *(one.density for one in made)))
        return made

    monkeypatch.setattr(Predictor, "batch", batch)
    for path in (SALIENCY, SCANPATH):
        assert form(client, path).status_code == 200
    gc.collect()
    assert len(held) == 4
    assert [one() for one in held] == [None] * 4
