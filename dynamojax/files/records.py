"""What files hold: what was recorded of one star, and all that it was computed from."""

from dataclasses import dataclass, field

import numpy as np

from dynamojax.instruments.photometer import Photometer
from dynamojax.instruments.spectrograph import Spectrograph
from dynamojax.system import System


@dataclass(frozen=True)
class Recording:
    """What one photometer recorded, on the host; arrays are (n_bands, n_times) unless said otherwise.

    Attributes:
        photometer: Bands, times and exposure.
        flux: Relative flux without noise. [1]
        corrected: With noise, the instrument's offsets and drifts removed. [1]
        simple: With noise and with the instrument's offsets and drifts. [1]
        error: Standard deviation of the white noise. [1]
        good: Where data exist.
        spot_fraction: Share of the disc, (n_times,). [1]
        facula_fraction: Share of the disc, (n_times,). [1]
        baseline: Flux of the immaculate star at its distance, (n_bands,). [erg/s/cm2/A]
        ab_mag: Magnitude of the immaculate star, (n_bands,). [mag]
        vega_mag: The same in the Vega system, (n_bands,). [mag]
        noise_mag: Magnitude that the noise was computed for, (n_bands,); NaN without. [mag]
    """

    photometer: Photometer
    flux: np.ndarray
    corrected: np.ndarray
    simple: np.ndarray
    error: np.ndarray
    good: np.ndarray
    spot_fraction: np.ndarray
    facula_fraction: np.ndarray
    baseline: np.ndarray
    ab_mag: np.ndarray
    vega_mag: np.ndarray
    noise_mag: np.ndarray


@dataclass(frozen=True)
class SpectralRecording:
    """What one spectrograph recorded, on the host; arrays are (n_times, n_pixels) unless said otherwise.

    Attributes:
        spectrograph: Pixels, times and exposure.
        flux: Without noise, at the star's distance. [erg/s/cm2/A]
        noisy: With noise; the same where there is none. [erg/s/cm2/A]
        error: Standard deviation that is stated; 0 without noise. [erg/s/cm2/A]
        good: Where a pixel is not flagged.
        velocity: Of the star as a whole, (n_times,). [km/s]
        noise_mag: Magnitude that the noise was computed for; NaN without one. [mag]
        observer: Velocity of the observer towards the star at each epoch, taken off `velocity`; None where
            wavelengths are free of the Earth's motion. [km/s]
    """

    spectrograph: Spectrograph
    flux: np.ndarray
    noisy: np.ndarray
    error: np.ndarray
    good: np.ndarray
    velocity: np.ndarray
    noise_mag: float = float("nan")
    observer: np.ndarray | None = None

    @property
    def frame(self) -> str:
        """Whose motion the wavelengths are seen with: the barycentre's or the observatory's."""
        return "barycentre" if self.observer is None else "observatory"

    @property
    def ivar(self) -> np.ndarray:
        """Inverse variance, 0 where not good or without noise, float64. [1/(erg/s/cm2/A)^2]"""
        has_weight = self.good & (self.error > 0)
        error = np.where(has_weight, self.error, 1.0).astype(np.float64)
        return np.where(has_weight, error**-2.0, 0.0)


@dataclass(frozen=True)
class VelocityRecording:
    """Radial velocities on the host; arrays are (n_bands, n_times) unless said otherwise.

    Attributes:
        photometer: Bands, times and exposure.
        velocity: Without noise, the sum of all terms but `blueshift`. [km/s]
        noisy: With noise; the same where there is none. [km/s]
        error: Standard deviation of the noise; 0 without. [km/s]
        rotation: Term of spots and faculae that rotate. [km/s]
        convection: Term of inhibited convection. [km/s]
        transit: Term of planets in front of the disc. [km/s]
        reflex: Of the star about the barycentre, (n_times,). [km/s]
        systemic: Of the barycentre, (). [km/s]
        blueshift: Convective shift of the immaculate star, (n_bands,). [km/s]
        flux: Relative to the immaculate star without planets. [1]
    """

    photometer: Photometer
    velocity: np.ndarray
    noisy: np.ndarray
    error: np.ndarray
    rotation: np.ndarray
    convection: np.ndarray
    transit: np.ndarray
    reflex: np.ndarray
    systemic: np.ndarray
    blueshift: np.ndarray
    flux: np.ndarray


@dataclass(frozen=True)
class Record:
    """A simulation of one star.

    Attributes:
        name: Of the star; begins the names of files.
        system: Star, spots and planets.
        recordings: Light curves by photometer.
        epoch_bjd: BJD (TDB) of time 0. [day]
        noise_seed: Seed of the noise.
        settings: Text of the configuration; empty if there is none.
        spectra: By spectrograph.
        velocities: By name of the series.
    """

    name: str
    system: System
    recordings: dict[str, Recording]
    epoch_bjd: float = 2454833.0
    noise_seed: int = 0
    settings: str = ""
    spectra: dict[str, SpectralRecording] = field(default_factory=dict)
    velocities: dict[str, VelocityRecording] = field(default_factory=dict)
