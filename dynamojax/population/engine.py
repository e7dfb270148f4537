"""From a recipe to a data set on disk: shards computed one after the other, written while the next one is.

Finished shards are kept whatever happens; what is resumed is the same data set, byte for byte.
"""

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dynamojax.population import manifest as book
from dynamojax.population.dataset import Arrays, write_shard
from dynamojax.population.manifest import Manifest, Record, Shard
from dynamojax.population.program import Program
from dynamojax.population.recipe import expected_bytes
from dynamojax.population.stars import Row
from dynamojax.writing import is_part

_PROBE = ".probe"  # a file that is there for a moment, to see whether one can be
_NICE = 10  # of the writer: a tenth of a core's time at least


@dataclass
class Report:
    """What a run did.

    Attributes:
        n_stars: Computed and written.
        n_valid: Of them.
        n_bytes: Written.
        seconds: Of all, without compilation.
        waited: Of these, without anything to compute with, because writing was behind.
        writing: Spent by the writer, mostly while the next shard was computed.
    """

    n_stars: int = 0
    n_valid: int = 0
    n_bytes: int = 0
    seconds: float = 0.0
    waited: float = 0.0
    writing: float = 0.0

    def add(self, record: Record) -> None:
        """One shard more."""
        self.n_stars += record.n_stars
        self.n_valid += record.n_valid
        self.n_bytes += record.n_bytes


def computed(
    program: Program, shards: Sequence[Shard], tell: Callable[[int], None]
) -> Iterator[tuple[Shard, Arrays]]:
    """Shards as arrays on the host; devices compute the next chunk while this one is copied.

    Args:
        program: Compiled.
        shards: Which ones, in order.
        tell: Called with the number of stars of each chunk that has arrived.
    """
    calls = [(shard, at) for shard in shards for at in range(0, shard.n_stars, program.chunk)]

    def start(call: tuple[Shard, int]) -> Row:
        shard, at = call
        return program(shard.first + at, shard.first + shard.n_stars - 1)

    arrays: Arrays = {}
    running = start(calls[0]) if calls else {}
    for i, (shard, at) in enumerate(calls):
        rows, running = running, start(calls[i + 1]) if i + 1 < len(calls) else {}
        n = min(program.chunk, shard.n_stars - at)
        if at == 0:
            arrays = {name: np.empty((shard.n_stars, *x.shape[1:]), x.dtype) for name, x in rows.items()}
        for name, values in rows.items():
            arrays[name][at : at + n] = np.asarray(values)[:n]
        del rows
        tell(n)
        if at + n == shard.n_stars:
            yield shard, arrays


def write_all(
    program: Program,
    folder: Path,
    manifest: Manifest,
    about: dict,
    shards: Sequence[Shard],
    tell: Callable[[int], None] = lambda n: None,
) -> Report:
    """Compute and write shards; a thread writes one while the next is computed.

    Args:
        program: Compiled.
        folder: The data set, prepared.
        manifest: Its own.
        about: `dataset.description`.
        shards: Those that are missing.
        tell: Called with the number of stars of each chunk that has been computed.

    Raises:
        OSError: a shard could not be written. Those before it are finished.
    """
    report, begin = Report(), time.perf_counter()

    def write(shard: Shard, arrays: Arrays) -> None:
        started = time.perf_counter()
        record = write_shard(folder, shard, arrays, about, manifest)
        book.append_record(folder, record)
        report.add(record)
        report.writing += time.perf_counter() - started

    def wait(future: Future | None) -> None:
        started = time.perf_counter()
        if future is not None:
            future.result()
        report.waited += time.perf_counter() - started

    last: Future | None = None
    with ThreadPoolExecutor(1, "writer", _step_back) as writer:
        for shard, arrays in computed(program, shards, tell):
            wait(last)
            last = writer.submit(write, shard, arrays)
        wait(last)
    report.seconds = time.perf_counter() - begin
    return report


