"""Spots behind planets along a light curve: only epochs in transit and only caps near the planet."""

from collections.abc import Callable
from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.lax import stop_gradient
from jaxtyping import Array, Bool, Float, Int

from dynamojax.numerics import safe_divide, safe_sqrt
from dynamojax.planets.corners import extent
from dynamojax.planets.crossing import occulted_moments

# From the index of an epoch to unit vectors (3, n_caps) to the caps' centres and sin(r/2) of their radii.
Caps = Callable[[Int[Array, ""]], tuple[Float[Array, "3 n_caps"], Float[Array, " n_caps"]]]


class CrossingConfig(eqx.Module):
    """Room for spot crossings: static, no leaves. Too little of it is reported, never silent.

    Attributes:
        n_epochs: How many epochs, summed over planets, may be in transit; None is a tenth of them, or 256.
        n_caps: How many caps may come near a planet at one epoch.
        n_nodes: Slices of the planet's disc.
        n_panels: Panels between the corners of what it hides, at most half of n_nodes.
        epochs_per_step: Epochs computed together; bounds the memory.
    """

    n_epochs: int | None = eqx.field(static=True, default=None)
    n_caps: int = eqx.field(static=True, default=8)
    n_nodes: int = eqx.field(static=True, default=96)
    n_panels: int = eqx.field(static=True, default=32)
    epochs_per_step: int = eqx.field(static=True, default=32)

    def __check_init__(self):
        for name, value in vars(self).items():
            if value is not None and value < 1:
                raise ValueError(f"{name} = {value} must be at least 1; raise it")
        if self.n_nodes < 2 * self.n_panels:
            raise ValueError(
                f"n_nodes = {self.n_nodes} must be at least 2 n_panels = {2 * self.n_panels}; raise it"
            )


def panels_for(n_caps: int) -> int:
    """Panels that hold every corner of n caps near a planet, however they lie."""
    return 4 * n_caps + 2 * n_caps + n_caps * (n_caps - 1) + 3


_LARGE, _LARGE_NODES, _LARGE_PANELS = 0.25, 400, 64  # 58 ppm become 1.8 for companions of 0.6 to 1.4


def sized(config: CrossingConfig, n_epochs: int, n_caps: int, radius_ratio: float | int) -> CrossingConfig:
    """The config with room for so many epochs and caps, and nodes for planets up to a radius ratio."""
    panels = max(panels_for(n_caps), config.n_panels, _LARGE_PANELS if radius_ratio > _LARGE else 1)
    nodes = max(4 * panels, config.n_nodes, _LARGE_NODES if radius_ratio > _LARGE else 1)
    return replace(config, n_epochs=n_epochs, n_caps=n_caps, n_panels=panels, n_nodes=nodes)


def cap_clearance(
    x: Float[Array, ""],
    y: Float[Array, ""],
    radius_ratio: Float[Array, ""],
    position: Float[Array, "3 n_caps"],
    half_sine: Float[Array, " n_caps"],
) -> Float[Array, " n_caps"]:
    """A distance by which caps clear a planet's disc; where it is positive they do not touch. [1]

    The largest of: their distance on the sky; that of their extents along and across the
    planet's direction; how far they are behind the limb. Infinite for caps of radius 0.
    """
    cx, cy, cz = position
    distance = safe_sqrt(x * x + y * y)
    ex, ey = jnp.where(distance > 0, safe_divide(x, distance), 1), safe_divide(y, distance)
    clear = safe_sqrt((cx - x) ** 2 + (cy - y) ** 2) - radius_ratio - 2 * half_sine
    for along, centre in ((ex * cx + ey * cy, distance), (ex * cy - ey * cx, 0)):
        low, high = extent(along, half_sine)
        clear = jnp.maximum(clear, jnp.maximum(low - centre - radius_ratio, centre - radius_ratio - high))
    clear = jnp.maximum(clear, -extent(cz, half_sine)[1])
    return jnp.where(half_sine > 0, clear, jnp.inf)


def _hides(x: Array, y: Array, z: Array, p: Array) -> Array:
    """Whether a planet hides some of the star."""
    return (z > 0) & (p > 0) & (x * x + y * y < (1 + p) ** 2)


