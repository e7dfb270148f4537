"""Keplerian orbits: where the planets are on the sky, and how they move their star.

Frame of the package: observer on +z, projected spin axis on +y, receding limb on +x. A planet of
obliquity 0 crosses the disc from -x to +x at y = -r cos(inc). The motion is Keplerian; light travel
time, tides and the planets' pull on each other are left out.
"""

import jax
import jax.numpy as jnp
from jaxoplanet.core.kepler import kepler
from jaxtyping import Array, Float

from dynamojax.constants import DAY_S, GM_SUN_KM3_S2, R_SUN_KM
from dynamojax.numerics import split_float
from dynamojax.system import Epochs, Planets, Star

GM_SUN_R_SUN3_DAY2 = GM_SUN_KM3_S2 * DAY_S**2 / R_SUN_KM**3
R_SUN_DAY_KM_S = R_SUN_KM / DAY_S


def semi_major_axis(mass: Float[Array, "*shape"], period: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Semi-major axis of the relative orbit from Kepler's third law.

    Args:
        mass: Total mass of star and planet. [M_sun]
        period: [day]
    Returns:
        Semi-major axis. [R_sun]
    """
    return jnp.cbrt(GM_SUN_R_SUN3_DAY2 * mass * jnp.square(period / (2 * jnp.pi)))


def time_from_transit(
    epochs: Epochs, t_transit: Float[Array, ""], period: Float[Array, ""]
) -> Float[Array, " n_times"]:
    """Time since the nearest conjunction, folded so that float32 keeps the phase over decades.

    Whole days minus n periods is exact for the leading half of the period's digits, so that
    only the small remainder is rounded.

    Args:
        epochs: Times.
        t_transit: Time of a conjunction. [day]
        period: [day]
    Returns:
        In (-period/2, period/2] up to rounding. [day]
    Gradients: exact; the count of periods is constant.
    """
    first_day = jax.lax.stop_gradient(jnp.floor(t_transit))
    day = epochs.day - first_day
    fraction = epochs.fraction - (t_transit - first_day)
    n = jnp.round(jax.lax.stop_gradient((day + fraction) / period))
    high, low = split_float(period, jnp.finfo(period.dtype).nmant // 2)
    return ((day - n * high) - n * low) + fraction


def anomaly_from_transit(
    phase: Float[Array, " n_times"], ecc: Float[Array, ""], anomaly_transit: Float[Array, ""]
) -> Float[Array, " n_times"]:
    """Eccentric anomaly counted from its value at conjunction.

    Kepler's equation minus itself at conjunction, e = E - E0, m = M - M0:
    e - ecc (sin(E0 + e) - sin E0) = m. Its terms shrink with m, which keeps float32 as precise in
    the transit of a wide orbit as in that of a close one. The solver of Markley
    (1995, Celest. Mech. 63, 101) in jaxoplanet starts two Newton steps, which also carry the derivatives.

    Args:
        phase: Mean anomaly since conjunction, in (-pi, pi]. [rad]
        ecc: Eccentricity. [1]
        anomaly_transit: Eccentric anomaly E0 at conjunction. [rad]
    Returns:
        Eccentric anomaly since conjunction. [rad]
    Gradients: exact to second order, also at ecc = 0.
    """
    start = jax.lax.stop_gradient(_anomaly_start(phase, ecc, anomaly_transit))

    def newton(e, _):
        half = 0.5 * e
        rise = 2 * jnp.sin(half) * jnp.cos(anomaly_transit + half)  # sin(E0 + e) - sin E0
        residual = e - ecc * rise - phase
        return e - residual / (1 - ecc * jnp.cos(anomaly_transit + e)), None

    return newton(newton(start, None)[0], None)[0]


def _anomaly_start(phase, ecc, anomaly_transit):
    mean_transit = anomaly_transit - ecc * jnp.sin(anomaly_transit)
    sin_f, cos_f = kepler(mean_transit + phase, jnp.broadcast_to(ecc, phase.shape))
    e = jnp.arctan2(jnp.sqrt((1 - ecc) * (1 + ecc)) * sin_f, ecc + cos_f) - anomaly_transit
    # |e - phase| <= 2 ecc < pi tells which turn it belongs to.
    return e - 2 * jnp.pi * jnp.round((e - phase) / (2 * jnp.pi))


def _orbit_anomalies(planets: Planets, epochs: Epochs):
    """E0 and E - E0 of one planet."""
    true_transit = 0.5 * jnp.pi - planets.omega
    anomaly_transit = 2 * jnp.arctan2(
        jnp.sqrt(1 - planets.ecc) * jnp.sin(0.5 * true_transit),
        jnp.sqrt(1 + planets.ecc) * jnp.cos(0.5 * true_transit),
    )
    time = time_from_transit(epochs, planets.t_transit, planets.period)
    phase = 2 * jnp.pi * time / planets.period
    return anomaly_transit, anomaly_from_transit(phase, planets.ecc, anomaly_transit)


def _position(star: Star, planet: Planets, epochs: Epochs):
    start, e = _orbit_anomalies(planet, epochs)
    axis = semi_major_axis(star.mass + planet.mass, planet.period) / star.radius
    minor = jnp.sqrt((1 - planet.ecc) * (1 + planet.ecc))
    cos_w, sin_w = jnp.cos(planet.omega), jnp.sin(planet.omega)
    # r cos(omega + f) vanishes at conjunction: formed from differences, it is precise there.
    sin_mid, cos_mid = jnp.sin(start + 0.5 * e), jnp.cos(start + 0.5 * e)
    across = 2 * axis * jnp.sin(0.5 * e) * (cos_w * sin_mid + minor * sin_w * cos_mid)
    along = axis * (sin_w * (jnp.cos(start + e) - planet.ecc) + minor * cos_w * jnp.sin(start + e))
    below = -along * jnp.cos(planet.inc)
    cos_l, sin_l = jnp.cos(planet.obliquity), jnp.sin(planet.obliquity)
    x, y = across * cos_l - below * sin_l, across * sin_l + below * cos_l
    return x, y, along * jnp.sin(planet.inc)


def planet_positions(
    star: Star, planets: Planets, epochs: Epochs
) -> tuple[
    Float[Array, "n_planets n_times"],
    Float[Array, "n_planets n_times"],
    Float[Array, "n_planets n_times"],
]:
    """Positions of the planets relative to the star.

    With r the distance and f the true anomaly, X = -r cos(omega + f), Y = -r sin(omega + f) cos inc,
    z = r sin(omega + f) sin inc, turned on the sky by the obliquity, counterclockwise from the
    spin axis (+y) to the orbit normal.

    Args:
        star: One star; its mass and radius are used.
        planets: Its planets.
        epochs: Times.
    Returns:
        x, y, z, z > 0 in front of the star. [stellar radius]
    Gradients: finite everywhere for ecc < 1.
    Accuracy: float32 is relative to the distance from mid-transit, also after years.
    Source: Winn (2010, arXiv:1001.2010), eqs. 2-4; obliquity as Fabrycky & Winn (2009, ApJ 696, 1230).
    """
    return jax.vmap(lambda planet: _position(star, planet, epochs))(planets)


def _velocity(star: Star, planet: Planets, epochs: Epochs):
    start, e = _orbit_anomalies(planet, epochs)
    total = star.mass + planet.mass
    minor2 = (1 - planet.ecc) * (1 + planet.ecc)
    speed = 2 * jnp.pi * semi_major_axis(total, planet.period) / planet.period * R_SUN_DAY_KM_S
    semi_amplitude = speed * planet.mass / total * jnp.sin(planet.inc)
    sin_e, cos_e = jnp.sin(start + e), jnp.cos(start + e)
    # cos(omega + f) + ecc cos(omega), from the eccentric anomaly, over sqrt(1 - ecc^2)
    shape = (jnp.sqrt(minor2) * jnp.cos(planet.omega) * cos_e - jnp.sin(planet.omega) * sin_e) / (
        1 - planet.ecc * cos_e
    )
    return jnp.where(planet.radius_ratio > 0, semi_amplitude * shape, 0.0)


def reflex_velocity(star: Star, planets: Planets, epochs: Epochs) -> Float[Array, " n_times"]:
    """Radial velocity of the star about the barycentre, positive when it recedes.

    Args:
        star: One star; its mass is used.
        planets: Its planets; a place with radius ratio 0 is empty, whatever its mass.
        epochs: Times.
    Returns:
        Sum over planets of K (cos(omega + f) + ecc cos omega). [km/s]
    """
    return jnp.sum(jax.vmap(lambda planet: _velocity(star, planet, epochs))(planets), axis=0)
