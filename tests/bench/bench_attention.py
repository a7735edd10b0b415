"""Every attention operator against dense attention: time, memory, and how both grow with the tokens.

    python tests/bench/bench_attention.py [--device cpu|cuda] [--operators NAME ...] [--sizes 12x16,24x32,48x64,96x128]
        [--forward] [--ungated] [--markdown attention/README.md] [--threads 1] [--dtypes float32]

4 heads of width 32, batch 1; also 100 objects (or 60 fixations) in a batch of 100. Rivals, in turns in the same run:
`sdpa`, torch's scaled dot product attention over all tokens, which sees more than a window does; `sdpa+bias`, the same
with a stored matrix, where that computes what ours does; on a GPU `flex`, compiled `flex_attention` with the same score
and mask, whose tables of blocks are made beforehand. Where relational weights learn, the matrix gets a gradient too.
Times are medians, with one thread on a CPU of the time that the process had it. Memory is the peak above what was there
before, outputs and gradients included.

An operator whose tests are red is not reported, nor is a row whose output errs: of up to 64 queries against the formula
in float64, of all against the rival that computes the same. Both make the bench exit with 1. One JSON line a row.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.bench.attention_cases import (
    OF_OBJECTS,
    OPERATORS,
)
from tests.bench.attention_meter import (
    floors,
    peaks,
    times,
)
from tests.bench.attention_rivals import (
    PLAIN,
    Case,
    Draw,
    Place,
    Side,
    flex,
    stored_bias,
    whole,
)
from tests.bench.attention_tables import (
    PASSES,
    Row,
    growth,
    put,
    tables,
)

SIZES = "12x16,24x32,48x64,96x128"
TOLERANCE = {torch.float32: 1e-4, torch.float16: 5e-3, torch.bfloat16: 4e-2}
STORED = 2e9  # bytes of n x m matrices that a plain form may keep
PAIRS = {"cpu": 1.6e8, "cuda": 1e10}  # of query and key in one attention: 96x128 tokens on a CPU
MATRIX = {"cpu": 1.5e7, "cuda": 1e9}  # of them with a stored bias: 48x64 on a CPU

Call = Callable[[], Any]


def forward(side: Side) -> Call:
    def call() -> Tensor:
        with torch.no_grad():
            return side.call()

    return call


def backward(side: Side) -> Call:
    with torch.no_grad():
        out = side.call()
    gradient = torch.randn_like(out)
    return lambda: torch.autograd.grad(side.call(), side.leaves, gradient)


def disagreement(out: Tensor, wanted: Tensor, dtype: torch.dtype) -> str:
    """Empty, or how far the output is from what it should be, in parts of the largest number or of 1."""
    error = (out.double() - wanted.double()).abs().max().item() / max(1.0, wanted.abs().max().item())
    return "" if error <= TOLERANCE[dtype] else f"errs by {error:.1e}"


def size(x: Tensor) -> int:
    """Bytes."""
    return x.numel() * x.element_size()


def least(case: Case, held: dict[str, int], name: str, reach: tuple[float, float]) -> Row:
    """Milliseconds below which no kernel can be: to read and write, and to multiply; five more products backward."""
    q, _, v = case.like()
    products = 2 if name == PASSES[0] else 7
    inputs = sum(map(size, case.ours.leaves)) * (1 if name == PASSES[0] else 2)  # both passes read them
    operations = 2 * products * case.pairs * q.shape[1] * v.shape[3]
    return {"bytes, ms": (inputs + held[name]) / reach[0], "operations, ms": operations / reach[1]}


def why_not(case: Case, device: str) -> str:
    """Empty, or why this row is left out."""
    if device == "cpu" and case.stored > STORED:
        return f"its n x m matrices take {case.stored / 1e9:.1f} GB"
    return "too slow here" if case.pairs > PAIRS[device] else ""


def check(case: Case, dtype: torch.dtype) -> tuple[Tensor, str]:
    """The output, and what is wrong with it."""
    with torch.no_grad():
        out = case.ours.call().flatten(2, -2)
        n = out.shape[2]
        rows = torch.linspace(0, n - 1, min(n, 64), device=out.device).long()
        return out, disagreement(out[:, :, rows], case.expected(rows), dtype)


def others(case: Case, out: Tensor, dtype: torch.dtype, passes: int) -> tuple[dict[str, Side], str]:
    """The rivals that compute the same, and which of them does not; what flex_attention refuses is left out."""
    q, k, _ = case.like()
    if case.mods == PLAIN or q.shape[0] * q.shape[2] * k.shape[2] > MATRIX[q.device.type]:
        return {}, ""
    found = {"sdpa+bias": stored_bias(case)}
    if q.is_cuda:
        side = flex(case)
        try:
            for run in (forward, backward)[:passes]:
                run(side)()
            found["flex"] = side
        except Exception as error:
            print(f"{case.name}, {dtype}: no flex_attention: {str(error).splitlines()[0]}", file=sys.stderr)
    for name, side in found.items():
        wrong = disagreement(forward(side)(), out, dtype)
        if wrong:
            return {}, f"{name} {wrong}"
    return found, ""


def compare(place: Place, names: list[str], dtype: torch.dtype, options: argparse.Namespace) -> Iterator[Row]:
    """The rows of all operators at one place: measured together, so that all take turns with the same rival."""
    draw, dense, device = Draw(dtype, options.device), whole(place), options.device
    reach = floors(dtype) if device == "cuda" else None
    passes = 1 if options.forward else 2
    sides: dict[Any, Side] = {}
    rows: list[tuple[Case, Row, dict[str, Any]]] = []
    for case in (case for name in names for case in OPERATORS[name](place, draw)):
        row: Row = {"operator": case.operator, "case": case.name, "dtype": str(dtype).removeprefix("torch.")}
        row |= {"tokens": place.name, "n": place.n, "b": place.b, "pairs": case.pairs}
        keys: dict[str, Any] = {}
        rows.append((case, row, keys))
        row["left out"], row["wrong"] = why_not(case, device), ""
        if row["left out"]:
            continue
        out, row["wrong"] = check(case, dtype)
        if not row["wrong"]:
            same, row["wrong"] = others(case, out, dtype, passes)
        if row["wrong"]:
            continue
        row["held"] = {PASSES[0]: size(out), PASSES[1]: size(out) + sum(map(size, case.ours.leaves))}
        keys["ours"] = case.name, "ours"
        sides[keys["ours"]] = case.ours
        shape, side = dense(case, draw)
        if shape[0] * shape[2] * shape[3] <= PAIRS[device]:
            keys["sdpa"] = shape
            sides[shape] = side
        for name, side in same.items():
            keys[name] = case.name, name
            sides[keys[name]] = side
    for name in PASSES[:passes] if sides else ():
        calls = {key: (forward if name == "forward" else backward)(side) for key, side in sides.items()}
        memory, first = peaks(calls, device)
        took = times(calls, first, device)
        for case, row, keys in rows:
            row[name] = {side: {"ms": round(took[key], 4), "bytes": memory[key]} for side, key in keys.items()}
            if keys and reach:
                row[name]["floors"] = least(case, row["held"], name, reach)
    yield from (row for _, row, _ in rows)


def green(operator: str, device: str, threads: int) -> bool:
    """Whether the operator's tests pass; on a GPU those of its kernel as well."""
    where = [("not gpu", f"tests/attention/test_{operator}.py")]
    kernel = f"tests/attention/kernels/test_{operator}.py"
    if device == "cuda" and (ROOT / kernel).is_file():
        where.append(("gpu", kernel))
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    for mark, file in where:
        command = [sys.executable, "-m", "pytest", "-q", "-m", mark, file]
        if subprocess.run(command, cwd=ROOT, env=environment, capture_output=True).returncode:
            return False
    return True


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--operators", nargs="+", choices=OPERATORS, default=list(OPERATORS))
    parser.add_argument("--sizes", default=SIZES, help="rows x columns of tokens, with commas")
    parser.add_argument("--forward", action="store_true", help="no gradients")
    parser.add_argument("--ungated", action="store_true", help="without running the tests first, for trying")
    parser.add_argument("--markdown", type=Path, help="file for the table")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--dtypes", help="float32 on a CPU, also float16,bfloat16 on a GPU")
    options = parser.parse_args()
    every = "float32" if options.device == "cpu" else "float32,float16,bfloat16"
    options.dtypes = [getattr(torch, name) for name in (options.dtypes or every).split(",")]
    return options


