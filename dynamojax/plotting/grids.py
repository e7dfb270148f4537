"""Spectra of one atmosphere at several angles, and its limb darkening."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib import colormaps, rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dynamojax.atmosphere.grid_file import GridFile
from dynamojax.atmosphere.interpolation import intensity
from dynamojax.plotting.style import MUTED, STYLE, new_figure

_MOST = 4000  # wavelengths of a figure: more than it has pixels
_PARTS = 5  # of the wavelengths, whose limb darkening is drawn


@rc_context(STYLE)
def plot_intensities(
    grid: GridFile,
    teff: float,
    logg: float,
    feh: float,
    segment: str | None = None,
    wavelength: tuple[float, float] | None = None,
) -> Figure:
    """Intensity of one atmosphere against wavelength at three angles, and against angle at some wavelengths.

    Args:
        grid: An open file.
        teff: [K]
        logg: [dex]
        feh: [dex]
        segment: Of the file; its first, or the one of these wavelengths, if None.
        wavelength: Range in vacuum; the segment's if None. [A]

    Raises:
        ValueError: outside the grid, or next to a hole of it.
    """
    if segment is None and wavelength is None:
        segment = next(iter(grid.segments))
    cut = grid.cut(
        (teff, teff), (logg, logg), (feh, feh), wavelength, segment=segment, representation="float32"
    )
    values, valid = jax.jit(intensity)(cut, *(jnp.asarray(float(x)) for x in (teff, logg, feh)))
    if not bool(valid):
        raise ValueError(
            f"teff = {teff:g} K, logg = {logg:g}, feh = {feh:g} is next to a hole of {grid.path}; "
            "dynamojax grid info lists its nodes"
        )
    values, axis, mu = np.asarray(values, float), cut.axis, np.asarray(cut.mu_nodes)
    figure = new_figure(7.2, 6.0)
    upper, lower = figure.subplots(2, 1, height_ratios=(3, 2))
    _draw_spectra(upper, axis.wavelength, values, mu)
    _draw_limb(lower, axis.wavelength, values, mu)
    limb = "" if grid.attributes["limb"] == "intensity" else f", limb darkening: {grid.attributes['limb']}"
    upper.set_title(
        rf"$T_\mathrm{{eff}}$ = {teff:g} K, log $g$ = {logg:g}, [Fe/H] = {feh:g}{limb}", loc="left"
    )
    return figure


def _draw_spectra(axes: Axes, wavelength: np.ndarray, values: np.ndarray, mu: np.ndarray) -> None:
    bins = math.ceil(len(wavelength) / _MOST)
    n = len(wavelength) // bins * bins
    x = wavelength[:n].reshape(-1, bins).mean(axis=1)
    power = 10.0 ** math.floor(math.log10(values.max()))
    for i, grey in zip((len(mu) - 1, len(mu) // 2, max(len(mu) // 5, 1)), (0.0, 0.45, 0.8), strict=True):
        y = values[i, :n].reshape(-1, bins).mean(axis=1) / power
        axes.plot(x, y, color=colormaps["viridis"](grey), lw=0.6, label=rf"$\mu$ = {mu[i]:.2f}")
    axes.set_xlim(wavelength[0], wavelength[-1])
    axes.set_ylim(0.0, 1.15 * values[-1].max() / power)  # room for the legend
    axes.set_xlabel(r"Wavelength in vacuum / $\mathrm{\AA}$")
    exponent = round(math.log10(power))
    unit = r"$\mathrm{erg\,s^{-1}\,cm^{-2}\,\AA^{-1}\,sr^{-1}}$"
    axes.set_ylabel(rf"Intensity / $10^{{{exponent}}}$ {unit}")
    axes.legend(loc="upper right", ncols=3)


def _draw_limb(axes: Axes, wavelength: np.ndarray, values: np.ndarray, mu: np.ndarray) -> None:
    """Means of equal parts of the wavelengths, relative to the innermost angle's."""
    edges = np.linspace(0, len(wavelength), _PARTS + 1).astype(int)
    for k, (start, stop) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
        profile = values[:, start:stop].mean(axis=1)
        label = f"{wavelength[start]:.0f}-{wavelength[stop - 1]:.0f}" + r" $\mathrm{\AA}$"
        colour = colormaps["turbo"](0.1 + 0.8 * k / (_PARTS - 1))
        axes.plot(mu, profile / profile[-1], "o-", ms=2.5, lw=0.9, color=colour, label=label)
    axes.axhline(1.0, color=MUTED, lw=0.5)
    axes.set_xlim(0.0, 1.0)
    axes.set_ylim(0.0, 1.05)
    axes.set_xlabel(r"$\mu$")
    axes.set_ylabel(rf"$I(\mu)\,/\,I({mu[-1]:.2f})$")
    axes.legend(loc="lower right", ncols=2)
