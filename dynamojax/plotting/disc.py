"""The disc of the star as an image: limb darkening, spots, faculae and planets, with smooth edges."""

from collections.abc import Sequence

import jax
import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Circle

from dynamojax.observables.photometry import BandPolynomials
from dynamojax.planets.orbit import planet_positions
from dynamojax.plotting.style import FAINT, INK, MUTED, STYLE, new_figure, star_colormap
from dynamojax.simulate import Simulator
from dynamojax.surface.maps import covered_share, disc_points
from dynamojax.surface.moments import SurfaceConfig, caps_at
from dynamojax.system import Epochs, Star, System

LIMIT = 1.32  # half the width of a panel, in stellar radii
_AXIS_LENGTH = 1.28

# Compiled once a shape: run operation by operation, these take seconds.
_polynomials = jax.jit(Simulator.polynomials)
_caps = jax.jit(caps_at)
_share = jax.jit(covered_share)
_planet_positions = jax.jit(planet_positions)


class Disc:
    """One star ready to be drawn in one band at any time; a helper of the plots, on the host.

    Attributes:
        system: What is drawn.
        band: The band of the intensities.
    """

    def __init__(self, simulator: Simulator, system: System, band: str | None = None, n_pixels: int = 480):
        bands = simulator.grid.bands
        if band is not None and band not in bands:
            raise ValueError(f"band = {band!r} is not simulated; choose one of {', '.join(bands)}")
        if system.star.teff.ndim:
            raise ValueError(f"system has shape {system.star.teff.shape}, but one star is expected; take one")
        if n_pixels < 8:
            raise ValueError(f"n_pixels = {n_pixels} must be at least 8")
        self.system, self.surface, self.n_pixels = system, simulator.surface, n_pixels
        self.band = bands[0] if band is None else band
        polynomials = _polynomials(simulator, system)
        if not bool(polynomials.valid):
            star = system.star
            raise ValueError(
                f"teff = {float(star.teff):.0f} K, logg = {float(star.logg):.2f} or "
                f"feh = {float(star.feh):.2f} of the star or its spots is outside the grid; see validate"
            )
        self._laws = _intensity_laws(polynomials, bands.index(self.band))
        self._points = disc_points(n_pixels, half_width(n_pixels))
        step = 2 * half_width(n_pixels) / n_pixels
        self._opacity = np.clip(0.5 + (1.0 - np.hypot(*self._points[:2])) / step, 0.0, 1.0)

    def image(self, time: float) -> tuple[np.ndarray, np.ndarray]:
        """Intensity relative to the centre of the immaculate disc, and opacity of the disc. [1]"""
        covers = _region_covers(self.system, self.surface, time, self._points)
        return _paint(self._laws, covers, self._points), self._opacity


def disc_image(
    simulator: Simulator, system: System, time: float, *, band: str | None = None, n_pixels: int = 480
) -> tuple[np.ndarray, np.ndarray]:
    """The disc at one time, as an image with y upwards along the first axis, edges anti-aliased.

    Args:
        simulator: Its grid and surface settings are used.
        system: One star.
        time: [day]
        band: One of the simulator's; the first by default.
        n_pixels: Pixels across the square of width 2 (1 + 4 / n_pixels) stellar radii.

    Returns:
        Intensity relative to the centre of the immaculate disc, and opacity: 0 outside, 1 inside. [1]

    Raises:
        ValueError: unknown band, a star off the grid, more than one star.
    """
    return Disc(simulator, system, band, n_pixels).image(time)


def half_width(n_pixels: int) -> float:
    """Half the width of the image, a little wider than the disc so that the limb is smooth."""
    return 1.0 + 4.0 / n_pixels


def _intensity_laws(polynomials: BandPolynomials, band: int) -> list[np.ndarray]:
    """Coefficients of I(mu) in rising powers of mu of photosphere, spots and faculae, 1 at the centre."""
    laws = [
        np.asarray(a[band], float) for a in (polynomials.photosphere, polynomials.spot, polynomials.facula)
    ]
    return [law / laws[0].sum() for law in laws]


def _region_covers(system: System, surface: SurfaceConfig, time: float, points: np.ndarray) -> list:
    """Covered share of each pixel, by spots and, with faculae, by their wider caps."""
    position, *widths = _caps(system.star, system.spots, Epochs.from_days([time]), surface)
    step = points[0, 0, 1] - points[0, 0, 0]
    widths = widths[: 2 if surface.faculae else 1]
    return [np.asarray(_share(points, position[..., 0], w[:, 0], step), float) for w in widths]


def _paint(laws: list[np.ndarray], covers: list[np.ndarray], points: np.ndarray) -> np.ndarray:
    mu = np.where(np.isfinite(points[2]), points[2], 0.0)
    photosphere, spot, facula = (np.polynomial.polynomial.polyval(mu, law) for law in laws)
    image = photosphere
    if len(covers) > 1:
        image = image + covers[1] * (facula - image)
    return image + covers[0] * (spot - image)


