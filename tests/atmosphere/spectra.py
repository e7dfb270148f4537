"""Spectra in closed form for tests: a black body with lines that deepen as the star cools."""

import numpy as np

from dynamojax.atmosphere.grid_layout import Segment
from dynamojax.atmosphere.grid_writer import GridWriter
from dynamojax.atmosphere.limb_darkening import quadrature_nodes
from dynamojax.atmosphere.wavelengths import LogAxis

TEFF = (4000.0, 4200.0, 4500.0, 5000.0, 5500.0, 6000.0)
LOGG = (3.5, 4.0, 4.5, 5.0)
FEH = (-1.0, -0.5, 0.0, 0.25, 0.5)
N_MU = 4
OPTICAL = LogAxis.from_range(5000.0, 6000.0, 2000.0)
NEAR = LogAxis.from_range(15500.0, 16000.0, 4000.0)
_LINES = ((5172.0, 1.2), (5183.0, 1.0), (5890.0, 0.9), (15700.0, 0.4), (15900.0, 0.3))


def planck(wavelength, teff):
    """B_lambda [erg/s/cm2/A/sr]."""
    return 1.191043e27 / wavelength**5 / np.expm1(1.4387769e8 / (wavelength * teff))


def log10_intensity(teff, logg, feh, axis, n_mu=N_MU):
    """log10 I [n_mu, n_wavelength] at `quadrature_nodes(n_mu)`, smooth in the parameters."""
    w, mu = axis.wavelength, quadrature_nodes(n_mu)[0][:, None]
    darkening = 1.0 - (0.9 - 0.03 * (logg - 4.0) - teff / 2e4) * (5000.0 / w) * (1.0 - mu)
    depth = sum(
        strength * np.exp(0.6 * feh + (5500.0 - teff) / 2500.0) / (1.0 + ((w - line) / (1e-3 * line)) ** 2)
        for line, strength in _LINES
    )
    return np.log10(planck(w, teff) * darkening) - 0.4343 * depth * mu**0.3


def holes(teff, logg, feh):
    """Whether the model is absent: hot giants and one lone node inside."""
    return (teff > 5200 and logg < 3.8) or (teff == 4200 and logg == 5.0 and feh == -1.0)


HALVES = (LogAxis.from_range(5000.0, 5500.0, 2000.0), LogAxis.from_range(5450.0, 6000.0, 6000.0))


def write_halves(path):
    """The optical spectra in two overlapping segments, the second with finer samples; one model per node."""
    segments = [Segment(name, axis) for name, axis in zip(("blue", "red"), HALVES, strict=True)]
    facts = {"source": "closed form", "licence": "none", "provenance": {}}
    with GridWriter(path, teff=TEFF, logg=LOGG, feh=FEH, n_mu=N_MU, segments=segments, **facts) as writer:
        for t in TEFF:
            for g in LOGG:
                for f in FEH:
                    writer.add(t, g, f, {s.name: log10_intensity(t, g, f, s.axis) for s in segments})
    return path


def write(
    path, *, representation="float32", hole=holes, teff=TEFF, logg=LOGG, feh=FEH, optical=OPTICAL, **options
):
    """A grid file of two segments, with holes."""
    segments = [
        Segment("optical", optical, 2000.0, representation),
        Segment("h_band", NEAR, representation=representation),
    ]
    facts = {"source": "closed form", "licence": "none", "provenance": {"made": "by the tests"}} | options
    with GridWriter(path, teff=teff, logg=logg, feh=feh, n_mu=N_MU, segments=segments, **facts) as writer:
        for t in teff:
            for g in logg:
                for f in feh:
                    if not hole(t, g, f):
                        spectra = {s.name: log10_intensity(t, g, f, s.axis) for s in segments}
                        writer.add(t, g, f, spectra)
    return path
