"""The one style of all figures, and colours that every reader can tell apart."""

import matplotlib as mpl
import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler

# Okabe & Ito (2008), "Color universal design": distinct under the common colour deficiencies.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
INK, MUTED, FAINT = "#222222", "#6F6F6F", "#C8C8C8"

STYLE = {
    "font.size": 9.0,
    "axes.titlesize": 9.0,
    "axes.labelsize": 9.0,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "legend.fontsize": 8.0,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.linewidth": 0.7,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "xtick.minor.visible": True,
    "ytick.minor.visible": True,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.minor.width": 0.5,
    "ytick.minor.width": 0.5,
    "axes.formatter.useoffset": False,
    "axes.prop_cycle": cycler(color=PALETTE),
    "lines.linewidth": 1.2,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "figure.dpi": 120.0,
    "savefig.dpi": 200.0,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
}

# Wavelengths of red, green and blue of the sRGB primaries. [cm]
_RGB_CM = np.array([6.1e-5, 5.5e-5, 4.65e-5])
_C2_CM_K = 1.438776877  # second radiation constant, CODATA 2018


def new_figure(width: float, height: float) -> Figure:
    """A figure of its own, unknown to pyplot, laid out by constraints. [inch]"""
    return Figure(figsize=(width, height), layout="constrained")


def band_colours(wavelengths: np.ndarray) -> list:
    """One colour a band: the palette, or shades from dark (blue) to light (red) where it does not suffice."""
    if len(wavelengths) <= len(PALETTE):
        return list(PALETTE[: len(wavelengths)])
    rank = np.argsort(np.argsort(wavelengths)) / (len(wavelengths) - 1)
    return [mpl.colormaps["viridis"](0.9 * x) for x in rank]


def star_colour(teff: float) -> np.ndarray:
    """Tint of a black body beside one of 10000 K: red, green and blue, the largest 1."""
    hot, own = (np.expm1(_C2_CM_K / (_RGB_CM * t)) for t in (1e4, teff))
    tint = hot / own
    return tint / tint.max()


def star_colormap(teff: float) -> LinearSegmentedColormap:
    """From black through deepening shades of the star's tint to nearly white, lightness rising throughout."""
    x = np.linspace(0.0, 1.0, 33)[:, None]
    colours = x**0.7 * star_colour(teff) ** (1.0 + 2.5 * (1.0 - x))
    colours += 0.45 * x**4 * (1.0 - colours)  # the brightest parts are paler
    return LinearSegmentedColormap.from_list("star", np.clip(colours, 0.0, 1.0), N=512)


def scaled_flux(amplitude: float) -> tuple[float, str]:
    """Factor and unit that suit a relative flux of this amplitude."""
    return (1e6, "ppm") if amplitude < 2e-3 else (1e2, "%")
