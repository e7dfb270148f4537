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

from dynamojax.population.stars import Row, StarMaker, drawn_star, observed_star, recorded_star, star_row

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


@partial(jax.jit, static_argnums=(3, 4))
def rows(
    maker: StarMaker, root: Key[Array, ""], star_ids: Int[Array, " n_stars"], side_by_side: int, mesh: Mesh
) -> Row:
    """Rows of many stars, the batch sharded over the mesh; the number of stars must be a multiple of it.

    Args:
        maker: What is drawn, and how it is observed.
        root: Key of the data set.
        star_ids: Numbers of the stars.
        side_by_side: Stars that a device simulates together; with 1, noise is still made for some together.
        mesh: Devices, along its axis `star`.
    """

    def on_one_device(maker, root, ids):
        group = _GROUP_CPU if side_by_side == 1 else side_by_side
        drawn = _in_groups(lambda i: drawn_star(maker, root, i), ids, group)
        if side_by_side == 1:
            seen = jax.lax.map(lambda star: observed_star(maker, star), drawn)
        else:  # side by side a star would wait for what its neighbours need
            seen = _in_groups(lambda star: maker.observe(maker.simulator, star), drawn, group)
        return _in_groups(lambda x: recorded_star(maker, root, *x), (ids, drawn, seen), group)

    sharded = jax.shard_map(
        on_one_device, mesh=mesh, in_specs=(P(), P(), P("star")), out_specs=P("star"), check_vma=False
    )
    return sharded(maker, root, star_ids)


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
    """A compiled `rows` and its arguments: `program(first)` gives the rows of `chunk` stars from there on.

    Attributes:
        compiled: The executable.
        maker: On the devices.
        root: On the devices.
        chunk: Stars of one call, all devices together.
        side_by_side: Stars that a device computes together.
        n_devices: Number of devices.
        bytes_needed: Memory of one call on one device, arguments included, as the compiler states it.
    """

    compiled: Callable
    maker: StarMaker
    root: Array
    chunk: int
    side_by_side: int
    n_devices: int
    bytes_needed: int

    def __call__(self, first: int, last: int) -> Row:
        """Rows of stars first to first + chunk - 1; beyond `last` they repeat it."""
        ids = np.minimum(np.arange(first, first + self.chunk, dtype=np.int32), last)
        return self.compiled(self.maker, self.root, jax.device_put(ids, self._sharding))

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
    n_devices, device = mesh.devices.size, mesh.devices.flat[0]
    memory = int(_SHARE * free_memory(device)) // (n_devices if device.platform == "cpu" else 1) \
        if memory is None else memory  # fmt: skip
    placed = jax.device_put((maker, root), NamedSharding(mesh, P()))
    per_device = -(-most // n_devices)
    bound = max(1, min(per_device, _MAX_OUTPUT // max(1, bytes_of(row_shapes(maker, root)))))
    if device.platform == "cpu":
        size = min(_CPU_CHUNK, bound) if chunk is None else chunk
        size = max(_CPU_LEAST, -(-size // _GROUP_CPU) * _GROUP_CPU)
        return _fitting(placed, mesh, size, memory, is_fixed=chunk is not None)
    size = min(_TRIAL, bound) if chunk is None else chunk
    program = _fitting(placed, mesh, size, memory, is_fixed=chunk is not None)
    arguments = _argument_bytes(placed)
    per_star = max(1, program.bytes_needed - arguments) / size
    grown = min(bound, _MOST, _power_of_two((memory - arguments) / per_star))
    if chunk is not None or grown <= size:
        return program
    return _fitting(placed, mesh, grown, memory, is_fixed=False)


def _power_of_two(x: float) -> int:
    return 2 ** max(0, int(np.log2(max(1.0, x))))


def _argument_bytes(placed) -> int:
    leaves = jax.tree.leaves(placed)
    return sum(x.nbytes for x in leaves if not jnp.issubdtype(x.dtype, jax.dtypes.prng_key))


def _fitting(placed, mesh: Mesh, size: int, memory: int, *, is_fixed: bool) -> Program:
    """The program for `size` stars on each device, halved until it fits unless the size is fixed."""
    maker, root = placed
    is_cpu = mesh.devices.flat[0].platform == "cpu"
    while True:
        side_by_side = 1 if is_cpu else size
        ids = jax.device_put(
            np.zeros(size * mesh.devices.size, np.int32), NamedSharding(mesh, P("star"))
        )  # fmt: skip
        compiled = rows.lower(maker, root, ids, side_by_side, mesh).compile(compiler_options())
        needed = _bytes_needed(compiled)
        if needed <= memory or is_fixed:
            return Program(
                compiled, maker, root, size * mesh.devices.size, side_by_side, mesh.devices.size, needed
            )
        if size == (_CPU_LEAST if is_cpu else 1):
            raise ValueError(
                f"memory = {memory} bytes of a device do not hold {size} stars, which take {needed}; "
                "simulate fewer exposures or pixels, or a smaller part of the spectral grid"
            )
        size = max(_CPU_LEAST, size // 2 // _GROUP_CPU * _GROUP_CPU) if is_cpu else size // 2


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
