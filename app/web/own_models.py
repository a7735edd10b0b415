"""Models that a person brings for one session: files in a private folder, gone with the session, listed as all others.

A file is looked at before its graph is opened, which a person has to confirm: the graph is run by native code
(SECURITY.md).
"""

import re
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import streamlit as st
from streamlit import config

from app.predict.model_check import Pixels, Trial, promised, tried
from app.web.gate import is_local
from data.errors import ModelError
from data.plain_text import visible
from export.runtime import registry
from export.runtime.contract import Contract
from export.runtime.registry import STEP
from export.runtime.saliency import Predictor

SLOT = "own-models"  # in st.session_state
MOST = 4  # of a session
LONGEST = 60  # characters of a name


@dataclass
class OwnModels:
    """The models of one session by name."""

    files: dict[str, Path] = field(default_factory=dict)
    trials: dict[str, Trial] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)  # of what came last

    def __post_init__(self) -> None:
        self._folder: Path | None = None

    def add(self, brought: Sequence[tuple[str, bytes]], picture: Pixels, usual: Predictor | None) -> list[str]:
        """Takes models whose promises hold, and says what they are called; what is wrong is in `problems`.

        A model of paths has two files, which have to come together.
        """
        self.problems = []
        firsts = [(name, content) for name, content in brought if not name.endswith(STEP)]
        steps = {name.removesuffix(STEP): content for name, content in brought if name.endswith(STEP)}
        added = []
        for name, content in firsts:
            stem = PurePosixPath(name).name.removesuffix(".onnx")
            try:
                added.append(self._take(stem, content, steps.pop(stem, None), picture, usual))
            except ModelError as error:
                self.problems.append(str(error).replace(f"{self._folder}/", ""))
        self.problems += [f"{stem}{STEP}: bring it together with {stem}.onnx." for stem in steps]
        return added

    def _take(self, stem: str, content: bytes, step: bytes | None, picture: Pixels, usual: Predictor | None) -> str:
        if len(self.files) >= MOST:
            raise ModelError(f"{stem}.onnx: a session keeps {MOST} models; remove one.")
        name = self._free(re.sub(r'[<>:"/\\|?*]', "_", visible(stem))[:LONGEST].strip(" .") or "model")
        place = self.folder / f"{len(list(self.folder.iterdir()))}"
        place.mkdir(mode=0o700)
        path = place / f"{name}.onnx"
        try:
            path.write_bytes(content)
            if step is not None:
                path.with_name(f"{name}{STEP}").write_bytes(step)
            promised(path)
            self.trials[name] = tried(path, picture, usual)
        except BaseException:
            shutil.rmtree(place)
            raise
        self.files[name] = path
        return name

    @property
    def folder(self) -> Path:
        """Where they lie; nobody else may look into it, and it is gone when the session is."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="gaze-models-"))  # 0700
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return self._folder

    def remove(self, name: str) -> None:
        """Forgets a model and its file."""
        shutil.rmtree(self.files.pop(name).parent, ignore_errors=True)
        self.trials.pop(name, None)

    def contracts(self) -> dict[Path, Contract]:
        """What they promise, by file."""
        return {path: self.trials[name].contract for name, path in self.files.items()}

    def _free(self, stem: str) -> str:
        taken = {path.stem for path in registry.models()} | {*self.files, "walk"}
        name, number = stem, 2
        while name in taken:
            name, number = f"{stem} ({number})", number + 1
        return name


def may_bring() -> bool:
    """Whether models may be brought: only where the app serves this machine alone, as a model's graph is run here.

    Allowed hosts and origins are given where a proxy stands before the app, and lets others in.
    """
    address, *others = map(config.get_option, ("server.address", "server.allowedHosts", "server.corsAllowedOrigins"))
    return is_local(address or "0.0.0.0") and not any(others)


def own_models() -> OwnModels:
    """The models that this session brought."""
    if SLOT not in st.session_state:
        st.session_state[SLOT] = OwnModels()
    kept: OwnModels = st.session_state[SLOT]
    return kept