def room_needed(
    x: Float[Array, "n_planets n_times"],
    y: Float[Array, "n_planets n_times"],
    z: Float[Array, "n_planets n_times"],
    radius_ratio: Float[Array, " n_planets"],
    caps: Caps,
) -> tuple[Int[Array, ""], Int[Array, ""]]:
    """The n_epochs and n_caps that `crossing_moments` needs for these planets and caps."""
    hides = _hides(x, y, z, radius_ratio[:, None])

    def near(at):
        time, x_now, y_now = at
        position, half_sine = caps(time)
        clear = jax.vmap(cap_clearance, (0, 0, 0, None, None))(
            x_now, y_now, radius_ratio, position, half_sine
        )
        return jnp.sum(clear < 0, axis=1)

    n_near = jax.lax.map(near, (jnp.arange(x.shape[1]), x.T, y.T), batch_size=32)
    return jnp.sum(hides), jnp.max(jnp.where(hides.T, n_near, 0), initial=0)


# From a planet's x, y, z and radius ratio, and caps near it, to integrals over what it hides of them.
Hidden = Callable[[tuple[Array, Array, Array, Array], Array, Array], Array]


def _one_epoch(planet, position: Array, half_sine: Array, hidden: Hidden, config: CrossingConfig):
    """What is hidden, and whether all near caps fitted."""
    x, y, z, p = planet
    n_caps = min(config.n_caps, half_sine.shape[0])
    clear = stop_gradient(cap_clearance(x, y, p, position, half_sine))
    _, index = jax.lax.top_k(-clear, n_caps)
    fits = (jnp.sum(clear < 0) <= n_caps) | (z <= 0)
    return hidden(planet, position[:, index], half_sine[index]), fits


def crossing_sums(
    x: Float[Array, "n_planets n_times"],
    y: Float[Array, "n_planets n_times"],
    z: Float[Array, "n_planets n_times"],
    radius_ratio: Float[Array, " n_planets"],
    caps: Caps,
    hidden: Hidden,
    config: CrossingConfig,
) -> tuple[Float[Array, "n n_times"], Bool[Array, ""]]:
    """Any n integrals over what the planets hide of caps, at every epoch; planets add up.

    Arguments, and whether the room sufficed, as in `crossing_moments`; `hidden` must be zero behind a planet
    that hides nothing.
    """
    n_times = x.shape[1]
    p = jnp.broadcast_to(radius_ratio[:, None], x.shape)
    hides = _hides(x, y, z, p)
    size = min(config.n_epochs or max(256, hides.size // 10), hides.size)
    (index,) = jnp.nonzero(hides.ravel(), size=size, fill_value=hides.size)
    fits = jnp.sum(hides) <= size
    # Places left over hold a planet behind the star.
    planets = [
        q.ravel().at[index].get(mode="fill", fill_value=f) for q, f in ((x, 0), (y, 0), (z, -1), (p, 0))
    ]
    time = index % n_times

    @jax.checkpoint
    def at(given):
        return _one_epoch(given[0], *caps(given[1]), hidden, config)

    found, near_fit = jax.lax.map(at, (planets, time), batch_size=min(config.epochs_per_step, size))
    total = jnp.zeros((n_times, found.shape[1]), found.dtype).at[time].add(found)
    return total.T, fits & jnp.all(near_fit)


def crossing_moments(
    x: Float[Array, "n_planets n_times"],
    y: Float[Array, "n_planets n_times"],
    z: Float[Array, "n_planets n_times"],
    radius_ratio: Float[Array, " n_planets"],
    caps: Caps,
    n: int,
    config: CrossingConfig,
) -> tuple[Float[Array, "n n_times"], Bool[Array, ""]]:
    """Integrals M_k of mu^k over what the planets hide of a union of caps, k = 1 .. n, at every epoch.

    Add sum_k (a_spot - a_photosphere)_k M_k to what `transit_loss` says is hidden. For faculae that
    reach r' around spots of radius r, the moments are those of caps r' minus those of caps r.
    Planets add up, as in `transit_loss`.

    Args:
        x: Positions of the planets, as from `planet_positions`. [stellar radius]
        y: Along the projected spin axis. [stellar radius]
        z: Towards the observer. [stellar radius]
        radius_ratio: Planet over stellar radius; 0 is no planet. [1]
        caps: From the index of an epoch to unit vectors to the caps' centres (observer on +z) and
            sin(r/2) of their radii (0 is no cap) at that epoch: a star's caps at every epoch
            need never exist at once.
        n: Number of moments.
        config: Room for epochs in transit and for caps near a planet.

    Returns:
        M_1 .. M_n [1], and False where the room did not suffice: the moments are then too small.
    """

    def hidden(planet, position, half_sine):
        nodes = {"n_nodes": config.n_nodes, "n_panels": config.n_panels}
        return occulted_moments(*planet, position, half_sine, n, **nodes)

    return crossing_sums(x, y, z, radius_ratio, caps, hidden, config)
