"""Mass and age of a star whose temperature, gravity and metallicity are known: all that fit, if several do.

The tracks of one metallicity map the plane of mass and phase onto that of temperature and gravity, and fold
it where tracks turn back: near the end of hydrogen burning, and where the pre-main sequence crosses the main
one. Every triangle of the map that holds the star is a seed; Newton's method makes it a solution.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from dynamojax.evolution.stencil import axis_stencil, on_metal_scale
from dynamojax.evolution.tracks import StellarState, TrackGrid, at_phase, radius_and_gravity
from dynamojax.numerics import safe_divide

ZERO_AGE_EEP = 202.0  # where MIST's main sequence begins
_ITERATIONS = 8
_SLACK = -0.3  # how far outside a flat triangle a curved one may reach
_STEP_LN_MASS, _STEP_EEP = 0.1, 4.0  # longest steps of the solver
_SLOPE = -2.35  # of the mass function, Salpeter (1955), ApJ 121, 161


class Inversion(NamedTuple):
    """The stars that a temperature, gravity and metallicity may be, in order of phase.

    Attributes:
        mass: Initial mass. [M_sun]
        age_gyr: [Gyr]
        eep: Equivalent evolutionary phase. [1]
        weight: Share of such stars that are this one, for Salpeter's mass function and a constant birth rate.
        valid: Which places hold a solution; the others are NaN, with weight 0.
        n_solutions: How many there are: 0 off the tracks, more than 1 where tracks cross.
        complete: Whether there was room for all.
    """

    mass: Float[Array, " k"]
    age_gyr: Float[Array, " k"]
    eep: Float[Array, " k"]
    weight: Float[Array, " k"]
    valid: Bool[Array, " k"]
    n_solutions: Int[Array, ""]
    complete: Bool[Array, ""]


def _map(grid: TrackGrid, feh, alpha):
    """Log teff and log g of all masses and phases at one metallicity, and which exist."""
    places = on_metal_scale(grid.feh, jnp.asarray(feh, grid.feh.dtype)), (grid.alpha, alpha)
    parts = [axis_stencil(nodes, x) for nodes, x in places]
    start, weights, cell, linear, inside = zip(*parts, strict=True)
    zero = jnp.zeros_like(start[0])
    sizes = (len(grid.mass), weights[0].shape[0], weights[1].shape[0], len(grid.eep), 3)
    block = jax.lax.dynamic_slice(grid.values, (zero, *start, zero, zero), sizes)
    value = jnp.einsum("j,k,ijkn...->in...", *weights, block, precision=jax.lax.Precision.HIGHEST)
    needed = jnp.einsum("j,k->jk", *linear) != 0
    corner = (len(grid.mass), linear[0].shape[0], linear[1].shape[0])
    first, last = (
        jax.lax.dynamic_slice(table, (zero, *cell), corner)[..., None] for table in (grid.first, grid.last)
    )
    index = jnp.arange(len(grid.eep))
    exists = jnp.all(((index >= first) & (index <= last)) | ~needed[..., None], axis=(1, 2))
    _, logg = radius_and_gravity(*jnp.moveaxis(value, -1, 0))
    return value[..., 0], logg, exists & inside[0] & inside[1]


def _seeds(grid: TrackGrid, teff, logg, feh, alpha, eep_min, k: int):
    """Up to k triangles that hold the star: ln mass, phase, whether there is one; whether these are all."""
    x, y, exists = _map(grid, feh, alpha)
    exists = exists & (grid.eep + (grid.eep[1] - grid.eep[0]) > eep_min)
    dx, dy = x - jnp.log10(teff), y - logg
    scores, masses, phases = [], [], []
    ln_mass = jnp.log(grid.mass)[:-1, None]
    width, phase = jnp.diff(jnp.log(grid.mass))[:, None], grid.eep[:-1]
    step = grid.eep[1] - grid.eep[0]
    for corner in (0, 1):  # the two triangles of a cell, about (i, j) and about (i + 1, j + 1)
        a, b, c = (_shifted(corner, corner), _shifted(1 - corner, corner), _shifted(corner, 1 - corner))
        (xa, xb, xc), (ya, yb, yc) = ([p(v) for p in (a, b, c)] for v in (dx, dy))
        area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
        along_mass = safe_divide(xc * ya - xa * yc, area)
        along_phase = safe_divide(xa * yb - xb * ya, area)
        score = jnp.minimum(jnp.minimum(along_mass, along_phase), 1.0 - along_mass - along_phase)
        whole = a(exists) & b(exists) & c(exists) & (area != 0)
        scores.append(jnp.where(whole, score, -jnp.inf))
        sign = 1 - 2 * corner
        masses.append(ln_mass + width * (corner + sign * along_mass))
        phases.append(phase + step * (corner + sign * along_phase))
    scores, masses, phases = (jnp.stack(v).ravel() for v in (scores, masses, phases))
    held = scores > _SLACK
    index = jnp.nonzero(held, size=k, fill_value=-1)[0]
    return masses[index], phases[index], index >= 0, held.sum() <= k


def _shifted(i: int, j: int):
    """Corner (i, j) of every cell of a map."""
    return lambda v: v[i : v.shape[0] - 1 + i, j : v.shape[1] - 1 + j]


def _newton(grid, target, feh, alpha, at, damped: bool):
    """One step of Newton's method in (ln mass, phase)."""

    def residual(at):
        star = at_phase(grid, jnp.exp(at[0]), feh, at[1], alpha)
        value = jnp.stack([jnp.log10(star.teff), star.logg]) - target
        return value, value

    slopes, value = jax.jacfwd(residual, has_aux=True)(at)
    det = slopes[0, 0] * slopes[1, 1] - slopes[0, 1] * slopes[1, 0]
    turned = jnp.stack(
        [slopes[1, 1] * value[0] - slopes[0, 1] * value[1], slopes[0, 0] * value[1] - slopes[1, 0] * value[0]]
    )
    step = safe_divide(turned, det)
    if not damped:
        return at - step, value, det
    longest = jnp.stack([jnp.asarray(_STEP_LN_MASS, at.dtype), jnp.asarray(_STEP_EEP, at.dtype)])
    low = jnp.stack([jnp.log(grid.mass[0]), grid.eep[0]])
    high = jnp.stack([jnp.log(grid.mass[-1]), grid.eep[-1]])
    return jnp.clip(at - jnp.clip(step, -longest, longest), low, high), value, det


