"""Every kernel compiles for the GPUs it is for, on a machine that has none."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import attention.kernels

FOLDER = Path(attention.kernels.__file__).parent
FILES = sorted(path.stem for path in FOLDER.glob("*.py") if "\nKERNELS" in path.read_text())
COMPILE = """
import importlib, json, sys
import triton
from triton.backends.compiler import GPUTarget

def aligned(signature):
    \"\"\"Pointers and strides are multiples of 16, as torch makes them for common sizes.\"\"\"
    places = [(i,) for i, kind in enumerate(signature.values()) if isinstance(kind, str) and kind.startswith("*")]
    tuples = [(i, kind) for i, kind in enumerate(signature.values()) if isinstance(kind, tuple)]
    places += [(i, j) for i, kinds in tuples for j, kind in enumerate(kinds) if kind == "i32"]
    return dict.fromkeys(places, [["tt.divisibility", 16]])

found = []
for file, only, chip in json.loads(sys.argv[1]):
    for name, (kernel, signature, constants) in importlib.import_module(f"attention.kernels.{file}").KERNELS.items():
        if only is None or name in only:
            source = triton.compiler.ASTSource(kernel, signature, constants, aligned(signature))
            made = triton.compile(source, target=GPUTarget("cuda", chip, 32))
            found.append([file, name, chip, len(made.asm["cubin"]), made.metadata.shared])
json.dump(found, sys.stdout)
"""


def compiled(wanted: list[tuple[str, list[str] | None, int]], cache: Path) -> list[Any]:
    """File, kernel, chip, bytes of machine code and of shared memory, from a process that does not interpret."""
    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"} | {"TRITON_CACHE_DIR": str(cache)}
    asked = [sys.executable, "-c", COMPILE, json.dumps(wanted)]
    done = subprocess.run(asked, env=environment, capture_output=True, text=True, cwd=FOLDER.parents[1])
    assert done.returncode == 0, done.stderr[-4000:]
    found: list[Any] = json.loads(done.stdout)
    return found


def test_the_kernels_files_are_found() -> None:
    assert "_flash" in FILES


@pytest.mark.slow
def test_a_kernel_compiles_for_two_generations(tmp_path: Path) -> None:
    pytest.importorskip("triton")
    wanted = {80: "cog forward bf16", 90: "relational forward bf16"}
    found = compiled([("_flash", [name], chip) for chip, name in wanted.items()], tmp_path)
    assert {chip: name for _, name, chip, *_ in found} == wanted
    assert all(code > 0 for *_, code, _ in found)


@pytest.mark.slow
@pytest.mark.parametrize("chip", [80, 90])
def test_all_kernels_compile_and_fit(chip: int, tmp_path: Path) -> None:
    pytest.importorskip("triton")
    found = compiled([(file, None, chip) for file in FILES], tmp_path)
    assert {file for file, *_ in found} == set(FILES)
    for file, name, _, code, shared in found:
        assert code > 0, f"{file}: {name}"
        assert shared <= 99 * 1024, f"{file}: {name} takes {shared} bytes of shared memory"  # the least of sm_8x
