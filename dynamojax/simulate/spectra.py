"""Spectra of one star: what one spectrograph records at its epochs."""

import dataclasses
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from dynamojax.atmosphere.extinction import Extinction, transmission
from dynamojax.atmosphere.grid_file import GridFile
from dynamojax.atmosphere.grid_layout import Segment
from dynamojax.atmosphere.intensity_grid import IntensityGrid
from dynamojax.constants import C_KM_S
from dynamojax.instruments.line_spread import PixelOperator, pixel_operator, window_reach
from dynamojax.instruments.spectrograph import Spectrograph
from dynamojax.numerics import as_float
from dynamojax.observables.disc_config import DiscConfig
from dynamojax.observables.photometry import dilution
from dynamojax.observables.spectroscopy import disc_spectra
from dynamojax.planets.orbit import reflex_velocity
from dynamojax.simulate.exposures import Exposures
from dynamojax.simulate.smoothing import Smoothing
from dynamojax.surface.convection import Convection
from dynamojax.surface.geometry import fastest_rotation
from dynamojax.surface.moments import SurfaceConfig
from dynamojax.system import System


def margins(
    spectrograph: Spectrograph, segment: Segment, disc: DiscConfig, max_shift: float | int
) -> tuple[int, int]:
    """Samples of the grid needed on either side of the pixels: for velocities, and for the instrument."""
    step = segment.axis.ln_step
    shifts = int(np.ceil(max_shift / C_KM_S / step)) + disc.reach(step)
    return shifts, window_reach(spectrograph, step, segment.resolution)


def disc_for(systems: System, disc: DiscConfig, surface: SurfaceConfig) -> DiscConfig:
    """For the fastest of many stars and the widest of their spots or faculae, on the host.

    Values that are no numbers, and more than there is room for, are not valid whatever the nodes.
    """
    star = systems.star
    speeds = np.abs(jax.vmap(fastest_rotation)(star))
    fastest = min(np.fmax.reduce(speeds.ravel(), initial=0), disc.max_velocity)
    area = np.sin(0.5 * np.asarray(systems.spots.radius)) ** 2
    if surface.faculae:
        area = area * (1 + np.asarray(star.facula_ratio)[..., None])
    widest = 2 * np.arcsin(np.sqrt(min(np.fmax.reduce(area.ravel(), initial=0), 0.5)))
    return dataclasses.replace(
        disc, vsini=_up(float(fastest), 5.0), spot_radius=_up(float(widest), math.radians(1.0))
    )


def _up(value: float, step: float) -> float:
    """To the next step: programs are compiled for each value, and stars alike should share theirs."""
    return step * math.ceil(value / step * (1 - 1e-6))


class Spectra(eqx.Module):
    """What a spectrograph sees of one star.

    Attributes:
        flux: Mean flux density in each pixel at the star's distance, behind its dust. [erg/s/cm2/A]
        velocity: Of the star as a whole away from the observer: systemic, reflex and barycentric, in the
            middle of each exposure. [km/s]
    """

    flux: Float[Array, "n_times n_pixels"]
    velocity: Float[Array, " n_times"]


