"""Timing, and results as JSON rows: the same for this package and for its peers.

A row never has a speed without an error. Inputs are arguments of what is timed (a jitted closure
without arguments may be folded away), lowering and compilation are timed apart from the run, and the
result is waited for.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

import jax
import numpy as np

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("jax", "jaxlib", "numpy", "equinox", "jaxoplanet")


@dataclass(frozen=True)
class Timing:
    """How long one call takes.

    Attributes:
        compile_s: Tracing, lowering and compilation; None where nothing is compiled by us. [s]
        run_s: Median of a call. [s]
        fastest_s: The fastest call, for a machine that is not alone. [s]
        spread_s: Interquartile range of the calls. [s]
        n_runs: Number of calls timed.
        temporary_bytes: Peak scratch memory of the compiled program, None where unknown.
    """

    compile_s: float | None
    run_s: float
    fastest_s: float
    spread_s: float
    n_runs: int
    temporary_bytes: int | None


def _sample(call: Callable, n_runs: int, budget_s: float) -> np.ndarray:
    seconds, start = [], time.perf_counter()
    while len(seconds) < n_runs or (time.perf_counter() - start < budget_s and len(seconds) < 50 * n_runs):
        before = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - before)
    return np.array(seconds)


def _summary(seconds: np.ndarray, compile_s, temporary_bytes) -> Timing:
    low, median, high = np.percentile(seconds, [25, 50, 75])
    spread = float(high - low)
    return Timing(compile_s, float(median), float(seconds.min()), spread, len(seconds), temporary_bytes)


def time_jax(
    function: Callable,
    *args,
    n_runs: int = 20,
    budget_s: float = 1.0,
    compiler_options: dict[str, str] | None = None,
) -> tuple[Timing, object]:
    """Timing of a jitted function of its arguments, and its result.

    At least n_runs calls are made, and more while the budget lasts.
    """
    jitted = jax.jit(function, compiler_options=compiler_options)
    start = time.perf_counter()
    compiled = jitted.lower(*args).compile()
    compile_s = time.perf_counter() - start
    memory = compiled.memory_analysis()
    result = jax.block_until_ready(jitted(*args))  # fills the cache of the ordinary call, timed below
    seconds = _sample(lambda: jax.block_until_ready(jitted(*args)), n_runs, budget_s)
    return _summary(seconds, compile_s, getattr(memory, "temp_size_in_bytes", None)), result


def time_host(function: Callable, *args, n_runs: int = 20, budget_s: float = 1.0) -> tuple[Timing, object]:
    """Timing of an ordinary function, and its result; calls of over a second are made 3 times."""
    start = time.perf_counter()
    result = function(*args)  # the first call may compile or cache
    first_s = time.perf_counter() - start
    runs = n_runs if first_s < 1.0 else 3
    return _summary(_sample(lambda: function(*args), runs, budget_s), None, None), result


def precision(dtype: str):
    """Context in which JAX makes arrays of this dtype by default."""
    return jax.enable_x64(True) if dtype == "float64" else nullcontext()


def _git(*args: str) -> str:
    root = Path(__file__).parent.parent
    done = subprocess.run(["git", *args], cwd=root, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def version(package: str) -> str | None:
    """Installed version of a distribution, None if absent."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    if Path("/proc/cpuinfo").exists():
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()


def environment() -> dict:
    """Where and with what a row was measured."""
    dirty = "+" if _git("status", "--porcelain", "--", "dynamojax", "benchmarks/*.py") else ""
    device = jax.devices()[0]
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "commit": _git("rev-parse", "--short", "HEAD") + dirty,
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "device": f"{os.cpu_count()} x {_processor()}" if device.platform == "cpu" else device.device_kind,
        "load": load,
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
    }


def row(task: str, system: str, timing: Timing, *, dtype: str, batch: int = 1, **facts) -> dict:
    """One result: what was done, by what, how fast; `facts` carries the error and what else is known."""
    return {
        "task": task,
        "system": system,
        "dtype": dtype,
        "batch": batch,
        **asdict(timing),
        "stars_per_s": batch / timing.run_s,
        **facts,
    }


def write_results(name: str, rows: Sequence[dict], folder: Path = RESULTS) -> Path:
    """Write rows to folder/name.json, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    path, draft = folder / f"{name}.json", folder / f".{name}.{os.getpid()}.tmp"
    draft.write_text(json.dumps({"environment": environment(), "rows": list(rows)}, indent=1) + "\n")
    draft.replace(path)
    return path


def read_results(name: str, folder: Path = RESULTS) -> dict:
    """What write_results wrote."""
    return json.loads((folder / f"{name}.json").read_text())


def arguments(description: str) -> argparse.ArgumentParser:
    """Options that every benchmark has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--batch", type=int, nargs="+", default=[1])
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32")
    parser.add_argument("--runs", type=int, default=20, help="least number of timed calls")
    parser.add_argument("--peers", action="store_true", help="measure the peers that are installed, too")
    parser.add_argument("--name", help="name of the results file, without .json")
    return parser


def show(result: dict) -> None:
    """Print a row as it is measured: one line."""
    error = result.get("error_ppm")
    print(
        f"{result['task']:28s} {result['system']:34s} {result['dtype']:8s} batch {result['batch']:<6d}"
        f" {1e3 * result['run_s']:11.4f} ms +- {1e3 * result['spread_s']:.4f}"
        f"{'' if error is None else f'  error {error:.3g} ppm'}",
        flush=True,
    )
