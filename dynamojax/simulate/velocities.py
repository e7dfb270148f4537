"""Radial velocities of one star in closed form, at the exposures of those who measure them."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from dynamojax.instruments.photometer import Photometer
from dynamojax.numerics import safe_divide
from dynamojax.observables.photometry import BandPolynomials
from dynamojax.observables.velocity_series import VelocitySeries, velocity_series
from dynamojax.planets.encounters import CrossingConfig
from dynamojax.simulate.exposures import Exposures
from dynamojax.surface.convection import Convection
from dynamojax.surface.moments import SurfaceConfig
from dynamojax.system import System


class Velocimeter(eqx.Module):
    """Exposures in which velocities are measured, and the bands they are measured in."""

    exposures: Exposures
    photometer: Photometer = eqx.field(static=True)

    @staticmethod
    def build(photometer: Photometer) -> "Velocimeter":
        """From bands and times, on the host."""
        offsets, weights = photometer.sub_exposures(photometer.n_sub)
        return Velocimeter(Exposures.build(photometer.name, photometer.times, offsets, weights), photometer)


def velocities_in(
    system: System,
    bands: BandPolynomials,
    names: tuple[str, ...],
    velocimeter: Velocimeter,
    surface: SurfaceConfig,
    convection: Convection,
    room: CrossingConfig,
) -> VelocitySeries:
    """Velocities in the instrument's bands, means of the light over each exposure.

    NaN in an exposure that a total eclipse leaves no light, where `VelocitySeries.is_lit` is False.

    Args:
        system: One star.
        bands: Its intensities.
        names: Of the bands.
        velocimeter: Bands and times.
        surface: How the surface is computed.
        convection: Shift of the lines across the disc.
        room: For planets in front of spots.
    """
    exposures = velocimeter.exposures
    index = np.array([names.index(band) for band in velocimeter.photometer.bands])
    mine = BandPolynomials(bands.photosphere[index], bands.spot[index], bands.facula[index], bands.valid)
    series = velocity_series(system, exposures.epochs, mine, surface, convection, room=room)
    flux = exposures.mean(series.flux)

    def mean(term: Float[Array, "n_bands n"]) -> Float[Array, "n_bands n_times"]:
        # Masked before the product: what is undefined in the dark weighs nothing, and has no slope.
        momentum = exposures.mean(series.flux * jnp.where(series.is_lit, term, 0))
        return jnp.where(flux == 0, jnp.nan, safe_divide(momentum, flux))

    return VelocitySeries(
        rotation=mean(series.rotation),
        convection=mean(series.convection),
        transit=mean(series.transit),
        reflex=exposures.mean(series.reflex[None])[0],
        systemic=series.systemic,
        blueshift=series.blueshift,
        flux=flux,
        valid=series.valid,
    )
