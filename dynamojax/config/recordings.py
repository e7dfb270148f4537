"""What each instrument records of what was simulated: noise where the settings have it, on the host."""

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from dynamojax.config import build, build_sky, build_spectra
from dynamojax.config.relations import name_of, noise_kind
from dynamojax.files.records import Record, Recording, SpectralRecording, VelocityRecording
from dynamojax.instruments.photometer import Photometer
from dynamojax.instruments.spectrograph import Spectrograph
from dynamojax.numerics import stream
from dynamojax.observables.noise import Noise, add_noise, validate_noise
from dynamojax.observables.photometry import magnitude
from dynamojax.observables.spectral_noise import PixelTable, SpectralNoise, add_spectral_noise, pixel_table
from dynamojax.simulate import Observables
from dynamojax.simulate.light_curves import bands_behind_dust, immaculate_flux
from dynamojax.system import Epochs

if TYPE_CHECKING:
    from dynamojax.config.experiment import Experiment


def record(experiment: "Experiment", observables: Observables) -> Record:
    """What each instrument records, with noise where the settings have it.

    Raises:
        ValueError: a noise model that cannot be applied.
    """
    settings = experiment.settings
    tables = {
        name_of(table): table
        for section in ("photometers", "spectrographs", "velocities")
        for table in settings[section]
    }
    simulator = experiment.simulator
    return Record(
        settings["star"]["name"],
        experiment.system,
        {n: _recording(experiment, observables, p, tables[n]) for n, p in simulator.photometers.items()},
        settings["simulation"]["epoch_bjd"],
        settings["noise"]["seed"],
        settings.text,
        {n: _spectra(experiment, observables, s, tables[n]) for n, s in simulator.spectrographs.items()},
        {n: _velocities(experiment, observables, p, tables[n]) for n, p in experiment.velocimeters.items()},
    )


def _root(experiment: "Experiment", name: str) -> Key[Array, ""]:
    """Randomness of one instrument."""
    return stream(jax.random.key(experiment.settings["noise"]["seed"]), name)


def _recording(
    experiment: "Experiment", observables: Observables, photometer: Photometer, table: dict
) -> Recording:
    curve = observables.light_curves[photometer.name]
    grid = experiment.simulator.grid.select(photometer.bands)
    ab, vega = (magnitude(curve.baseline, zero) for zero in (grid.ab_zero_point, grid.vega_zero_point))
    models = build.noise(table, experiment.settings["noise"], float(np.ptp(photometer.times)))
    # Kp is close to an AB magnitude of its band; the TESS magnitude is on Vega's scale.
    mags = vega if build.noise_kind(table) == "tess" else ab
    mags = mags if table["magnitude"] is None else jnp.full_like(mags, table["magnitude"])
    corrected, simple, error, good = _noisy(experiment, photometer, curve.flux, mags, models)
    return Recording(
        photometer,
        flux=np.asarray(curve.flux),
        corrected=np.asarray(corrected),
        simple=np.asarray(simple),
        error=np.asarray(error),
        good=np.asarray(good),
        spot_fraction=np.asarray(curve.spot_fraction),
        facula_fraction=np.asarray(curve.facula_fraction),
        baseline=np.asarray(curve.baseline),
        ab_mag=np.asarray(ab),
        vega_mag=np.asarray(vega),
        noise_mag=np.full_like(mags, np.nan) if models is None else np.asarray(mags),
    )


def _noisy(experiment: "Experiment", photometer: Photometer, flux, mags, models: tuple[Noise, Noise] | None):
    """Corrected and simple flux, error and mask, band by band from a key of its own."""
    if models is None:
        return flux, flux, jnp.zeros_like(flux), jnp.isfinite(flux)
    # A quarter or sector begins with the data.
    epochs = Epochs.from_days(photometer.times - photometer.times[0])
    root = _root(experiment, photometer.name)
    exposure = jnp.asarray(photometer.exposure, flux.dtype)
    for model in models:
        validate_noise(model, epochs, photometer.exposure, mags)
    out = []
    for i, band in enumerate(photometer.bands):
        arguments = flux[i], epochs, exposure, experiment.system.star, mags[i]
        corrected, simple = (_add_noise(*arguments, model, key=stream(root, band)) for model in models)
        out.append((corrected.flux, simple.flux, corrected.flux_err, corrected.good & simple.good))
    return tuple(jnp.stack(rows) for rows in zip(*out, strict=True))


