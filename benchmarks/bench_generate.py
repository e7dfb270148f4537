"""Data sets end to end: stars a second to disk, what writing costs, memory against length, bytes a star.

python -m benchmarks.bench_generate --task full curves --stars 256 --repeats 3
python -m benchmarks.bench_generate --task length --stars 1000 10000 100000
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks import harness

_CURVES = '[[photometers]]\npreset = "kepler"\ndays = 27\n[[photometers]]\npreset = "tess"\ndays = 27\n'
_SPECTRA = '[[spectrographs]]\npreset = "lamost"\n[[spectrographs]]\npreset = "apogee"\n'
_SHORT = (
    '[[photometers]]\npreset = "custom"\nname = "kepler"\nbands = ["kepler"]\ncadence_s = 21600\ndays = 27\n'
    'noise = "kepler"\n'
)
_TWICE = 20_000  # stars up to which all is computed once more without writing
TASKS = {
    "full": (_CURVES + _SPECTRA, ["spots", "clean", "noisy"]),
    "curves": (_CURVES, ["spots", "clean", "noisy"]),
    "length": (_SHORT, ["noisy"]),
}


def configuration(task: str, n_stars: int, shard_stars: int | None) -> str:
    """A data set's configuration as TOML."""
    instruments, columns = TASKS[task]
    lines = ["[generate]", f"stars = {n_stars}", f"columns = {json.dumps(columns)}"]
    lines += [] if shard_stars is None else [f"shard_stars = {shard_stars}"]
    return "\n".join(lines) + "\n" + instruments


def measure(
    task: str, n_stars: int, shard_stars: int | None, n_devices: int, repeats: int, folder: Path
) -> dict:
    """Make a data set in this process, and compute it before and after without writing; so many times."""
    import jax

    jax.config.update("jax_num_cpu_devices", n_devices)
    from dynamojax.config.generation import recipe as make
    from dynamojax.config.generation_reading import read_generation
    from dynamojax.population import recipe as recipes
    from dynamojax.population.dataset import DataSet, require_parquet
    from dynamojax.population.program import build_program, star_mesh

    path = folder / "a.toml"
    path.write_text(configuration(task, n_stars, shard_stars))
    start = time.perf_counter()
    made = make(read_generation(path))
    manifest = recipes.plan(made)
    prepared = time.perf_counter() - start
    start = time.perf_counter()
    program = build_program(made.maker, made.root, star_mesh(), manifest.shard_stars)
    compiled = time.perf_counter() - start
    jax.block_until_ready(program(0, 1))
    base = _peak()
    require_parquet()  # takes a second to import
    about = recipes.about_of(made, manifest)
    times = _written(program, manifest, about, folder / "set", repeats, twice=n_stars <= _TWICE)
    return {
        "task": f"data set: {task}",
        "system": "dynamojax",
        "dtype": "float32",
        "batch": n_stars,
        "n_devices": program.n_devices,
        "chunk": program.chunk,
        "shard_stars": manifest.shard_stars,
        "n_shards": manifest.n_shards,
        "prepare_s": prepared,
        "compile_s": compiled,
        **times,
        "stars_per_s": n_stars / times["run_s"],
        "processor_s_per_star": times["processor_s"] / n_stars,
        "bytes_per_star": times["bytes"] / n_stars,
        "valid": DataSet(folder / "set").n_valid / n_stars,
        "rss_before_bytes": base,
        "environment": harness.environment(),
    }


