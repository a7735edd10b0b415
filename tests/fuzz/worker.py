"""Tries damaged inputs on one target in a process of its own: little memory, a watch on what is written, no net.

    python -m tests.fuzz.worker TARGET BOX FIRST SECONDS        inputs FIRST, FIRST + 1, ... for so many seconds
    python -m tests.fuzz.worker TARGET BOX FIRST 0              input FIRST alone, with its traceback

BOX is an empty folder; input N is `BOX/in`, made of the seed "TARGET N", so that it is the same in every run.
What is found goes into `BOX/found.jsonl`, the number of the input in hand into `BOX/now`.
"""

import faulthandler
import json
import os
import pkgutil
import random
import resource
import sys
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

from data.errors import GazeError
from tests.fuzz import targets
from tests.fuzz.mutate import damaged

HANG = float(os.environ.get("FUZZ_HANG", 10))  # seconds that an input may take
MEMORY = 2 << 30  # bytes that inputs may take above what the program has before them
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
CHANGING = ("os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.link", "os.chmod", "os.truncate")
STARTING = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "socket.connect", "socket.bind")


class Watch:
    """What Python code does beside reading: files that are changed outside some folders, programs, connections."""

    def __init__(self, *allowed: Path) -> None:
        self.allowed = tuple(str(path.resolve()) + os.sep for path in allowed)
        self.on, self.found = False, list[str]()
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event in STARTING:
            self.found.append(f"{event} {arguments[:2]}"[:300])
        elif event in CHANGING or (event == "open" and self._writes(arguments)):
            whole = [os.fsdecode(name) for name in arguments if isinstance(name, str | bytes | os.PathLike)]
            folder = arguments[-1] if event in ("os.remove", "os.rmdir", "os.mkdir") else -1
            for name in whole[: 2 if event in ("os.rename", "os.symlink", "os.link") else 1]:
                place = f"/proc/self/fd/{folder}/{name}" if isinstance(folder, int) and folder >= 0 else name
                if not self._inside(place):
                    self.found.append(f"{event} {place[:200]!r}")

    @staticmethod
    def _writes(arguments: tuple[Any, ...]) -> bool:
        _, mode, flags = arguments
        return any(letter in mode for letter in "wax+") if isinstance(mode, str) else bool(int(flags or 0) & WRITING)

    def _inside(self, name: str) -> bool:
        place = os.path.join(os.path.realpath(os.path.dirname(name) or "."), os.path.basename(name))
        return (place + os.sep).startswith(self.allowed) or place == os.devnull


def outside(box: Path) -> dict[str, int]:
    """What lies in the box beside the input: native code asks no hook."""
    ours = {"in", "found.jsonl", "now", "stacks"}
    paths = [path for top in box.iterdir() if top.name not in ours for path in (top, *top.rglob("*"))]
    return {str(path): path.stat().st_size if path.is_file() else 0 for path in paths}


def try_one(
    target: targets.Target, number: int, corpus: list[dict[str, bytes]], box: Path, watch: Watch | None = None
) -> tuple[str, str] | None:
    """Input `number`: what is wrong with the answer, as its kind and its words; None where all is well."""
    chance = random.Random(f"{target.name} {number}")
    root = box / "in"
    root.mkdir(exist_ok=True)
    targets.empty(root)
    change = target.damage or damaged
    sound = chance.choice(corpus)
    path = targets.put(sound if number < 0 else change(sound, corpus, chance), root)
    if watch:
        watch.on = True
    try:
        target.run(root, path)
    except GazeError as error:
        text = str(error)
        if not text.endswith(".") or "\n" in text:
            return "sentence", text[:300]
    except BaseException as error:
        last = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in last if "/tests/fuzz/" not in frame.filename]
        where = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in (ours or last)[-3:]]
        return type(error).__name__, f"{' < '.join(reversed(where))}: {' '.join(str(error).split())[:200]}"
    finally:
        if watch:
            watch.on = False
    return None


def main(name: str, box: Path, first: int, seconds: float) -> None:
    """Tries inputs until the time is up."""
    warnings.simplefilter("ignore")
    os.chdir(box)
    target = pkgutil.resolve_name(name) if ":" in name else targets.targets()[name]
    for place in ("home", "tmp"):
        (box / place).mkdir(exist_ok=True)
    os.environ |= {"HOME": str(box / "home"), "TMPDIR": str(box / "tmp")}
    target.once()
    corpus = target.corpus()
    try_one(target, -1, corpus, box)  # loads what is loaded late
    watch, before = Watch(box / "in", box / "tmp"), outside(box)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY,) * 2)
    end, number = time.monotonic() + seconds, first
    with (box / "stacks").open("w") as stacks, (box / "found.jsonl").open("a") as found, (box / "now").open("w") as now:
        faulthandler.enable(stacks)
        while number == first or time.monotonic() < end:
            now.seek(0)
            now.write(f"{number:12d}")
            now.flush()
            faulthandler.dump_traceback_later(HANG, exit=True, file=stacks)
            wrong = try_one(target, number, corpus, box, watch)
            faulthandler.cancel_dump_traceback_later()
            if number % 50 == 0 or seconds == 0:
                changed = {path for path in outside(box).items() if path not in before.items()}
                watch.found += [f"written {path}" for path, _ in changed if not path.startswith(str(box / "tmp"))]
            if watch.found:
                wrong = "outside", watch.found[0]
                watch.found.clear()
            if wrong:
                found.write(json.dumps({"target": name, "number": number, "kind": wrong[0], "words": wrong[1]}) + "\n")
                found.flush()
            number += 1
        now.seek(0)
        now.write(f"{number:12d}")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]).resolve(), int(sys.argv[3]), float(sys.argv[4]))
