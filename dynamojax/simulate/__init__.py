"""The stages composed: from a system to what every instrument records.

`simulator` holds the one entry point and jit; `light_curves` and `spectra` what each kind of instrument sees.
"""

from dynamojax.simulate.light_curves import LightCurve
from dynamojax.simulate.simulator import Observables, Simulator, simulate_batch
from dynamojax.simulate.spectra import Spectra

__all__ = ["LightCurve", "Observables", "Simulator", "Spectra", "simulate_batch"]
