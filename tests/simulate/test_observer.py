"""Spectra in the frame of a moving observatory."""

import numpy as np
import pytest

import dynamojax as dj
from dynamojax.constants import C_KM_S
from dynamojax.simulate.spectra import velocity_within
from tests.observables.lines import spectrograph

RV, TOWARDS = 100.0, 30.0
RANGES = {"teff": (5400.0, 5600.0), "logg": (4.4, 4.5), "feh": (-0.1, 0.1)}


def _simulator(**observer):
    arms = spectrograph((6500, 6520), step_km_s=30.0)
    coarse = dj.Spectrograph(
        arms.name, tuple(dj.Arm.from_centres("a", a.wavelength, 5000) for a in arms.arms), arms.times
    )
    return dj.Simulator(dj.load_grid(), spectrographs=[coarse], ranges=RANGES, observer=observer)


def test_the_barycentric_correction_gives_the_star_back(x64):
    """(1 + z) = (1 + z measured) (1 + v / c), to 1e-9 km/s; subtracted velocities would be off by 11 m/s."""
    (recorder,) = _simulator(test=np.array([TOWARDS])).recorders
    system = dj.System(dj.Star.from_degrees(teff=5500.0, rv=RV), dj.SpotMap.empty(), dj.Planets.empty())
    measured = float(velocity_within(system, recorder)[0])
    doppler = lambda v: np.exp(np.arctanh(v / C_KM_S))  # noqa: E731
    assert doppler(measured) * (1 + TOWARDS / C_KM_S) == pytest.approx(doppler(RV), rel=3e-15)


def test_an_observer_of_no_spectrograph():
    with pytest.raises(ValueError, match=r"observer names \['tets'\], .* allowed: test"):
        _simulator(tets=np.array([TOWARDS]))
