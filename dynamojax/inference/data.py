"""Data sets: what an instrument recorded, its errors and mask, and what is to be solved beside the star."""

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from dynamojax.constants import C_KM_S
from dynamojax.inference.units import checked, in_unit, relative_flux, same_unit
from dynamojax.instruments.photometer import Photometer
from dynamojax.instruments.spectrograph import Spectrograph
from dynamojax.instruments.spectrograph_table import from_pixels
from dynamojax.numerics import as_float

NOISES = ("gaussian", "student", "correlated")

# Lowest and highest value.
NUISANCES = {
    "jitter": (0.0, np.inf),
    "velocity": (-3e4, 3e4),
    "dof": (0.0, np.inf),
    "gp_sigma": (0.0, np.inf),
    "gp_rho": (0.0, np.inf),
    "gp_width": (0.0, np.inf),
}
_GP_SIGMA = {Photometer: 1e-3, Spectrograph: 1e-2}  # where it starts. [median flux]


class Nuisance(eqx.Module):
    """What belongs to a data set, not to the star, and does not enter linearly.

    Attributes:
        jitter: White noise beyond the stated errors, in quadrature. [median flux]
        velocity: Of the instrument's zero point, added to the star's. [km/s]
        dof: Degrees of freedom of Student's distribution. [1]
        gp_sigma: Standard deviation of correlated noise. [median flux]
        gp_rho: Scale of its Matern 3/2 covariance in a light curve. [day]
        gp_width: The same in a spectrum, of c ln(wavelength). [km/s]
    """

    jitter: Float[Array, "*batch"] = eqx.field(converter=as_float)
    velocity: Float[Array, "*batch"] = eqx.field(converter=as_float)
    dof: Float[Array, "*batch"] = eqx.field(converter=as_float)
    gp_sigma: Float[Array, "*batch"] = eqx.field(converter=as_float)
    gp_rho: Float[Array, "*batch"] = eqx.field(converter=as_float)
    gp_width: Float[Array, "*batch"] = eqx.field(converter=as_float)

    @staticmethod
    def none(gp_sigma: float = 1e-3) -> "Nuisance":
        """No jitter, no shift; Student's 4 degrees, correlations over a day or a broad line where wanted."""
        return Nuisance(0.0, 0.0, 4.0, gp_sigma, 1.0, 300.0)


