"""Spectra of the disc at an epoch: photosphere, spots, faculae and planets, each at its own velocity."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.lax import stop_gradient
from jaxtyping import Array, Bool, Float

from dynamojax.atmosphere.intensity_grid import IntensityGrid
from dynamojax.atmosphere.interpolation import intensity
from dynamojax.constants import C_KM_S
from dynamojax.observables.disc_config import DiscConfig
from dynamojax.observables.disc_parts import Part, disc_parts
from dynamojax.observables.line_kernels import (
    Nodes,
    convolved,
    joined,
    velocity_kernel,
    with_turbulence,
)
from dynamojax.observables.photometry import facula_brightening
from dynamojax.planets.orbit import planet_positions
from dynamojax.surface.convection import Convection
from dynamojax.surface.geometry import rotation_velocity
from dynamojax.surface.moments import SurfaceConfig, caps_at
from dynamojax.system import Epochs, Planets, SpotMap, Star


class SurfaceIntensity(eqx.Module):
    """Intensities of each component of one star's surface at the grid's cosines.

    Attributes:
        photosphere: [erg/s/cm2/A/sr]
        spot: [erg/s/cm2/A/sr]
        facula: [erg/s/cm2/A/sr]
        valid: Whether the grid holds all of them; NaN where not.
    """

    photosphere: Float[Array, "n_mu n_wavelength"]
    spot: Float[Array, "n_mu n_wavelength"]
    facula: Float[Array, "n_mu n_wavelength"] | None
    valid: Bool[Array, ""]


def surface_intensity(
    star: Star, spots: SpotMap, grid: IntensityGrid, *, has_faculae: bool
) -> SurfaceIntensity:
    """Intensities of photosphere, spots and faculae, interpolated in the grid.

    A star without spots needs no spot temperature inside the grid.
    """
    contrasts = [jnp.zeros_like(star.teff), -star.spot_contrast]
    if has_faculae:
        contrasts.append(star.facula_contrast)
    teff = star.teff + jnp.where(jnp.any(spots.radius > 0), jnp.stack(contrasts), 0)
    # All at once: a product of matrices of 14 rows takes less than two of 7.
    rows, valid = jax.vmap(lambda t: intensity(grid, t, star.logg, star.feh))(teff)
    if not has_faculae:
        return SurfaceIntensity(*rows, None, jnp.all(valid))
    brightening = facula_brightening(star, jnp.asarray(grid.mu, star.teff.dtype))[:, None]
    return SurfaceIntensity(rows[0], rows[1], rows[2] * brightening, jnp.all(valid))


def _kernel(
    parts: list[Part], star: Star, blueshift: Convection, offset: Array, ln_step: float, mu_nodes, reach: int
) -> tuple[Array, Array]:
    """Velocity kernel of one component, and the largest shift in it, in samples."""
    all_nodes = []
    for points, area in parts:
        velocity = rotation_velocity(star, points) + star.convective_blueshift * blueshift.velocity(points[2])
        shift = jnp.arctanh(velocity / C_KM_S) / ln_step
        all_nodes.append(Nodes(points[2], area, shift + offset))
    nodes = joined(all_nodes)
    zeta, xi = (v / C_KM_S / ln_step for v in (star.macroturbulence, star.microturbulence))
    kernel = with_turbulence(velocity_kernel(nodes, mu_nodes, reach), mu_nodes, zeta, xi)
    widest = jnp.max(jnp.where(nodes.area != 0, jnp.abs(nodes.shift), 0))
    return kernel, stop_gradient(widest + 3 * (zeta + xi))


def disc_spectrum(
    star: Star,
    surface: SurfaceIntensity,
    grid: IntensityGrid,
    parts: tuple[list[Part], list[Part], list[Part]],
    velocity: Float[Array, ""],
    convection: Convection,
    config: DiscConfig,
) -> tuple[Float[Array, " n_wavelength"], Bool[Array, ""]]:
    """Surface flux of the spotted, rotating disc at one epoch, on the grid's wavelengths.

    Args:
        star: Its rotation and turbulence.
        surface: From `surface_intensity`.
        grid: Its wavelengths and cosines.
        parts: From `disc_parts`.
        velocity: Of the star as a whole, away from the observer. [km/s]
        convection: Shift of the lines across the disc; it stays in the spectrum, as it does in the sky.
        config: Room for velocities.

    Returns:
        B-spline coefficients of the spectrum: `splines.interpolation_filter` turns them into its samples,
        which the operator of a spectrograph contains. Lacking light within `config.reach` and the
        velocity of the ends. [erg/s/cm2/A] And whether the velocities had room.
    """
    reach = config.reach(grid.ln_step)
    shift = jnp.arctanh(velocity / C_KM_S) / grid.ln_step
    whole = jnp.round(stop_gradient(shift))
    rows, kernels, widest = [], [], []
    inhibitions = jnp.zeros_like(shift), convection.spot_inhibition, convection.facula_inhibition
    components = (surface.photosphere, surface.spot, surface.facula)
    for rows_of, inhibition, part in zip(components, inhibitions, parts, strict=True):
        if part:
            moving = eqx.tree_at(lambda c: c.shift, convection, (1 - inhibition) * convection.shift)
            kernel, most = _kernel(part, star, moving, shift - whole, grid.ln_step, grid.mu, reach)
            rows.append(rows_of)
            kernels.append(kernel)
            widest.append(most)
    flux = convolved(jnp.concatenate(rows), jnp.concatenate(kernels))
    fits = (jnp.max(jnp.stack(widest)) <= config.room(grid.ln_step)) & jnp.all(jnp.isfinite(flux))
    return jnp.roll(flux, whole.astype(int)), fits & (jnp.abs(whole) < grid.n_wavelength)


def disc_spectra(
    star: Star,
    spots: SpotMap,
    planets: Planets,
    epochs: Epochs,
    velocity: Float[Array, " n_times"],
    grid: IntensityGrid,
    surface: SurfaceConfig,
    convection: Convection,
    config: DiscConfig,
) -> tuple[Float[Array, "n_times n_wavelength"], Bool[Array, ""]]:
    """Spectra of one star at epochs, as `disc_spectrum` gives them, and whether every stage held.

    Args:
        star: The star.
        spots: Its spots.
        planets: Its planets.
        epochs: Times.
        velocity: Of the star as a whole at each time: systemic, reflex and barycentric. [km/s]
        grid: Spectral intensities.
        surface: How spots evolve and overlap.
        convection: Shift of the lines across the disc.
        config: How finely the disc is sampled.
    """
    light = surface_intensity(star, spots, grid, has_faculae=surface.faculae)
    position, spot, facula = caps_at(star, spots, epochs, surface)
    where = jnp.stack(planet_positions(star, planets, epochs), axis=-1)

    def at(given):
        position, spot, facula, where, velocity = given
        parts = disc_parts(
            position,
            spot,
            facula if surface.faculae else None,
            where,
            planets.radius_ratio,
            *config.nodes(),
            surface.n_neighbours if surface.overlap == "exact" else None,
        )
        flux, fits = disc_spectrum(star, light, grid, parts, velocity, convection, config)
        return flux, fits & config.suits(star, facula if surface.faculae else spot)

    by_time = jnp.moveaxis(position, -1, 0), spot.T, facula.T, jnp.moveaxis(where, 1, 0), velocity
    flux, fits = jax.lax.map(at, by_time)
    valid = light.valid & jnp.all(fits)
    return jnp.where(valid, flux, jnp.nan), valid
