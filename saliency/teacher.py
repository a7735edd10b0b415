"""What `gaze distill` wrote, as training reads it: densities of training pictures, and changed copies with theirs.

    SET/NAME.npy               log densities (1 + t, g, g') of a training picture, float16
    SET/variants/NAME.K.jpg    its K-th changed copy: other size, place and light, every other one mixed with a picture
    SET/variants/NAME.K.npy    log densities of that copy

A copy teaches what no person was asked about: that the student says of it what its teachers say, function for function
(Beyer et al. 2022, https://arxiv.org/abs/2106.05237).
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Float

from data.errors import GazeError

VARIANTS = "variants"
LEAST = 1e-3  # of a map's mass: with less of it on the picture it says nothing


@dataclass(frozen=True)
class Teacher:
    """What better models say of the pictures in a folder: `folder/NAME.npy`."""

    folder: Path
    share: float  # of a training density

    def maps(
        self, name: str, size: tuple[int, int], matrix: Float[np.ndarray, "2 3"], grid: tuple[int, int]
    ) -> Float[np.ndarray, "m g v"]:
        """Its maps of a picture of `size` on the grid to which `matrix` brings the picture's pixels."""
        log_density = np.load(self.folder / f"{name}.npy").astype(np.float32)
        scale = np.array([size[1] / log_density.shape[2], size[0] / log_density.shape[1]])
        turned = matrix[:, :2] * scale
        # cv2 counts from the centre of the first cell
        shift = turned @ (0.5, 0.5) + matrix[:, 2] - 0.5
        affine = np.hstack([turned, shift[:, None]])
        return np.stack([cv2.warpAffine(np.exp(plane), affine, grid[::-1]) for plane in log_density])

    def check(self, names: list[str], slices: int) -> None:
        """Refuses a folder that lacks pictures, or tells of another number of seconds.

        Raises:
            GazeError: naming one of the pictures, or both numbers.
        """
        lacking = [name for name in names if not (self.folder / f"{name}.npy").exists()]
        if lacking:
            raise GazeError(
                f"data.teacher: {self.folder} lacks the densities of {len(lacking)} training pictures ({lacking[0]}, "
                "...); write them with gaze distill."
            )
        if names:
            count = len(np.load(self.folder / f"{names[0]}.npy", mmap_mode="r"))
            if count != 1 + slices:
                raise GazeError(
                    f"data.teacher: {self.folder} holds {count - 1} seconds beside the whole viewing, but data.slices "
                    f"is {slices}; distill networks with as many."
                )


def variants(folder: Path, names: list[str]) -> int:
    """How many changed copies a set's folder holds of each of these pictures.

    Raises:
        GazeError: There are none, or fewer of some pictures than of others.
    """
    counts = [0] * len(names)
    for number, name in enumerate(names):
        while (folder / VARIANTS / f"{name}.{counts[number]}.npy").exists():
            counts[number] += 1
    least, most = min(counts, default=0), max(counts, default=0)
    if names and (least == 0 or least < most):
        lacking = "no" if least == 0 else f"{least}, and not {most},"
        raise GazeError(
            f"data.variants: {folder / VARIANTS} holds {lacking} changed copies of {names[counts.index(least)]}; write "
            "them with gaze distill --variants, or leave data.variants out."
        )
    return least


def signature(folder: Path, names: list[str], with_variants: bool) -> str:
    """What a set's folder tells of these pictures, as a hash: by which networks, and how many changed copies."""
    told = hashlib.sha256()
    for place in (folder, folder / VARIANTS)[: 1 + with_variants]:
        path = place / "teacher.json"
        told.update(path.read_bytes() if path.is_file() else b"")
    told.update(str(variants(folder, names) if with_variants else 0).encode())
    return told.hexdigest()[:16]


def mixed(
    density: Float[np.ndarray, "m g v"], told: Float[np.ndarray, "m g v"], share: float
) -> Float[np.ndarray, "m g v"]:
    """Densities with a share of a teacher's, map by map; a map that either leaves empty stays as it was."""
    told, there = normalised(told)
    both = there[:, None, None] & (density.sum((1, 2), keepdims=True) > 0)
    return np.where(both, (1 - share) * density + share * told, density).astype(np.float32)


def normalised(told: Float[np.ndarray, "m g v"]) -> tuple[Float[np.ndarray, "m g v"], Bool[np.ndarray, " m"]]:
    """A teacher's maps with a sum of one each, and which of them there are: a moved picture may have lost its mass."""
    mass = told.sum((1, 2), keepdims=True)
    return told / np.maximum(mass, LEAST), mass[:, 0, 0] > LEAST
