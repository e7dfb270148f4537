"""The folder of downloaded files: what is in it, what is known to be missing, and one process at a time."""

import json
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from dynamojax.atmosphere.phoenix.catalogue import Model
from dynamojax.atmosphere.phoenix.specint import open_specint
from dynamojax.atmosphere.phoenix.transfer import Arrived


class Cache:
    """Downloaded files, and a journal of what arrived and what does not exist, one JSON object a line.

    A journal that is only appended to survives a killed process: at worst its last line is cut, and is
    then not believed.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self.journal = self.folder / "journal.jsonl"
        self._lock = threading.Lock()
        self.sizes: dict[str, int] = {}
        self.holes: set[str] = set()
        self._read()

    def _read(self) -> None:
        if not self.journal.exists():
            return
        for line in self.journal.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                entry = json.loads(line)
                self._learn(entry["path"], entry.get("size"))
            except (ValueError, KeyError, TypeError):
                continue

    def _learn(self, path: str, size: int | None) -> None:
        if size is None:
            self.holes.add(path)
        else:
            self.holes.discard(path)
            self.sizes[path] = int(size)

    def _append(self, entry: dict) -> None:
        with self._lock:
            self._learn(entry["path"], entry.get("size"))
            self.folder.mkdir(parents=True, exist_ok=True)
            with open(self.journal, "ab+") as file:
                # A line that a killed process cut must not swallow this one.
                cut = file.tell() > 0 and file.seek(-1, os.SEEK_END) >= 0 and file.read(1) != b"\n"
                file.write((b"\n" if cut else b"") + json.dumps(entry).encode() + b"\n")

    def arrived(self, model: Model, file: Arrived) -> None:
        """Note a file that is there."""
        about = {"etag": file.remote.etag, "modified": file.remote.modified}
        self._append({"path": model.path, "size": file.size, "sha256": file.sha256, "url": file.url} | about)

    def missing(self, model: Model) -> None:
        """Note that the library does not have this model."""
        self._append({"path": model.path, "hole": True})

    def path(self, model: Model) -> Path:
        """Where the file of a model lies."""
        return self.folder / model.path

    def has(self, model: Model) -> bool:
        """Whether the file is there and whole: of the size that was noted, else by opening it."""
        path = self.path(model)
        if not path.is_file():
            return False
        if model.path in self.sizes:
            return path.stat().st_size == self.sizes[model.path]
        try:
            check_specint(path)
        except ValueError:
            return False
        return True

    def present(self, models: Sequence[Model]) -> list[Model]:
        """Those of the models whose file is there, whatever its content."""
        return [model for model in models if self.path(model).is_file()]


def check_specint(path: Path) -> None:
    """Make sure that a file opens and holds what it should.

    Raises:
        ValueError: naming what is wrong.
    """
    with open_specint(path) as file:
        file.block(0, 1)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the folder against a second process; a killed one leaves no lock behind.

    Raises:
        ValueError: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "a+") as file:
        try:
            _lock(file.fileno())
        except OSError:
            raise ValueError(
                f"another process is downloading to {folder}; wait for it, or choose another --cache"
            ) from None
        yield


def _lock(descriptor: int) -> None:
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # pyright: ignore[reportAttributeAccessIssue]
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
