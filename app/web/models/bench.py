"""How long a model takes on this machine, and on what it runs: measured when someone asks for it."""

from pathlib import Path

import streamlit as st

import saliency
import video
from app.predict.simulate import Settings, simulate
from app.web import widgets
from app.web.picture_bar import SAMPLES
from app.web.predictions import open_model
from app.web.widgets import plain
from data import picture
from data.errors import GazeError
from data.objects import grid
from export.runtime.contract import Contract
from export.runtime.latency import Latency, latency
from export.runtime.video import VideoPredictor
from export.runtime.visual_search import VisualSearcher, cut

FIXATIONS = 20
WALK, SEARCH = "20 observers of a picture", f"A search of {FIXATIONS} fixations"
SECONDS = 1.0  # of measuring
SLOT = "measured-models"  # in st.session_state: what was measured, by file
Measured = tuple[str, Latency]  # provider, and how long a run takes


def measure_here(path: Path, contract: Contract) -> None:
    """A button that measures, and what was measured."""
    known: dict[str, Measured] = st.session_state.setdefault(SLOT, {})
    left, right = st.columns([1, 4], vertical_alignment="center")
    if left.button("Measure it here", icon=":material/speed:", key=f"measure-{path.stem}", width="stretch"):
        try:
            with st.spinner("Measuring …"):
                known[str(path)] = measured(path, contract)
        except GazeError as error:
            st.error(plain(str(error)), icon=":material/error:")
    if str(path) in known:
        provider, took = known[str(path)]
        over = SEARCH if contract.searches_places else WALK
        what = {saliency.TASK.name: "A picture", video.TASK.name: "A frame"}.get(contract.task, over)
        right.markdown(
            f"{what} takes **{took.p50_ms:.0f} ms** on the {provider.upper()} here (half of {took.runs} runs)."
        )


def measured(path: Path, contract: Contract) -> Measured:
    """On what a model runs here, and how long it takes for a sample of a megapixel.

    Raises:
        GazeError: The model cannot be opened.
    """
    image = picture.read(next(iter(SAMPLES.values())))
    if contract.task == saliency.TASK.name:
        model = open_model(path)
        return model.provider, latency(lambda: model(image, contract.conditions[0]), SECONDS)
    if contract.task == video.TASK.name:
        watcher = VideoPredictor(path, condition=contract.conditions[0])
        return watcher.predictor.provider, latency(lambda: watcher.step(image, 0.0), SECONDS)
    if contract.searches_places:
        searcher = VisualSearcher(path)
        height, width = image.shape[:2]
        target = cut(image, (0, 0, width / 8, height / 8))
        return searcher.provider, latency(lambda: searcher.search(image, target, limit=FIXATIONS), SECONDS)
    walker = widgets.open_walker(path.stem, path)
    cells = grid(image.shape[1], image.shape[0], 4, 6)
    settings = Settings(observers=20, condition=contract.conditions[0])
    return walker.provider, latency(lambda: simulate(walker, "sample", image, cells, settings=settings), SECONDS)
