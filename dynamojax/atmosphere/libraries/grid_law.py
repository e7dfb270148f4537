"""Limb darkening for fluxes from a grid of true intensities: PHOENIX HiRes with PHOENIX's own angles."""

import numpy as np

from dynamojax.atmosphere.building import Node, Unsuited
from dynamojax.atmosphere.grid_cut import node_reader
from dynamojax.atmosphere.grid_file import GridFile, open_grid, opened
from dynamojax.atmosphere.grid_layout import AXES
from dynamojax.atmosphere.libraries.laws import Law
from dynamojax.atmosphere.limb_darkening import quadrature_nodes


def grid_law(name: str, n_mu: int) -> Law:
    """I(mu) over the flux of the same model in a grid, linear in ln(wavelength) between its samples.

    Lines narrower than the grid's resolution get the limb darkening of their surroundings.

    Args:
        name: Of a grid in the cache, or its file.
        n_mu: Must be the grid's.

    Raises:
        ValueError: no such grid, one of fluxes itself, or another number of mu.
    """
    file = open_grid(name)
    if file.attributes["limb"] != "intensity":
        raise ValueError(
            f"{file.path} has limb darkening from a law itself ({file.attributes['limb']}); "
            "take one of intensities"
        )
    if len(file.mu_nodes) != n_mu:
        raise ValueError(
            f"n_mu = {n_mu} must be that of {file.path}, {len(file.mu_nodes)}; --n-mu {len(file.mu_nodes)}"
        )
    return Law(
        f"intensities of {file.path.stem}, content {file.attributes['content']}",
        lambda node, ln: _shape(file, node, ln),
    )


def _shape(file: GridFile, node: Node, ln_wavelength: np.ndarray) -> np.ndarray:
    at = tuple(int(np.argmin(np.abs(getattr(file, name) - x))) for name, x in zip(AXES, node, strict=True))
    nearest = [getattr(file, name)[i] for name, i in zip(AXES, at, strict=True)]
    if not (np.allclose(nearest, node, rtol=1e-6, atol=1e-6) and file.exists[at]):
        raise ValueError(
            f"{file.path} has no model of teff = {node[0]:g}, logg = {node[1]:g}, feh = {node[2]:g}; "
            "narrow the ranges, or leave it out with --skip-damaged"
        )
    _, weights = quadrature_nodes(len(file.mu_nodes))
    shape = np.full((len(file.mu_nodes), len(ln_wavelength)), np.nan)
    with opened(file.path) as stored:
        for name, segment in file.segments.items():
            axis = segment.axis
            slack = axis.ln_step  # a grid's last bin reaches beyond its middle
            inside = (ln_wavelength >= axis.ln_wavelength[0] - slack) & (
                ln_wavelength <= axis.ln_wavelength[-1] + slack
            )
            if not inside.any():
                continue
            intensity = 10.0 ** node_reader(stored[f"segments/{name}"], segment, 0, axis.n)(at)
            intensity /= 2.0 * np.pi * weights @ intensity
            for row, values in zip(shape, intensity, strict=True):
                row[inside] = np.interp(ln_wavelength[inside], axis.ln_wavelength, values)
    if np.isnan(shape).any():
        missing = np.exp(ln_wavelength[np.isnan(shape[0])])
        raise Unsuited(
            f"{file.path} has no wavelengths from {missing.min():.0f} to {missing.max():.0f} A; "
            "narrow the segments"
        )
    return shape
