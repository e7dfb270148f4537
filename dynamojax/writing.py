"""Write a file completely or not at all; on the bottom layer, because grids are written too."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary name in the same folder; it takes the final name only if the block ends well.

    Whatever interrupts the block, an older file of the final name stays as it was. A killed process may
    leave the temporary file, whose name begins with a dot, never a file under the final name.
    """
    path = Path(path)
    part = path.with_name(f"{_part_start(path)}{os.getpid()}{path.suffix}")
    try:
        yield part
        with open(part, "rb") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def is_part(found: Path, path: str | Path) -> bool:
    """Whether a file is one that `replacing` left of a path, its process killed."""
    return found.name.startswith(_part_start(Path(path)))


def _part_start(path: Path) -> str:
    return f".{path.stem}.part"


@contextmanager
def hdf5_file(path: str | Path, **options) -> Iterator[Any]:
    """A new HDF5 file, open for writing; it is made in memory, and written if the block ends well.

    On a full disk the HDF5 library cannot close the file it has open: it tries again when the process ends,
    which ends with a segmentation fault. So it never gets to see the disk.

    Args:
        path: Of the file.
        options: Of h5py.File.
    """
    import h5py

    content = BytesIO()
    with h5py.File(content, "w", **options) as file:
        yield file
    Path(path).write_bytes(content.getbuffer())
