"""What one round says of the gaze, and its files: made when somebody asks, gone with the round."""

import shutil
import tempfile
import weakref
from functools import cached_property
from pathlib import Path

from annotation.project import Project
from annotation.results import Results
from annotation.rounds import Prediction


class Outcome:
    """The results of a round of a project; whoever asks holds the project's lock."""

    def __init__(self, project: Project, prediction: Prediction) -> None:
        self._project, self._prediction = project, prediction

    @cached_property
    def results(self) -> Results:
        """Which thing was looked at when."""
        return self._project.results(self._prediction)

    @cached_property
    def folder(self) -> Path:
        """A private folder with the files of the results, which goes with this.

        Raises:
            GazeError: There is no room.
        """
        folder = Path(tempfile.mkdtemp(prefix="gaze-annotate-"))  # 0700
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.results.write(folder)
        return folder

    def files(self, name: str) -> list[tuple[str, bytes]]:
        """A file of the results, or all of a folder of them: names that begin with `name`, and contents.

        Raises:
            GazeError: There is no room.
        """
        place = self.folder / name
        paths = [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.is_file())
        return [(path.relative_to(self.folder).as_posix(), path.read_bytes()) for path in paths]