def draw_disc(axes: Axes, disc: Disc, time: float, norm_max: float) -> tuple[AxesImage, list[Circle]]:
    """Image, axis, equator and planets in one panel; the artists that a later frame changes."""
    image, opacity = disc.image(time)
    half = half_width(disc.n_pixels)
    artist = axes.imshow(
        image,
        alpha=opacity,
        origin="lower",
        extent=(-half, half, -half, half),
        cmap=star_colormap(float(disc.system.star.teff)),
        vmin=0.0,
        vmax=norm_max,
        interpolation="bilinear",
        zorder=2,
    )
    _draw_frame(axes, disc.system.star)
    planets = [Circle((9, 9), float(r), fc=INK, ec=FAINT, lw=0.5) for r in _radii(disc.system)]
    for planet in planets:
        axes.add_patch(planet)
    move_planets(disc.system, planets, time)
    axes.set(xlim=(-LIMIT, LIMIT), ylim=(-LIMIT, LIMIT), aspect="equal")
    axes.axis("off")
    return artist, planets


def _radii(system: System) -> np.ndarray:
    return np.asarray(system.planets.radius_ratio)


def move_planets(system: System, circles: list[Circle], time: float) -> None:
    """Place the planets, behind the star where they are; empty places and those far off are hidden."""
    if not circles:
        return
    position = _planet_positions(system.star, system.planets, Epochs.from_days([time]))
    x, y, z = (np.asarray(p, float)[:, 0] for p in position)
    for i, circle in enumerate(circles):
        circle.set_center((x[i], y[i]))
        circle.set_zorder(5 if z[i] > 0 else 1)
        circle.set_visible(bool(circle.radius > 0 and np.hypot(x[i], y[i]) < LIMIT - circle.radius))


def _draw_frame(axes: Axes, star: Star) -> None:
    """Spin axis and equator; what is behind the star lies under its image."""
    sin_inc, cos_inc = np.sin(float(star.inc)), np.cos(float(star.inc))
    for sign in (1.0, -1.0):
        is_front = sign * cos_inc > -1e-6
        ends = sign * sin_inc * np.array([1.0, _AXIS_LENGTH])
        axes.plot([0, 0], ends, color=INK, lw=1.2, zorder=4 if is_front else 1)
    phase = np.linspace(-np.pi / 2, np.pi / 2, 181)
    axes.plot(np.sin(phase), -np.cos(phase) * cos_inc, color=INK, lw=0.6, ls=(0, (5, 4)), alpha=0.6, zorder=3)
    _draw_sense(axes, sin_inc, cos_inc)


def _draw_sense(axes: Axes, sin_inc: float, cos_inc: float) -> None:
    """A small arrow around the northern end of the axis, the near side moving to +x."""
    phase = np.linspace(-0.35 * np.pi, 0.4 * np.pi, 61)
    r, height = 0.11, 1.14 * sin_inc
    x, y = r * np.sin(phase), height - r * np.cos(phase) * cos_inc
    axes.plot(x, y, color=INK, lw=0.9, zorder=4)
    axes.annotate(
        "",
        (x[-1], y[-1]),
        (x[-5], y[-5]),
        arrowprops={
            "arrowstyle": "-|>",
            "color": INK,
            "lw": 0.9,
            "mutation_scale": 7,
            "shrinkA": 0,
            "shrinkB": 0,
        },
        zorder=4,
    )


@rc_context(STYLE)
def plot_disc(
    simulator: Simulator,
    system: System,
    times: Sequence[float] | np.ndarray,
    *,
    band: str | None = None,
    n_pixels: int = 480,
) -> Figure:
    """The disc at several times in a row, in one band, with spots, faculae, planets, spin axis and equator.

    Args:
        simulator: Its grid and surface settings are used.
        system: One star.
        times: One or more. [day]
        band: One of the simulator's; the first by default.
        n_pixels: Pixels across a disc.

    Raises:
        ValueError: no time, unknown band, a star off the grid, more than one star.
    """
    times = np.atleast_1d(np.asarray(times, float))
    if times.size == 0 or not np.isfinite(times).all():
        raise ValueError(f"times = {times} must be one or more finite days")
    disc = Disc(simulator, system, band, n_pixels)
    figure = new_figure(1.9 * len(times) + 0.8, 2.3)
    panels = figure.subplots(1, len(times), squeeze=False)[0]
    digits = 0 if np.allclose(times, np.round(times)) else 2
    peak = max(1.0, max(float(disc.image(t)[0].max()) for t in times))
    for axes, time in zip(panels, times, strict=True):
        artist, _ = draw_disc(axes, disc, time, peak)
        axes.set_title(f"{time:.{digits}f} d", color=MUTED, pad=2)
    bar = figure.colorbar(artist, ax=list(panels), fraction=0.05, shrink=0.75, aspect=14, pad=0.01)
    bar.set_label(f"{disc.band} intensity\nover that of the centre")
    bar.ax.yaxis.set_major_formatter("{x:.2f}")
    bar.minorticks_off()
    bar.outline.set_linewidth(0.5)
    return figure
