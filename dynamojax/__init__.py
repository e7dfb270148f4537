"""dynamojax: realistic, multimodal stellar observables at GPU speed, differentiable end to end."""

from dynamojax.atmosphere.grid import load_grid
from dynamojax.instruments.photometer import (
    Photometer,
    cheops,
    gaia,
    johnson,
    kepler,
    plato,
    sdss,
    tess,
    two_mass,
)
from dynamojax.observables.noise import add_noise, kepler_noise, tess_noise, white_noise
from dynamojax.simulate import Simulator, simulate_batch
from dynamojax.surface.activity import Activity, Emergence
from dynamojax.surface.emergence import emerge_spots
from dynamojax.surface.moments import SurfaceConfig
from dynamojax.system import Epochs, Planets, SpotMap, Star, System
from dynamojax.validation import validate

__all__ = [
    "Activity",
    "Emergence",
    "Epochs",
    "Photometer",
    "Planets",
    "Simulator",
    "SpotMap",
    "Star",
    "SurfaceConfig",
    "System",
    "add_noise",
    "cheops",
    "emerge_spots",
    "gaia",
    "johnson",
    "kepler",
    "kepler_noise",
    "load_grid",
    "plato",
    "sdss",
    "simulate_batch",
    "tess",
    "tess_noise",
    "two_mass",
    "validate",
    "white_noise",
]
