"""Which of many pictures work best? Up to 1,000 of them, looked at in the background, in one table."""

import streamlit as st

from app.web import widgets
from app.web.batch import areas as batch_areas
from app.web.batch import session
from app.web.batch.areas import BatchAreas
from app.web.batch.job import Job, Progress
from app.web.batch.result import Recipe
from app.web.batch.session import Desk
from app.web.batch.shelf import WIDTH, show
from app.web.batch.table import table
from app.web.gate import MB, MOST_BYTES, MOST_FILES
from app.web.uploads import File, uploader
from app.web.workspace import workspace
from data.areas import read_coco
from data.draw.heatmap import PALETTES
from data.errors import GazeError

TITLE, ICON, PLACE = "Batch", ":material/photo_library:", 40  # in the navigation

COLOURS = [palette for palette in PALETTES if palette != "fog"]
FEW = 50  # pictures, up to which progress is renewed twice a second
RECENT = 6  # thumbnails that are shown while pictures are looked at
PROBLEMS = 100  # that are listed
STATES = {
    "waiting": "Waiting: other batches are being looked at. This one begins by itself.",
    "stopped": "Stopped. What is done stays.",
}
NO_AREAS, DRAWN, LISTED = "No areas", "The areas of the current picture", "Areas from a COCO file"


def main() -> None:
    """The page."""
    st.title("Many pictures at once")
    model = widgets.model_picker()
    if model is None:
        return
    recipe = Recipe(model, widgets.condition_picker(model.contract.conditions), 0.65, _palette())
    desk = session.desk()
    _bring(desk)
    if desk.job.progress.state == "ready":
        desk.job.start(recipe)
    progress = desk.job.progress
    if not progress.total and not desk.job.problems:
        st.markdown(f"They are looked at in the background, and are not kept. {widgets.NOTE}")
        return
    _note_settings(desk.job, recipe)
    st.fragment(_follow, run_every=_pulse(progress))(desk.job, progress, recipe)
    results = desk.job.results
    if results:
        show(desk, table(results, _choose_areas(desk)))
    _problems(desk.job)


def _palette() -> str:
    return str(
        st.sidebar.selectbox("Colours", COLOURS, format_func=str.capitalize, key="palette", persist_state="session")
    )


def _bring(desk: Desk) -> None:
    """The uploader, which is emptied into the job at once."""
    limits = f"Up to {MOST_FILES:,} pictures, {MOST_BYTES // MB} MB at a time. More can be added later."
    uploader(
        "Pictures, or zip files of pictures",
        session.UPLOAD,
        desk.job.add,
        many=True,
        help=limits,
        max_upload_size=MOST_BYTES // MB,
    )


def _note_settings(job: Job, recipe: Recipe) -> None:
    """That a batch keeps the settings it began with, where others are chosen now."""
    kept = job.recipe
    if kept and kept.settings != recipe.settings:
        words = f"This batch goes on as it began: {kept.words}, colours {kept.palette}. Clear it to use other settings."
        st.info(widgets.plain(words), icon=":material/info:")


def _pulse(progress: Progress) -> float | None:
    """Seconds between two looks at the job; None where it will not change."""
    return (0.5 if progress.total <= FEW else 1.0) if progress.busy else None


def _follow(job: Job, before: Progress, recipe: Recipe) -> None:
    """How far the job is, renewed every second, and what can be done about it."""
    now = job.progress
    if now.state != before.state and not now.busy:
        st.rerun()
    if now.total:
        st.progress(now.done / now.total, text=widgets.plain(told(now)))
    row = st.container(horizontal=True)
    clicked = False
    if now.busy:
        clicked |= row.button("Stop", icon=":material/stop:", key="batch-stop", on_click=job.stop)
        if now.done > before.done:
            clicked |= row.button("Show what is done", icon=":material/table:", key="batch-show")
    elif now.state == "stopped":
        clicked |= row.button("Go on", icon=":material/play_arrow:", key="batch-go", on_click=job.start, args=(recipe,))
    clicked |= row.button("Clear", icon=":material/delete:", key="batch-clear", on_click=session.clear)
    if clicked:
        st.rerun()
    if now.busy:
        shelf = st.container(horizontal=True)
        for result in job.results[-RECENT:]:
            words = f"Heat map of {result.name}"
            shelf.image(result.thumbnail, caption=widgets.plain(result.name), width=WIDTH, alt=words)


def told(progress: Progress) -> str:
    """How far a job is, in words.

    >>> told(Progress("running", 12, 40, 95.0))
    '12 of 40 pictures. About 2 minutes left.'
    """
    count = f"{progress.done} of {progress.total} pictures."
    if progress.state != "running":
        return f"{count} {STATES.get(progress.state, 'Done.')}"
    if progress.left_s is None:
        return count
    return f"{count} About {widgets.time_left(progress.left_s)} left."


def _choose_areas(desk: Desk) -> BatchAreas:
    """Which areas the table has shares of."""
    kept = workspace()
    current, drawn = kept.picture, kept.areas()
    choices = [NO_AREAS, *([DRAWN] if current and drawn else []), LISTED]
    left, right = st.columns(2)
    choice = left.selectbox("Share of looks of", choices, key="batch-areas", persist_state="session")
    if choice == DRAWN and current:
        width, height = current.size
        right.markdown(
            widgets.plain(f"{len(drawn)} areas of {current.name}, for all pictures of {width} x {height} pixels.")
        )
        return desk.areas_of((current.key, drawn), lambda: batch_areas.drawn(drawn, current.size))
    if choice != LISTED:
        return desk.areas_of("", batch_areas.none)
    uploader(
        "Areas by picture, COCO JSON",
        "batch-coco",
        _take_areas,
        at=right,
        type="json",
        help="The file names each picture. The areas of a file with one picture are for all pictures of its size.",
    )
    for problem in desk.told:
        right.markdown(widgets.plain(problem))
    if desk.listed is None:
        return desk.areas_of("", batch_areas.none)
    file = desk.listed
    right.caption(widgets.plain(f"Areas of {len(file.found.pictures)} pictures are read."))
    return desk.areas_of(id(file), lambda: batch_areas.listed(file))


def _take_areas(files: list[File]) -> None:
    """Read a file of areas, which stays when the page is left."""
    desk = session.desk()
    desk.told = []
    try:
        desk.listed = read_coco(files[0][1], files[0][0], desk.told.append)
    except GazeError as error:
        desk.listed, desk.told = None, [str(error)]


def _problems(job: Job) -> None:
    """What could not be used, a sentence each."""
    problems = job.problems
    if not problems:
        return
    title = "1 file could not be used" if len(problems) == 1 else f"{len(problems)} files could not be used"
    with st.expander(title, icon=":material/error:", expanded=len(problems) <= 5):
        st.markdown("\n".join(f"- {widgets.plain(each)}" for each in problems[:PROBLEMS]))
        if len(problems) > PROBLEMS:
            st.caption(f"And {len(problems) - PROBLEMS} more.")


if __name__ == "__main__":
    main()
