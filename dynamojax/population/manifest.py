"""What a data set is to be and which of its shards are finished, with their checksums.

`manifest.json` is written once, before the first shard; `shards.jsonl` gets a line when a shard lies complete
under its name. Neither says when or where: an interrupted and resumed data set is the same, byte for byte.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from dynamojax.writing import replacing

FORMAT = "dynamojax data set"
FORMAT_VERSION = 1
MANIFEST, JOURNAL, SHARDS = "manifest.json", "shards.jsonl", "data"
SUFFIXES = {"parquet": "parquet", "hdf5": "h5"}
MOST_SHARDS = 99_999  # five digits, as the names that Hugging Face's loader looks for have


@dataclass(frozen=True)
class Shard:
    """A file of the data set: stars first to first + n_stars - 1."""

    index: int
    name: str
    first: int
    n_stars: int


@dataclass(frozen=True)
class Record:
    """A finished shard.

    Attributes:
        index: Its number.
        name: Of the file, relative to the data set.
        n_stars: Rows.
        n_valid: Rows whose star is valid.
        n_bytes: Of the file.
        sha256: Of the file.
    """

    index: int
    name: str
    n_stars: int
    n_valid: int
    n_bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a data set is to be.

    Attributes:
        digest: Of configuration and inputs.
        configuration: Checked values, defaults included, by section.
        inputs: Digests of files that the configuration refers to, grids included.
        n_stars: Of the whole data set.
        shard_stars: Of each shard but the last.
        file_format: parquet or hdf5.
        row_group: Rows that lie together in a Parquet file.
        sizes: Room that the simulator was given for what the prior draws.
        columns: By name: dtype, shape, unit, help, axis, group.
        made_with: Versions, and the platform of the devices.
        text: The configuration as it was written.
    """

    digest: str
    configuration: dict
    inputs: dict
    n_stars: int
    shard_stars: int
    file_format: str
    row_group: int
    sizes: dict
    columns: dict
    made_with: dict
    text: str = ""

    @property
    def n_shards(self) -> int:
        """Number of files."""
        return -(-self.n_stars // self.shard_stars)

    def shard(self, index: int) -> Shard:
        """One of the files; the names are those that Hugging Face's loader takes for a split."""
        name = f"train-{index:05d}-of-{self.n_shards:05d}.{SUFFIXES[self.file_format]}"
        first = index * self.shard_stars
        return Shard(index, f"{SHARDS}/{name}", first, min(self.shard_stars, self.n_stars - first))


def digest_of(configuration: dict, inputs: dict) -> str:
    """Of what determines the data."""
    text = json.dumps([configuration, inputs], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(path: str | Path) -> str:
    """SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Begin a data set."""
    content = {"format": FORMAT, "format_version": FORMAT_VERSION} | asdict(manifest)
    _write(folder / MANIFEST, json.dumps(content, indent=1) + "\n")


def _write(path: Path, text: str) -> None:
    try:
        with replacing(path) as part:
            part.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ValueError(unwritable(path.parent, error)) from None


def read_manifest(folder: str | Path) -> Manifest:
    """What `write_manifest` wrote.

    Raises:
        ValueError: no data set, a damaged or a newer one.
    """
    path = Path(folder) / MANIFEST
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        found, version = content.pop("format"), content.pop("format_version")
        if found != FORMAT or version > FORMAT_VERSION:
            raise ValueError(
                f"{path}: format = {found!r} {version}, this release reads {FORMAT!r} to {FORMAT_VERSION}; "
                "update dynamojax or give another folder"
            )
        return Manifest(**{field.name: content[field.name] for field in fields(Manifest)})
    except (FileNotFoundError, NotADirectoryError):
        raise ValueError(f"{folder} is not a data set: it has no {MANIFEST}; give its folder") from None
    except (OSError, AttributeError, KeyError, TypeError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is damaged ({error!r}); put a copy of it back, or begin anew") from None


def append_record(folder: Path, record: Record) -> None:
    """Note that a shard is finished; on disk when this returns."""
    with open(folder / JOURNAL, "a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(record)) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_records(folder: str | Path) -> dict[int, Record]:
    """Finished shards by number. A line that a crash cut short counts as not written."""
    try:
        lines = (Path(folder) / JOURNAL).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return {}
    records = {}
    for line in lines:
        try:
            record = Record(**json.loads(line))
        except (TypeError, json.JSONDecodeError):
            continue
        records[record.index] = record
    return records


def write_records(folder: Path, records: dict[int, Record]) -> None:
    """All at once, in order."""
    lines = [json.dumps(asdict(records[index])) for index in sorted(records)]
    _write(folder / JOURNAL, "".join(f"{line}\n" for line in lines))


def checked_records(
    folder: Path, manifest: Manifest, tell: Callable[[int, int], None] = lambda done, total: None
) -> tuple[dict[int, Record], list[str]]:
    """Finished shards that are what they were, and what is wrong with the others.

    Args:
        folder: The data set.
        manifest: Its own.
        tell: Called with how many have been looked at, of how many.
    """
    noted = sorted(read_records(folder).items())
    records, problems = {}, []
    for i, (index, record) in enumerate(noted):
        problem = _problem(folder, manifest, record)
        if problem:
            problems.append(f"shard {index} ({record.name}) {problem}")
        else:
            records[index] = record
        tell(i + 1, len(noted))
    return records, problems


def _problem(folder: Path, manifest: Manifest, record: Record) -> str:
    path = folder / record.name
    if not 0 <= record.index < manifest.n_shards or record.name != manifest.shard(record.index).name:
        return "is not one of this data set"
    if not path.exists():
        return "is missing"
    if path.stat().st_size != record.n_bytes:
        return f"has {path.stat().st_size} bytes instead of {record.n_bytes}"
    return "" if file_digest(path) == record.sha256 else "does not have its checksum"


def differences(old: dict, new: dict, prefix: str = "") -> list[str]:
    """What differs between two configurations, one line a value."""
    return [
        line
        for name in sorted(set(old) | set(new))
        for line in _difference(old.get(name), new.get(name), f"{prefix}{name}")
    ]


def _difference(before, after, name: str) -> list[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        return differences(before, after, f"{name}.")
    if _are_tables(before) and _are_tables(after):
        lines = [] if len(before) == len(after) else [f"{name}: {len(before)} became {len(after)}"]
        pairs = enumerate(zip(before, after, strict=False))
        return lines + [line for i, pair in pairs for line in _difference(*pair, f"{name}[{i}]")]
    return [] if before == after else [f"{name}: {before!r} became {after!r}"]


def _are_tables(value) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def unwritable(folder: Path, error: OSError) -> str:
    """The text of an error about a folder."""
    return (
        f"{folder} cannot be written to ({error.strerror}); make room or make it writable, or choose another "
        "folder with --output"
    )


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Nobody else writes this data set in the meantime; the lock ends with the process, however it ends.

    Makes the folder.

    Raises:
        ValueError: another process writes it, or the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(unwritable(folder, error)) from None
    try:
        import fcntl
    except ImportError:  # not a POSIX system
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(
                f"{folder} is being written by another process; wait for it, or end it"
            ) from None
        except OSError:  # a file system without locks
            pass
        yield
    finally:
        os.close(handle)
