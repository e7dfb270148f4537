"""One star's row of a data set, from its number: drawn, simulated, observed with noise. Traced."""

from collections.abc import Callable
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from dynamojax.atmosphere.extinction import BandExtinction
from dynamojax.atmosphere.grid import BandGrid
from dynamojax.instruments.photometer import Photometer
from dynamojax.numerics import as_float, stream
from dynamojax.observables.noise.model import Noise, add_noise
from dynamojax.observables.photometry import magnitude
from dynamojax.observables.spectral_noise import PixelTable, SpectralNoise, add_spectral_noise
from dynamojax.planets.encounters import CrossingConfig
from dynamojax.population.columns import curve_name
from dynamojax.simulate import Observables, Simulator
from dynamojax.simulate.light_curves import LightCurve, immaculate_flux
from dynamojax.simulate.spectra import Spectra, velocity_within
from dynamojax.system import Epochs, Star, System

Row = dict[str, Array]


class CurveNoise(eqx.Module):
    """What spoils the light curves of one photometer.

    Attributes:
        model: None is no noise.
        epochs: Of mid-exposure, from the first one on: a quarter or sector begins with the data.
        exposure: [day]
        zero_point: Flux at magnitude 0 of each band. [erg/s/cm2/A]
        magnitude: In place of the star's own; NaN for that. [mag]
        photometer: Static.
    """

    model: Noise | None
    epochs: Epochs
    exposure: Float[Array, ""] = eqx.field(converter=as_float)
    zero_point: Float[Array, " n_bands"] = eqx.field(converter=as_float)
    magnitude: Float[Array, ""] = eqx.field(converter=as_float)
    photometer: Photometer = eqx.field(static=True)


class SpectrumNoise(eqx.Module):
    """What spoils the spectra of one spectrograph.

    Attributes:
        model: None is no noise.
        pixels: Of the spectrograph.
        exposure: [day]
        grid: Intensities of the one band in which the noise model has its magnitude.
        dust: Extinction in it.
        zero_point: Flux at magnitude 0. [erg/s/cm2/A]
        magnitude: In place of the star's own; NaN for that. [mag]
        name: Of the spectrograph, static.
    """

    model: SpectralNoise | None
    pixels: PixelTable
    exposure: Float[Array, ""] = eqx.field(converter=as_float)
    grid: BandGrid
    dust: BandExtinction
    zero_point: Float[Array, " n_bands"] = eqx.field(converter=as_float)
    magnitude: Float[Array, ""] = eqx.field(converter=as_float)
    name: str = eqx.field(static=True)


class VelocityNoise(eqx.Module):
    """White noise of one series of radial velocities.

    Attributes:
        error: Standard deviation. [km/s]
        velocimeter: Bands and epochs, static.
    """

    error: Float[Array, ""] = eqx.field(converter=as_float)
    velocimeter: Photometer = eqx.field(static=True)


class StarMaker(eqx.Module):
    """All that a star's row depends on but its number and the seed; an argument of compiled functions.

    Attributes:
        prior: What stars are drawn from.
        tracks: Evolutionary tracks, for the prior.
        simulator: What observes them.
        curves: Noise of each photometer.
        spectra: Noise of each spectrograph.
        velocities: Noise of each series of radial velocities.
        sample: `sample(key, star_id, prior, tracks)` gives `system`, `companion` (None where the prior has
            none), `labels` and `valid`; static.
        observe: `observe(simulator, drawn)` gives the observables of what was drawn; static.
        groups: Of columns that are kept beside parameters and labels, static.
        lean: Room for crossings that most stars find enough, tried before the simulator's own; None for none.
    """

    prior: eqx.Module
    tracks: eqx.Module | None
    simulator: Simulator
    curves: tuple[CurveNoise, ...]
    spectra: tuple[SpectrumNoise, ...]
    velocities: tuple[VelocityNoise, ...]
    sample: Callable = eqx.field(static=True)
    observe: Callable = eqx.field(static=True)
    groups: tuple[str, ...] = eqx.field(static=True)
    lean: CrossingConfig | None = None


