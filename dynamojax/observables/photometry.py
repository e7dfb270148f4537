"""Band fluxes of a spotted star with planets, from moments of the surface and intensities in mu."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from dynamojax.atmosphere.grid import BandGrid
from dynamojax.atmosphere.interpolation import band_intensity
from dynamojax.atmosphere.limb_darkening import LimbDarkening, polynomial_coefficients, quadrature_nodes
from dynamojax.constants import PC_R_SUN
from dynamojax.numerics import weighted_sum
from dynamojax.surface.moments import SurfaceMoments
from dynamojax.system import SpotMap, Star


class BandPolynomials(eqx.Module):
    """Coefficients a_k of I(mu) mu = sum_k a_k mu^k, k = 1 .. n, of each part of the surface in each band.

    Attributes:
        photosphere: [erg/s/cm2/A/sr]
        spot: [erg/s/cm2/A/sr]
        facula: [erg/s/cm2/A/sr]
        valid: Whether the grid holds all of them; NaN where not.
    """

    photosphere: Float[Array, "n_bands n"]
    spot: Float[Array, "n_bands n"]
    facula: Float[Array, "n_bands n"]
    valid: Bool[Array, ""]

    @property
    def flux(self) -> Float[Array, " n_bands"]:
        """Surface flux of the immaculate star, pi times its mean intensity. [erg/s/cm2/A]"""
        return disc_flux(self.photosphere)


def disc_flux(a: Float[Array, "n_bands n"]) -> Float[Array, " n_bands"]:
    """Integral of I(mu) mu over the visible hemisphere. [erg/s/cm2/A]"""
    return jnp.sum(2 * jnp.pi * a / jnp.arange(2, a.shape[-1] + 2), axis=-1)


def facula_brightening(star: Star, mu: Float[Array, " n_mu"]) -> Float[Array, " n_mu"]:
    """Intensity of faculae over that of an atmosphere at teff + facula_contrast: they brighten to the limb.

    The contrast follows dT(mu) = facula_contrast (250.9 - 407.4 mu + 190.9 mu^2) / 34.4, and the
    intensity the fourth power of the temperature; with 34.4 K it is the law of starsim.
    Source: Herrero et al. (2016, A&A 586, A131, eq. 6), from Meunier et al. (2010, A&A 512, A39).
    """
    contrast = star.facula_contrast * (250.9 - 407.4 * mu + 190.9 * mu**2) / 34.4
    return ((star.teff + contrast) / (star.teff + star.facula_contrast)) ** 4


def with_laws(
    intensity: Float[Array, "n_bands n_mu"], grid: BandGrid, laws: dict[str, LimbDarkening]
) -> Float[Array, "n_bands n_mu"]:
    """Intensities of the same flux whose limb darkening, in the bands named, follows the laws."""
    mu = jnp.asarray(grid.mu, intensity.dtype)
    weight = jnp.asarray(quadrature_nodes(len(grid.mu))[1], intensity.dtype)
    rows = list(intensity)
    for band, law in laws.items():
        i, shape = grid.bands.index(band), law(mu)
        rows[i] = shape * jnp.sum(weight * rows[i]) / jnp.sum(weight * shape)
    return jnp.stack(rows)


def band_polynomials(
    star: Star,
    spots: SpotMap,
    grid: BandGrid,
    degree: int,
    has_faculae: bool,
    laws: dict[str, LimbDarkening] | None = None,
) -> BandPolynomials:
    """Intensities of photosphere, spots and faculae in every band of the grid, as polynomials in mu.

    A star without spots needs no spot temperature inside the grid. Laws of limb darkening by band
    take the place of the grid's, for all parts of the surface alike.
    """
    is_spotted = jnp.any(spots.radius > 0)
    mu = jnp.asarray(grid.mu, star.teff.dtype)

    def at(contrast):
        teff = star.teff + jnp.where(is_spotted, contrast, 0)
        intensity, valid = band_intensity(grid, teff, star.logg, star.feh)
        return with_laws(intensity, grid, laws or {}), valid

    photosphere, valid = at(jnp.zeros_like(star.teff))
    spot, spot_valid = at(-star.spot_contrast)
    facula, facula_valid = at(star.facula_contrast) if has_faculae else (photosphere, valid)
    if has_faculae:
        facula = facula * facula_brightening(star, mu)
    photosphere, spot, facula = (
        polynomial_coefficients(i, grid.mu, degree) for i in (photosphere, spot, facula)
    )
    return BandPolynomials(photosphere, spot, facula, valid & spot_valid & facula_valid)


def hidden_light(bands: BandPolynomials, moments: SurfaceMoments) -> Float[Array, "n_bands n_times"]:
    """Light that spots and faculae take from the immaculate disc; faculae give some. [erg/s/cm2/A]"""
    terms = (
        (bands.photosphere - bands.spot, moments.spot),
        (bands.photosphere - bands.facula, moments.facula),
    )
    spot, facula = (weighted_sum(a, m) for a, m in terms)
    return spot + facula


def dilution(star: Star) -> Float[Array, ""]:
    """Flux at the star's distance over flux at its surface. [1]"""
    return (star.radius / (star.distance * PC_R_SUN)) ** 2


def magnitude(
    flux: Float[Array, "n_bands ..."], zero_point: Float[Array, " n_bands"]
) -> Float[Array, "n_bands ..."]:
    """Magnitude of absolute band fluxes.

    Args:
        flux: Mean flux in each band. [erg/s/cm2/A]
        zero_point: Flux at magnitude 0: `ab_zero_point` or `vega_zero_point` of the grid. [erg/s/cm2/A]
    """
    zero_point = zero_point.reshape(-1, *[1] * (flux.ndim - 1))
    return -2.5 * jnp.log10(flux / zero_point)