def _written(program, manifest, about, folder: Path, repeats: int, *, twice: bool) -> dict:
    """Times of writing a data set again and again, and of only computing it in between."""
    from dynamojax.population import engine

    todo = [manifest.shard(i) for i in range(manifest.n_shards)]
    alone = [_without_writing(program, todo)] if twice else []
    reports, processors = [], []
    for _ in range(repeats):
        shutil.rmtree(folder, ignore_errors=True)
        engine.prepare(folder, manifest, resume=False)
        processor = time.process_time()
        reports.append(engine.write_all(program, folder, manifest, about, todo))
        processors.append(time.process_time() - processor)
        engine.finish(folder, manifest)
        peak = _peak()
        alone += [_without_writing(program, todo)] if twice else []
    report, processor = (
        reports[int(np.argsort([r.seconds for r in reports])[repeats // 2])],
        float(np.median(processors)),
    )
    return {
        **{"run_s": report.seconds, "processor_s": processor, "bytes": report.n_bytes},
        **{"waiting_for_writer": report.waited / report.seconds, "rss_peak_bytes": peak},
        "writing_over_run": report.writing / report.seconds,
        **_lost([r.seconds for r in reports], processor, alone),
    }


def _lost(seconds: list[float], processor: float, alone: list[tuple[float, float]]) -> dict:
    """Shares of the clock and of the processor that writing takes; None where it was not compared."""
    # each against the mean of what comes right before and after it
    lost = [1 - 0.5 * (alone[k][0] + alone[k + 1][0]) / s for k, s in enumerate(seconds) if alone]
    clock, of_processor = np.median(alone, axis=0).tolist() if alone else (None, None)
    return {
        **{"run_without_writing_s": clock, "processor_without_writing_s": of_processor},
        "lost_to_writing": float(np.median(lost)) if lost else None,
        "lost_to_writing_each": lost,
        "processor_lost_to_writing": None if of_processor is None else float(1 - of_processor / processor),
    }


def _without_writing(program, todo) -> tuple[float, float]:
    """Seconds of the clock and of the processor that computing the same takes."""
    from dynamojax.population import engine

    begin = time.perf_counter(), time.process_time()
    for _ in engine.computed(program, todo, lambda n: None):
        pass
    return time.perf_counter() - begin[0], time.process_time() - begin[1]


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _child(task: str, n_stars: int, options: argparse.Namespace) -> dict:
    """Each row in a process of its own: its memory is its own."""
    command = [sys.executable, "-m", "benchmarks.bench_generate", "--child", "--task", task]
    command += ["--stars", str(n_stars), "--devices", str(options.devices), "--folder", str(options.folder)]
    command += ["--repeats", str(options.repeats)]
    command += [] if options.shard_stars is None else ["--shard-stars", str(options.shard_stars)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def main(argv=None) -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", nargs="+", choices=list(TASKS), default=["full"])
    parser.add_argument("--stars", type=int, nargs="+", default=[256])
    parser.add_argument("--shard-stars", type=int)
    parser.add_argument("--devices", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=1, help="data sets, in one process")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--name", help="name of the results file, without .json")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.child:
        folder = Path(tempfile.mkdtemp(dir=options.folder))
        try:
            options_of = options.shard_stars, options.devices, options.repeats
            row = measure(options.task[0], options.stars[0], *options_of, folder)
        finally:
            shutil.rmtree(folder)
        print(json.dumps(row))
        return
    rows = []
    for task in options.task:
        for n_stars in options.stars:
            rows.append(_child(task, n_stars, options))
            _show(rows[-1])
    print("written:", harness.write_results(options.name or f"generate_{'_'.join(options.task)}", rows))


def _show(row: dict) -> None:
    names = "lost_to_writing", "processor_lost_to_writing"
    lost, lost_processor = (float("nan") if row[name] is None else 100 * row[name] for name in names)
    print(
        f"{row['task']:18s} {row['batch']:7d} stars, {row['n_devices']} devices: {row['stars_per_s']:8.2f} a "
        f"second ({1e3 * row['processor_s_per_star']:.1f} ms of processor each), lost to writing "
        f"{lost:.1f} % ({lost_processor:.1f} % of processor), {row['bytes_per_star'] / 1e3:.1f} kB a star, "
        f"peak {row['rss_peak_bytes'] / 1e6:.0f} MB, {100 * row['valid']:.1f} % valid; each run "
        + ", ".join(f"{100 * x:.1f} %" for x in row["lost_to_writing_each"]),
        flush=True,
    )


if __name__ == "__main__":
    main()
