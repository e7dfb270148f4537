"""What active regions hide of the disc at every epoch: the moments of all spots and of all faculae."""

import dataclasses
from collections.abc import Callable
from typing import TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from dynamojax.surface.coverage import half_sines, sum_of_moments
from dynamojax.surface.evolution import LAWS, facula_half_sine, spot_radii
from dynamojax.surface.geometry import cos_view_angle, sky_positions
from dynamojax.surface.overlap import union_moments
from dynamojax.system import Epochs, SpotMap, Star

_Out = TypeVar("_Out")


class SurfaceConfig(eqx.Module):
    """How the surface is computed: static, no leaves.

    Attributes:
        law: Evolution of the spots' radii: constant, linear, quadratic or gaussian.
        overlap: "sum" counts each spot in full, fast, too dark where spots overlap by what they share
            (`overlap_excess` bounds it; what planets hide of spots is always counted once, so that such a
            star is not quite dark in a total eclipse); "exact" counts each piece of surface once.
        faculae: Whether spots carry faculae, at twice the cost.
        n_neighbours: In exact mode, how many others may overlap any one spot (`count_neighbours`).
        times_per_step: Epochs computed together; bounds the memory.
    """

    law: str = eqx.field(static=True, default="gaussian")
    overlap: str = eqx.field(static=True, default="sum")
    faculae: bool = eqx.field(static=True, default=False)
    n_neighbours: int = eqx.field(static=True, default=32)
    times_per_step: int = eqx.field(static=True, default=1024)

    def __check_init__(self):
        for name, allowed in (("law", LAWS), ("overlap", ("sum", "exact"))):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} = {getattr(self, name)!r} must be one of {', '.join(allowed)}")
        for name in ("n_neighbours", "times_per_step"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} = {getattr(self, name)} must be at least 1")


class SurfaceMoments(eqx.Module):
    """Integrals M_k of mu^k, k = 1 .. n, over the visible spots and over the visible faculae.

    Attributes:
        spot: [1]
        facula: Faculae not covered by spots; zero without faculae. [1]
        valid: False where more spots overlap than the configuration has room for; NaN there.
    """

    spot: Float[Array, "n n_times"]
    facula: Float[Array, "n n_times"]
    valid: Bool[Array, " n_times"]


def caps_at(
    star: Star, spots: SpotMap, epochs: Epochs, config: SurfaceConfig
) -> tuple[
    Float[Array, "3 n_spots n_times"], Float[Array, "n_spots n_times"], Float[Array, "n_spots n_times"]
]:
    """Unit vectors to the spots' centres, and sin(r/2) of the spots and of their faculae's rims."""
    position = sky_positions(star, spots.lat, spots.lon, epochs)
    half_sine = half_sines(spot_radii(spots, epochs, config.law))
    return position, half_sine, facula_half_sine(half_sine, star.facula_ratio)


def caps_by_index(surface: SurfaceConfig, epochs: Epochs, star: Star, spots: SpotMap, *, faculae: bool):
    """Spots, or their faculae's rims, at the epoch of a given index: positions and sin(r/2)."""

    def at(index):
        epoch = jax.tree.map(lambda x: x[index][None], epochs)
        position, spot, facula = caps_at(star, spots, epoch, surface)
        return position[..., 0], (facula if faculae else spot)[:, 0]

    return at


def _moments_at(star: Star, spots: SpotMap, epochs: Epochs, config: SurfaceConfig, n: int) -> SurfaceMoments:
    if not spots.n_spots:
        none = jnp.zeros((n, epochs.day.shape[0]), epochs.fraction.dtype)
        return SurfaceMoments(none, none, jnp.ones(epochs.day.shape, bool))
    half_sine = half_sines(spot_radii(spots, epochs, config.law))
    if config.overlap == "exact":
        position = sky_positions(star, spots.lat, spots.lon, epochs)

        def count(w):
            return union_moments(position, w, n, config.n_neighbours)
    else:
        mu0 = cos_view_angle(star, spots.lat, spots.lon, epochs)

        def count(w):
            return sum_of_moments(mu0, w, n), jnp.ones(w.shape[1], bool)

    spot, valid = count(half_sine)
    if not config.faculae:
        return SurfaceMoments(spot, jnp.zeros_like(spot), valid)
    # Every spot lies inside its own facula: what the wider caps cover and the spots do not is facula.
    both, fits = count(facula_half_sine(half_sine, star.facula_ratio))
    return SurfaceMoments(spot, both - spot, valid & fits)


def over_epochs(at: Callable[[Epochs], _Out], epochs: Epochs, step: int) -> _Out:
    """What a function gives at epochs, a last axis of all its results, computed in steps of some epochs."""
    n_times = epochs.day.shape[0]
    if n_times <= step:
        return at(epochs)
    missing = -n_times % step
    blocks = jax.tree.map(lambda x: jnp.pad(x, (0, missing), mode="edge").reshape(-1, step), epochs)
    out = jax.lax.map(jax.checkpoint(at), blocks)
    return jax.tree.map(lambda x: jnp.moveaxis(x, 0, -2).reshape(*x.shape[1:-1], -1)[..., :n_times], out)


def surface_moments(
    star: Star, spots: SpotMap, epochs: Epochs, config: SurfaceConfig, n: int
) -> SurfaceMoments:
    """Moments of the spots and faculae of one star, k = 1 .. n, at every epoch.

    Memory: about 8 bytes (float32) a spot and epoch of one step of `times_per_step` epochs.
    """
    return over_epochs(lambda part: _moments_at(star, spots, part, config, n), epochs, config.times_per_step)


def overlap_excess(
    star: Star, spots: SpotMap, epochs: Epochs, config: SurfaceConfig
) -> Float[Array, " n_times"]:
    """Share of the disc that the sum over spots counts more than once: when it matters, use "exact".

    The sum is too dark by at most this share, times one minus the spots' relative intensity, times the
    central intensity over the mean. A few epochs a rotation are enough; they cost as the exact mode does.

    Returns:
        Projected area of spots and faculae counted in excess over the disc's. [1]
    """
    room = max(1, spots.n_spots)
    once, twice = (
        surface_moments(star, spots, epochs, dataclasses.replace(config, overlap=mode, n_neighbours=room), 1)
        for mode in ("exact", "sum")
    )
    return (twice.spot[0] - once.spot[0] + twice.facula[0] - once.facula[0]) / jnp.pi
