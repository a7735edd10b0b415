"""Nothing is sent anywhere: ONNX Runtime's own reports are off, whichever of our modules loads it."""

import os
import subprocess
import sys
from pathlib import Path

from tests import toy_model as toy

ROOT = Path(__file__).parents[2]
SCRIPT = """
import sys
from pathlib import Path
from export.runtime.saliency import Predictor
Predictor(Path(sys.argv[1]), look=None)
"""


def test_onnx_runtime_does_not_prepare_to_report(tmp_path: Path) -> None:
    model, folder = toy.write(tmp_path / "toy.onnx"), tmp_path / "tmp"
    folder.mkdir()
    known = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    known |= {"TMPDIR": str(folder), "HOME": str(folder), "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", SCRIPT, str(model)], check=True, env=known, timeout=60)
    assert list(folder.iterdir()) == []  # else there is .ses, the number by which a machine is known again
