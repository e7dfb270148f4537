"""The command that makes a data set."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dynamojax.cli.console import Debug, Quiet, Steps, clear_errors, size

if TYPE_CHECKING:
    from dynamojax.config.generation_reading import Generation
    from dynamojax.population.engine import Report
    from dynamojax.population.manifest import Manifest, Shard
    from dynamojax.population.recipe import Recipe

_GOES_ON = "interrupted; finished shards are kept, and the same command with --resume goes on from there"
_PATIENCE = 30.0  # [s], between lines of a log
Output = Annotated[Path, typer.Option("--output", "-o", metavar="DATASET", help="Folder of the data set.")]
Chunk = Annotated[
    int | None, typer.Option(min=1, help="Stars at a time on a device; from its memory if not given.")
]


def generate(
    path: Annotated[Path, typer.Argument(metavar="CONFIG", help="A .toml with [generate].")],
    output: Output,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a data set that was begun.")] = False,
    engine: Annotated[str, typer.Option(help="local, or ray: one task a shard, on a cluster.")] = "local",
    devices: Annotated[str, typer.Option(help="all, or how many of this machine's; local engine.")] = "all",
    address: Annotated[str | None, typer.Option(help="Of the Ray cluster; RAY_ADDRESS if not given.")] = None,
    chunk: Chunk = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Make a data set: draw a population, simulate and observe it, write shards; resumable."""
    from dynamojax.config.generation_reading import read_generation

    with clear_errors(debug, _GOES_ON):
        steps = Steps(quiet)
        generation = read_generation(path)
        n_devices = _placed(engine, devices)
        _check_format(generation)
        with steps.step("Starting JAX"):
            import jax

            from dynamojax.config.generation import recipe as make
            from dynamojax.population import engine as loop
            from dynamojax.population.recipe import plan

            _check_engine(engine, n_devices)
            loop.check_free(output, resume=resume)
        with jax.enable_x64(generation.is_double):
            with steps.step("Reading grids and drawing a pilot of the population"):
                sizes = _sizes_of(output, resume)
                recipe = make(generation, sizes)
                manifest = plan(recipe)
            from dynamojax.population.manifest import only_writer

            with only_writer(output):
                with steps.step("Looking at what is there") as tell:
                    found = loop.prepare(output, manifest, resume=resume, note=steps.note, tell=tell)
                _run(generation, recipe, *found, output, engine, (n_devices, address, chunk), steps)


def _placed(engine: str, devices: str) -> int | None:
    """How many devices are wanted, all if None; this machine's cores are made devices before JAX starts."""
    if engine not in ("local", "ray"):
        raise ValueError(f"engine = {engine!r}, allowed: local, ray")
    n_devices = _number(devices)
    if engine == "local":
        _spread(n_devices)
    return n_devices


def _number(devices: str) -> int | None:
    if devices == "all":
        return None
    if not devices.isdecimal() or int(devices) < 1:
        raise ValueError(f"devices = {devices!r}, allowed: all, or a whole number from 1")
    return int(devices)


def _spread(n_devices: int | None) -> None:
    """Let every core be a device, where cores are what there is; before JAX starts."""
    if "xla_force_host_platform_device_count" in os.environ.get("XLA_FLAGS", ""):
        return
    import jax

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        jax.config.update("jax_num_cpu_devices", min(n_devices or cores, cores))
    except RuntimeError:  # JAX runs already, with what it has
        pass


def _check_engine(engine: str, n_devices: int | None) -> None:
    """That what is to compute is there, before anything is written."""
    if engine == "ray":
        from dynamojax.population.ray_engine import require_ray

        require_ray()
    else:
        import jax

        _devices(jax.local_devices(), n_devices)


def _check_format(generation: "Generation") -> None:
    if generation.generate["file_format"] == "parquet":
        from dynamojax.population.dataset import require_parquet

        require_parquet()


def _sizes_of(output: Path, resume: bool) -> dict | None:
    """Room that was chosen when the data set was begun."""
    from dynamojax.population import manifest

    if resume and (output / manifest.MANIFEST).exists():
        return manifest.read_manifest(output).sizes
    return None


def _run(
    generation: "Generation",
    recipe: "Recipe",
    manifest: "Manifest",
    missing: "list[Shard]",
    output: Path,
    engine: str,
    options: tuple,
    steps: Steps,
) -> None:
    from dynamojax.population import engine as loop

    n_stars = sum(shard.n_stars for shard in missing)
    steps.note(_summary(manifest, missing, n_stars, output))
    if not missing:
        loop.finish(output, manifest)
        return
    short = loop.missing_space(output, manifest, n_stars)
    if short > 0:
        steps.note(
            f"note: the disk may lack {size(short)}; should it be full, finished shards are kept and "
            "--resume goes on"
        )
    start = _local if engine == "local" else _with_ray
    try:
        report = start(generation, recipe, manifest, missing, output, options, steps)
    except OSError as error:
        raise OSError(_stopped(error, output, manifest)) from error
    loop.finish(output, manifest)
    steps.note(_result(report, output))


