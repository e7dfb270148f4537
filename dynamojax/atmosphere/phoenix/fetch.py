"""Downloading many files: what is to come is said first, a few at a time, and never twice."""

import queue
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from dynamojax.atmosphere.locations import Locations
from dynamojax.atmosphere.phoenix.cache import Cache, alone, check_specint
from dynamojax.atmosphere.phoenix.catalogue import Model
from dynamojax.atmosphere.phoenix.transfer import Arrived, Patience, Stopped, download
from dynamojax.atmosphere.phoenix.web import Failure, Hole, Unreachable, ask

MOST_PARALLEL = 8
_ASKED = 4  # files whose size is asked for, to estimate that of all
_GIVE_UP = 8  # failed files in a row, after which a server is left alone


@dataclass(frozen=True)
class Plan:
    """What a download would do.

    Attributes:
        todo: Models to fetch.
        present: Number of models that are there.
        holes: Models that the library is known not to have.
        n_bytes: Estimate of all that is to come; None if no server would say.
        unreachable: Why no server answers; empty if one does.
    """

    todo: list[Model]
    present: int
    holes: list[Model]
    n_bytes: int | None
    unreachable: str = ""


@dataclass
class Report:
    """What a download did.

    Attributes:
        fetched: Models that arrived.
        holes: Models that no address has.
        failed: Models that could not be had, and why.
        n_bytes: Size of what arrived.
        stopped: Whether the servers were left alone before all was tried.
    """

    fetched: list[Model] = field(default_factory=list)
    holes: list[Model] = field(default_factory=list)
    failed: dict[Model, str] = field(default_factory=dict)
    n_bytes: int = 0
    stopped: bool = False


def plan(
    models: Sequence[Model],
    places: Locations,
    patience: Patience | None = None,
    retry_holes: bool = False,
) -> Plan:
    """See what is there, and ask a server for the size of a few of the rest.

    Args:
        models: What is wanted.
        places: Folder and addresses.
        patience: How long to wait for an answer.
        retry_holes: Whether to ask again for models that were not there before.
    """
    cache = Cache(places.phoenix)
    holes = [] if retry_holes else [m for m in models if m.path in cache.holes and not cache.has(m)]
    known = set(holes)
    todo = [m for m in models if m not in known and not cache.has(m)]
    present = len(models) - len(todo) - len(holes)
    return Plan(todo, present, holes, *_estimate(todo, places, patience or Patience()))


def _estimate(todo: Sequence[Model], places: Locations, patience: Patience) -> tuple[int | None, str]:
    """Mean size of a few, evenly chosen, times the number of all [byte]; and why no server answers."""
    if not todo:
        return 0, ""
    dead: list[str] = []
    few = {todo[round(i * (len(todo) - 1) / (_ASKED - 1))] for i in range(_ASKED)}
    for address in places.addresses:
        sizes = []
        for model in sorted(few):
            try:
                length = ask(f"{address}/{model.path}", patience.timeout).length
            except Hole:
                continue
            except Failure as failure:
                dead += [f"{address}: {failure}"] if isinstance(failure, Unreachable) else []
                break
            sizes += [] if length is None else [length]
        if sizes:
            return len(todo) * sum(sizes) // len(sizes), ""
    return None, "; ".join(dead) if len(dead) == len(places.addresses) else ""


def check_space(wanted: Plan, places: Locations) -> None:
    """Make sure that the disc has room for the download.

    Raises:
        ValueError: it has not.
    """
    folder = next(p for p in (places.phoenix, *places.phoenix.parents) if p.exists())
    free = shutil.disk_usage(folder).free
    if wanted.n_bytes is not None and wanted.n_bytes > free:
        raise ValueError(
            f"about {wanted.n_bytes / 1e9:.1f} GB are to come and {folder} has {free / 1e9:.1f} GB free; "
            "choose another --cache or smaller ranges"
        )


def check_parallel(parallel: int) -> None:
    """Make sure that a server is asked for no more than a few files at a time.

    Raises:
        ValueError: out of range.
    """
    if not 1 <= parallel <= MOST_PARALLEL:
        raise ValueError(f"parallel = {parallel} must be in [1, {MOST_PARALLEL}]")