_add_noise = jax.jit(add_noise)


def _spectra(
    experiment: "Experiment", observables: Observables, spectrograph: Spectrograph, table: dict
) -> SpectralRecording:
    seen = observables.spectra[spectrograph.name]
    flux, velocity = np.asarray(seen.flux), np.asarray(seen.velocity)
    model = build_spectra.spectral_noise(spectrograph, table, experiment.settings["noise"])
    observer = build_sky.observers(experiment.settings, [spectrograph], [table]).get(spectrograph.name)
    if model is None:
        good = np.isfinite(flux)
        noiseless = flux, flux, np.zeros_like(flux), good, velocity
        return SpectralRecording(spectrograph, *noiseless, observer=observer)
    kind = noise_kind(table)
    mag = float("nan") if kind == "snr" else _magnitude(experiment, kind, table)
    # A given signal to noise holds for magnitude 0 and an exposure of a day, whatever they are.
    scale = (0.0, 1.0) if kind == "snr" else (mag, spectrograph.exposure)
    mag_of, exposure = (jnp.asarray(x, seen.flux.dtype) for x in scale)
    root = _root(experiment, spectrograph.name)
    added = _add_spectral_noise(seen.flux, pixel_table(spectrograph), mag_of, exposure, model, root)
    noisy, error, good = map(np.asarray, added)
    return SpectralRecording(spectrograph, flux, noisy, error, good, velocity, mag, observer)


def _magnitude(experiment: "Experiment", kind: str, table: dict) -> float:
    """As given, or of the immaculate star at its distance and behind its dust."""
    if table["magnitude"] is not None:
        return table["magnitude"]
    band, is_ab = build_spectra.NOISE_BANDS[kind]
    grid, degree = experiment.grid.select((band,)), experiment.settings["simulation"]["degree"]
    dust = bands_behind_dust(experiment.simulator.extinction, grid)
    flux = _immaculate_flux(experiment.system.star, grid, dust, degree)
    return float(magnitude(flux, grid.ab_zero_point if is_ab else grid.vega_zero_point)[0])


_immaculate_flux = jax.jit(immaculate_flux, static_argnums=3)


@jax.jit
def _add_spectral_noise(
    flux: Float[Array, "n_times n_pixels"],
    pixels: PixelTable,
    mag: Float[Array, ""],
    exposure: Float[Array, ""],
    model: SpectralNoise,
    root: Key[Array, ""],
):
    """Every epoch from a key of its own."""
    keys = jax.vmap(lambda i: jax.random.fold_in(root, i))(jnp.arange(flux.shape[0]))
    return jax.vmap(lambda f, k: add_spectral_noise(f, pixels, mag, exposure, model, key=k))(flux, keys)


def _velocities(
    experiment: "Experiment", observables: Observables, photometer: Photometer, table: dict
) -> VelocityRecording:
    series = observables.velocities[photometer.name]
    is_noisy = experiment.settings["noise"]["enabled"]
    error = jnp.full_like(series.total, 1e-3 * table["error_m_s"] if is_noisy else 0.0)
    keys = [stream(_root(experiment, photometer.name), band) for band in photometer.bands]
    rows = [
        total + sigma * jax.random.normal(key, total.shape, total.dtype)
        for total, sigma, key in zip(series.total, error, keys, strict=True)
    ]
    terms = ("rotation", "convection", "transit", "reflex", "systemic", "blueshift", "flux")
    return VelocityRecording(
        photometer,
        velocity=np.asarray(series.total),
        noisy=np.asarray(jnp.stack(rows)),
        error=np.asarray(error),
        **{name: np.asarray(getattr(series, name)) for name in terms},
    )