def _local(generation, recipe, manifest, missing, output, options, steps) -> "Report":
    import jax

    from dynamojax.population import engine as loop
    from dynamojax.population.program import build_program, star_mesh
    from dynamojax.population.recipe import about_of

    n_devices, _, chunk = options
    mesh = star_mesh(_devices(jax.local_devices(), n_devices))
    with steps.step("Compiling"):
        program = build_program(recipe.maker, recipe.root, mesh, manifest.shard_stars, chunk=chunk)
    steps.note(
        f"{program.n_devices} x {mesh.devices.flat[0].device_kind}, {program.chunk} stars at a time, "
        f"{size(program.bytes_needed)} each"
    )
    about = about_of(recipe, manifest)
    with _progress(steps, missing, manifest) as tell:
        return loop.write_all(program, output, manifest, about, missing, tell)


def _devices(found: list, wanted: int | None) -> list:
    if wanted is not None and wanted > len(found):
        raise ValueError(f"devices = {wanted}, but this machine has {len(found)} {found[0].device_kind}")
    return found[:wanted]


def _with_ray(generation, recipe, manifest, missing, output, options, steps) -> "Report":
    from dynamojax.config.generation import recipe as make
    from dynamojax.population.ray_engine import connect, write_all_with_ray

    _, address, chunk = options
    with steps.step("Joining the Ray cluster"):
        total = connect(address).cluster_resources()
    steps.note(f"Ray: {total.get('CPU', 0):g} cores, {total.get('GPU', 0):g} GPUs")
    with _progress(steps, missing, manifest) as tell:
        return write_all_with_ray(
            partial(make, generation),
            output,
            missing,
            chunk=chunk,
            is_double=generation.is_double,
            address=address,
            tell=tell,
        )


def _summary(manifest: "Manifest", missing: "list[Shard]", n_stars: int, output: Path) -> str:
    from dynamojax.population.recipe import expected_bytes

    done = manifest.n_shards - len(missing)
    if not missing:
        return f"{output}: all {manifest.n_shards} shards are there and as they were; nothing to do"
    there = f"{done} of {manifest.n_shards} shards are there; " if done else ""
    return (
        f"{output}: {there}{n_stars} stars to come in {len(missing)} shards of {manifest.shard_stars}, "
        f"about {size(expected_bytes(manifest, n_stars))}"
    )


def _stopped(error: OSError, output: Path, manifest: "Manifest") -> str:
    from dynamojax.population.manifest import read_records

    done = len(read_records(output))
    why = error.strerror or str(error)
    return (
        f"{output}: {why}; {done} of {manifest.n_shards} shards are finished and safe. Make room or repair "
        "it, then go on with --resume"
    )


def _result(report: "Report", output: Path) -> str:
    rate = report.n_stars / report.seconds if report.seconds else 0.0
    lines = [f"wrote {report.n_stars} stars ({report.n_valid} valid), {size(report.n_bytes)}, to {output}"]
    if report.n_stars and not report.n_valid:
        lines.append("none is valid: do the bounds in [population] leave any star? The column drawn tells")
    if rate:
        share = 100 * report.waited / report.seconds
        lines.append(f"{rate:.3g} stars a second; {share:.1f} % of the time waiting for the disk")
    return "\n".join(lines)


@contextmanager
def _progress(steps: Steps, missing: "list[Shard]", manifest: "Manifest") -> Iterator["Progress"]:
    """A bar with rate and remaining time; in a log, a line now and then."""
    from rich import progress as rich

    columns = (
        *(rich.TextColumn("{task.description}"), rich.BarColumn(), rich.MofNCompleteColumn()),
        *(rich.TextColumn("{task.fields[rate]}"), rich.TimeRemainingColumn(), rich.TimeElapsedColumn()),
    )
    silent = not steps.console.is_terminal
    total = sum(shard.n_stars for shard in missing)
    with rich.Progress(*columns, console=steps.console, transient=True, disable=silent) as bar:
        yield Progress(steps, bar, bar.add_task("stars", total=total, rate=""), total)


class Progress:
    """Told of stars as they are computed."""

    def __init__(self, steps: Steps, bar, task, total: int):
        self.steps, self.bar, self.task, self.total = steps, bar, task, total
        self.done, self.begin = 0, time.monotonic()
        self.last = self.begin

    def __call__(self, n: int) -> None:
        """So many stars more."""
        self.done += n
        now = time.monotonic()
        rate = self.done / max(1e-9, now - self.begin)
        self.bar.update(self.task, advance=n, rate=f"{rate:.3g} stars/s")
        if not self.steps.console.is_terminal and now - self.last > _PATIENCE:
            self.last = now
            left = (self.total - self.done) / rate
            self.steps.note(f"{self.done}/{self.total} stars, {rate:.3g} a second, {left:.0f} s to go")
