"""Kernels run in Triton's interpreter where there is no GPU, and on memory that is poisoned before it is theirs."""

import os
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor


def _poisoned(make: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def fresh(*args: Any, **kwargs: Any) -> Tensor:
        memory = make(*args, **kwargs)
        if memory.is_floating_point():
            return memory.fill_(float("nan"))
        return memory if memory.dtype is torch.bool else memory.fill_(torch.iinfo(memory.dtype).max // 2)

    return fresh


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fresh memory holds NaN, so that what a kernel leaves out is seen."""
    for name in ("empty", "empty_like"):
        monkeypatch.setattr(torch, name, _poisoned(getattr(torch, name)))


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> str:
    """Where the kernels run: on the CPU in Triton's interpreter, or compiled on a GPU."""
    pytest.importorskip("triton", reason="Triton is not installed here")
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    if request.param == "cpu" and os.environ.get("TRITON_INTERPRET") != "1":
        pytest.skip("Triton compiles here: the cuda cases run instead")
    return str(request.param)
