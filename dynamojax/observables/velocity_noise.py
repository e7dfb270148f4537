"""Errors of velocities that photon noise makes: the least possible, and that of any measure at hand."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from dynamojax.constants import C_KM_S
from dynamojax.instruments.spectrograph import Spectrograph
from dynamojax.numerics import safe_sqrt


def _inverse(information: Float[Array, "..."]) -> Float[Array, "..."]:
    """1 / sqrt(information), infinite where there is none."""
    has_any = information > 0
    return jnp.where(has_any, 1 / safe_sqrt(jnp.where(has_any, information, 1.0)), jnp.inf)


def photon_limit(
    spectrograph: Spectrograph,
    flux: Float[Array, " n_pixels"],
    ivar: Float[Array, " n_pixels"],
    good: Bool[Array, " n_pixels"] | None = None,
) -> tuple[Float[Array, ""], Float[Array, " n_arms"]]:
    """Least error of a velocity that a spectrum allows, of all arms together and of each.

    Args:
        spectrograph: Pixels.
        flux: Of one spectrum. [any unit]
        ivar: Inverse variance. [1/unit^2]
        good: Pixels that may be used; those that are not finite, or have no weight, are not.

    Returns:
        c / sqrt(sum(ivar (d flux / d ln wavelength)^2)), infinite where no pixel counts. [km/s]
    Source: Bouchy, Pepe & Queloz (2001, A&A 374, 733), equations 6 to 12, with the noise as given.
    """
    usable = jnp.isfinite(flux) & jnp.isfinite(ivar) & (ivar > 0)
    usable = usable if good is None else usable & good
    flux, ivar = jnp.where(usable, flux, 0), jnp.where(usable, ivar, 0)
    information, start = [], 0
    for arm in spectrograph.arms:
        here = slice(start, start + arm.n_pixels)
        start += arm.n_pixels
        ln = np.log(arm.wavelength)
        slope = (flux[here][2:] - flux[here][:-2]) / jnp.asarray(ln[2:] - ln[:-2], flux.dtype)
        counts = usable[here][2:] & usable[here][1:-1] & usable[here][:-2]
        information.append(jnp.sum(jnp.where(counts, ivar[here][1:-1] * slope**2, 0)))
    each = jnp.stack(information)
    return C_KM_S * _inverse(jnp.sum(each)), C_KM_S * _inverse(each)


def propagated_error(
    measure: Callable[[Float[Array, " n_pixels"]], Float[Array, ""]],
    flux: Float[Array, " n_pixels"],
    ivar: Float[Array, " n_pixels"],
) -> Float[Array, ""]:
    """Error of a number that is measured from a spectrum, to first order in the noise of its pixels.

    Args:
        measure: From flux to the number, such as `lambda f: line_shape(v, correlate(f).total).velocity`.
        flux: Of one spectrum; pixels that `measure` leaves out do not matter. [any unit]
        ivar: Inverse variance, 0 for pixels that do not count. [1/unit^2]

    Returns:
        sqrt(sum((d measure / d flux)^2 / ivar)), in the unit of the number.
    """
    slope = jax.grad(measure)(flux)
    has_noise = ivar > 0
    return safe_sqrt(jnp.sum(jnp.where(has_noise, slope**2 / jnp.where(has_noise, ivar, 1.0), 0)))
