"""What is left when the server ends or a session is over: nothing."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from streamlit import runtime

from app.web import upkeep
from data import picture as pictures
from tests import toy_model as toy
from tests.app.web import browser
from tests.bench.streamlit_client import Session


def test_temporary_files_of_anybody_lie_in_one_private_folder_that_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with upkeep.private_folder() as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        held = Path(tempfile.mkdtemp())
        (held / "model.onnx").write_bytes(b"x")
        assert held.parent == folder
    assert list(tmp_path.iterdir()) == []
    assert tempfile.gettempdir() == str(tmp_path)


def test_a_thread_that_still_writes_does_not_keep_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ended = threading.Event()

    def write(folder: Path) -> None:
        for number in range(10_000):
            try:
                (folder / str(number)).write_bytes(b"x")
            except FileNotFoundError:
                break
        ended.set()

    with upkeep.private_folder() as folder:
        threading.Thread(target=write, args=(folder,), daemon=True).start()
    assert ended.wait(5)
    assert list(tmp_path.iterdir()) == []


def test_sessions_that_are_over_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    from streamlit.runtime.memory_session_storage import MemorySessionStorage

    storage = MemorySessionStorage(ttl_seconds=0)
    session = SimpleNamespace(id="1")
    storage.save(SimpleNamespace(session=session))  # type: ignore[arg-type]
    manager = SimpleNamespace(_session_storage=storage, list_sessions=storage.list)
    monkeypatch.setattr(runtime, "exists", lambda: True)
    monkeypatch.setattr(runtime, "get_instance", lambda: SimpleNamespace(_session_mgr=manager))
    assert len(storage._cache._data if hasattr(storage._cache, "_data") else storage._cache) <= 1
    assert upkeep.expire() == 0
    assert "1" not in repr(vars(storage._cache).get("_expirations", ""))


@pytest.mark.slow
@pytest.mark.parametrize("ends", [signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_of_a_batch_and_a_model_when_the_server_ends(tmp_path: Path, ends: signal.Signals) -> None:
    weights, folder = tmp_path / "weights", tmp_path / "tmp"
    folder.mkdir()
    toy.write(weights / "toy.onnx")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "app.cli.main", "app", "--server.headless", "true", "--server.port", str(port)]
    known = os.environ | {"GAZE_MODELS": str(weights), "PYTHONPATH": str(browser.ROOT), "TMPDIR": str(folder)}
    sessions: list[Session] = []
    server = subprocess.Popen(command, cwd=tmp_path, env=known)
    try:
        browser.wait(f"http://127.0.0.1:{port}/_stcore/health", server)
        looking = Session(port, page="batch")
        sessions.append(looking)
        pixels = np.random.default_rng(0).integers(0, 256, (400, 600, 3), np.uint8)
        looking.upload(*((f"{n}.png", pictures.encode(np.roll(pixels, n))) for n in range(12)))
        bringing = Session(port, page="models")
        sessions.append(bringing)
        agreed = next(each.checkbox for each in bringing.find("checkbox"))
        bringing.set(agreed.id, bool_value=True)
        bringing.upload(("mine.onnx", (weights / "toy.onnx").read_bytes()))
        assert not looking.errors + bringing.errors
        until = time.monotonic() + 20
        while len({path.name[:11] for path in folder.glob("gaze-app-*/gaze-*")}) < 2 and time.monotonic() < until:
            time.sleep(0.05)
        assert {path.name[:10] for path in folder.glob("gaze-app-*/gaze-*")} == {"gaze-batch", "gaze-model"}
        server.send_signal(ends)  # while the batch runs, and both sessions are open
        server.wait(20)
    finally:
        server.kill()
        server.wait(5)
        for session in sessions:
            session.close()
    assert list(folder.iterdir()) == []
