"""Noise of light curves, separate from the simulation and keyed.

White noise from the magnitude; granulation, oscillations and wander as exact stochastic oscillators;
gaps, offsets, drifts, safe modes and outliers of the spacecraft. `add_noise` puts them together.
"""

from dynamojax.observables.noise.model import (
    Noise,
    NoisyLightCurve,
    add_noise,
    kepler_noise,
    tess_noise,
    white_noise,
)
from dynamojax.observables.noise.seismology import Granulation, Oscillations
from dynamojax.observables.noise.systematics import Outliers, SafeModes, Segments, Wander
from dynamojax.observables.noise.validation import validate_noise
from dynamojax.observables.noise.white import ApertureWhite, ConstantWhite, EnvelopeWhite

__all__ = [
    "ApertureWhite",
    "ConstantWhite",
    "EnvelopeWhite",
    "Granulation",
    "Noise",
    "NoisyLightCurve",
    "Oscillations",
    "Outliers",
    "SafeModes",
    "Segments",
    "Wander",
    "add_noise",
    "kepler_noise",
    "tess_noise",
    "validate_noise",
    "white_noise",
]
