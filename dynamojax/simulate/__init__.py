"""The stages composed: from a system to what every instrument records.

`simulator` holds the one entry point and jit; `light_curves`, `spectra` and `velocities` what each kind of
instrument sees, `smoothing` how much of the spectral grid it is given.
"""

from dynamojax.simulate.light_curves import LightCurve
from dynamojax.simulate.simulator import Observables, Simulator, simulate_batch
from dynamojax.simulate.smoothing import Smoothing
from dynamojax.simulate.spectra import Spectra

__all__ = ["LightCurve", "Observables", "Simulator", "Smoothing", "Spectra", "simulate_batch"]
