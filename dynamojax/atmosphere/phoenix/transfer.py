"""One file over HTTP: resumed where it stopped, checked before it takes its name, retried with patience.

pooch and its like start a file anew after every interruption, under a random name; these files are
many, and a transfer of hours is interrupted. Only the standard library is used.
"""

import hashlib
import http.client
import json
import math
import os
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from dynamojax.atmosphere.phoenix import web
from dynamojax.atmosphere.phoenix.web import Failure, Hole, Remote, Retry, Stale


@dataclass(frozen=True)
class Patience:
    """How long to try.

    Attributes:
        timeout: Without a byte, or with less than `slowest` on average, for this long is a failure. [s]
        slowest: [byte/s]
        attempts: Failures in a row without progress, at each address, before giving up.
        first_wait: Before the second attempt; each further wait is twice as long, half as long to one and a
            half times as long by chance. [s]
        longest_wait: [s]
        longest_request: Longest Retry-After that is waited for. [s]
    """

    timeout: float = 30.0
    slowest: float = 1024.0
    attempts: int = 5
    first_wait: float = 1.0
    longest_wait: float = 60.0
    longest_request: float = 600.0

    def __post_init__(self):
        if not 0 < self.timeout < math.inf:
            raise ValueError(f"timeout = {self.timeout} s must be positive and finite")


@dataclass(frozen=True)
class Arrived:
    """A file that is complete and checked."""

    url: str
    size: int
    sha256: str
    remote: Remote


class Stopped(Exception):
    """Someone asked to stop."""


Progress = Callable[[int], None]
Check = Callable[[Path], None]


def download(
    urls: Sequence[str],
    path: Path,
    check: Check,
    patience: Patience,
    progress: Progress = lambda n_bytes: None,
    stop: threading.Event | None = None,
) -> Arrived:
    """Fetch a file from the first address that gives it.

    What has arrived lies in PATH.part, and beside it what the server said of the file: the next attempt, in
    this process or a later one, asks for the rest on the condition that the file is still the same.

    Args:
        urls: Addresses of the same file, the preferred one first.
        path: It takes this name when it is complete and `check` has passed.
        check: Raises ValueError if the content of a complete file is not what it should be.
        patience: When to give up.
        progress: Told of every number of bytes; a negative one when they are thrown away.
        stop: When it is set, `Stopped` is raised and what has arrived is kept.

    Raises:
        Hole: every address says that there is no such file.
        Failure: saying what each address did.
        Stopped: `stop` was set.
    """
    stop = stop or threading.Event()
    transfer = _Transfer(path, check, patience, progress, stop)
    failures = []
    for url in urls:
        try:
            return transfer.persist(url)
        except Hole:
            continue
        except Failure as failure:
            # Without the file's own folder and name: of many files, the reason is then one.
            address = url.removesuffix("/".join(path.parts[-2:])).rstrip("/")
            failures.append(f"{address}: {failure}")
    if failures:
        raise Failure("; ".join(failures))
    raise Hole


class _Transfer:
    """A file on its way: its part, what is known of it, and how to go on."""

    def __init__(
        self, path: Path, check: Check, patience: Patience, progress: Progress, stop: threading.Event
    ):
        self.path, self.check, self.patience = path, check, patience
        self.progress, self.stop = progress, stop
        self.part = path.with_name(path.name + ".part")
        self.notes = path.with_name(path.name + ".part.json")

    def persist(self, url: str) -> Arrived:
        """Attempt until it is there, or nothing has come for `patience.attempts` attempts."""
        failed, wait, furthest = 0, self.patience.first_wait, self._size()
        while True:
            try:
                remote = self._attempt(url)
                return self._finish(url, remote)
            except Retry as retry:
                # Further than ever, or a server that always cuts, or always spoils, would be asked for ever.
                gained = self._size() > furthest
                failed = 1 if gained else failed + 1
                wait = self.patience.first_wait if gained else wait
                furthest = max(furthest, self._size())
                if isinstance(retry, Stale):
                    self.forget()
                if failed >= self.patience.attempts:
                    raise Failure(f"{retry}, after {failed} attempts") from None
                if retry.wait is not None and retry.wait > self.patience.longest_request:
                    raise Failure(f"{retry}; it asks to come back in {retry.wait:.0f} s") from None
                self._sleep(random.uniform(0.5, 1.5) * wait if retry.wait is None else retry.wait)
                wait = min(2.0 * wait, self.patience.longest_wait)

    def _sleep(self, seconds: float) -> None:
        if self.stop.wait(seconds):
            raise Stopped

    def _size(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _known(self) -> Remote:
        """What the server said of the part, or nothing."""
        try:
            return Remote(**json.loads(self.notes.read_text()))
        except (OSError, ValueError, TypeError):
            return Remote()

    def forget(self) -> None:
        """Throw away what has arrived."""
        self.progress(-self._size())
        self.part.unlink(missing_ok=True)
        self.notes.unlink(missing_ok=True)

    def _attempt(self, url: str) -> Remote:
        """One request, for what is missing if that can be told, else for all of it."""
        known, have = self._known(), self._size()
        if have and (known.validator is None or known.length is None or have > known.length):
            self.forget()  # it could not be told whether the rest belongs to it
            have = 0
        if have and have == known.length:
            return known
        rest = {"Range": f"bytes={have}-", "If-Range": known.validator} if have and known.validator else {}
        with web.request(url, rest, self.patience.timeout, "GET") as response:
            if response.status == 206:
                if not web.continues(response, have, known):
                    raise Stale("the server sent another part than was asked for")
                remote = known
            else:
                if have:
                    self.forget()
                remote = web.remote(response)
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self.notes.write_text(json.dumps(asdict(remote)))
            self._receive(response)
        return remote

    def _receive(self, response: http.client.HTTPResponse) -> None:
        begin, got = time.monotonic(), 0
        with open(self.part, "ab") as file:
            while block := _read(response):
                file.write(block)
                self.progress(len(block))
                if self.stop.is_set():
                    raise Stopped
                got, waited = got + len(block), time.monotonic() - begin
                if waited > self.patience.timeout:
                    if got < self.patience.slowest * waited:
                        raise Retry(f"only {got} bytes in {waited:.0f} s")
                    begin, got = time.monotonic(), 0

    def _finish(self, url: str, remote: Remote) -> Arrived:
        """Check the part and give it its name."""
        size = self._size()
        if remote.length is not None and size < remote.length:
            raise Retry(f"cut off after {size} of {remote.length} bytes")
        try:
            self.check(self.part)
        except ValueError as error:
            raise Stale(f"what arrived is unusable ({error})") from None
        with open(self.part, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
        os.replace(self.part, self.path)
        self.notes.unlink(missing_ok=True)
        return Arrived(url, size, digest, remote)


def _read(response: http.client.HTTPResponse) -> bytes:
    """What has come; empty at the end."""
    try:
        return response.read1(1 << 18)
    except (OSError, http.client.HTTPException) as error:
        raise Retry(f"cut off ({type(error).__name__}: {error})") from None
