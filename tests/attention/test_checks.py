"""Errors that name the argument, its shape and what was expected; and which implementation is taken."""

import subprocess
import sys

import pytest
import torch

from attention import _checks


def test_a_named_letter_is_one_number_everywhere() -> None:
    q, k = torch.zeros(2, 3, 4), torch.zeros(2, 7, 4)
    assert _checks.shapes({"q": (q, "b n d"), "k": (k, "b m d"), "mask": (None, "b m")}) == {
        "b": 2,
        "n": 3,
        "d": 4,
        "m": 7,
    }
    with pytest.raises(ValueError, match=r"k is \(2, 7, 4\); it must be \(b, n, d\) with b = 2, n = 3, d = 4\."):
        _checks.shapes({"q": (q, "b n d"), "k": (k, "b n d")})
    with pytest.raises(ValueError, match=r"q is \(2, 3, 4\); it must be \(b, n\)\."):
        _checks.shapes({"q": (q, "b n")})
    with pytest.raises(ValueError, match=r"q is \(2, 3, 4\); it must be \(b, n, 5\)\."):
        _checks.shapes({"q": (q, "b n 5")})


def test_one_fits_a_letter_that_may_be_one_and_does_not_name_it() -> None:
    mask, q = torch.zeros(1, 3), torch.zeros(2, 3)
    assert _checks.shapes({"mask": (mask, "#b n"), "q": (q, "b n")}) == {"n": 3, "b": 2}
    with pytest.raises(ValueError, match=r"mask is \(1, 3\); it must be \(b or 1, n\) with b = 2, n = 4"):
        _checks.shapes({"q": (torch.zeros(2, 4), "b n"), "mask": (mask, "#b n")})


def test_numbers_masks_and_devices_are_asked_for() -> None:
    with pytest.raises(ValueError, match=r"q is torch.int64; it must be a floating point tensor"):
        _checks.alike(q=torch.zeros(1, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"v is torch.float32 on meta; it must be as q, torch.float32 on cpu"):
        _checks.alike(q=torch.zeros(1), v=torch.zeros(1, device="meta"))
    with pytest.raises(ValueError, match=r"mask is torch.int64; it must be torch.bool, true where a key may be seen"):
        _checks.truth(mask=torch.zeros(1, dtype=torch.int64))


def test_a_named_implementation_is_used_or_fails() -> None:
    q = torch.zeros(1)
    assert not _checks.triton("auto", q)
    assert not _checks.triton("reference", q)
    assert _checks.triton("triton", q)
    with pytest.raises(ValueError, match=r"impl='triton' cannot do this"):
        _checks.triton("triton", q, possible=False)
    with pytest.raises(ValueError, match=r"q is torch.float64; the Triton twin takes float32, float16 and bfloat16"):
        _checks.triton("triton", q.double())
    with pytest.raises(ValueError, match=r"impl is 'fast'; it must be 'auto', 'reference' or 'triton'"):
        _checks.triton("fast", q)  # type: ignore[arg-type]


@pytest.mark.slow
def test_without_triton_its_twin_is_missed_and_everything_else_works() -> None:
    code = """
import sys
sys.modules["triton"] = None
import torch
from attention.operators.sigmoid import sigmoid_attention
q = torch.zeros(1, 1, 2, 4)
assert sigmoid_attention(q, q, q).shape == q.shape
try:
    sigmoid_attention(q, q, q, impl="triton")
except ModuleNotFoundError:
    sys.exit(7)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 7
