"""How commands speak: progress and errors, on standard error."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
_SLOW = 2.0  # [s], from which on a step shows that it is running
_PATIENCE = 30.0  # [s], between lines of a log
_AGAIN = 0.05  # [s]
INTERRUPTED = "interrupted; files that were not complete have been removed"


@contextmanager
def clear_errors(debug: bool, interrupted: str = INTERRUPTED) -> Iterator[None]:
    """An error in what a person gave is one message and exit code 2, not a traceback."""
    try:
        with _interrupts_kept():
            yield
    except (ValueError, OSError) as error:
        if debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        print(interrupted, file=sys.stderr)
        raise typer.Exit(130) from None


@contextmanager
def _interrupts_kept() -> Iterator[None]:
    """A Ctrl-C that falls into a callback, as JAX has one for the collector, comes again: Python drops it."""
    before = sys.unraisablehook

    def again(dropped) -> None:
        if dropped.exc_type is KeyboardInterrupt:
            threading.Timer(_AGAIN, os.kill, (os.getpid(), signal.SIGINT)).start()
        else:
            before(dropped)

    sys.unraisablehook = again
    try:
        yield
    finally:
        sys.unraisablehook = before


def size(n_bytes: int | float) -> str:
    """A number of bytes for people."""
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 999.5:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.3g} TB"


class Steps:
    """Says what is going on, on standard error."""

    def __init__(self, quiet: bool):
        from rich.console import Console

        self.console = Console(stderr=True, quiet=quiet, highlight=False)

    def note(self, text: str) -> None:
        """One line."""
        self.console.print(text, markup=False, soft_wrap=True)

    @contextmanager
    def step(self, text: str) -> Iterator["Step"]:
        """A spinner with a clock while the block runs, then how long it took if that was long."""
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
        begin = time.monotonic()
        silent = not self.console.is_terminal  # in a log there is one line for each step, no spinner
        if silent:
            self.note(f"{text} ...")
        with Progress(*columns, console=self.console, transient=True, disable=silent) as progress:
            yield Step(progress, progress.add_task(text, total=None), text)
        taken = time.monotonic() - begin
        if taken > _SLOW:
            self.note(f"{text}: {taken:.1f} s")

    @contextmanager
    def transfer(self, n_bytes: int | None, n_files: int) -> Iterator["Transfer"]:
        """A bar of bytes, speed and time left; in a log, a line now and then."""
        from rich import progress as rich

        columns = (
            *(rich.TextColumn("{task.description}"), rich.BarColumn(), rich.DownloadColumn()),
            *(rich.TransferSpeedColumn(), rich.TimeRemainingColumn()),
        )
        silent = not self.console.is_terminal
        with rich.Progress(*columns, console=self.console, transient=True, disable=silent) as progress:
            task = progress.add_task(f"0/{n_files} files", total=n_bytes)
            yield Transfer(self, progress, task, n_files)


class Transfer:
    """Told of bytes as they arrive and of files as they end, by several threads."""

    def __init__(self, steps: Steps, progress, task, n_files: int):
        self.steps, self.progress, self.task = steps, progress, task
        self.n_files, self.files, self.n_bytes = n_files, 0, 0
        self.last = time.monotonic()

    def __call__(self, n_bytes: int, name: str | None) -> None:
        """So many bytes more, and the name of a file if one has ended."""
        self.n_bytes += n_bytes
        self.progress.update(self.task, advance=n_bytes)
        if name is None:
            return
        self.files += 1
        self.progress.update(self.task, description=f"{self.files}/{self.n_files} files")
        if not self.steps.console.is_terminal and time.monotonic() - self.last > _PATIENCE:
            self.last = time.monotonic()
            self.steps.note(f"{self.files}/{self.n_files} files, {size(self.n_bytes)}")


class Step:
    """One step on the screen; call it with (done, total) where its length is known."""

    def __init__(self, progress, task, text: str):
        self.progress, self.task, self.text = progress, task, text

    def __call__(self, done: int, total: int) -> None:
        """How far it has come."""
        self.progress.update(self.task, description=f"{self.text} {done}/{total}")
