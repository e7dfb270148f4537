"""Open an HDF5 file of our own, or say what is wrong with it; on the bottom layer, like `writing`."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py


@contextmanager
def reading(path: Path, kind: str, version: int, origin: str) -> Iterator[Any]:
    """An open file; what goes wrong inside the block because of its bytes is a ValueError that names it.

    Args:
        path: Of the file.
        kind: What its attribute `format` has to be.
        version: The `format_version` that this release reads.
        origin: How to come by such a file, for the error where there is none.

    Raises:
        ValueError: no such file, another kind of file, another version, or a damaged one.
    """
    if not path.exists():
        raise ValueError(f"path = {path} does not exist; {origin}")
    try:
        with h5py.File(path, "r") as file:
            _check_format(path, file.attrs, kind, version)
            yield file
    except PermissionError as error:
        raise ValueError(f"{path} cannot be read ({error}); change its permissions") from error
    except (OSError, KeyError, RuntimeError) as error:
        raise ValueError(f"{path} is damaged or not HDF5 ({error}); fetch or build it again") from error


def _check_format(path: Path, attributes: Mapping, kind: str, version: int) -> None:
    found, number = attributes.get("format"), attributes.get("format_version", 0)
    if found != kind:
        raise ValueError(f"{path}: format = {found!r}, expected {kind!r}; this is another kind of file")
    if number != version:
        raise ValueError(
            f"{path}: format_version = {number}, this release reads {version}; "
            "update dynamojax or build the file again"
        )
