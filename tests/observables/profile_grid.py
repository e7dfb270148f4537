"""Spectra of one line whose profile at each temperature is given: others' correlations in our chain."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

import dynamojax as dj
from dynamojax.atmosphere.grid_layout import Segment
from dynamojax.atmosphere.grid_writer import GridWriter
from dynamojax.atmosphere.limb_darkening import quadrature_nodes
from dynamojax.atmosphere.wavelengths import LogAxis
from dynamojax.instruments.spectrograph import Arm, Spectrograph
from dynamojax.observables.disc_config import DiscConfig
from dynamojax.simulate.smoothing import Smoothing
from dynamojax.surface.convection import Convection
from dynamojax.surface.moments import SurfaceConfig

C_KM_S, LINE = 299792.458, 5293.0
# Intensity at mu, and light that is left at velocities [km/s].
Part = tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]


def write_profiles(path: Path, parts: dict[float, Part]) -> Path:
    """A spectral grid of the parts by temperature, the same at every gravity and metallicity."""
    axis = LogAxis.from_range(5290.5, 5295.5, 2e6)
    velocity = C_KM_S * (axis.ln_wavelength - np.log(LINE))
    mu = quadrature_nodes(6)[0]
    nodes = {"teff": tuple(parts), "logg": (4.0, 4.25, 4.5, 4.75), "feh": (-1.0, 0.0, 0.5)}
    segments = [Segment("line", axis, representation="float32")]
    facts = {"source": "a test", "licence": "none", "provenance": {}}
    with GridWriter(path, **nodes, n_mu=6, segments=segments, **facts) as writer:
        for teff, (intensity, left) in parts.items():
            spectrum = 6 + np.log10(intensity(mu))[:, None] + np.log10(left(velocity))
            for logg in nodes["logg"]:
                for feh in nodes["feh"]:
                    writer.add(teff, logg, feh, {"line": spectrum})
    return path


def simulator(
    path: Path, velocities: np.ndarray, resolution: float, convection: Convection, faculae: bool = False
) -> dj.Simulator:
    """Of one spectrum at time 0, on pixels at even velocities about the line. [km/s]"""
    arm = Arm.from_centres("line", LINE * np.exp(velocities / C_KM_S), resolution)
    return dj.Simulator(
        dj.load_grid(),
        spectrographs=[Spectrograph("line", (arm,), np.zeros(1))],
        spectra=dj.open_grid(path),
        smoothing=Smoothing(over=np.inf),
        surface=SurfaceConfig(law="constant", faculae=faculae),
        disc=DiscConfig(n_disc=(64, 16), n_cap=(6, 16), max_velocity=40.0),
        convection=convection,
        max_shift=40.0,
    )
