"""Stages of a fit that are kept as they end, so that an interrupted one goes on where it was."""

import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from dynamojax.writing import replacing

_FOLDER, _BEGIN = "stages", "begin.json"
PERIOD = "period"
Arrays = dict[str, np.ndarray]


class Stages:
    """Arrays of each stage in a folder of the fit; a stage is there completely or not at all.

    Attributes:
        folder: Of the stages.
        n_found: Stages that were there already.
    """

    def __init__(self, output: Path, digest: str, *, resume: bool):
        """Begin a fit in a folder, or go on with the one that was begun there.

        Raises:
            ValueError: a fit is there and `resume` is not set, or it is of another configuration or version.
        """
        self.folder, self.n_found = output / _FOLDER, 0
        begin = self.folder / _BEGIN
        if not begin.exists() or not self._has_work():
            if not begin.exists() and (output / "fit.h5").exists():
                raise ValueError(
                    f"{output} holds a fit that was finished, without its stages; choose another folder with "
                    "--output"
                )
            self._begin(begin, digest)
            return
        if not resume:
            raise ValueError(
                f"{output} holds a fit that was begun; --resume goes on with it, or choose another folder "
                "with --output"
            )
        made_with, found = _begun(begin)
        if made_with != version("dynamojax"):
            raise ValueError(
                f"{output} was begun with dynamojax {made_with}, this is {version('dynamojax')}: its stages "
                "would not all come from one program; install that version, or choose another folder with "
                "--output"
            )
        if found != digest:
            raise ValueError(
                f"{output} holds a fit of another configuration or other data ({found[:12]}, now "
                f"{digest[:12]}); give the configuration it was begun with, or choose another folder with "
                "--output"
            )

    def _has_work(self) -> bool:
        """Whether there is anything that would be lost: the search for a period takes a second."""
        return any(path.stem != PERIOD for path in self.folder.glob("*.npz"))

    def _begin(self, begin: Path, digest: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / f"{PERIOD}.npz").unlink(missing_ok=True)
        with replacing(begin) as part:
            part.write_text(json.dumps({"dynamojax": version("dynamojax"), "digest": digest}))

    def __call__(self, name: str, make: Callable[[], Arrays]) -> Arrays:
        """Arrays of a stage: those that are kept, or newly made and kept."""
        path = self.folder / f"{name}.npz"
        if path.exists():
            try:
                with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
                    found = dict(kept)
            except (OSError, ValueError, EOFError, BadZipFile) as error:
                raise ValueError(f"{path} is damaged ({error}); delete it and --resume again") from None
            self.n_found += 1
            return found
        made = {key: np.asarray(value) for key, value in make().items()}
        with replacing(path) as part:
            np.savez(part, **made)
        return made


def _begun(path: Path) -> tuple[str, str]:
    """Version of the package that began a fit, and digest of what determines it."""
    try:
        content = json.loads(path.read_text())
        return str(content["dynamojax"]), str(content["digest"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({error}); delete the folder and begin again") from None
