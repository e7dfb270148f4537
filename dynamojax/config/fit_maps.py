"""The surface that a posterior stands for: mean and spread of the darkening over its draws."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from dynamojax.config.fit_run import Outcome
from dynamojax.files.fit_record import SpotMapPosterior
from dynamojax.inference.problem import Problem
from dynamojax.simulate import Simulator
from dynamojax.surface.geometry import rotation_turns
from dynamojax.surface.maps import disc_points
from dynamojax.surface.moments import caps_at
from dynamojax.system import Epochs, System

_N_LON, _N_LAT, _N_PIXELS = 180, 90, 96
_MOST = 256  # draws; their mean and spread then stand to 4 and 6 % of the spread
_PHASES = np.array([0.0, 0.25, 0.5, 0.75])


def spot_map(outcome: Outcome) -> SpotMapPosterior | None:
    """Darkening of the surface at the epoch, and of the disc at quarters of a turn after it."""
    simulator, fit = outcome.posed.simulator, outcome.fit
    if not simulator.schedules or not fit.system.spots.n_spots:
        return None
    values = _all_values(outcome)
    lon = (np.arange(_N_LON) + 0.5) * (360.0 / _N_LON) - 180.0
    lat = (np.arange(_N_LAT) + 0.5) * (180.0 / _N_LAT) - 90.0
    epochs = Epochs.from_days(_PHASES * float(fit.system.star.prot))
    points = disc_points(_N_PIXELS)
    moments = _moments(fit.problem, simulator, jnp.asarray(values), (lon, lat), points, epochs)
    surface, disc = ([np.asarray(x, np.float64) for x in pair] for pair in moments)
    off = np.isnan(points[2])
    disc = [np.where(off, np.nan, x) for x in disc]
    inc = float(np.rad2deg(fit.system.star.inc))
    return SpotMapPosterior(
        *(lon, lat, *surface, _PHASES, *disc), n_draws=len(values), band=simulator.grid.bands[0], inc_deg=inc
    )


def _all_values(outcome: Outcome) -> np.ndarray:
    """Draws of all free parameters in canonical units, those held at their value; the best end without."""
    fit = outcome.fit
    best, units = np.asarray(fit.canonical), np.array(fit.problem.parameters.units)
    if outcome.draws is None or not len(outcome.draws.values):
        return best[None]
    draws = outcome.draws.values
    draws = draws[:: max(1, len(draws) // _MOST)][:_MOST]
    values = np.tile(best, (len(draws), 1))
    values[:, outcome.active] = draws * units[outcome.active]
    return values.astype(best.dtype)


@jax.jit
def _moments(problem: Problem, simulator: Simulator, values, grid, points, epochs: Epochs):
    """Mean and standard deviation of the maps of all draws, one pass."""

    def add(sums, one):
        system = problem.parameters.put(one)[""]
        dark = darkness(simulator, system)
        maps = (
            surface_cover(simulator, system, grid, epochs) * dark,
            disc_cover(simulator, system, points, epochs),
        )
        maps = maps[0], maps[1] * dark
        return [(s + m, q + m * m) for (s, q), m in zip(sums, maps, strict=True)], None

    shapes = (grid[1].size, grid[0].size), (epochs.day.size, *points.shape[1:])
    dtype = values.dtype
    zero = [(jnp.zeros(shape, dtype), jnp.zeros(shape, dtype)) for shape in shapes]
    sums, _ = jax.lax.scan(add, zero, values)
    n = len(values)
    return [(s / n, jnp.sqrt(jnp.maximum(q / n - (s / n) ** 2, 0))) for s, q in sums]


def darkness(simulator: Simulator, system: System) -> Float[Array, ""]:
    """Share of the light that a spot at the centre of the disc lacks, in the first band. [1]"""
    laws = simulator.polynomials(system)
    return 1 - jnp.sum(laws.spot[0]) / jnp.sum(laws.photosphere[0])


def surface_cover(simulator: Simulator, system: System, grid, epochs: Epochs) -> Float[Array, "n_lat n_lon"]:
    """1 where a spot is at the first epoch, by latitude and longitude from the central meridian. [deg]"""
    star, spots = system.star, system.spots
    phase = 2 * jnp.pi * rotation_turns(star, spots.lat, spots.lon, epochs)[:, 0]
    half_sine = caps_at(star, spots, epochs, simulator.surface)[1][:, 0]
    lon, lat = (jnp.deg2rad(jnp.asarray(x, phase.dtype)) for x in grid)
    lat = lat[:, None]

    def covers(spot):
        spot_lat, spot_lon, w = spot
        cosine = jnp.sin(lat) * jnp.sin(spot_lat) + jnp.cos(lat) * jnp.cos(spot_lat) * jnp.cos(lon - spot_lon)
        return cosine > 1 - 2 * w * w

    inside = jax.vmap(covers)((spots.lat, phase, half_sine))
    return jnp.any(inside, axis=0).astype(phase.dtype)


def disc_cover(simulator: Simulator, system: System, points, epochs: Epochs) -> Float[Array, "n_times n n"]:
    """1 where a spot is seen, in images of the disc at the epochs."""
    position, half_sine, _ = caps_at(system.star, system.spots, epochs, simulator.surface)
    points = jnp.asarray(points, position.dtype)

    def at(position, half_sine):
        cosine = jnp.einsum("ixy,ij->jxy", points, position, precision=jax.lax.Precision.HIGHEST)
        return jnp.any(cosine > 1 - 2 * half_sine[:, None, None] ** 2, axis=0)

    return jax.vmap(at, in_axes=(2, 1))(position, half_sine).astype(position.dtype)
