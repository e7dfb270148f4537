"""The same data set from a Ray cluster: one task a shard, wherever Ray has room.

Tasks go to Ray's scheduler with what they need (a GPU each where the cluster has any, otherwise a core); a
worker that dies is replaced and its shard made again, by Ray. All nodes write to one shared folder.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax

from dynamojax.population import manifest as book
from dynamojax.population.dataset import write_shard
from dynamojax.population.engine import Report, computed
from dynamojax.population.manifest import Manifest, Record, Shard
from dynamojax.population.program import build_program, star_mesh
from dynamojax.population.recipe import Recipe, about_of, plan

MAX_RETRIES = 3  # of a task whose worker died
_AHEAD = 2  # tasks in the queue for each that runs
_prepared: dict[tuple, tuple] = {}  # of this worker: what it compiled for its last data set


def make_shard(
    make_recipe: Callable[[dict], Recipe], folder: str, index: int, chunk: int | None, is_double: bool
) -> Record:
    """One shard, computed and written: a task's body.

    Args:
        make_recipe: Makes the recipe from the sizes in the manifest.
        folder: The data set, on a file system that all nodes share.
        index: Of the shard.
        chunk: Stars at a time on a device; chosen from its memory if None.
        is_double: Whether to compute in float64.

    Raises:
        ValueError: this node makes another data set of the same recipe, for its files or versions differ.
    """
    with jax.enable_x64(is_double):
        manifest = book.read_manifest(folder)
        recipe, program = _prepare(make_recipe, manifest, chunk)
        [(shard, arrays)] = computed(program, [manifest.shard(index)], lambda n: None)
        return write_shard(Path(folder), shard, arrays, about_of(recipe, manifest), manifest)


def _prepare(make_recipe, manifest: Manifest, chunk: int | None) -> tuple:
    place = manifest.digest, chunk
    if place not in _prepared:
        recipe = make_recipe(manifest.sizes)
        mine = plan(recipe)
        if mine.digest != manifest.digest:
            lines = book.differences(manifest.configuration, mine.configuration)
            lines += book.differences(manifest.inputs, mine.inputs)
            raise ValueError("a Ray worker has other input files than the driver: " + "; ".join(lines))
        program = build_program(
            recipe.maker, recipe.root, star_mesh(jax.local_devices()[:1]), manifest.shard_stars, chunk=chunk
        )  # fmt: skip
        _prepared.clear()
        _prepared[place] = recipe, program
    return _prepared[place]


def require_ray():
    """The module `ray`.

    Raises:
        ValueError: it is not installed.
    """
    try:
        import ray
    except ImportError:
        raise ValueError(
            'ray is not installed, which engine = "ray" needs; install dynamojax[ray], or use --engine local'
        ) from None
    return ray


def connect(address: str | None) -> Any:
    """Join the cluster at an address, that of RAY_ADDRESS, or start Ray on this machine."""
    ray = require_ray()
    if not ray.is_initialized():
        ray.init(address=address, log_to_driver=False, logging_level="ERROR", include_dashboard=False)
    return ray


def write_all_with_ray(
    make_recipe: Callable[[dict], Recipe],
    folder: Path,
    shards: Sequence[Shard],
    *,
    chunk: int | None = None,
    is_double: bool = False,
    address: str | None = None,
    tell: Callable[[int], None] = lambda n: None,
) -> Report:
    """Compute and write shards on a Ray cluster.

    Args:
        make_recipe: Makes the recipe from the sizes in the manifest; pickled to the workers.
        folder: The data set, prepared, on a file system that all nodes share.
        shards: Those that are missing.
        chunk: Stars at a time on a device; chosen from its memory if None.
        is_double: Whether to compute in float64.
        address: Of the cluster.
        tell: Called with the number of stars of each shard that has been written.

    Raises:
        OSError: a worker died too often, or could not write. Shards that were finished stay so.
        ValueError: a worker found something wrong with the recipe.
    """
    ray = connect(address)
    total = ray.cluster_resources()
    on_gpu = total.get("GPU", 0) >= 1
    slots = max(1, int(total["GPU"] if on_gpu else total.get("CPU", 1)))
    options = {"num_gpus": 1, "num_cpus": 1} if on_gpu else {"num_cpus": 1}
    task = ray.remote(make_shard).options(max_retries=MAX_RETRIES, **options)
    recipe, report = ray.put(make_recipe), Report()
    queue, running, failure = list(reversed(shards)), {}, None
    while running or (queue and failure is None):
        while queue and failure is None and len(running) < (1 + _AHEAD) * slots:
            shard = queue.pop()
            reference = task.remote(recipe, str(folder.resolve()), shard.index, chunk, is_double)
            running[reference] = shard
        done, _ = ray.wait(list(running), num_returns=1)
        for reference in done:
            shard = running.pop(reference)
            try:
                record = ray.get(reference)
            except ray.exceptions.RayError as error:
                failure = failure or _explained(ray, shard, error)
                continue
            book.append_record(folder, record)
            report.add(record)
            tell(record.n_stars)
    if failure is not None:
        raise failure
    return report


def _explained(ray, shard: Shard, error: Exception) -> Exception:
    cause = getattr(error, "cause", None)
    if isinstance(error, ray.exceptions.RayTaskError) and isinstance(cause, (OSError, ValueError)):
        return type(cause)(*cause.args)
    if isinstance(error, ray.exceptions.RayTaskError):
        return RuntimeError(f"shard {shard.index}: {error}")
    return OSError(
        f"shard {shard.index}: its worker died {1 + MAX_RETRIES} times ({type(error).__name__}); look at its "
        "memory (a smaller --chunk needs less), then go on with --resume"
    )
