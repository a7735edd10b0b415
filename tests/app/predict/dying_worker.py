"""`gaze predict --engine ray` with workers that die: `python dying_worker.py WORD MARKER [arguments of gaze]`.

A worker dies at once, as by the operating system, when it is about to predict a picture whose name has WORD in it: the
first time only, of which MARKER tells, or each time where MARKER is "always".
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from app.predict.distributed import job
from app.predict.distributed.table import Row
from app.predict.distributed.worker import Worker


class Dying(Worker):
    """Reads what kills it from the environment, which its process has from the one that started Ray."""

    def _row(self, *item: Any) -> Row:
        word, marker = os.environ["DIES_AT"], os.environ["DIED"]
        if word in item[1] and not os.path.exists(marker):
            if marker != "always":
                Path(marker).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super()._row(*item)


if __name__ == "__main__":
    from tests.app.predict import dying_worker

    os.environ["DIES_AT"], os.environ["DIED"] = sys.argv[1:3]
    job.Worker = dying_worker.Dying  # type: ignore[misc]
    sys.argv[1:3] = []
    from app.cli.main import main

    main()