def star_row(maker: StarMaker, root: Key[Array, ""], star_id: Int[Array, ""]) -> Row:
    """The row of one star: `columns` says what its entries are.

    Args:
        maker: What is drawn, and how it is observed.
        root: Key of the data set.
        star_id: Number of the star; the row depends on nothing else.

    Raises:
        ValueError: a label has the name of another column (when tracing).
    """
    drawn = maker.sample(root, star_id, maker.prior, maker.tracks)
    return recorded_star(maker, root, star_id, drawn, maker.observe(maker.simulator, drawn))


def observed_star(maker: StarMaker, drawn) -> Observables:
    """What is seen of a star without noise: in the lean room, and anew if it finds no place there."""
    if maker.lean is None:
        return maker.observe(maker.simulator, drawn)
    lean = eqx.tree_at(lambda s: s.crossing, maker.simulator, maker.lean)
    first = maker.observe(lean, drawn)
    again = partial(maker.observe, maker.simulator, drawn)
    return jax.lax.cond(first.valid | ~drawn.valid, lambda: first, again)


def recorded_star(
    maker: StarMaker, root: Key[Array, ""], star_id: Int[Array, ""], drawn, observed: Observables
) -> Row:
    """The row of a star that has been simulated, noise included."""
    valid = drawn.valid & observed.valid
    key = stream(jax.random.fold_in(root, star_id), "observation")
    row = {"star_id": star_id, "valid": valid, "drawn": drawn.valid}
    row |= _parameters(drawn.system, maker.groups, _n_planets(drawn))
    if drawn.companion is not None:
        row |= _companion(drawn.companion, drawn.labels["is_binary"], maker.groups)
    seen = _masked(_observations(maker, drawn, observed, key), valid)
    twice = sorted((row.keys() | seen.keys()) & drawn.labels.keys())
    if twice:
        raise ValueError(f"labels {twice} of the prior have the names of other columns; rename them")
    return row | drawn.labels | seen


def _n_planets(drawn) -> int:
    """Places of planets: the last body of an eclipsing pair is the companion, with columns of its own."""
    n_occulters = 0 if drawn.companion is None else drawn.companion.planets.n_planets
    return drawn.system.planets.n_planets - n_occulters


def _parameters(system: System, groups: tuple[str, ...], n_planets: int) -> Row:
    row = {f"star_{name}": value for name, value in vars(system.star).items()}
    if "spots" in groups and system.spots.n_spots:
        row |= {f"spot_{name}": value for name, value in vars(system.spots).items()}
    if n_planets:
        row |= {f"planet_{name}": value[:n_planets] for name, value in vars(system.planets).items()}
    return row


def _companion(system: System, exists: Bool[Array, ""], groups: tuple[str, ...]) -> Row:
    """Parameters of the other star, NaN where there is none."""
    row = {f"companion_star_{name}": value for name, value in vars(system.star).items()}
    if "spots" in groups and system.spots.n_spots:
        row |= {f"companion_spot_{name}": value for name, value in vars(system.spots).items()}
    return {name: jnp.where(exists, value, jnp.nan) for name, value in row.items()}


def _observations(maker: StarMaker, drawn, observed: Observables, key: Key[Array, ""]) -> Row:
    row, star = {}, drawn.system.star
    for noise in maker.curves:
        name = noise.photometer.name
        row |= _curve(noise, star, observed.light_curves[name], maker.groups, key=stream(key, name))
    for noise in maker.spectra:
        spectra = observed.spectra[noise.name]
        row |= _spectra(noise, drawn, spectra, maker.groups, key=stream(key, noise.name))
        if drawn.companion is not None and "clean" in maker.groups:
            row[f"{noise.name}_companion_velocity"] = _companion_velocity(maker, noise.name, drawn)
    for noise in maker.velocities:
        name = noise.velocimeter.name
        row |= _velocities(noise, observed.velocities[name].total, maker.groups, key=stream(key, name))
    return row


def _masked(row: Row, valid: Bool[Array, ""]) -> Row:
    return {
        name: valid & value if value.dtype == bool else jnp.where(valid, value, jnp.nan)
        for name, value in row.items()
    }