def _step_back() -> None:
    """Let the writer's thread take what the threads that compute leave, where threads have priorities."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)


def prepare(
    folder: Path,
    manifest: Manifest,
    *,
    resume: bool,
    note: Callable[[str], None] = lambda text: None,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Manifest, list[Shard]]:
    """Make or check the folder of a data set.

    Args:
        folder: The data set.
        manifest: What is wanted.
        resume: Whether to go on with what is there.
        note: Called with what a person should know.
        tell: Called with how many checksums have been looked at, of how many.

    Returns:
        The manifest, as it lies there, and the shards that are missing.

    Raises:
        ValueError: there is one already, it is of another configuration or version, or the folder cannot be
            written to.
    """
    check_free(folder, resume=resume)
    _check_writable(folder)
    if not (folder / book.MANIFEST).exists():
        book.write_manifest(folder, manifest)
        return manifest, [manifest.shard(i) for i in range(manifest.n_shards)]
    there = book.read_manifest(folder)
    _check_same(folder, there, manifest, note)
    _remove_parts(folder)
    records, problems = book.checked_records(folder, there, tell)
    for problem in problems:
        note(f"{problem}; it is made again")
    book.write_records(folder, records)
    return there, [there.shard(i) for i in range(there.n_shards) if i not in records]


def check_free(folder: Path, *, resume: bool) -> None:
    """That a folder can become a data set, or is one that is to be resumed; changes nothing.

    Raises:
        ValueError: it holds a data set that is not to be resumed, or something else.
    """
    begun = (folder / book.MANIFEST).exists()
    if begun and not resume:
        raise ValueError(f"{folder} holds a data set; --resume goes on with it, --output begins another one")
    if not begun and _holds_something(folder):
        raise ValueError(f"{folder} is not empty and no data set; give a new folder with --output")


def _holds_something(folder: Path) -> bool:
    """Whether there is more than a beginning that ended before its manifest lay there, as on a full disk."""
    found = (path for path in folder.rglob("*") if path.name not in (book.SHARDS, _PROBE))
    return any(not is_part(path, book.MANIFEST) for path in found)


def _check_writable(folder: Path) -> None:
    probe = folder / book.SHARDS / _PROBE
    try:
        probe.parent.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ValueError(book.unwritable(folder, error)) from None


def _check_same(folder: Path, there: Manifest, wanted: Manifest, note: Callable[[str], None]) -> None:
    before, now = there.made_with, wanted.made_with
    if before["dynamojax"] != now["dynamojax"]:
        raise ValueError(
            f"{folder} was begun with dynamojax {before['dynamojax']}, this is {now['dynamojax']}: its stars "
            "would not all come from one program; install that version, or begin another data set"
        )
    if there.digest != wanted.digest:
        pairs = ((there.configuration, wanted.configuration), (there.inputs, wanted.inputs))
        lines = [line for old, new in pairs for line in book.differences(old, new)]
        raise ValueError(
            f"{folder} was begun with another configuration; restore it, or begin another data set with "
            "--output. What differs:\n  " + "\n  ".join(lines)
        )
    changed = book.differences(before, now)
    if changed:
        note(
            f"finished shards were made otherwise ({'; '.join(changed)}): the new ones will agree to rounding"
        )


def _remove_parts(folder: Path) -> None:
    """What a killed process left half written."""
    for path in [*folder.glob(".*.part*"), *(folder / book.SHARDS).glob(".*.part*")]:
        path.unlink(missing_ok=True)


def finish(folder: Path, manifest: Manifest) -> None:
    """Put the list of finished shards in order, when none is missing."""
    records = book.read_records(folder)
    if len(records) == manifest.n_shards:
        book.write_records(folder, records)


def missing_space(folder: Path, manifest: Manifest, n_stars: int) -> int:
    """Bytes by which the disk may be too small; 0 or less if it is not."""
    return expected_bytes(manifest, n_stars) - shutil.disk_usage(folder).free
