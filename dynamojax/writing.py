"""Write a file completely or not at all; on the bottom layer, because grids are written too."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary name in the same folder; it takes the final name only if the block ends well.

    Whatever interrupts the block, an older file of the final name stays as it was. A killed process may
    leave the temporary file, whose name begins with a dot, never a file under the final name.
    """
    path = Path(path)
    part = path.with_name(f".{path.stem}.part{os.getpid()}{path.suffix}")
    try:
        yield part
        with open(part, "rb") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
