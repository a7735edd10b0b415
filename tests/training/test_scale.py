"""Training in several processes, started as docs/scale.md says: by torchrun, and by SLURM as far as it can be acted.

What two machines see of each other is acted on one: each has processes, ranks and addresses as there.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from data.synthetic import scenes as synthetic_scenes

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
TRAIN = ("-m", "app.cli.main", "train", "tempsal-tiny", "--data.root", "set")
CPUS = ("--trainer.strategy", "ddp", "--trainer.accelerator", "cpu")
TIME_OUT = 240
EPOCHS = 12  # of two steps: 18 pictures, 9 a process, batches of 8
LAST = "runs/tempsal-tiny/000/checkpoints/last.ckpt"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a tiny set, in which runs are made."""
    synthetic_scenes.write(tmp_path / "set", 30, seed=3, viewers=4)
    return tmp_path


def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def started(place: Path, *command: str, **environment: str) -> subprocess.Popen[str]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("SLURM_")}
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=place,
        env={**inherited, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(*processes: subprocess.Popen[str], status: int = 0) -> list[str]:
    """What processes have said by their end."""
    said = [process.communicate(timeout=TIME_OUT)[0] for process in processes]
    assert [process.returncode for process in processes] == [status] * len(processes), said[0][-3000:]
    return said


def steps(place: Path, run: str = "000") -> int:
    """Of the optimiser, as the last checkpoint says; there is one run for all processes."""
    checkpoint = torch.load(place / "runs" / "tempsal-tiny" / run / "checkpoints" / "last.ckpt", weights_only=True)
    return int(checkpoint["global_step"])


def runs(place: Path) -> list[str]:
    return sorted(path.name for path in (place / "runs" / "tempsal-tiny").iterdir())


def interrupted(place: Path, *processes: subprocess.Popen[str]) -> tuple[list[str], int]:
    """What is said when processes are asked to stop after their first epoch, and the steps until then."""
    limit = time.monotonic() + TIME_OUT
    while not (place / LAST).exists() and time.monotonic() < limit:
        time.sleep(0.1)
    for process in processes:
        process.send_signal(signal.SIGTERM)
    said = [process.communicate(timeout=TIME_OUT)[0] for process in processes]
    assert f"Go on with: --ckpt_path {LAST}" in "".join(said)
    assert 2 <= steps(place) < 2 * EPOCHS
    return said, steps(place)


def test_torchrun_trains_stops_when_it_is_asked_to_and_goes_on(place: Path) -> None:
    launch = ("-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_port", str(port()))
    command = (*launch, *TRAIN, *CPUS, "--trainer.devices", "2", "--trainer.max_epochs", str(EPOCHS))
    said, _ = interrupted(place, started(place, *command))
    assert "MEMBER: 2/2" in said[0]
    ended(started(place, *command, "--ckpt_path", LAST))
    assert (runs(place), steps(place, "001")) == (["000", "001"], 2 * EPOCHS)


def test_torchrun_trains_on_two_machines(place: Path) -> None:
    meeting = ("--rdzv_backend", "c10d", "--rdzv_endpoint", f"127.0.0.1:{port()}", "--rdzv_id", "gaze")
    launch = ("-m", "torch.distributed.run", "--nnodes", "2", "--nproc_per_node", "1", *meeting)
    flags = (*CPUS, "--trainer.devices", "1", "--trainer.num_nodes", "2", "--trainer.max_epochs", "1")
    said = ended(*(started(place, *launch, *TRAIN, *flags) for _ in range(2)))
    assert any("MEMBER: 2/2" in text for text in said)
    assert (runs(place), steps(place)) == (["000"], 2)


def slurm(place: Path, nodes: int, *flags: str) -> list[subprocess.Popen[str]]:
    """Two tasks, as srun starts them: all that they know of each other is in the environment."""
    job = {
        "SLURM_JOB_ID": str(10_000 + port() % 5_000),  # of which Lightning makes the port
        "SLURM_JOB_NAME": "gaze",
        "SLURM_NTASKS": "2",
        "SLURM_NTASKS_PER_NODE": str(2 // nodes),
        "SLURM_NNODES": str(nodes),
        "SLURM_NODELIST": "127.0.0.1",
    }
    fitting = (*CPUS, "--trainer.devices", str(2 // nodes), "--trainer.num_nodes", str(nodes))
    tasks = []
    for rank in range(2):
        own = {
            "SLURM_PROCID": str(rank),
            "SLURM_LOCALID": str(rank * (2 - nodes)),
            "SLURM_NODEID": str(rank * (nodes - 1)),
        }
        tasks.append(started(place, *TRAIN, *fitting, *flags, **job, **own))
    return tasks


@pytest.mark.parametrize("nodes", [1, 2])
def test_tasks_of_slurm_train_together(place: Path, nodes: int) -> None:
    said = ended(*slurm(place, nodes, "--trainer.max_epochs", "1"))
    assert any("MEMBER: 2/2" in text for text in said)
    assert (runs(place), steps(place)) == (["000"], 2)


def test_tasks_of_slurm_save_themselves_when_their_time_is_over_and_go_on(place: Path) -> None:
    tasks = slurm(place, 1, "--trainer.max_epochs", str(EPOCHS))
    interrupted(place, *tasks)  # as `#SBATCH --signal=TERM@120` does
    assert [task.returncode for task in tasks] == [130, 130]
    ended(*slurm(place, 1, "--trainer.max_epochs", str(EPOCHS), "--ckpt_path", LAST))
    assert (runs(place), steps(place, "001")) == (["000", "001"], 2 * EPOCHS)