def _curve(
    noise: CurveNoise, star: Star, curve: LightCurve, groups: tuple[str, ...], *, key: Key[Array, ""]
) -> Row:
    photometer, row = noise.photometer, {}
    mags = magnitude(curve.baseline, noise.zero_point)
    mags = jnp.where(jnp.isnan(noise.magnitude), mags, noise.magnitude)
    for i, band in enumerate(photometer.bands):
        fields = {}
        if "noisy" in groups:
            fields |= _noisy_curve(noise, star, curve.flux[i], mags[i], key=stream(key, band))
        if "clean" in groups:
            fields |= {"noise_mag": mags[i], "flux_model": curve.flux[i], "baseline": curve.baseline[i]}
        row |= {curve_name(photometer, band, field): value for field, value in fields.items()}
    if "fractions" in groups:
        row[f"{photometer.name}_spot_fraction"] = curve.spot_fraction
        row[f"{photometer.name}_facula_fraction"] = curve.facula_fraction
    return row


def _noisy_curve(
    noise: CurveNoise,
    star: Star,
    flux: Float[Array, " n_times"],
    mag: Float[Array, ""],
    *,
    key: Key[Array, ""],
) -> Row:
    if noise.model is None:
        return {"flux": flux, "flux_err": jnp.zeros_like(mag), "good": jnp.isfinite(flux)}
    seen = add_noise(flux, noise.epochs, noise.exposure, star, mag, noise.model, key=key)
    return {"flux": seen.flux, "flux_err": seen.flux_err[0], "good": seen.good}


def _spectra(
    noise: SpectrumNoise, drawn, spectra: Spectra, groups: tuple[str, ...], *, key: Key[Array, ""]
) -> Row:
    row, mag = {}, _spectral_magnitude(noise, drawn)
    if "noisy" in groups:
        row |= _noisy_spectra(noise, spectra.flux, mag, key=key)
    if "clean" in groups:
        row |= {"flux_model": spectra.flux}
    one_epoch = spectra.flux.shape[0] == 1
    row = {name: value[0] if one_epoch else value for name, value in row.items()}
    if "clean" in groups:
        row |= {"velocity": spectra.velocity, "noise_mag": mag}
    return {f"{noise.name}_{field}": value for field, value in row.items()}


def _companion_velocity(maker: StarMaker, name: str, drawn) -> Float[Array, " n_times"]:
    """Of the other star at each epoch of a spectrograph; NaN where there is none. [km/s]"""
    recorder = next(r for r in maker.simulator.recorders if r.spectrograph.name == name)
    velocity = recorder.exposures.mean(velocity_within(drawn.companion, recorder)[None])[0]
    return jnp.where(drawn.labels["is_binary"], velocity, jnp.nan)


def _spectral_magnitude(noise: SpectrumNoise, drawn) -> Float[Array, ""]:
    """In the band of the noise model, of the star without spots, with the light of a blended companion."""
    flux = immaculate_flux(drawn.system.star, noise.grid, noise.dust)
    if drawn.companion is not None:
        other = immaculate_flux(drawn.companion.star, noise.grid, noise.dust)
        flux += jnp.where(drawn.labels["is_blended"], other, 0.0)
    own = magnitude(flux, noise.zero_point)[0]
    return jnp.where(jnp.isnan(noise.magnitude), own, noise.magnitude)


def _noisy_spectra(
    noise: SpectrumNoise, flux: Float[Array, "n_times n_pixels"], mag: Float[Array, ""], *, key
) -> Row:
    if noise.model is None:
        return {"flux": flux, "flux_err": jnp.zeros_like(flux), "good": jnp.isfinite(flux)}
    model = noise.model

    def exposed(epoch, one):
        key_of_epoch = jax.random.fold_in(key, epoch)
        return add_spectral_noise(one, noise.pixels, mag, noise.exposure, model, key=key_of_epoch)

    seen = jax.vmap(exposed)(jnp.arange(flux.shape[0]), flux)
    return {"flux": seen.flux, "flux_err": seen.flux_err, "good": seen.good}


def _velocities(
    noise: VelocityNoise, total: Float[Array, "n_bands n_times"], groups: tuple[str, ...], *, key
) -> Row:
    row = {}
    for model, band in zip(total, noise.velocimeter.bands, strict=True):
        fields = {}
        if "noisy" in groups:
            draw = jax.random.normal(stream(key, band), model.shape, model.dtype)
            fields |= {"velocity": model + noise.error * draw}
        if "clean" in groups:
            fields |= {"velocity_model": model}
        row |= {curve_name(noise.velocimeter, band, field): value for field, value in fields.items()}
    return row
