"""Where a project begins: a video and its gaze are brought, or one is opened that is there already."""

import shutil
import weakref
from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st

import saliency
from annotation.finders import FOUND
from app.predict.recorded.brought_files import FolderOfFiles
from app.web import widgets
from app.web.annotate import shelf
from app.web.annotate.desk import open_desk
from app.web.annotate.maker import Recipe
from app.web.annotate.named import named
from app.web.annotate.room import Room, enter
from app.web.gate import MB, MOST_BYTES
from app.web.uploads import File, uploader
from app.web.widgets import plain
from data.errors import GazeError
from data.picture_file import VIDEOS
from data.plain_text import file_name

SLOT = "annotate-brought"  # in st.session_state
ELSEWHERE = (
    f"Videos of more than {MOST_BYTES // MB} MB: run `gaze annotate VIDEO GAZE.csv -o PROJECT` on the machine with the "
    "video, then `gaze app --annotate PROJECT`."
)


@dataclass(eq=False)
class Brought:
    """The files of a project to be, on the disk."""

    video: Path | None = None
    boxes: Path | None = None
    gaze: list[str] = field(default_factory=list)  # names
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._root: Path | None = None
        self._sweep: weakref.finalize[..., Brought] | None = None

    @property
    def root(self) -> Path:
        """Where they lie; gone with the session, unless a project is made of them."""
        if self._root is None:
            self._root = shelf.private_folder()
            self._sweep = weakref.finalize(self, shutil.rmtree, self._root, ignore_errors=True)
        return self._root

    def take_video(self, files: list[File]) -> None:
        """Keep the video that came last."""
        self.problems = []
        name = file_name(files[-1][0]) or "video"
        if Path(name).suffix.lower() not in VIDEOS:
            self.problems = [f"{name}: not a video that is known here; bring one of {', '.join(VIDEOS)}."]
            return
        if self.video:
            self.video.unlink(missing_ok=True)
        self.video = self._write(name, files[-1][1])

    def take_boxes(self, files: list[File]) -> None:
        """Keep a table of boxes."""
        self.problems = []
        self.boxes = self._write(f"boxes{Path(file_name(files[-1][0])).suffix.lower() or '.csv'}", files[-1][1])

    def take_gaze(self, files: list[File]) -> None:
        """Keep the files of a recording, those of zips unpacked, in the place of what came before."""
        place = self.root / "project" / shelf.GAZE
        self.problems, self.gaze = lay_gaze(place, files)

    def _write(self, name: str, content: bytes) -> Path | None:
        path = self.root / name
        try:
            path.write_bytes(content)
        except OSError as error:
            self.problems = [f"{name}: cannot be kept ({error.strerror}); bring it when there is more room."]
            return None
        return path

    def start(self, recipe: Recipe) -> shelf.Kept:
        """Hand everything to the shelf, where the project is made.

        Raises:
            GazeError: There is no room.
        """
        root = self.root
        if self._sweep:
            self._sweep.detach()
        return shelf.make(recipe.video.stem, root, recipe)


