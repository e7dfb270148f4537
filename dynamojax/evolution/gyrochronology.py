"""Rotation periods from age and colour or temperature: published relations, with their ranges and scatter.

Below 1 Gyr the open clusters set the pace (`prot_clusters`); a power law of age in colour is the classic
summary beyond. Braking from a torque, and weakened braking, are in `braking`.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from dynamojax.evolution.turnover import ranged
from dynamojax.numerics import safe_divide


class Rotation(NamedTuple):
    """A rotation period; NaN where `valid` is False.

    Attributes:
        prot: Period of the slow sequence, on which stars of one age and colour gather. [day]
        scatter: Standard deviation of single stars about it. [day]
        valid: Whether the star lies in the published range.
    """

    prot: Float[Array, ""]
    scatter: Float[Array, ""]
    valid: Bool[Array, ""]


# Period against teff of each cluster, Bouma, Palumbo & Hillenbrand (2023), ApJL 947, L3, extended to M67 in
# gyrointerp 0.7 (MIT); here in powers of (teff - 5000 K) / 1200 K, which single precision holds.
_CLUSTER_AGE_GYR = (0.08, 0.12, 0.3, 0.67, 1.0, 2.6, 4.0)
_CLUSTERS = (
    (5.9133221, -2.2508873, -3.4969455, -3.3110393, 4.348004, 6.3922792, -2.6929253, -3.3985613),
    (6.9626431, -3.9842239, -0.47907914, -0.092551675, -3.6786056, 2.1809883, 3.232544, -2.3552306),
    (7.806373, -5.3514585, 0.013831717, 3.1559733, 4.2997596, -7.8277214, -3.6514133, 4.4376679),
    (9.7771339, -4.4257269, 4.1914333, 6.4004946, -6.1119661, -13.526918, 2.3497981, 5.46163),
    (10.924511, -0.71886316, 5.7372996, -1.7057699, -11.121299, -6.1495433, 4.4303685, 3.2411879),
    (23.184193, -2.5071216, -8.7044222, 9.1008009, -8.3435772, -23.672294, 7.6831125, 10.316381),
    (31.302249, -4.1214065, -11.786626, 24.309474, -2.8081387, -41.263268, 6.815657, 15.406673),
)
_SCATTER_AGE_GYR = (0.0, 1.0, 2.6, 4.0, 5.0, 10.0)
_SCATTER = (0.51, 0.51, 1.4, 1.7, 2.0, 5.0)


def monotone_cubic(
    nodes: Float[Array, " n"], values: Float[Array, " n"], x: Float[Array, ""]
) -> Float[Array, ""]:
    """Cubic through values on uneven nodes that rises and falls only where they do.

    Source: Fritsch & Butland (1984), SIAM J. Sci. Stat. Comput. 5, 300; the ends as in SciPy's pchip.
    """
    width = jnp.diff(nodes)
    secant = jnp.diff(values) / width
    a, b = 2 * width[1:] + width[:-1], width[1:] + 2 * width[:-1]
    mean = safe_divide((a + b) * secant[:-1] * secant[1:], a * secant[1:] + b * secant[:-1])
    inner = jnp.where(secant[:-1] * secant[1:] > 0, mean, 0.0)
    first = _end_slope(width[0], width[1], secant[0], secant[1])
    last = _end_slope(width[-1], width[-2], secant[-1], secant[-2])
    slope = jnp.concatenate([first[None], inner, last[None]])
    k = jnp.clip(jnp.searchsorted(nodes, x, side="right") - 1, 0, nodes.shape[0] - 2)
    u = (x - nodes[k]) / width[k]
    rise = values[k + 1] - values[k]
    bend = u * (1 - u) * width[k] * ((1 - u) * slope[k] - u * slope[k + 1])
    return values[k] + rise * u * u * (3 - 2 * u) + bend


def _end_slope(h0, h1, s0, s1):
    """Slope at an end: of the parabola through three points, held to the shape of the data."""
    slope = ((2 * h0 + h1) * s0 - h0 * s1) / (h0 + h1)
    slope = jnp.where(slope * s0 <= 0, 0.0, slope)
    return jnp.where((s0 * s1 < 0) & (jnp.abs(slope) > 3 * jnp.abs(s0)), 3 * s0, slope)


def prot_clusters(age_gyr: Float[Array, ""], teff: Float[Array, ""]) -> Rotation:
    """Slow sequence interpolated between open clusters from alpha Persei to M67: the one below 1 Gyr.

    Args:
        age_gyr: 0.08 to 4. [Gyr]
        teff: 3800 to 6200. [K]

    Source: Bouma, Palumbo & Hillenbrand (2023), ApJL 947, L3, as extended to 4 Gyr in gyrointerp 0.7.
        Younger than about 0.3 Gyr, stars below 5000 K may not have reached the sequence and turn faster.
    Gradients: continuous but where the curves of Praesepe and NGC 6811 cross, near 4100 K.
    Accuracy: the published curves to 1e-6 in float64 and 2e-5 in float32; they are polynomials of degree 7,
        whose wiggles in teff, of a few per cent, are theirs.
    """
    x = (teff - 5000.0) / 1200.0
    powers = x ** jnp.arange(8)
    periods = jnp.asarray(_CLUSTERS, x.dtype) @ powers
    # As published: NGC 6811 is not allowed below the younger Praesepe.
    praesepe, ngc_6811 = periods[3], periods[4]
    periods = periods.at[4].set(jnp.where(ngc_6811 < praesepe, praesepe + 0.01, ngc_6811))
    ages = jnp.asarray(_CLUSTER_AGE_GYR, x.dtype)
    scatter = monotone_cubic(jnp.asarray(_SCATTER_AGE_GYR, x.dtype), jnp.asarray(_SCATTER, x.dtype), age_gyr)
    valid = (age_gyr >= ages[0]) & (age_gyr <= ages[-1]) & (teff >= 3800.0) & (teff <= 6200.0)
    prot, _ = ranged(monotone_cubic(ages, periods, age_gyr), valid)
    return Rotation(prot, ranged(scatter, valid)[0], valid)


def _power_law(age_gyr, bv, n: float, a: float, b: float, c: float, relative: float, bounds) -> Rotation:
    """Period a (B - V - c)^b age^n, age in Myr; relative is the scatter of log period."""
    (age_min, age_max), (bv_min, bv_max) = bounds
    valid = (age_gyr >= age_min) & (age_gyr <= age_max) & (bv >= bv_min) & (bv <= bv_max)
    safe_age, safe_bv = jnp.where(valid, age_gyr, 1.0), jnp.where(valid, bv, 0.65)
    prot = a * (safe_bv - c) ** b * (1e3 * safe_age) ** n
    return Rotation(ranged(prot, valid)[0], ranged(relative * prot, valid)[0], valid)


def prot_mamajek(age_gyr: Float[Array, ""], bv: Float[Array, ""]) -> Rotation:
    """Power law fitted to alpha Persei, Pleiades, M34, Hyades and the Sun.

    Args:
        age_gyr: 0.085 to 4.6, the ages it was fitted to. [Gyr]
        bv: 0.5 to 0.9. [mag]

    Source: Mamajek & Hillenbrand (2008), ApJ 687, 1264, equations 12-14 and table 10; the same numbers in
        arvi 0.6.7. Scatter: their 0.05 dex in age, as 6.5 % of the period.
    """
    return _power_law(age_gyr, bv, 0.566, 0.407, 0.325, 0.495, 0.065, ((0.085, 4.6), (0.5, 0.9)))


def prot_barnes(age_gyr: Float[Array, ""], bv: Float[Array, ""]) -> Rotation:
    """Power law of the interface sequence, its age set by the Sun.

    Args:
        age_gyr: 0.03 to 4.6, from the youngest cluster used to the Sun. [Gyr]
        bv: 0.4 to 1.6. [mag]

    Source: Barnes (2007), ApJ 669, 1167, equation 3; the same numbers in PyAstronomy. Scatter: its 15 % in
        age, as 8 % of the period.
    """
    return _power_law(age_gyr, bv, 0.5189, 0.7725, 0.601, 0.4, 0.08, ((0.03, 4.6), (0.4001, 1.6)))


def prot_angus(age_gyr: Float[Array, ""], bv: Float[Array, ""]) -> Rotation:
    """Power law fitted to asteroseismic ages and nearby clusters.

    Args:
        age_gyr: 0.5 to 10. [Gyr]
        bv: 0.45 to 0.9: the fit leaves out stars bluer than 0.45. [mag]

    Source: Angus et al. (2015), MNRAS 450, 1787, equation 15. Scatter: not given there; 20 % is our
        assumption, since the paper finds that no single relation fits clusters and asteroseismic stars.
    """
    return _power_law(age_gyr, bv, 0.55, 0.40, 0.31, 0.45, 0.20, ((0.5, 10.0), (0.4501, 0.9)))
