"""Spectra of the disc at an epoch: photosphere, spots, faculae and planets, each at its own velocity."""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.lax import stop_gradient
from jaxtyping import Array, Bool, Float

from dynamojax.atmosphere.intensity_grid import IntensityGrid
from dynamojax.atmosphere.interpolation import intensity
from dynamojax.constants import C_KM_S
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
from dynamojax.splines import SPLINE_REACH
from dynamojax.surface.convection import Convection
from dynamojax.surface.geometry import fastest_rotation, rotation_velocity
from dynamojax.surface.moments import SurfaceConfig, caps_at
from dynamojax.system import Epochs, Planets, SpotMap, Star

FASTEST_KM_S = 3000.0  # room that velocity kernels may have
_USUAL_SPOT = math.radians(10)
_SLACK, _SLACK_KM_S = 1.001, 1e-3  # rounding of what nodes were counted for
_UNION = 4, 16  # fewest rings of a cap among others, and nodes of a ring


class DiscNodes(NamedTuple):
    """Numbers of nodes, as in `DiscConfig`."""

    disc: tuple[int, int]
    cap: tuple[int, int]
    planet: tuple[int, int]


class DiscConfig(eqx.Module):
    """How finely the disc is sampled for spectra: static, no leaves.

    The more elements of resolution rotation spreads the disc over, and a spot upon it, the more nodes keep
    spectra within 1e-4: `vsini`, `spot_radius` and `resolution` say for which stars and which spectrograph.
    Numbers of nodes that are given hold instead.

    Attributes:
        n_disc: Nodes of the immaculate disc, across and along the projected spin axis; found if left out.
        n_cap: Rings of each spot and facula, and nodes of a ring; found if left out.
        n_planet: A third of the slices of a planet, and nodes of a slice; the spots behind it share as many
            slices again, and four for each spot on the star, or eight if overlapping spots count once. Found
            if left out.
        max_velocity: Largest velocity on the disc, turbulence included, that kernels have room for;
            a star that needs more is not valid. [km/s]
        vsini: Largest rotation velocity on the disc, as from `Simulator.sized_for`: a faster star is not
            valid; max_velocity if left out. [km/s]
        spot_radius: Of the widest spot or facula, as from `sized_for`: a star with a wider one is not valid.
            If left out there are nodes for 10 deg, and any is valid: 3e-3 at 40 deg and 100 km/s in APOGEE.
            [rad]
        resolution: Resolving power, for `disc_spectra` by itself; a simulator takes that of each of its
            spectrographs.
    """

    n_disc: tuple[int, int] | None = eqx.field(static=True, default=None)
    n_cap: tuple[int, int] | None = eqx.field(static=True, default=None)
    n_planet: tuple[int, int] | None = eqx.field(static=True, default=None)
    max_velocity: float | int = eqx.field(static=True, default=120.0)
    vsini: float | int | None = eqx.field(static=True, default=None)
    spot_radius: float | int | None = eqx.field(static=True, default=None)
    resolution: float | int = eqx.field(static=True, default=22_500.0)

    def __check_init__(self):
        for name in ("n_disc", "n_cap", "n_planet"):
            value = getattr(self, name)
            if value is not None and (len(value) != 2 or min(value) < 1):
                raise ValueError(f"{name} = {value} must be two whole numbers from 1")
        for name in ("vsini", "spot_radius", "resolution"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < math.inf:
                raise ValueError(f"{name} = {value}, allowed: [0, inf)")
        if not 0 < self.max_velocity < FASTEST_KM_S:
            raise ValueError(f"max_velocity = {self.max_velocity} km/s, allowed: (0, {FASTEST_KM_S:g})")

    def nodes(self, *, is_union: bool) -> "DiscNodes":
        """The numbers of nodes, given or found.

        Args:
            is_union: Whether overlapping spots cover the surface once: rings are cut by other spots' rims.

        Accuracy: 5e-5 in LAMOST and APOGEE, vsini 0 to 100 km/s, shear 0.4, one spot of up to 40 deg or
            several of up to 20, at 5500 K; see tests/observables/test_disc_nodes.py, and `cap_nodes` on
            unions. Not measured for finer spectrographs at such speeds (vsini R / c above 7.5).
        """
        vsini = self.max_velocity if self.vsini is None else min(self.vsini, self.max_velocity)
        elements = self.resolution * vsini / C_KM_S  # from the disc's centre to its limb
        radius = _USUAL_SPOT if self.spot_radius is None else self.spot_radius
        size = math.sin(min(radius, 0.5 * math.pi))
        across = elements * size
        least = _UNION if is_union else (max(2, math.ceil(6 * size)), 6 + math.ceil(5 * size))
        n_disc = math.ceil(10 + 7.2 * elements), 12 + int(0.5 * elements)
        n_cap = max(least[0], 1 + math.ceil(1.5 * across)), max(least[1], 4 + math.ceil(9 * across))
        n_planet = max(24, math.ceil(3.1 * elements)), n_disc[1]
        return DiscNodes(self.n_disc or n_disc, self.n_cap or n_cap, self.n_planet or n_planet)

    def suits(self, star: Star, half_sine: Float[Array, " n_caps"]) -> Bool[Array, ""]:
        """Whether there are nodes for this rotation and these caps, sin(r/2) of their radii."""
        fits = jnp.asarray(True)
        if self.vsini is not None:
            fits &= jnp.abs(fastest_rotation(star)) <= _SLACK * self.vsini + _SLACK_KM_S
        if self.spot_radius is not None:
            fits &= jnp.max(half_sine, initial=0) <= _SLACK * math.sin(0.5 * self.spot_radius)
        return fits

    def reach(self, ln_step: float) -> int:
        """Samples on either side of a velocity kernel."""
        return int(self.max_velocity / C_KM_S / ln_step) + SPLINE_REACH + 2


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
    fits = (jnp.max(jnp.stack(widest)) <= reach - SPLINE_REACH) & jnp.all(jnp.isfinite(flux))
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
            *config.nodes(is_union=surface.overlap == "exact"),
            is_union=surface.overlap == "exact",
        )
        flux, fits = disc_spectrum(star, light, grid, parts, velocity, convection, config)
        return flux, fits & config.suits(star, facula if surface.faculae else spot)

    by_time = jnp.moveaxis(position, -1, 0), spot.T, facula.T, jnp.moveaxis(where, 1, 0), velocity
    flux, fits = jax.lax.map(at, by_time)
    valid = light.valid & jnp.all(fits)
    return jnp.where(valid, flux, jnp.nan), valid
