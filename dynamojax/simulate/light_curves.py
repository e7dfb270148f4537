"""Light curves of one star: what all photometers that share their times record."""

from functools import lru_cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from dynamojax.atmosphere.extinction import BandExtinction, Extinction
from dynamojax.atmosphere.grid import BandGrid
from dynamojax.atmosphere.limb_darkening import DEFAULT_DEGREE
from dynamojax.instruments.bandpass import Bandpass, embedded_names, load_bandpass
from dynamojax.instruments.photometer import Photometer
from dynamojax.observables.photometry import BandPolynomials, band_polynomials, dilution, hidden_light
from dynamojax.planets.encounters import CrossingConfig, crossing_moments
from dynamojax.planets.orbit import planet_positions
from dynamojax.planets.transit import transit_loss
from dynamojax.simulate.exposures import Exposures
from dynamojax.surface.moments import SurfaceConfig, SurfaceMoments, caps_by_index, surface_moments
from dynamojax.system import Epochs, SpotMap, Star, System


class LightCurve(eqx.Module):
    """What a photometer sees of one star.

    Attributes:
        flux: Relative to the immaculate star without planets. [1]
        baseline: Band flux of the immaculate star at its distance, behind its dust. [erg/s/cm2/A]
        spot_fraction: Share of the projected disc covered by spots. [1]
        facula_fraction: Share of the projected disc covered by faculae. [1]
    """

    flux: Float[Array, "n_bands n_times"]
    baseline: Float[Array, " n_bands"]
    spot_fraction: Float[Array, " n_times"]
    facula_fraction: Float[Array, " n_times"]


class Schedule(eqx.Module):
    """The exposures of all photometers that share their times."""

    surface: Exposures
    planets: Exposures
    photometers: tuple[Photometer, ...] = eqx.field(static=True)


def _exposures(photometer: Photometer, n_sub: int) -> Exposures:
    return Exposures.build(photometer.name, photometer.times, *photometer.sub_exposures(n_sub))


def schedules(photometers: tuple[Photometer, ...]) -> tuple[Schedule, ...]:
    """One geometry for all photometers with the same exposures."""
    groups: dict[tuple, list[Photometer]] = {}
    for p in photometers:
        groups.setdefault((p.times.tobytes(), p.exposure, p.n_sub, p.n_sub_spots), []).append(p)
    return tuple(
        Schedule(_exposures(g[0], g[0].n_sub_spots), _exposures(g[0], g[0].n_sub), tuple(g))
        for g in groups.values()
    )


@lru_cache(maxsize=1)
def _filters() -> dict[str, Bandpass]:
    """The embedded filter curves."""
    return {name: load_bandpass(name) for name in embedded_names()}


def bands_behind_dust(extinction: Extinction, grid: BandGrid) -> BandExtinction:
    """Extinction in the bands of a grid, on the host, once.

    Bands whose filter is not embedded are taken at their pivot wavelength.
    """
    filters = [_filters()[name] for name in grid.bands if name in _filters()]
    return BandExtinction.build(extinction, filters, grid.bands, grid.wavelength_eff)


def extinguished(bands: BandPolynomials, star: Star, dust: BandExtinction) -> BandPolynomials:
    """Intensities as they arrive behind interstellar dust; unchanged to the last bit at av = 0.

    Each part is dimmed by its own colour: the cooler a spot, the redder its light in a wide band, and the
    less of it is lost.
    """
    teff = star.teff + jnp.stack([jnp.zeros_like(star.teff), -star.spot_contrast, star.facula_contrast])
    left = jax.vmap(dust.transmission, (0, None))(teff, star.av)[..., None]
    photosphere, spot, facula = bands.photosphere * left[0], bands.spot * left[1], bands.facula * left[2]
    return BandPolynomials(photosphere, spot, facula, bands.valid)


def immaculate_flux(
    star: Star, grid: BandGrid, dust: BandExtinction, degree: int = DEFAULT_DEGREE
) -> Float[Array, " n_bands"]:
    """Band flux of a star without spots and planets, at its distance and behind its dust. [erg/s/cm2/A]"""
    bands = band_polynomials(star, SpotMap.empty(), grid, degree, False)
    return extinguished(bands, star, dust).flux * dilution(star)


def _mean_moments(exposures: Exposures, moments: SurfaceMoments) -> SurfaceMoments:
    """Moments averaged over each exposure."""
    valid = jnp.all(moments.valid.reshape(-1, exposures.n_sub), axis=1)
    return SurfaceMoments(exposures.mean(moments.spot), exposures.mean(moments.facula), valid)


def _behind_planets(
    epochs: Epochs, system: System, bands: BandPolynomials, surface: SurfaceConfig, room: CrossingConfig
) -> tuple[Float[Array, "n_bands n_times"], Bool[Array, ""]]:
    """Light that planets take from the spotted disc: from the immaculate one, less what spots had taken."""
    p, n = system.planets.radius_ratio, bands.photosphere.shape[-1]
    xyz = planet_positions(system.star, system.planets, epochs)
    hidden = transit_loss(*xyz, p, bands.photosphere)
    if not system.spots.n_spots:
        return hidden, jnp.asarray(True)

    def crossed(faculae):
        return crossing_moments(
            *xyz, p, caps_by_index(surface, epochs, system.star, system.spots, faculae=faculae), n, room
        )

    spot, valid = crossed(faculae=False)
    facula = jnp.zeros_like(spot)
    if surface.faculae:
        both, fits = crossed(faculae=True)
        facula, valid = both - spot, valid & fits
    return hidden - hidden_light(bands, SurfaceMoments(spot, facula, jnp.full(spot.shape[1], valid))), valid


def light_curves(
    system: System,
    bands: BandPolynomials,
    names: tuple[str, ...],
    schedule: Schedule,
    surface: SurfaceConfig,
    room: CrossingConfig,
) -> tuple[dict[str, LightCurve], Bool[Array, ""]]:
    """Light curves of the photometers of one schedule, and whether every stage held.

    Args:
        system: One star.
        bands: Its intensities.
        names: Of the bands.
        schedule: Photometers that share their times.
        surface: How the surface is computed.
        room: For planets in front of spots.
    """
    star, spots, planets = system.star, system.spots, system.planets
    n = bands.photosphere.shape[-1]
    moments = surface_moments(star, spots, schedule.surface.epochs, surface, n)
    moments = _mean_moments(schedule.surface, moments)
    lost = hidden_light(bands, moments)
    valid = bands.valid & jnp.all(moments.valid)
    if planets.n_planets:
        hidden, fits = _behind_planets(schedule.planets.epochs, system, bands, surface, room)
        lost, valid = lost + schedule.planets.mean(hidden), valid & fits
    flux = 1 - lost / bands.flux[:, None]
    valid = valid & jnp.all(jnp.isfinite(flux))
    fractions = [m[0] / jnp.pi for m in (moments.spot, moments.facula)]
    curves = {}
    for p in schedule.photometers:
        index = np.array([names.index(b) for b in p.bands])
        curves[p.name] = LightCurve(flux[index], (bands.flux * dilution(star))[index], *fractions)
    return curves, valid
