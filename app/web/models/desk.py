"""What can be done with models: choose the usual ones, bring one's own, and see what else can be installed."""

import importlib.util
import math
from importlib.metadata import PackageNotFoundError, version

import streamlit as st

import saliency
import scanpath
from app.web import widgets
from app.web.own_models import MOST, may_bring, own_models
from app.web.picture_bar import SAMPLES
from app.web.predictions import open_model
from app.web.uploads import File, uploader
from app.web.widgets import plain
from data import picture
from data.errors import ModelError

EXTRAS = {  # of pyproject.toml: what each adds, the module that tells, and its package
    "text": ("finds text in pictures", "rapidocr", "rapidocr"),
    "video": ("predicts videos and cameras", "av", "av"),
    "heif": ("reads HEIC pictures of phones", "pi_heif", "pi-heif"),
    "serve": ("answers other programs (gaze serve)", "fastapi", "fastapi"),
    "ray": ("predicts millions of pictures on a cluster", "ray", "ray"),
    "train": ("trains, exports and fine-tunes models", "torch", "torch"),
}
WARNING = (
    "A model's file is run by native code on the machine that runs this app: bring files of people you trust only. "
    "What a file promises is checked before it is opened, but one that is meant to do harm is not always seen through."
)

ELSEWHERE = (
    "This app serves other machines, too, so nobody can bring a model here. Whoever runs it can put models into its "
    "folder `$GAZE_MODELS`."
)


def defaults() -> None:
    """Choose the models that all pages begin with; the choice is that of the sidebar of the other pages."""
    left, right = st.columns(2)
    names = list(widgets.models_of(saliency.TASK))
    if names:
        usual = saliency.TASK.default_models[0]
        first = names.index(usual) if usual in names else 0
        words = f"Usually {usual}." if usual in names else None
        left.selectbox("Who says where people look", names, first, key="model", persist_state="session", help=words)
    walkers = [*widgets.walkers(), "walk"]
    right.selectbox(
        "Who says in which order",
        walkers,
        key="walker",
        persist_state="session",
        format_func=lambda name: "A walk from peak to peak" if name == "walk" else name,
        help=f"Usually {scanpath.TASK.default_models[0]}, and {scanpath.TASK.default_models[1]} for a search.",
    )
    st.caption("Chosen for all pages of this session.")


def bring() -> None:
    """Bring a model of one's own for this session."""
    st.header("A model of your own", divider="gray")
    kept = own_models()
    for problem in kept.problems:
        st.error(plain(problem), icon=":material/error:")
    for name, trial in kept.trials.items():
        alike = f"its map is {trial.likeness:.2f} like the usual model's, where 1 is the same"
        kept_promises = [*trial.kept, *([alike] if math.isfinite(trial.likeness) else [])]
        st.success(plain(f"{name} was tried on a sample picture: {'; '.join(kept_promises)}."), icon=":material/check:")
    if not may_bring():
        st.info(ELSEWHERE, icon=":material/lock:")
        return
    st.markdown("Bring a file that `gaze export` made. It is kept for this session alone, and is listed on all pages.")
    st.warning(WARNING, icon=":material/warning:")
    agreed = st.checkbox("I trust whoever made this file.", key="model-trusted", persist_state="session")
    uploader(
        "Exported model (.onnx)",
        "model-upload",
        _take,
        many=True,
        type=["onnx"],
        disabled=not agreed,
        help=f"{MOST} models a session, 50 MB a file. A model of paths has two files: bring both at once.",
    )


def _take(files: list[File]) -> None:
    if not (may_bring() and st.session_state.get("model-trusted")):
        return
    image = picture.read(next(iter(SAMPLES.values())))
    usual = widgets.models_of(saliency.TASK)
    name = next((each for each in (*saliency.TASK.default_models, *usual) if each in usual), None)
    try:
        other = None if name is None else open_model(usual[name])
    except ModelError:
        other = None  # it is told elsewhere
    own_models().add(files, image, other)


def installed() -> None:
    """What else can be installed, and what is."""
    rows = []
    for extra, (what, module, package) in EXTRAS.items():
        there = importlib.util.find_spec(module) is not None
        rows.append(
            {
                "Part": extra,
                "What it adds": what,
                "Installed": f"yes, {package} {_version(package)}" if there else f'no: pip install "gaze[{extra}]"',
            }
        )
    st.markdown("**What is installed here**")
    st.table([{name: plain(cell) for name, cell in row.items()} for row in rows])


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
