"""Rotation integrated along a star's track: magnetised-wind torque, saturated, and weakened in old stars."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from dynamojax.constants import DAY_S, TEFF_SUN_K
from dynamojax.evolution.gyrochronology import Rotation
from dynamojax.evolution.tracks import StellarState, TrackGrid, evolve
from dynamojax.evolution.turnover import curve, ranged, turnover_cranmer

# Matt et al. (2015), ApJL 799, L23, with the torque of the erratum (ApJL 870, L27).
_TORQUE_ERG = 6.3e30
_SPIN_SUN_HZ = 2.6e-6
_SATURATION = 10.0  # chi: spin over solar at which a star of solar turnover time saturates
_POWER = 2.0
_MASS_SUN_G, _RADIUS_SUN_CM = 1.98841e33, 6.957e10  # nominal
_GYR_S = 3.15576e16
_PERIOD_SUN = 2 * math.pi / _SPIN_SUN_HZ / DAY_S  # of _SPIN_SUN_HZ. [day]
_RATE = _TORQUE_ERG * _GYR_S / (_MASS_SUN_G * _RADIUS_SUN_CM**2 * _SPIN_SUN_HZ)  # [1/Gyr]
ROSSBY_CRITICAL = 0.91  # Saunders et al. (2024), ApJ 962, 138, over the Sun's; +-0.03
_ROSSBY_WIDTH = 0.03  # the switch is smoothed over this in ln Rossby, so that it has a derivative
_PROT_SUN_DAY = 25.4

# Squared gyration radius of BHAC15 (Baraffe et al. 2015, A&A 577, A42) on the main sequence, 0.3 to 1.2 M_sun
# and 4 to 10 Gyr: one function of gravity to 3 %, whatever mass and age.
_LOGG = (4.129, 4.281, 4.414, 4.503, 4.578, 4.643, 4.706, 4.806, 4.880, 4.948)
_GYRATION = (0.0466, 0.0571, 0.0705, 0.0876, 0.1064, 0.1259, 0.1476, 0.1779, 0.2011, 0.2097)


def gyration(logg: Float[Array, ""]) -> tuple[Float[Array, ""], Bool[Array, ""]]:
    """Moment of inertia of a main-sequence star over M R^2; the fully convective value above 4.948. [1].

    Args:
        logg: 4.129 and more. [dex]

    Source: Baraffe et al. (2015), A&A 577, A42, tracks with structure.
    """
    return curve(_LOGG, _GYRATION, jnp.minimum(logg, _LOGG[-1]))


def _braking_rate(spin, state: StellarState, inertia, turnover, critical) -> Float[Array, ""]:
    """Fraction of the angular momentum lost in a Gyr; spin over solar, inertia [M_sun R_sun^2]. [1/Gyr]."""
    sun = turnover_cranmer(jnp.asarray(TEFF_SUN_K, spin.dtype))[0]
    ratio = turnover / sun
    # Saturated and not are one law of the smaller of two spins.
    effective = jnp.minimum(spin * ratio, _SATURATION)
    moment = _RATE * state.radius**3.1 * jnp.sqrt(state.mass) / inertia
    relative = _PERIOD_SUN / (_PROT_SUN_DAY * spin * ratio)
    awake = jax.nn.sigmoid((jnp.log(critical) - jnp.log(relative)) / _ROSSBY_WIDTH)
    return moment * effective**_POWER * awake


def prot_braked(
    grid: TrackGrid,
    mass: Float[Array, ""],
    feh: Float[Array, ""],
    age_gyr: Float[Array, ""],
    *,
    prot_start: Float[Array, ""] | float = 8.0,
    age_start_gyr: Float[Array, ""] | float = 0.1,
    rossby_critical: Float[Array, ""] | float = ROSSBY_CRITICAL,
    n_steps: int = 48,
) -> Rotation:
    """Period of a star that spins down as a solid body along its track.

    Args:
        grid: Tracks.
        mass: Initial mass, 0.3 to 1.3. [M_sun]
        feh: Initial metallicity. [dex]
        age_gyr: At least age_start_gyr. [Gyr]
        prot_start: Period at age_start_gyr: about 1 to 12 days in open clusters. [day]
        age_start_gyr: 0.05 or more, when solar-type stars have settled. [Gyr]
        rossby_critical: Rossby number, over the Sun's, beyond which braking ceases; inf is braking for ever.
        n_steps: Steps of equal ratio in age, of order 4.

    Returns:
        The period; scatter 0, since it is a law and not a fit: scatter comes from prot_start. Valid only
        where tracks, turnover time (3300-7000 K) and moment of inertia (log g >= 4.13) all are.

    Source: Matt et al. (2015), ApJL 799, L23 and erratum, with turnover times of Cranmer & Saar (2011) and
        moments of inertia of BHAC15; weakened braking after van Saders et al. (2016), Nature 529, 181.
    Accuracy: 1e-3 in the period with the default steps.
    """
    mass, feh, age, start, prot, critical = (
        jnp.asarray(x, mass.dtype) for x in (mass, feh, age_gyr, age_start_gyr, prot_start, rossby_critical)
    )
    sensible = (age >= start) & (start > 0) & (mass >= 0.3) & (mass <= 1.3)
    first, last = jnp.log(jnp.where(sensible, start, 0.1)), jnp.log(jnp.where(sensible, age, 1.0))
    x = first + (last - first) * jnp.linspace(0.0, 1.0, 2 * n_steps + 1, dtype=mass.dtype)
    track = jax.vmap(lambda t: evolve(grid, mass, feh, t))(jnp.exp(x))
    k2, settled = jax.vmap(gyration)(track.logg)
    turnover, known = jax.vmap(turnover_cranmer)(track.teff)
    valid = sensible & jnp.all(track.valid & settled & known)
    # Off the tracks the integral runs on numbers that exist, so that no NaN reaches a gradient.
    track = StellarState(*(jnp.where(valid, v, 1.0) for v in track[:-1]), valid=track.valid)
    inertia = jnp.where(valid, k2, 1.0) * track.mass * track.radius**2
    nodes = track, inertia, jnp.where(valid, turnover, 1.0), x
    begin = jnp.log(_PERIOD_SUN / prot) + jnp.log(inertia[0])
    end = _ln_momentum(begin, nodes, (last - first) / n_steps, critical)
    period, _ = ranged(_PERIOD_SUN * inertia[-1] / jnp.exp(end), valid)
    return Rotation(period, ranged(jnp.zeros_like(period), valid)[0], valid)


def _ln_momentum(begin, nodes: tuple, width, critical) -> Float[Array, ""]:
    """Logarithm of the spin, over solar, times the moment of inertia, at the end of a track; Runge-Kutta.

    Args:
        begin: At the first node.
        nodes: State, moment of inertia [M_sun R_sun^2], turnover time [day] and ln age [Gyr] at beginnings,
            middles and ends of the steps.
        width: Of a step in ln age.
        critical: As rossby_critical of `prot_braked`.
    """

    def slope(ln_momentum, at):
        state, moment, time, ln_age = at
        spin = jnp.exp(ln_momentum) / moment
        return -jnp.exp(ln_age) * _braking_rate(spin, state, moment, time, critical)

    def step(y, at):
        low, middle, high = at
        k1 = slope(y, low)
        k2 = slope(y + 0.5 * width * k1, middle)
        k3 = slope(y + 0.5 * width * k2, middle)
        k4 = slope(y + width * k3, high)
        return y + width * (k1 + 2 * k2 + 2 * k3 + k4) / 6, None

    parts = slice(0, -2, 2), slice(1, None, 2), slice(2, None, 2)
    return jax.lax.scan(step, begin, tuple(jax.tree.map(lambda v, s=s: v[s], nodes) for s in parts))[0]