def lay_gaze(place: Path, files: list[File]) -> tuple[list[str], list[str]]:
    """Lay a recording into its folder, in the place of an earlier one; problems, and the names of what came.

    Where nothing of it can be had, the earlier one stays.
    """
    new = place.with_name(f"{place.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    laid = FolderOfFiles(new)
    laid.lay(files)
    if any(path.is_file() for path in new.rglob("*")):
        shutil.rmtree(place, ignore_errors=True)
        new.rename(place)
    shutil.rmtree(new, ignore_errors=True)
    return [problem.replace(f"{new}/", "") for problem in laid.problems], [file_name(name) for name, _ in files]


def brought() -> Brought:
    """What this session brought for the next project."""
    if SLOT not in st.session_state:
        st.session_state[SLOT] = Brought()
    kept: Brought = st.session_state[SLOT]
    return kept


def start_page() -> None:
    """Bring a video, or open a project."""
    kept = brought()
    st.markdown(
        "**Bring the video of eye-tracking glasses, and its gaze.** The things in it are found and followed. You say "
        "what a few of them are, and all others are told from these. Files stay on the machine that runs this app."
    )
    left, right = st.columns(2)
    uploader("Video", "annotate-video", kept.take_video, at=left, max_upload_size=MOST_BYTES // MB)
    if kept.video:
        left.markdown(f":material/check: {plain(kept.video.name)}, {kept.video.stat().st_size / MB:.1f} MB")
    words = "The files of the eye tracker, also as a zip, or a table time_ms, x, y in pixels of the video."
    uploader("Gaze", "annotate-gaze", kept.take_gaze, at=right, many=True, help=words)
    if kept.gaze:
        right.markdown(f":material/check: {plain(', '.join(kept.gaze[:5]))}")
    details(kept)
    if st.button("Find the things in the video", type="primary", icon=":material/search:", key="annotate-start"):
        start(kept)
    for problem in kept.problems:
        st.error(plain(problem), icon=":material/error:")
    st.caption(ELSEWHERE)
    go_on()


def details(kept: Brought) -> None:
    """What most people need not change."""
    with st.expander("Details", icon=":material/tune:"):
        left, right = st.columns(2)
        left.number_input(
            "Pictures a second that are looked at", 1.0, 30.0, 5.0, 1.0, key="annotate-fps", persist_state="session"
        )
        right.number_input(
            "Seconds to add to the clock of the gaze",
            value=0.0,
            step=0.1,
            key="annotate-offset",
            persist_state="session",
            help="Where the recording began before or after the video. It can be changed later.",
        )
        uploader(
            "Boxes of your own (optional)",
            "annotate-boxes",
            kept.take_boxes,
            type=["csv", "tsv"],
            help="A table time_ms, x, y, width, height of another program, in the place of the things that are found.",
        )
        if kept.boxes:
            st.markdown(":material/check: Boxes are taken from your table.")


def start(kept: Brought) -> None:
    """Begin to make the project, or say what is lacking."""
    kept.problems = []
    model = finder_model()
    if kept.video is None:
        kept.problems = ["There is no video; bring one first."]
    elif model is None:
        kept.problems = ["No model that finds things is installed; export tempsal with `gaze export`."]
    else:
        recipe = Recipe(
            kept.video,
            shelf.gaze_in(kept.root / "project"),
            st.session_state["annotate-fps"],
            st.session_state["annotate-offset"],
            str(kept.boxes or FOUND),
            model,
        )
        try:
            made = kept.start(recipe)
        except GazeError as error:
            kept.problems = [str(error)]
            return
        del st.session_state[SLOT]
        enter(Room(made.name, kept=made))
        st.rerun()


def finder_model() -> str | None:
    """The file of the model whose look tells things apart: the usual one if it is there."""
    sound = widgets.readable()[0]
    found = {path.stem: path for path in widgets.models_of(saliency.TASK).values() if sound[path].features}
    usual = [name for name in saliency.TASK.default_models if name in found]
    return str(found[(usual or list(found))[0]]) if found else None


def go_on() -> None:
    """Open a project that is there: named when the app was started, or taken home as a zip."""
    st.header("Go on with a project")
    folders = named()
    row = st.container(horizontal=True)
    for number, (name, folder) in enumerate(folders.items()):
        key = f"annotate-open-{number}"
        if row.button(plain(name), icon=":material/folder_open:", key=key):
            try:
                enter(Room(name, desk=open_desk(folder.resolve())))
            except GazeError as error:
                st.error(plain(str(error).replace(str(folder), name)), icon=":material/error:")
            else:
                st.rerun()
    uploader(
        "A project that you took home (zip)",
        "annotate-zip",
        _unpack,
        type="zip",
        max_upload_size=MOST_BYTES // MB,
        help="What “Project” under “Downloads” gave you.",
    )
    for problem in st.session_state.pop("annotate-zip-problems", []):
        st.error(plain(problem), icon=":material/error:")


def _unpack(files: list[File]) -> None:
    name, content = files[-1]
    try:
        enter(Room(Path(file_name(name)).stem, kept=shelf.unpack(file_name(name), content)))
    except GazeError as error:
        st.session_state["annotate-zip-problems"] = [str(error)]