class Recorder(eqx.Module):
    """A spectrograph ready to record: its part of the grid, its operator and its exposures.

    Attributes:
        grid: Intensities at its wavelengths.
        operator: From the grid's wavelengths to pixels.
        exposures: Epochs.
        observer: Velocity of the observer towards the star at each epoch, to be taken off. [km/s]
        extinction: Of interstellar dust at the grid's wavelengths, relative to that in V. [1]
        spectrograph: Static.
    """

    grid: IntensityGrid
    operator: PixelOperator
    exposures: Exposures
    observer: Float[Array, " n_times"] = eqx.field(converter=as_float)
    extinction: Float[Array, " n_wavelength"] = eqx.field(converter=as_float)
    spectrograph: Spectrograph = eqx.field(static=True)

    @staticmethod
    def build(
        spectrograph: Spectrograph,
        file: GridFile,
        disc: DiscConfig,
        max_shift: float | int,
        observer: np.ndarray | None = None,
        extinction: Extinction | None = None,
        smoothing: Smoothing | None = None,
        **ranges,
    ) -> "Recorder":
        """Cut the grid and make the operator, on the host.

        Args:
            spectrograph: Pixels and epochs.
            file: Spectral grid.
            disc: Room for velocities on the disc.
            max_shift: Room for the velocity of the star as a whole. [km/s]
            observer: As in the class; zero, that is spectra corrected to the barycentre, if left out.
            extinction: Law of interstellar extinction; Gordon et al. (2023) if left out.
            smoothing: Of the grid, beforehand; it is taken as it is if left out.
            **ranges: teff, logg, feh to cut, as in `GridFile.cut`.

        Raises:
            ValueError: pixels beyond the grid or the law of extinction, or an instrument too fine for them.
        """
        low, high = spectrograph.ends
        segment, options = file.segment(wavelength=(low, high)), {}
        if smoothing is not None and (wanted := smoothing.resolution(spectrograph, segment)):
            segment = segment.smoothed(wanted)
            options = {"resolution": wanted, **smoothing.held(np.log(high / low) / segment.axis.ln_step)}
        shifts, beyond = margins(spectrograph, segment, disc, max_shift)
        room, ends = np.exp((shifts + beyond) * segment.axis.ln_step), segment.axis.ends
        span = max(low / room, ends[0]), min(high * room, ends[1])
        grid = file.cut(**ranges, wavelength=span, segment=segment.name, **options)
        operator = pixel_operator(
            spectrograph,
            grid.ln_start,
            grid.ln_step,
            grid.n_wavelength,
            grid_resolution=grid.resolution,
            margin=shifts,
        )
        exposures = Exposures.build(spectrograph.name, spectrograph.times, *spectrograph.sub_exposures())
        observer = np.zeros(len(spectrograph.times)) if observer is None else np.asarray(observer)
        if observer.shape != spectrograph.times.shape or not np.all(np.abs(observer) < max_shift):
            raise ValueError(
                f"{spectrograph.name}: observer velocities of shape {observer.shape} must be one for each of "
                f"{len(spectrograph.times)} epochs, below max_shift = {max_shift} km/s"
            )
        dust = (Extinction() if extinction is None else extinction).curve(grid.wavelength)
        return Recorder(grid, operator, exposures, observer, dust, spectrograph)


def velocity_within(system: System, recorder: Recorder) -> Float[Array, " n_nodes"]:
    """Of the star as a whole away from the observer, at the nodes within each exposure. [km/s]

    An observer who moves at v towards the star sees wavelengths divided by 1 + v / c, the factor with which
    a barycentric correction multiplies them (Wright & Eastman 2014, PASP 126, 838, eq. 2).
    """
    exposures = recorder.exposures
    reflex = reflex_velocity(system.star, system.planets, exposures.epochs)
    shift = jnp.arctanh((system.star.rv + reflex) / C_KM_S)
    return C_KM_S * jnp.tanh(shift - jnp.repeat(jnp.log1p(recorder.observer / C_KM_S), exposures.n_sub))


def recorded(
    system: System,
    recorder: Recorder,
    surface: SurfaceConfig,
    convection: Convection,
    disc: DiscConfig,
    max_shift: float | int,
) -> tuple[Spectra, Bool[Array, ""]]:
    """Spectra of one star, and whether every stage held.

    Args:
        system: One star.
        recorder: The spectrograph.
        surface: How the surface is computed.
        convection: Shift of the lines across the disc.
        disc: How finely the disc is sampled.
        max_shift: Room for the velocity of the star as a whole. [km/s]
    """
    star, exposures = system.star, recorder.exposures
    finest = float(np.max(recorder.spectrograph.resolution))
    velocity = velocity_within(system, recorder)
    flux, valid = disc_spectra(
        star,
        system.spots,
        system.planets,
        exposures.epochs,
        velocity,
        recorder.grid,
        surface,
        convection,
        dataclasses.replace(disc, resolution=finest),
    )
    mean = jnp.einsum("tsn,s->tn", flux.reshape(-1, exposures.n_sub, flux.shape[1]), exposures.weights)
    # On coefficients of splines, as the spectra are: off by 3e-5 at A_V = 2.5 in a smoothed grid.
    mean = mean * transmission(recorder.extinction, star.av)
    pixels = jax.vmap(recorder.operator)(mean) * dilution(star)
    fits = jnp.all(jnp.abs(velocity) < max_shift)
    return Spectra(pixels, exposures.mean(velocity[None])[0]), valid & fits
