"""Rows of many stars on all devices: the compiled program, and how many stars it takes at a time.

On CPU stars are simulated one after another on each device, which is fastest there; they are drawn, and noise
is made, for eight side by side, since both go step by step. So a star's bits are the same in any chunk. On
accelerators all goes side by side, as many stars as memory holds.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P
from jaxtyping import Array, Int, Key

from dynamojax.population.stars import Row, StarMaker, observed_star, recorded_star, star_row

_GROUP_CPU = 8  # stars side by side on CPU in the draw and in noise
# Stars of a device at a time on CPU: enough that starting a chunk costs nothing, a multiple of those in
# noise. A loop of one step is taken apart by the compiler and rounds otherwise, so there are two at least.
_CPU_CHUNK, _CPU_LEAST = 32, 2 * _GROUP_CPU
_TRIAL, _MOST = 16, 4096  # stars side by side on an accelerator: first try, and more never pays
_MAX_OUTPUT = 2**28  # bytes of one chunk's rows on one device
_WITHOUT_YNN = {"xla_cpu_experimental_ynn_fusion_type": ""}
_SHARE = 0.5  # of a device's memory that a chunk may take: the next one is computed while it is copied


def star_mesh(devices: Sequence[jax.Device] | None = None) -> Mesh:
    """The devices that stars are spread over; all local ones if not given."""
    return Mesh(np.array(jax.local_devices() if devices is None else devices), ("star",))


def _in_groups(function: Callable, stars, size: int):
    """The function of each star, `size` of them side by side; as lax.map, but for arrays of size 0, too."""
    grouped = jax.tree.map(lambda x: x.reshape(x.shape[0] // size, size, *x.shape[1:]), stars)
    out = jax.lax.map(jax.vmap(function), grouped)
    return jax.tree.map(lambda x: x.reshape(x.shape[0] * size, *x.shape[2:]), out)


def _is_cpu(mesh: Mesh) -> bool:
    """Whether the devices are cores."""
    return mesh.devices.flat[0].platform == "cpu"


def _together(mesh: Mesh, size: int) -> tuple[int, int]:
    """Of `size` stars of a device, how many go side by side: in the draw and in noise, in the simulation."""
    return (_GROUP_CPU, 1) if _is_cpu(mesh) else (size, size)


def _drawn(prior, tracks, root, star_ids, sample: Callable, group: int, mesh: Mesh):
    """Stars as the prior has them: a program of its own, since a pilot needs it, too."""

    def on_one_device(prior, tracks, root, ids):
        return _in_groups(lambda i: sample(root, i, prior, tracks), ids, group)

    specs = (P(), P(), P(), P("star"))
    return jax.shard_map(on_one_device, mesh=mesh, in_specs=specs, out_specs=P("star"), check_vma=False)(
        prior, tracks, root, star_ids
    )


@cache
def _drawing() -> Callable:
    """`_drawn`, compiled at most once for a prior and a number of stars."""
    return jax.jit(_drawn, static_argnums=(4, 5, 6), compiler_options=compiler_options())


def _draw_with(these: tuple, fixed: tuple, star_ids: Int[Array, " n_stars"]):
    return _drawing()(*these, star_ids, *fixed)


def _as_drawn(mesh: Mesh, shape: jax.ShapeDtypeStruct) -> jax.ShapeDtypeStruct:
    """With the sharding that comes out of a draw: arrays without entries are whole on every device."""
    spec = P("star") if np.prod(shape.shape) else P()
    return jax.ShapeDtypeStruct(shape.shape, shape.dtype, sharding=NamedSharding(mesh, spec))


@partial(jax.jit, static_argnums=(4, 5))
def _observed(maker: StarMaker, root, star_ids, drawn, together: tuple[int, int], mesh: Mesh) -> Row:
    """Rows of stars that have been drawn."""
    group, at_once = together

    def on_one_device(maker, root, ids, drawn):
        if at_once == 1:
            seen = jax.lax.map(lambda star: observed_star(maker, star), drawn)
        else:  # side by side a star would wait for what its neighbours need
            seen = _in_groups(lambda star: maker.observe(maker.simulator, star), drawn, at_once)
        return _in_groups(lambda x: recorded_star(maker, root, *x), (ids, drawn, seen), group)

    specs = (P(), P(), P("star"), P("star"))
    return jax.shard_map(on_one_device, mesh=mesh, in_specs=specs, out_specs=P("star"), check_vma=False)(
        maker, root, star_ids, drawn
    )


def pilot(prior, tracks, root: Key[Array, ""], sample: Callable, n: int, most: int):
    """The first stars of a data set, drawn by the program that will draw it; at least n of them.

    Args:
        prior: What is drawn.
        tracks: As `StarMaker.tracks`.
        root: Key of the data set.
        sample: As `StarMaker.sample`.
        n: How many are wanted.
        most: Stars of a shard of the data set.
    """
    mesh = star_mesh()
    size = _first_size(mesh, -(-most // mesh.devices.size), None)
    group, _ = _together(mesh, size)
    here = jax.device_put((prior, tracks, root), NamedSharding(mesh, P()))
    step = size * mesh.devices.size
    ids = [np.arange(first, first + step, dtype=np.int32) for first in range(0, n, step)]
    ids = [jax.device_put(x, NamedSharding(mesh, P("star"))) for x in ids]
    drawn = [jax.device_get(_drawing()(*here, x, sample, group, mesh)) for x in ids]
    return jax.tree.map(lambda *x: np.concatenate(x), *drawn)


def _first_size(mesh: Mesh, bound: int, chunk: int | None) -> int:
    """Stars of a device at a time, before memory has been looked at; bound are as many as are wanted."""
    if not _is_cpu(mesh):
        return min(_TRIAL, bound) if chunk is None else chunk
    size = min(_CPU_CHUNK, bound) if chunk is None else chunk
    return max(_CPU_LEAST, -(-size // _GROUP_CPU) * _GROUP_CPU)


@cache
def compiler_options() -> dict[str, str]:
    """Without XLA's fusions by YNN, where there are such.

    With them (jaxlib 0.10.2, CPU) light curves with transits in front of spots hold memory that was never
    written: other values at each run, infinities and NaN among them.
    """
    try:
        jax.jit(lambda x: x + 1).lower(0.0).compile(_WITHOUT_YNN)
    except Exception:  # noqa: BLE001 - an XLA that does not know of them
        return {}
    return _WITHOUT_YNN


@dataclass(frozen=True)
class Program:
    """Draw and simulation, compiled: `program(first, last)` gives the rows of `chunk` stars from first.

    Attributes:
        draw: Stars of these numbers.
        compiled: Their rows.
        maker: On the devices.
        root: On the devices.
        chunk: Stars of one call, all devices together.
        n_devices: Number of devices.
        bytes_needed: Memory of one call on one device, arguments included, as the compiler states it.
    """

    draw: Callable
    compiled: Callable
    maker: StarMaker
    root: Array
    chunk: int
    n_devices: int
    bytes_needed: int

    def __call__(self, first: int, last: int) -> Row:
        """Rows of stars first to first + chunk - 1; beyond `last` they repeat it."""
        ids = np.minimum(np.arange(first, first + self.chunk, dtype=np.int32), last)
        ids = jax.device_put(ids, self._sharding)
        return self.compiled(self.maker, self.root, ids, self.draw(ids))

    @property
    def _sharding(self) -> NamedSharding:
        return self.compiled.input_shardings[0][2]  # pyright: ignore[reportFunctionMemberAccess]


def row_shapes(maker: StarMaker, root: Key[Array, ""]) -> dict[str, jax.ShapeDtypeStruct]:
    """Shape and dtype of every entry of a row, without computing one."""
    return jax.eval_shape(star_row, maker, root, jnp.int32(0))


def bytes_of(shapes: dict[str, jax.ShapeDtypeStruct]) -> int:
    """Bytes of one row."""
    return sum(int(np.prod(s.shape)) * s.dtype.itemsize for s in shapes.values())


def build_program(
    maker: StarMaker,
    root: Key[Array, ""],
    mesh: Mesh,
    most: int,
    *,
    chunk: int | None = None,
    memory: int | None = None,
) -> Program:
    """Compile, with as many stars at a time as memory holds.

    Args:
        maker: What is drawn, and how it is observed.
        root: Key of the data set.
        mesh: Devices.
        most: Stars of a shard: more at a time would be thrown away.
        chunk: Stars at a time on one device, instead of a choice; on CPU rounded up to whole groups of noise.
        memory: Bytes of one device that may be used, instead of a part of what is free.

    Raises:
        ValueError: memory does not hold one star, or a chunk below 1.
    """
    if chunk is not None and chunk < 1:
        raise ValueError(f"chunk = {chunk} must be at least 1")
    n_devices = mesh.devices.size
    if memory is None:
        memory = int(_SHARE * free_memory(mesh.devices.flat[0])) // (n_devices if _is_cpu(mesh) else 1)
    placed = jax.device_put((maker, root), NamedSharding(mesh, P()))
    per_device = -(-most // n_devices)
    bound = max(1, min(per_device, _MAX_OUTPUT // max(1, bytes_of(row_shapes(maker, root)))))
    size = _first_size(mesh, bound, chunk)
    program = _fitting(placed, mesh, size, memory, is_fixed=chunk is not None)
    if _is_cpu(mesh) or chunk is not None:
        return program
    arguments = _argument_bytes(placed)
    per_star = max(1, program.bytes_needed - arguments) / size
    grown = min(bound, _MOST, _power_of_two((memory - arguments) / per_star))
    return program if grown <= size else _fitting(placed, mesh, grown, memory, is_fixed=False)


def _power_of_two(x: float) -> int:
    return 2 ** max(0, int(np.log2(max(1.0, x))))


def _argument_bytes(placed) -> int:
    leaves = jax.tree.leaves(placed)
    return sum(x.nbytes for x in leaves if not jnp.issubdtype(x.dtype, jax.dtypes.prng_key))


def _fitting(placed, mesh: Mesh, size: int, memory: int, *, is_fixed: bool) -> Program:
    """The program for `size` stars on each device, halved until it fits unless the size is fixed."""
    maker, root = placed
    least = _CPU_LEAST if _is_cpu(mesh) else 1
    stars = NamedSharding(mesh, P("star"))
    while True:
        together = _together(mesh, size)
        ids = jax.ShapeDtypeStruct((size * mesh.devices.size,), np.int32, sharding=stars)
        these = maker.prior, maker.tracks, root
        fixed = maker.sample, together[0], mesh
        shapes = jax.eval_shape(lambda *args, fixed=fixed: _drawn(*args, *fixed), *these, ids)
        drawn = jax.tree.map(partial(_as_drawn, mesh), shapes)
        lowered = _observed.lower(maker, root, ids, drawn, together, mesh)
        compiled = lowered.compile(compiler_options())
        needed = _bytes_needed(compiled)
        if needed <= memory or is_fixed:
            n_devices = mesh.devices.size
            draw = partial(_draw_with, these, fixed)
            return Program(draw, compiled, maker, root, size * n_devices, n_devices, needed)
        if size == least:
            raise ValueError(
                f"memory = {memory} bytes of a device do not hold {size} stars, which take {needed}; "
                "simulate fewer exposures or pixels, or a smaller part of the spectral grid"
            )
        size = max(least, size // 2 // _GROUP_CPU * _GROUP_CPU) if _is_cpu(mesh) else size // 2


def _bytes_needed(compiled) -> int:
    stated = compiled.memory_analysis()
    if stated is None:
        return 0
    return (
        stated.temp_size_in_bytes + stated.output_size_in_bytes + stated.argument_size_in_bytes
    )  # fmt: skip


def free_memory(device: jax.Device) -> int:
    """Bytes that can still be used on a device; on CPU of the machine, or of the container if less."""
    stats = device.memory_stats() if device.platform != "cpu" else None
    if stats and "bytes_limit" in stats:
        return stats["bytes_limit"] - stats.get("bytes_in_use", 0)
    free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    limit, used = (Path("/sys/fs/cgroup") / name for name in ("memory.max", "memory.current"))
    try:
        return min(free, int(limit.read_text()) - int(used.read_text()))
    except (OSError, ValueError):  # no container, or one without a limit
        return free
