"""Folders, names and provenance of the files that are written."""

import os
from importlib.metadata import version
from pathlib import Path

import jax

from dynamojax.writing import replacing as replacing


def prepare_folder(folder: str | Path) -> Path:
    """Make a folder, and make sure that it can be written to.

    Raises:
        ValueError: it cannot.
    """
    folder = Path(folder)
    probe = folder / f".probe{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ValueError(
            f"output.folder = {folder} cannot be written to ({error.strerror}); choose another with --output"
        ) from None
    return folder


def file_stem(*names: str) -> str:
    """A file's name from names of a star, a photometer, a band: what is no letter or digit is a dash."""
    return "_".join("".join(c if c.isalnum() or c in "+-._" else "-" for c in name) for name in names)


def provenance() -> dict[str, str]:
    """Version of the package and where it computes."""
    device = jax.devices()[0]
    return {"version": version("dynamojax"), "jax": jax.__version__, "device": f"{device.device_kind}"}
