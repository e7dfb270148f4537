"""Instruments that need a finer grid than the embedded one: what they record of one, and what is said."""

import math

import numpy as np
import pytest

import dynamojax as dj
from dynamojax.atmosphere.grid_layout import Segment
from dynamojax.atmosphere.grid_writer import GridWriter
from dynamojax.atmosphere.limb_darkening import quadrature_nodes
from dynamojax.atmosphere.wavelengths import LogAxis
from dynamojax.observables.disc_config import DiscConfig
from dynamojax.observables.photometry import dilution

NODES = {"teff": (5000.0, 5500.0, 6000.0), "logg": (4.0, 4.5, 5.0), "feh": (-0.5, 0.0, 0.5)}
N_MU, WIDTH = 4, 0.06  # [A]
LINES = {"galah": 6562.8, "harps": 5250.2, "espresso": 6302.5, "gaia_rvs": 8542.1}
RESOLUTION = {"galah": 28000, "harps": 115000, "espresso": 140000, "gaia_rvs": 11500}


def _intensity(wavelength, line, mu):
    """A line on a darkened disc, (n_mu, n); the same in all models but for their temperature."""
    dip = 0.6 * np.exp(-0.5 * ((wavelength - line) / WIDTH) ** 2)
    return 3e6 * (0.4 + 0.6 * mu[:, None]) * (1 - dip)


def _grid(path, line):
    axis = LogAxis.from_range(line - 12, line + 12, 700_000.0)
    mu, facts = quadrature_nodes(N_MU)[0], {"source": "closed form", "licence": "none", "provenance": {}}
    with GridWriter(path, **NODES, n_mu=N_MU, segments=[Segment("one", axis)], **facts) as writer:
        rows = np.log10(_intensity(axis.wavelength, line, mu))
        for t in NODES["teff"]:
            for g in NODES["logg"]:
                for f in NODES["feh"]:
                    writer.add(t, g, f, {"one": rows + (t - 5500) / 5000})
    return dj.open_grid(path)


@pytest.mark.parametrize("name", LINES)
def test_a_fine_grid_seen_by_each(tmp_path, name, x64):
    """Against the line, the line spread function and the mean over pixels in numbers: 1e-5 of the flux."""
    line = LINES[name]
    instrument = getattr(dj, name)(epochs=1).within(line - 2, line + 2)
    assert instrument.n_pixels > 20
    simulate = dj.Simulator(
        dj.load_grid(),
        [],
        [instrument],
        spectra=_grid(tmp_path / "fine.h5", line),
        smoothing=dj.Smoothing(over=math.inf),
        disc=DiscConfig(max_velocity=3.0),
        convection=dj.Convection([0.0], 0.0, 0.0),
        max_shift=20.0,
    )
    star = dj.Star.from_degrees(teff=5500.0, logg=4.5, prot=1e7, shear=0.0)
    seen = simulate(dj.System(star, dj.SpotMap.empty(1), dj.Planets.empty(0)))
    assert bool(seen.valid)
    arm = simulate.spectrographs[name].arms[0]
    sigma = line / RESOLUTION[name] / np.sqrt(8 * np.log(2))
    # A Gaussian of a Gaussian is one, and the disc of this darkening has pi (0.4 + 0.6 x 2/3) of the centre.
    wide, within = np.hypot(WIDTH, sigma), np.linspace(0, 1, 41)
    at = arm.edges[:-1, None] + np.diff(arm.edges)[:, None] * within
    dip = 0.6 * WIDTH / wide * np.exp(-0.5 * ((at - line) / wide) ** 2)
    flux = np.pi * 0.8 * 3e6 * np.trapezoid(1 - dip, within, axis=1) * float(dilution(star))
    # The resolution is constant, not its width in angstroms: 4e-4 of it over the line's wings.
    np.testing.assert_allclose(seen.spectra[name].flux[0], flux, rtol=3e-4)
    assert seen.spectra[name].flux.min() < 0.95 * seen.spectra[name].flux.max()


@pytest.mark.parametrize("name", ["galah", "harps", "espresso"])
def test_the_embedded_grid_is_too_coarse_and_says_so(name):
    line = {"galah": 6562.8, "harps": 5250.2, "espresso": 6302.5}[name]
    instrument = getattr(dj, name)(epochs=1).within(line - 2, line + 2)
    with pytest.raises(ValueError, match=f"{name}.*resolution"):
        dj.Simulator(dj.load_grid(), [], [instrument])
