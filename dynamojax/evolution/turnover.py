"""Convective turnover times and Rossby numbers of main-sequence stars.

Turnover times are model-dependent scales: only ever combine a relation with the turnover time that it was
fitted with. Each function returns the time and whether the star lies in the published range; NaN outside.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from dynamojax.hermite import hermite_weights

Ranged = tuple[Float[Array, ""], Bool[Array, ""]]

# Mean dwarfs: Pecaut & Mamajek (2013), ApJS 208, 9, table as of 2022.04.16 (its copy in gyrointerp 0.7).
_DWARF_TEFF = (
    *(3430.0, 3560.0, 3660.0, 3770.0, 3850.0, 3930.0, 4100.0, 4300.0, 4440.0, 4600.0, 4830.0, 5100.0),
    *(5270.0, 5480.0, 5600.0, 5770.0, 5930.0, 6050.0, 6180.0, 6280.0, 6350.0, 6550.0, 6750.0, 7020.0, 7220.0),
)
_DWARF_BV = (
    *(1.530, 1.505, 1.485, 1.445, 1.420, 1.400, 1.340, 1.240, 1.150, 1.090, 0.990, 0.884),
    *(0.816, 0.730, 0.700, 0.650, 0.595, 0.560, 0.530, 0.500, 0.486, 0.440, 0.390, 0.330, 0.295),
)


def ranged(value: Float[Array, ""], valid: Bool[Array, ""]) -> Ranged:
    """A value, NaN where not valid."""
    return jnp.where(valid, value, jnp.nan), valid


def curve(nodes: tuple[float, ...], values: tuple[float, ...], x: Float[Array, ""]) -> Ranged:
    """A tabulated curve, once differentiable; NaN outside its nodes."""
    start, weights, _, _, inside = hermite_weights(jnp.asarray(nodes, x.dtype), x)
    stencil = jnp.asarray(values, x.dtype)[start + jnp.arange(4)]
    return ranged(weights @ stencil, inside)


def colour_bv(teff: Float[Array, ""]) -> Ranged:
    """B - V of a dwarf of solar metallicity, for relations in colour. [mag].

    Args:
        teff: 3430 to 7220. [K]

    Source: Pecaut & Mamajek (2013), ApJS 208, 9.
    """
    return curve(_DWARF_TEFF, _DWARF_BV, teff)


def turnover_cranmer(teff: Float[Array, ""]) -> Ranged:
    """Turnover time of a dwarf, 12.9 days for the Sun. [day].

    Args:
        teff: 3300 to 7000. [K]

    Source: Cranmer & Saar (2011), ApJ 741, 54, equation 36.
    """
    # not `** 18`: of a lone number XLA 0.10 on CPU makes NaN of whole powers from 10
    steep = jnp.exp(18 * jnp.log(teff / 6250.0))
    time = 314.24 * jnp.exp(-teff / 1952.5 - steep) + 0.002
    return ranged(time, (teff >= 3300.0) & (teff <= 7000.0))


def turnover_wright_2011(mass: Float[Array, ""]) -> Ranged:
    """Turnover time from X-rays and rotation, 14.5 days for the Sun. [day].

    Args:
        mass: 0.09 to 1.36. [M_sun]

    Source: Wright et al. (2011), ApJ 743, 48, equation 11.
    """
    inside = (mass >= 0.09) & (mass <= 1.36)
    log_mass = jnp.log10(jnp.where(inside, mass, 1.0))
    return ranged(10 ** (1.16 - 1.49 * log_mass - 0.54 * log_mass**2), inside)


def turnover_wright_2018(mass: Float[Array, ""]) -> Ranged:
    """Turnover time from X-rays and rotation, fully convective stars included, 13.8 days for the Sun. [day].

    Args:
        mass: 0.08 to 1.36. [M_sun]

    Source: Wright et al. (2018), MNRAS 479, 2351, equation 6; the same numbers in McAstro of wind-ae.
    """
    return ranged(10 ** (2.33 - 1.50 * mass + 0.31 * mass**2), (mass >= 0.08) & (mass <= 1.36))


def turnover_noyes(bv: Float[Array, ""]) -> Ranged:
    """Turnover time from calcium emission and rotation, 11.9 days for the Sun. [day].

    Args:
        bv: 0.4 to 1.4. [mag]

    Source: Noyes et al. (1984), ApJ 279, 763, equation 4; the same numbers in arvi 0.6.7.
    """
    x = 1.0 - bv
    blue = 1.362 - 0.166 * x + 0.025 * x**2 - 5.323 * x**3
    return ranged(10 ** jnp.where(x > 0, blue, 1.362 - 0.14 * x), (bv >= 0.4) & (bv <= 1.4))


def rossby(prot: Float[Array, ""], turnover: Float[Array, ""]) -> Float[Array, ""]:
    """Rossby number: rotation period over convective turnover time. [1]."""
    return prot / turnover


def dwarf_table() -> tuple[np.ndarray, np.ndarray]:
    """Effective temperature [K] and B - V [mag] of the mean dwarfs, float64 on the host."""
    return np.array(_DWARF_TEFF), np.array(_DWARF_BV)
