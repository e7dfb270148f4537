"""What files hold: the light curves of one star, and all that they were computed from."""

from dataclasses import dataclass

import numpy as np

from dynamojax.instruments.photometer import Photometer
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
class Record:
    """A simulation of one star.

    Attributes:
        name: Of the star; begins the names of files.
        system: Star, spots and planets.
        recordings: By photometer.
        epoch_bjd: BJD (TDB) of time 0. [day]
        noise_seed: Seed of the noise.
        settings: Text of the configuration; empty if there is none.
    """

    name: str
    system: System
    recordings: dict[str, Recording]
    epoch_bjd: float = 2454833.0
    noise_seed: int = 0
    settings: str = ""
