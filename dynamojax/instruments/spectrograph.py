"""What records spectra: stretches of pixels, resolving power, epochs. On the host, in vacuum."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from dynamojax.instruments.schedule import as_times, check_schedule, sub_exposures
from dynamojax.refraction import air_from_vacuum, vacuum_from_air

_MEDIA = ("vacuum", "air")


def _read_only(values) -> np.ndarray:
    values = np.array(values, dtype=np.float64)
    values.flags.writeable = False
    return values


@dataclass(frozen=True, eq=False)
class Arm:
    """Pixels side by side without a gap: an arm, a chip, an order.

    Attributes:
        name: Of the arm, different from its neighbours'.
        wavelength: What a pixel is labelled with, inside it, in vacuum. [A]
        edges: Of the pixels, one more than there are pixels, rising, in vacuum. [A]
        resolution: Resolving power at each pixel, wavelength over the FWHM of the line spread
            function. [1]
    """

    name: str
    wavelength: np.ndarray
    edges: np.ndarray
    resolution: np.ndarray

    def __post_init__(self):
        for field in ("wavelength", "edges", "resolution"):
            object.__setattr__(self, field, _read_only(getattr(self, field)))
        _validate_arm(self)

    @property
    def n_pixels(self) -> int:
        """Number of pixels."""
        return len(self.wavelength)

    @cached_property
    def content(self) -> tuple:
        """All of it, hashable."""
        return self.name, self.wavelength.tobytes(), self.edges.tobytes(), self.resolution.tobytes()

    @staticmethod
    def from_centres(name: str, wavelength, resolution, *, medium: str = "vacuum") -> "Arm":
        """Pixels whose edges lie midway in ln(wavelength) between the centres.

        Args:
            name: Of the arm.
            wavelength: Centres, rising, at least two. [A]
            resolution: A number, one for each pixel, or a pair of rising wavelengths [A, in `medium`] and
                resolving powers, between which it is interpolated. [1]
            medium: Of the wavelengths, vacuum or air.
        """
        _check_medium(name, medium)
        centres = np.asarray(wavelength, dtype=np.float64)
        if centres.ndim != 1 or centres.size < 2 or not np.all(centres > 0) or np.any(np.diff(centres) <= 0):
            raise ValueError(f"{name}: wavelength must be two or more rising positive numbers [A]; sort them")
        log = np.log(centres)
        middle = 0.5 * (log[1:] + log[:-1])
        edges = np.exp(np.concatenate([[2 * log[0] - middle[0]], middle, [2 * log[-1] - middle[-1]]]))
        at_pixels = _resolution_at(name, resolution, centres)
        if medium == "air":
            centres, edges = vacuum_from_air(centres), vacuum_from_air(edges)
        return Arm(name, centres, edges, at_pixels)

    def part(self, start: int, stop: int) -> "Arm":
        """Pixels start to stop - 1."""
        here = slice(start, stop)
        return Arm(self.name, self.wavelength[here], self.edges[start : stop + 1], self.resolution[here])


def _resolution_at(name: str, resolution, wavelength: np.ndarray) -> np.ndarray:
    if not (isinstance(resolution, tuple) and len(resolution) == 2 and np.ndim(resolution[0]) == 1):
        return np.broadcast_to(np.asarray(resolution, dtype=np.float64), wavelength.shape)
    at, values = (np.asarray(column, dtype=np.float64) for column in resolution)
    if at.shape != values.shape or np.any(np.diff(at) <= 0):
        raise ValueError(f"{name}: the table of resolution needs rising wavelengths and one value for each")
    if wavelength[0] < at[0] or wavelength[-1] > at[-1]:
        raise ValueError(
            f"{name}: the table of resolution covers {at[0]:g} to {at[-1]:g} A, the pixels "
            f"{wavelength[0]:g} to {wavelength[-1]:g} A; extend the table"
        )
    return np.interp(wavelength, at, values)


def _check_medium(name: str, medium: str) -> None:
    if medium not in _MEDIA:
        raise ValueError(f"{name}: medium = {medium!r}, allowed: {', '.join(_MEDIA)}")


def _validate_arm(arm: Arm) -> None:
    w, e = arm.wavelength, arm.edges
    if w.ndim != 1 or w.size < 1 or e.shape != (w.size + 1,) or arm.resolution.shape != w.shape:
        raise ValueError(
            f"{arm.name}: {w.size} pixels need {w.size + 1} edges and {w.size} resolutions, "
            f"not {e.shape} and {arm.resolution.shape}"
        )
    if not (np.isfinite(e).all() and e[0] > 0 and np.all(np.diff(e) > 0)):
        raise ValueError(f"{arm.name}: edges must be finite, positive and rising [A]; sort them")
    if np.any(w < e[:-1]) or np.any(w > e[1:]):
        raise ValueError(f"{arm.name}: every wavelength must lie between the edges of its pixel")
    bad = ~(np.isfinite(arm.resolution) & (arm.resolution > 1))
    if bad.any():
        raise ValueError(f"{arm.name}: resolution = {arm.resolution[bad][0]}, allowed: finite, above 1")


@dataclass(frozen=True, eq=False)
class Spectrograph:
    """One instrument and its schedule, on the host; hashable by content, so that it can be static.

    Attributes:
        name: What its spectra are called.
        arms: Stretches of pixels; they may overlap, as orders do.
        times: Middle of each exposure, strictly increasing, from the epoch of the parameters. [day]
        exposure: Length over which light is collected, at most the shortest step of the times. [day]
        n_sub: Gauss-Legendre sub-exposures over which the star's spectrum is averaged.
        medium: In which its files give wavelengths, vacuum or air; inside, all is vacuum.
    """

    name: str
    arms: tuple[Arm, ...]
    times: np.ndarray
    exposure: float = 0.0
    n_sub: int = 1
    medium: str = "vacuum"

    def __post_init__(self):
        object.__setattr__(self, "arms", tuple(self.arms))
        object.__setattr__(self, "times", as_times(self.times))
        object.__setattr__(self, "exposure", float(self.exposure))
        names = [arm.name for arm in self.arms]
        if not self.name or not names or len(set(names)) < len(names):
            raise ValueError(f"name = {self.name!r}, arms = {names}: a name and at least one arm, none twice")
        _check_medium(self.name, self.medium)
        check_schedule(self.name, self.times, self.exposure, n_sub=self.n_sub)

    @cached_property
    def _content(self):
        arms = tuple(arm.content for arm in self.arms)
        return self.name, arms, self.times.tobytes(), self.exposure, self.n_sub, self.medium

    def __eq__(self, other):
        return isinstance(other, Spectrograph) and self._content == other._content

    def __hash__(self):
        return hash(self._content)

    @cached_property
    def wavelength(self) -> np.ndarray:
        """Of all pixels, arm after arm, in vacuum. [A]"""
        return np.concatenate([arm.wavelength for arm in self.arms])

    @property
    def wavelength_written(self) -> np.ndarray:
        """The same as its files give it, in `medium`. [A]"""
        return air_from_vacuum(self.wavelength) if self.medium == "air" else self.wavelength

    @cached_property
    def width(self) -> np.ndarray:
        """Of all pixels. [A]"""
        return np.concatenate([np.diff(arm.edges) for arm in self.arms])

    @cached_property
    def resolution(self) -> np.ndarray:
        """Resolving power at all pixels. [1]"""
        return np.concatenate([arm.resolution for arm in self.arms])

    @cached_property
    def arm_of_pixel(self) -> np.ndarray:
        """Number of the arm that each pixel belongs to."""
        return np.repeat(np.arange(len(self.arms)), [arm.n_pixels for arm in self.arms])

    @property
    def n_pixels(self) -> int:
        """Number of pixels of all arms."""
        return sum(arm.n_pixels for arm in self.arms)

    @property
    def ends(self) -> tuple[float, float]:
        """Lowest and highest edge of any pixel, in vacuum. [A]"""
        return min(arm.edges[0] for arm in self.arms), max(arm.edges[-1] for arm in self.arms)

    def within(self, low: float | int, high: float | int) -> "Spectrograph":
        """The same instrument with those pixels only that lie between two wavelengths in vacuum [A].

        Raises:
            ValueError: there are none.
        """
        arms = []
        for arm in self.arms:
            start = int(np.searchsorted(arm.edges, low))
            stop = int(np.searchsorted(arm.edges, high, side="right")) - 1
            if stop > start:
                arms.append(arm.part(start, stop))
        if not arms:
            raise ValueError(
                f"{self.name}: no pixel between low = {low} and high = {high} A; "
                f"it covers {self.ends[0]:.1f} to {self.ends[1]:.1f} A in vacuum"
            )
        return replace(self, arms=tuple(arms))

    def sub_exposures(self) -> tuple[np.ndarray, np.ndarray]:
        """Offsets from mid-exposure [day] and weights (sum 1) of the mean over an exposure."""
        return sub_exposures(self.exposure, self.n_sub)
