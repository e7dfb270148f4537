"""Stars from mass, metallicity and age, interpolated at equal evolutionary phase.

Tracks share a coordinate, the equivalent evolutionary phase (EEP): the same number is the same event in
every star (the start of hydrogen burning, its end, the tip of the giant branch). At a fixed phase, age and
structure vary smoothly with mass and metallicity; at a fixed age they do not. So age(phase) is interpolated
between tracks first, then solved for the phase, and everything else is interpolated at that phase.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from dynamojax.constants import LOGG_SUN_DEX, TEFF_SUN_K
from dynamojax.evolution.stencil import TrackStencil, on_metal_scale, track_stencil
from dynamojax.numerics import as_float, safe_divide

COLUMNS = ("log_teff", "log_luminosity", "log_mass", "log_prot", "log_turnover")


class TrackGrid(eqx.Module):
    """Evolutionary tracks on a grid; pass it as an argument, never close over it.

    Tracks that end early or start late are continued (`filling`), which only shapes slopes beside them;
    `first` and `last` say what exists.

    Attributes:
        mass: Nodes, initial mass. [M_sun]
        feh: Nodes, initial metallicity. [dex]
        alpha: Nodes, [alpha/Fe]; a single one where the grid has no choice. [dex]
        eep: Equivalent evolutionary phases, evenly spaced. [1]
        log_age: log10 of the age. [dex Gyr]
        values: log10 of the quantities in `columns`. [dex]
        first: Index of the first phase of each track.
        last: Index of the last phase of each track; -1 where there is no track.
        columns: Names, static, from COLUMNS: K, L_sun, M_sun (current mass), day, day.
    """

    mass: Float[Array, " n_mass"] = eqx.field(converter=as_float)
    feh: Float[Array, " n_feh"] = eqx.field(converter=as_float)
    alpha: Float[Array, " n_alpha"] = eqx.field(converter=as_float)
    eep: Float[Array, " n_eep"] = eqx.field(converter=as_float)
    log_age: Float[Array, "n_mass n_feh n_alpha n_eep"] = eqx.field(converter=as_float)
    values: Float[Array, "n_mass n_feh n_alpha n_eep n_columns"] = eqx.field(converter=as_float)
    first: Int[Array, "n_mass n_feh n_alpha"]
    last: Int[Array, "n_mass n_feh n_alpha"]
    columns: tuple[str, ...] = eqx.field(static=True)

    def __check_init__(self):
        unknown = [name for name in self.columns if name not in COLUMNS]
        if unknown or self.columns[:3] != COLUMNS[:3]:
            raise ValueError(
                f"columns = {self.columns}: must begin with {COLUMNS[:3]}, more from {COLUMNS[3:]}"
            )
        shape = (len(self.mass), len(self.feh), len(self.alpha), len(self.eep))
        if self.log_age.shape != shape or self.values.shape != (*shape, len(self.columns)):
            raise ValueError(
                f"log_age {self.log_age.shape} and values {self.values.shape} do not fit the axes {shape} "
                f"and {len(self.columns)} columns"
            )
        if len(self.eep) < 4:
            raise ValueError(f"eep has {len(self.eep)} entries, at least 4 are needed")


class StellarState(NamedTuple):
    """A star at one moment of its life; all NaN where `valid` is False.

    Attributes:
        teff: Effective temperature. [K]
        logg: Surface gravity, log10 of cm/s2, of current mass and radius. [dex]
        luminosity: [L_sun]
        radius: [R_sun]
        mass: Current mass, after winds. [M_sun]
        age_gyr: [Gyr]
        eep: Equivalent evolutionary phase. [1]
        prot: Rotation period, NaN where the tracks have none. [day]
        turnover: Convective turnover time, NaN where the tracks have none. [day]
        valid: Whether tracks surround the star at this age.
    """

    teff: Float[Array, ""]
    logg: Float[Array, ""]
    luminosity: Float[Array, ""]
    radius: Float[Array, ""]
    mass: Float[Array, ""]
    age_gyr: Float[Array, ""]
    eep: Float[Array, ""]
    prot: Float[Array, ""]
    turnover: Float[Array, ""]
    valid: Bool[Array, ""]


def stencil_of(grid: TrackGrid, mass, feh, alpha) -> TrackStencil:
    """The tracks about a star."""
    nodes_feh, feh = on_metal_scale(grid.feh, jnp.asarray(feh, grid.feh.dtype))
    axes = (jnp.log(grid.mass), nodes_feh, grid.alpha)
    # A mass that is not positive lies off the grid, somewhere finite, so that it does not spoil a gradient.
    ln_mass = jnp.where(mass > 0, jnp.log(jnp.where(mass > 0, mass, 1.0)), axes[0][0] - 1.0)
    return track_stencil(axes, grid.first, grid.last, (ln_mass, feh, alpha))


def _local_start(grid: TrackGrid, phase: Int[Array, ""]) -> Int[Array, ""]:
    """First of the four phases about the cell that begins at `phase`."""
    return jnp.clip(phase - 1, 0, len(grid.eep) - 4)


def _hermite(f: Float[Array, "4 *n"], d: Float[Array, "4 *n"], j: Int[Array, ""], u: Float[Array, ""]):
    """Cubic from node j to j + 1 of four, one step apart, with values f and slopes d."""
    f0, f1, d0, d1 = f[j], f[j + 1], d[j], d[j + 1]
    return f0 + (f1 - f0) * u * u * (3 - 2 * u) + u * (1 - u) * ((1 - u) * d0 - u * d1)


def _hermite_slope(f: Float[Array, "4"], d: Float[Array, "4"], j: Int[Array, ""], u: Float[Array, ""]):
    f0, f1, d0, d1 = f[j], f[j + 1], d[j], d[j + 1]
    return 6 * u * (1 - u) * (f1 - f0) + (1 - u) * (1 - 3 * u) * d0 + u * (3 * u - 2) * d1


def parabola_slopes(f: Float[Array, "4 *n"]) -> Float[Array, "4 *n"]:
    """Slopes at four even nodes: of the parabola through a node and its neighbours."""
    return 0.5 * jnp.stack([4 * f[1] - 3 * f[0] - f[2], f[2] - f[0], f[3] - f[1], f[1] - 4 * f[2] + 3 * f[3]])


def monotone_slopes(f: Float[Array, "4"]) -> Float[Array, "4"]:
    """Slopes at four even nodes that keep an increasing function increasing.

    The harmonic mean of the differences on either side, so smooth in the values.
    Source: Fritsch & Butland (1984), SIAM J. Sci. Stat. Comput. 5, 300.
    """
    step = f[1:] - f[:-1]
    rising = (step[1:] > 0) & (step[:-1] > 0)
    mean = 2 * safe_divide(step[1:] * step[:-1], step[1:] + step[:-1])
    middle = jnp.where(rising, mean, 0.0)
    ends = 1.5 * step[jnp.array([0, 2])] - 0.5 * middle
    return jnp.concatenate([ends[:1], middle, ends[1:]])


def radius_and_gravity(log_teff, log_luminosity, log_mass):
    """log10 of radius [R_sun] and gravity [dex] from log10 of teff [K], luminosity [L_sun], mass [M_sun]."""
    log_radius = 0.5 * log_luminosity - 2.0 * (log_teff - jnp.log10(TEFF_SUN_K))
    return log_radius, LOGG_SUN_DEX + log_mass - 2.0 * log_radius


def _state(grid: TrackGrid, at: TrackStencil, phase, u, mass, valid) -> StellarState:
    """The star a fraction u of a step after the phase of index `phase`."""
    start = _local_start(grid, phase)
    j = phase - start
    age = at.interpolated(grid.log_age, start, 4)
    f = at.interpolated(grid.values, start, 4)
    log_age = _hermite(age, monotone_slopes(age), j, u)
    column = dict(zip(grid.columns, _hermite(f, parabola_slopes(f), j, u), strict=True))
    log_teff, log_lum = column["log_teff"], column["log_luminosity"]
    log_radius, logg = radius_and_gravity(log_teff, log_lum, column["log_mass"])
    absent = jnp.full_like(log_age, jnp.nan)
    step = grid.eep[1] - grid.eep[0]
    state = StellarState(
        teff=10**log_teff,
        logg=logg,
        luminosity=10**log_lum,
        radius=10**log_radius,
        mass=10 ** column["log_mass"],
        age_gyr=10**log_age,
        eep=grid.eep[0] + step * (phase + u),
        prot=10 ** column.get("log_prot", absent),
        turnover=10 ** column.get("log_turnover", absent),
        valid=valid,
    )
    return StellarState(*(jnp.where(valid, x, jnp.nan) for x in state[:-1]), valid=valid)


def at_phase(
    grid: TrackGrid,
    mass: Float[Array, ""],
    feh: Float[Array, ""],
    eep: Float[Array, ""],
    alpha: Float[Array, ""] | float = 0.0,
) -> StellarState:
    """A star at an evolutionary phase.

    Args:
        grid: Tracks.
        mass: Initial mass. [M_sun]
        feh: Initial metallicity. [dex]
        eep: Equivalent evolutionary phase. [1]
        alpha: [alpha/Fe]. [dex]

    Gradients: continuous in mass, feh and eep; not meaningful where the value is NaN.
    """
    at = stencil_of(grid, mass, feh, jnp.asarray(alpha, mass.dtype))
    s = (eep - grid.eep[0]) / (grid.eep[1] - grid.eep[0])
    valid = (s >= at.first) & (s <= at.last) & (at.first < at.last)
    s = jnp.where(valid, s, 0.0)
    phase = jnp.clip(jnp.floor(s).astype(at.last.dtype), 0, jnp.maximum(at.last - 1, 0))
    return _state(grid, at, phase, s - phase, mass, valid)


def _cell_of_age(grid: TrackGrid, at: TrackStencil, log_age: Float[Array, ""]):
    """Index of the phase before the age, by bisection, and whether the tracks have reached it."""
    at = jax.tree.map(jax.lax.stop_gradient, at)
    last = jnp.clip(at.last, 1, len(grid.eep) - 1)
    first = jnp.clip(at.first, 0, last - 1)

    def age(phase):
        return at.interpolated(grid.log_age, phase, 1)[0]

    def halve(_, ends):
        low, high = ends
        middle = (low + high) // 2
        older = age(middle) <= log_age
        return jnp.where(older, middle, low), jnp.where(older, high, middle)

    n = (len(grid.eep) - 1).bit_length()
    low, _ = jax.lax.fori_loop(0, n, halve, (first, last))
    reached = (age(first) <= log_age) & (log_age <= age(last)) & (at.first < at.last)
    return low, reached


def _fraction_of_age(age: Float[Array, "4"], j: Int[Array, ""], log_age: Float[Array, ""]):
    """Where in the cell that begins at node j of four the age is reached, in [0, 1]."""
    slopes = monotone_slopes(age)
    known = jax.lax.stop_gradient((age, slopes, log_age))

    def halve(_, ends):
        low, high = ends
        u = 0.5 * (low + high)
        older = _hermite(known[0], known[1], j, u) <= known[2]
        return jnp.where(older, u, low), jnp.where(older, high, u)

    zero = jnp.zeros_like(known[2])
    u, _ = jax.lax.fori_loop(0, jnp.finfo(age.dtype).nmant // 2 + 3, halve, (zero, zero + 1))
    for _ in range(3):  # Newton's steps are traced: they carry first and second derivatives
        u = u - safe_divide(_hermite(age, slopes, j, u) - log_age, _hermite_slope(age, slopes, j, u))
    return u


def evolve(
    grid: TrackGrid,
    mass: Float[Array, ""],
    feh: Float[Array, ""],
    age_gyr: Float[Array, ""],
    alpha: Float[Array, ""] | float = 0.0,
) -> StellarState:
    """A star at an age.

    Args:
        grid: Tracks.
        mass: Initial mass. [M_sun]
        feh: Initial metallicity. [dex]
        age_gyr: [Gyr]
        alpha: [alpha/Fe]; a grid of one alpha knows stars of that alpha only. [dex]

    Returns:
        The star; NaN and `valid` False off the tracks: outside mass, feh or alpha, before their start, after
        their end, or where one of the tracks about the star is absent.

    Gradients: continuous in mass, feh and age, across tracks and phases; second derivatives in age exist
        within a phase. Not meaningful where the value is NaN.
    """
    at = stencil_of(grid, mass, feh, jnp.asarray(alpha, mass.dtype))
    positive = age_gyr > 0
    log_age = jnp.log10(jnp.where(positive, age_gyr, 1.0))
    phase, reached = _cell_of_age(grid, at, log_age)
    start = _local_start(grid, phase)
    u = _fraction_of_age(at.interpolated(grid.log_age, start, 4), phase - start, log_age)
    return _state(grid, at, phase, u, mass, reached & positive)


def age_span_gyr(
    grid: TrackGrid,
    mass: Float[Array, ""],
    feh: Float[Array, ""],
    alpha: Float[Array, ""] | float = 0.0,
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """First and last age that `evolve` knows of a star; NaN off the tracks. [Gyr]."""
    at = stencil_of(grid, mass, feh, jnp.asarray(alpha, mass.dtype))
    valid = at.first < at.last
    ends = (jnp.where(valid, at.first, 0), jnp.where(valid, at.last, 1))
    ages = (10 ** at.interpolated(grid.log_age, end, 1)[0] for end in ends)
    first, last = (jnp.where(valid, age, jnp.nan) for age in ages)
    return first, last