def _solve(grid, target, feh, alpha, seed):
    """The solution near a seed, how far it is from solving, and the Jacobian's determinant."""
    known = jax.lax.stop_gradient((grid, target, feh, alpha))
    at = jax.lax.stop_gradient(seed)
    at = jax.lax.fori_loop(0, _ITERATIONS, lambda _, at: _newton(*known, at, damped=True)[0], at)
    at = jax.lax.stop_gradient(at)
    at, value, det = _newton(grid, target, feh, alpha, at, damped=False)  # carries the derivatives
    return at, jnp.abs(value).max(), det


def _with_rate(grid: TrackGrid, mass, feh, eep, alpha) -> tuple[StellarState, Float[Array, ""]]:
    """A star at a phase, and the time from one phase to the next. [Gyr]."""
    moving = (eep,), (jnp.ones_like(eep),)
    star, rates = jax.jvp(lambda e: at_phase(grid, mass, feh, e, alpha)[:-1], *moving)
    valid = jnp.isfinite(star[0])
    return StellarState(*star, valid=valid), jnp.maximum(rates[5], 0.0)


def stars_of(
    grid: TrackGrid,
    teff: Float[Array, ""],
    logg: Float[Array, ""],
    feh: Float[Array, ""],
    alpha: Float[Array, ""] | float = 0.0,
    *,
    eep_min: float = ZERO_AGE_EEP,
    max_solutions: int = 4,
) -> Inversion:
    """Mass and age of a star by its atmosphere.

    Args:
        grid: Tracks.
        teff: Effective temperature. [K]
        logg: Surface gravity. [dex]
        feh: Initial metallicity. [dex]
        alpha: [alpha/Fe]. [dex]
        eep_min: Earliest phase to consider; 0 takes the pre-main sequence in.
        max_solutions: Places to return solutions in.

    Gradients: of each solution, by its own equations; unbounded where two meet, where tracks turn back.
    Accuracy: a star made by `evolve` is among its solutions to 1e-6 in mass (float64).
    """
    dtype = teff.dtype
    alpha = jnp.asarray(alpha, dtype)
    positive = teff > 0
    target = jnp.stack([jnp.log10(jnp.where(positive, teff, 1.0)), logg])
    k = 6 * max_solutions
    seeds = _seeds(grid, jnp.where(positive, teff, 1.0), logg, feh, alpha, eep_min, k)
    at, miss, det = jax.vmap(lambda m, e: _solve(grid, target, feh, alpha, jnp.stack([m, e])))(*seeds[:2])
    tolerance = 100 * jnp.finfo(dtype).eps ** 0.75
    good = seeds[2] & (miss < tolerance) & (at[:, 1] >= eep_min) & positive
    # The same solution may come from two seeds: the first of each is kept.
    apart = jnp.abs(at[:, None] - at[None, :])
    close = (apart[..., 0] < 1e-3) & (apart[..., 1] < 0.1)
    earlier = jnp.tril(close & good[None, :], -1).any(axis=1)
    good = good & ~earlier
    order = jnp.argsort(jnp.where(good, at[:, 1], jnp.inf))[:max_solutions]
    at, det, found = at[order], det[order], good[order]
    mass = jnp.exp(at[:, 0])
    star, rate = jax.vmap(lambda m, e: _with_rate(grid, m, feh, e, alpha))(mass, at[:, 1])
    valid = found & star.valid
    share = jnp.where(valid, mass ** (_SLOPE + 1.0) * safe_divide(rate, jnp.abs(det)), 0.0)
    columns = (jnp.where(valid, v, jnp.nan) for v in (mass, star.age_gyr, at[:, 1]))
    return Inversion(
        *columns,
        weight=safe_divide(share, share.sum()),
        valid=valid,
        n_solutions=valid.sum(),
        complete=(good.sum() <= max_solutions) & seeds[3],
    )