class DataSet(eqx.Module):
    """One instrument's measurements in units of their median; bands or epochs are rows.

    Attributes:
        values: 0 where not good. [median flux]
        errors: Standard deviations, 1 where not good. [median flux]
        good: What is used.
        factors: Columns that multiply the model, with coefficients solved inside: level, trend, continuum.
        terms: Columns that are added, with coefficients solved inside.
        where: Times from the middle, or c ln(wavelength) from it. [day, or km/s]
        scale: The median flux. [unit of the data]
        nuisance: Start, or fixed value, of what is not linear.
        instrument: Photometer or spectrograph with these times and pixels, static.
        noise: gaussian, student or correlated, static.
    """

    values: Float[Array, "*batch n_rows n"] = eqx.field(converter=as_float)
    errors: Float[Array, "*batch n_rows n"] = eqx.field(converter=as_float)
    good: Bool[Array, "*batch n_rows n"] = eqx.field(converter=jnp.asarray)
    factors: Float[Array, "*batch n k"] = eqx.field(converter=as_float)
    terms: Float[Array, "*batch n l"] = eqx.field(converter=as_float)
    where: Float[Array, "*batch n"] = eqx.field(converter=as_float)
    scale: Float[Array, "*batch"] = eqx.field(converter=as_float)
    nuisance: Nuisance
    instrument: Photometer | Spectrograph = eqx.field(static=True)
    noise: str = eqx.field(static=True)

    @property
    def name(self) -> str:
        """Of the instrument."""
        return self.instrument.name

    @property
    def n_good(self) -> int:
        """Number of measurements that are used, on the host."""
        return int(np.sum(np.asarray(self.good)))

    @staticmethod
    def light_curve(
        instrument: str | Photometer,
        time,
        flux,
        flux_err,
        *,
        bands: Sequence[str] | str | None = None,
        flux_unit: str = "relative",
        epoch: float | int = 0.0,
        exposure: float | int = 0.0,
        good=None,
        trend_degree: int = 0,
        breaks: Sequence[float] = (),
        offset: bool = False,
        noise: str = "gaussian",
    ) -> "DataSet":
        """A light curve, (n,) or (n_bands, n).

        Args:
            instrument: Its name, or a photometer whose times these are.
            time: Of mid-exposure, rising; a number of days or an astropy Quantity. [day]
            flux: In `flux_unit`, or an astropy Quantity.
            flux_err: Standard deviations, of each point or of all. [unit of the flux]
            bands: Of the grid; the instrument's name if left out.
            flux_unit: relative (to about 1), counts (any linear unit), ppm (deviation from the mean) or mag.
            epoch: Taken off the times, so that they count from the epoch of the parameters. [day]
            exposure: [day]
            good: Mask of what to use; NaN are left out anyway.
            trend_degree: Of the polynomial in time that multiplies the model, 0 for a level alone.
            breaks: Times where a new polynomial begins: quarters, sectors. [day, as `time`]
            offset: Whether a constant is added, too: light of something else.
            noise: gaussian, student (outliers) or correlated (Matern 3/2, by tinygp).

        Raises:
            ValueError: no good point, an error that is not positive, times that do not rise, a wrong unit.
        """
        where = instrument if isinstance(instrument, str) else instrument.name
        time = in_unit(where, "time", time, "day") - epoch
        flux, error = relative_flux(where, flux, flux_err, flux_unit)
        flux, error, good, scale = checked(where, flux, error, good, time.size)
        if isinstance(instrument, str):
            bands = (instrument,) if bands is None else bands
            instrument = Photometer(instrument, bands, time, exposure)
        if not np.array_equal(instrument.times, time):
            raise ValueError(f"{where}: the photometer has other times than the data; build it from them")
        segment = np.searchsorted(np.sort(np.asarray(breaks, float)) - epoch, time, side="right")
        factors = columns(time, segment, trend_degree, good.any(0))
        terms = np.ones((time.size, 1)) if offset else np.zeros((time.size, 0))
        middle = time - 0.5 * (time[0] + time[-1])
        return _data_set(flux, error, good, factors, terms, middle, scale, instrument, noise)

    @staticmethod
    def spectrum(
        instrument: str | Spectrograph,
        wavelength,
        flux,
        flux_err,
        *,
        resolution: float | int | None = None,
        times: Sequence[float] = (0.0,),
        good=None,
        low: float | int = 0.0,
        high: float | int = np.inf,
        continuum_degree: int = 5,
        noise: str = "gaussian",
    ) -> "DataSet":
        """Spectra, (n_pixels,) or (n_epochs, n_pixels), of any linear unit: the continuum is solved for.

        Args:
            instrument: Its name, or a spectrograph whose pixels these are.
            wavelength: In vacuum, rising; angstroms or an astropy Quantity. [A]
            flux: Any linear unit.
            flux_err: Standard deviations. [unit of the flux]
            resolution: Resolving power; needed with a name.
            times: Of the epochs. [day]
            good: Mask of what to use; NaN are left out anyway.
            low: Lowest wavelength used. [A]
            high: Highest wavelength used. [A]
            continuum_degree: Of the polynomial in ln(wavelength) that multiplies each arm; -1 for none, which
                asks for absolute fluxes.
            noise: gaussian, student (outliers) or correlated (Matern 3/2, by tinygp: lines that the grid
                lacks or has wrong, after Czekala et al. 2015, ApJ 812, 128).

        Raises:
            ValueError: as for a light curve.
        """
        name = instrument if isinstance(instrument, str) else instrument.name
        wavelength = in_unit(name, "wavelength", wavelength, "Angstrom")
        flux, error = same_unit(name, flux, flux_err)
        if flux.shape[-1] != wavelength.size:
            raise ValueError(f"{name}: flux has shape {flux.shape}, {wavelength.size} pixels are expected")
        here = (wavelength >= low) & (wavelength <= high)
        mask = np.ones(flux.shape, bool) if good is None else np.broadcast_to(good, flux.shape)
        flux, error, good, scale = checked(
            name, flux[:, here], error[:, here], mask[:, here], int(here.sum())
        )
        if isinstance(instrument, str):
            if resolution is None:
                raise ValueError(f"{name}: resolution is missing; give the resolving power")
            instrument = from_pixels(instrument, wavelength[here], resolution, times)
        if not np.array_equal(instrument.wavelength, wavelength[here]):
            raise ValueError(f"{name}: the spectrograph has other pixels than the data; build it from them")
        x = np.log(wavelength[here])
        factors = columns(x, instrument.arm_of_pixel, continuum_degree, good.any(0))
        scale = scale if continuum_degree >= 0 else 1.0
        none = np.zeros((x.size, 0))
        where = C_KM_S * (x - x.mean())
        return _data_set(flux, error, good, factors, none, where, scale, instrument, noise)


def columns(x: np.ndarray, segment: np.ndarray, degree: int, good: np.ndarray) -> np.ndarray:
    """Legendre polynomials up to a degree, apart in each segment that has points enough to hold them."""
    parts = []
    for number in np.unique(segment):
        here = segment == number
        top = min(degree, np.sum(here & good) - 1)
        if top < 0:
            continue
        low, high = x[here].min(), x[here].max()
        scaled = (2 * x - low - high) / (high - low if high > low else 1.0)
        inside = np.where(here, scaled, 0.0)
        parts.append(np.polynomial.legendre.legvander(inside, int(top)) * here[:, None])
    return np.concatenate(parts, axis=1) if parts else np.zeros((x.size, 0))


def _data_set(flux, error, good, factors, terms, where, scale, instrument, noise) -> DataSet:
    if noise not in NOISES:
        raise ValueError(f"{instrument.name}: noise = {noise!r}, allowed: {', '.join(NOISES)}")
    values, errors = np.where(good, flux / scale, 0.0), np.where(good, error / scale, 1.0)
    nuisance = Nuisance.none(_GP_SIGMA[type(instrument)])
    return DataSet(values, errors, good, factors, terms, where, scale, nuisance, instrument, noise)