def places(sizes: str, names: list[str]) -> Iterator[tuple[Place, list[str]]]:
    """Where the operators are measured, and which of them."""
    for given in sizes.split(","):
        h, w = map(int, given.split("x"))
        yield Place(given, 1, h, w), names
    yield Place("100 x 100 objects", 100, 1, 100), [name for name in names if name in OF_OBJECTS]
    yield Place("100 x 60 fixations", 100, 1, 60), [name for name in names if name == "neighborhood"]


def main() -> None:
    """Gate, measure, print."""
    options = parse()
    torch.set_num_threads(options.threads)
    bad = False
    names = []
    for name in options.operators:
        if options.ungated or green(name, options.device, options.threads):
            names.append(name)
        else:
            bad = True
            print(f"{name}: its tests are red; nothing is reported")
    rows: list[Row] = []
    for dtype in options.dtypes:
        found = [row for place, those in places(options.sizes, names) for row in compare(place, those, dtype, options)]
        for row in found:
            if row["wrong"]:
                bad = True
                print(f"{row['case']} at {row['tokens']}: {row['wrong']}; no row")
        found = [row for row in found if not row["wrong"]]
        rows += sorted(found, key=lambda row: names.index(row["operator"]))
    grown = list(growth(rows))
    report = tables(rows, grown, options)
    print(report)
    if options.markdown:
        put(options.markdown, report, options.device)
    also = {"device": options.device, "threads": options.threads, "gated": not options.ungated}
    for bench, lines in (("attention", rows), ("attention growth", grown)):
        for each in lines:
            print(json.dumps({"bench": bench} | each | also))
    sys.exit(bad)


if __name__ == "__main__":
    main()