Tell = Callable[[int, str | None], None]


def fetch(
    todo: Sequence[Model],
    places: Locations,
    parallel: int = 4,
    patience: Patience | None = None,
    tell: Tell = lambda n_bytes, name: None,
) -> Report:
    """Download files that are not there; interrupt it at any time, and call it again to go on.

    Args:
        todo: Models, as of `Plan.todo`.
        places: Folder and addresses.
        parallel: Files at a time, 1 to 8: the servers are a public service.
        patience: When to give up.
        tell: Called, from several threads, with numbers of bytes as they arrive and with the name of each
            file as it ends.

    Raises:
        ValueError: `parallel` out of range, another process at work in the folder, or not one of the files
            at any address.
    """
    check_parallel(parallel)
    with alone(places.phoenix):
        crew = _Crew(Cache(places.phoenix), places.addresses, patience or Patience(), tell)
        return crew.work(todo, parallel)


class _Crew:
    """Threads that take models from one queue."""

    def __init__(self, cache: Cache, addresses: Sequence[str], patience: Patience, tell: Tell):
        self.cache, self.patience, self.tell = cache, patience, tell
        self.addresses = list(addresses)
        self.stop = threading.Event()
        self.ended: queue.Queue[tuple[Model, Arrived | Exception]] = queue.Queue()

    def work(self, todo: Sequence[Model], parallel: int) -> Report:
        waiting: queue.SimpleQueue[Model] = queue.SimpleQueue()
        for model in todo:
            waiting.put(model)
        threads = [threading.Thread(target=self._take, args=(waiting,), daemon=True) for _ in range(parallel)]
        for thread in threads:
            thread.start()
        try:
            return self._collect(todo)
        finally:
            # Threads that wait for a server die with the process; what they have received is kept.
            self.stop.set()
            for thread in threads:
                thread.join(timeout=1.0)

    def _take(self, waiting: "queue.SimpleQueue[Model]") -> None:
        while not self.stop.is_set():
            try:
                model = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                outcome: Arrived | Exception = self._one(model)
            except Exception as error:
                outcome = error
            self.ended.put((model, outcome))

    def _one(self, model: Model) -> Arrived:
        urls = [f"{address}/{model.path}" for address in self.addresses]
        arrived = download(
            urls,
            self.cache.path(model),
            check_specint,
            self.patience,
            progress=lambda n_bytes: self.tell(n_bytes, None),
            stop=self.stop,
        )
        # An address that failed is asked last from now on, not first for each of thousands of files.
        best = arrived.url.removesuffix(f"/{model.path}")
        self.addresses = sorted(self.addresses, key=lambda address: address != best)
        return arrived

    def _collect(self, todo: Sequence[Model]) -> Report:
        report, in_a_row = Report(), 0
        for _ in todo:
            model, outcome = self.ended.get()
            self.tell(0, model.name)
            if isinstance(outcome, Arrived):
                self.cache.arrived(model, outcome)
                report.fetched.append(model)
                report.n_bytes += outcome.size
            elif isinstance(outcome, Hole):
                report.holes.append(model)
            elif isinstance(outcome, Failure):
                report.failed[model] = str(outcome)
            elif isinstance(outcome, OSError):
                raise ValueError(
                    f"{self.cache.folder} cannot be written to ({outcome}); what has arrived is kept: "
                    "make room and run it again"
                ) from outcome
            elif not isinstance(outcome, Stopped):
                raise outcome
            in_a_row = in_a_row + 1 if isinstance(outcome, Failure) else 0
            if in_a_row >= _GIVE_UP:
                report.stopped = len(report.failed) + len(report.holes) + len(report.fetched) < len(todo)
                break
        self._note_holes(report)
        return report

    def _note_holes(self, report: Report) -> None:
        """Believe in holes only of a server that has something."""
        if not (report.fetched or self.cache.sizes) and report.holes and not report.failed:
            raise ValueError(
                f"none of the {len(report.holes)} files is at {' or '.join(self.addresses)}; "
                "is --url the folder that holds Z-0.0 and its like?"
            )
        if report.fetched or self.cache.sizes:
            for model in report.holes:
                self.cache.missing(model)
