"""Chromatic index: how velocities of orders or arms change with wavelength."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from dynamojax.numerics import safe_divide, safe_sqrt


class Chromatic(eqx.Module):
    """Straight line of velocity against ln(wavelength); NaN and `valid=False` with fewer than two orders.

    Attributes:
        index: Its slope. [km/s per unit of ln(wavelength)]
        index_error: By the orders' errors. [km/s per unit of ln(wavelength)]
        velocity: At the weighted mean of ln(wavelength). [km/s]
        ln_wavelength: That mean. [ln A]
        valid: Whether two orders or more, at different wavelengths, have a velocity.
    """

    index: Float[Array, ""]
    index_error: Float[Array, ""]
    velocity: Float[Array, ""]
    ln_wavelength: Float[Array, ""]
    valid: Bool[Array, ""]


def chromatic_index(
    velocity: Float[Array, " n"], error: Float[Array, " n"], ln_wavelength: Float[Array, " n"]
) -> Chromatic:
    """Slope of velocity against ln(wavelength) by weighted least squares.

    Args:
        velocity: Of each order or arm; those that are not finite do not count. [km/s]
        error: Of each, positive; all equal if unknown. [km/s]
        ln_wavelength: Of each, such as `MaskCorrelator.ln_wavelength`. [ln A]

    Source: Zechmeister et al. (2018, A&A 609, A12), section 3.
    """
    counts = jnp.isfinite(velocity) & jnp.isfinite(error) & (error > 0) & jnp.isfinite(ln_wavelength)
    velocity, ln = (jnp.where(counts, q, 0) for q in (velocity, ln_wavelength))
    weight = jnp.where(counts, 1 / jnp.where(counts, error, 1.0) ** 2, 0)
    total = jnp.sum(weight)
    middle, mean = (safe_divide(jnp.sum(weight * q), total) for q in (ln, velocity))
    x = jnp.where(counts, ln - middle, 0)
    spread = jnp.sum(weight * x**2)
    valid = (jnp.sum(counts) >= 2) & (spread > 0)
    values = (
        safe_divide(jnp.sum(weight * x * velocity), spread),
        safe_sqrt(safe_divide(jnp.ones_like(spread), spread)),
        mean,
        middle,
    )
    return Chromatic(*(jnp.where(valid, value, jnp.nan) for value in values), valid=valid)
