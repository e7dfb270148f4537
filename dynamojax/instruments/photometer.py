"""What records a light curve: bands, mid-exposure times, exposure; presets of real instruments."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dynamojax.constants import DAY_S
from dynamojax.instruments.schedule import as_times, check_schedule, sub_exposures
from dynamojax.numerics import LATEST_DAY

_JOHNSON = ("johnson_u", "johnson_b", "johnson_v", "cousins_r", "cousins_i")


@dataclass(frozen=True, eq=False)
class Photometer:
    """One instrument and its schedule, on the host; hashable by content, so that it can be static.

    Attributes:
        name: What its light curves are called.
        bands: Names of bands of the grid.
        times: Middle of each exposure, strictly increasing, from the epoch of the parameters. [day]
        exposure: Length over which light is collected, at most the shortest step of the times. [day]
        n_sub: Gauss-Legendre sub-exposures of a transit.
        n_sub_spots: Gauss-Legendre sub-exposures of the spotted surface, which changes more slowly.
    """

    name: str
    bands: tuple[str, ...]
    times: np.ndarray
    exposure: float = 0.0
    n_sub: int = 1
    n_sub_spots: int = 1

    def __post_init__(self):
        object.__setattr__(self, "times", as_times(self.times))
        object.__setattr__(self, "bands", (self.bands,) if isinstance(self.bands, str) else tuple(self.bands))
        object.__setattr__(self, "exposure", float(self.exposure))
        _validate(self)

    @cached_property
    def _content(self):
        return self.name, self.bands, self.times.tobytes(), self.exposure, self.n_sub, self.n_sub_spots

    def __eq__(self, other):
        return isinstance(other, Photometer) and self._content == other._content

    def __hash__(self):
        return hash(self._content)

    def sub_exposures(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Offsets from mid-exposure [day] and weights (sum 1) of the mean over an exposure, n points."""
        return sub_exposures(self.exposure, n)


def _validate(p: Photometer) -> None:
    if not p.name or not p.bands or len(set(p.bands)) < len(p.bands):
        raise ValueError(f"name = {p.name!r}, bands = {p.bands}: a name and at least one band, none twice")
    check_schedule(p.name, p.times, p.exposure, n_sub=p.n_sub, n_sub_spots=p.n_sub_spots)


def sub_exposures_of_spots(exposure_s: float | int) -> int:
    """Sub-exposures for a surface that turns once in half a day or more, to 3e-4 of its amplitude.

    A rotation of half a day, averaged over half an hour, loses 0.3 % of its amplitude; two nodes keep it.
    """
    return 2 if exposure_s >= 590 else 1


def _regular(name, bands, days, start, cadence_s, exposure_s, n_sub=1) -> Photometer:
    if not (np.isfinite(days) and days * DAY_S >= cadence_s) or not np.isfinite(start):
        raise ValueError(
            f"{name}: days = {days}, start = {start}: finite, and days at least one cadence, {cadence_s} s"
        )
    if abs(start) + days > LATEST_DAY:
        raise ValueError(
            f"{name}: start = {start}, days = {days}: allowed within {LATEST_DAY} day of the epoch, where "
            "phases keep their digits; shorten it, or subtract an epoch"
        )
    n = int(np.floor(days * DAY_S / cadence_s + 1e-9))
    times = start + (np.arange(n) + 0.5) * (cadence_s / DAY_S)
    return Photometer(name, bands, times, exposure_s / DAY_S, n_sub, sub_exposures_of_spots(exposure_s))


def _choose(name: str, table: dict, cadence: str):
    if cadence not in table:
        raise ValueError(f"{name}: cadence = {cadence!r}, allowed: {', '.join(table)}")
    return table[cadence]


def kepler(days: float | int, cadence: str = "long", start: float | int = 0.0) -> Photometer:
    """Kepler, long (270 frames, 29.4244 min) or short (9 frames, 58.849 s) cadence.

    A frame is 6.0198 s of light and 0.5189 s of readout.
    Source: INT_TIME and READTIME in the headers of Kepler light curves; Kepler Instrument Handbook,
    KSCI-19033-002.
    """
    frames, n_sub = _choose("kepler", {"long": (270, 7), "short": (9, 1)}, cadence)
    readout_s = 0.518948526144
    frame_s = 6.019802903270 + readout_s
    return _regular("kepler", ("kepler",), days, start, frames * frame_s, frames * frame_s - readout_s, n_sub)


def tess(days: float | int, cadence: str = "2min", start: float | int = 0.0) -> Photometer:
    """TESS: 2-min targets, or full-frame images of 10 min (`10min`) or 30 min (`ffi`), in 2 s readouts.

    A readout is 1.98 s of light and 0.02 s of frame transfer; the rejection of cosmic rays drops a fifth of
    the readouts, which leaves the window over which a cadence is averaged as it is.
    Source: TESS Instrument Handbook v0.1 (2018), sections 4 and 5.
    """
    cadence_s, n_sub = _choose("tess", {"2min": (120.0, 3), "10min": (600.0, 3), "ffi": (1800.0, 7)}, cadence)
    return _regular("tess", ("tess",), days, start, cadence_s, cadence_s - 0.02, n_sub)


def cheops(
    days: float | int, exposure_s: float | int = 60.0, efficiency: float | int = 1.0, start: float | int = 0.0
) -> Photometer:
    """CHEOPS: back-to-back exposures of at most 60 s, interrupted on every orbit of 98.77 min.

    Args:
        days: Time span. [day]
        exposure_s: Of one image, or of the images stacked on board, 60 at most. [s]
        efficiency: Share of each orbit that is observed, in (0, 1]; the rest is lost to the Earth and the
            South Atlantic Anomaly, typically 0.5 to 1. [1]
        start: Of the visit. [day]

    Source: Benz et al. (2021), Exp. Astron. 51, 109.
    """
    if not 0 < exposure_s <= 60 or not 0 < efficiency <= 1:
        raise ValueError(
            f"cheops: exposure_s = {exposure_s}, efficiency = {efficiency}, allowed: (0, 60] and (0, 1]"
        )
    full = _regular("cheops", ("cheops",), days, start, exposure_s, exposure_s)
    orbit = 98.77 * 60.0 / DAY_S
    keep = np.mod(full.times - start, orbit) < efficiency * orbit
    return Photometer("cheops", full.bands, full.times[keep], full.exposure)


def plato(days: float | int, cadence: str = "25s", start: float | int = 0.0) -> Photometer:
    """PLATO, normal cameras: 21 s of light every 25 s (`25s`), or averages over 50 s or 600 s on board.

    Source: Jannsen et al. (2024), A&A 681, A18, table 1; Rauer et al. (2014), Exp. Astron. 38, 249.
    """
    cadence_s, n_sub = _choose("plato", {"25s": (25.0, 1), "50s": (50.0, 1), "600s": (600.0, 3)}, cadence)
    return _regular("plato", ("plato",), days, start, cadence_s, cadence_s - 4.0, n_sub)


def gaia(days: float | int, start: float | int = 0.0, visit_every: float | int = 51.0) -> Photometer:
    """Gaia G, BP and RP: pairs of passages 106.5 min apart, one in each field of view.

    The scanning law spreads about 72 passages over five years, unevenly and by position; here the pairs
    come every `visit_every` days. For a real star take its times from Gaia's observation forecast
    and build a Photometer from them. The exposure is that of nine CCDs in G, 4.42 s each.
    Source: Gaia Collaboration, Prusti et al. (2016), A&A 595, A1, sections 3.3 and 5.2.
    """
    if not (np.isfinite(days) and days > 0 and np.isfinite(start)) or not visit_every > 0.5:
        raise ValueError(
            f"gaia: days = {days}, start = {start}, visit_every = {visit_every}: finite, above 0 and 0.5"
        )
    visits = np.arange(start, start + days, visit_every)
    times = np.sort(np.concatenate([visits, visits + 106.5 / 1440.0]))
    return Photometer("gaia", ("gaia_g", "gaia_bp", "gaia_rp"), times, 9 * 4.42 / DAY_S)


def _nightly(name, bands, days, start, every, exposure_s) -> Photometer:
    return _regular(name, bands, days, start, every * DAY_S, exposure_s)


def sdss(days: float | int, every: float | int = 1.0, start: float | int = 0.0) -> Photometer:
    """SDSS ugriz, once every `every` days; 53.9 s of drift scan, the bands taken as simultaneous.

    Source: York et al. (2000), AJ 120, 1579.
    """
    return _nightly("sdss", tuple(f"sdss_{b}" for b in "ugriz"), days, start, every, 53.9)


def johnson(
    days: float | int, every: float | int = 1.0, exposure_s: float | int = 60.0, start: float | int = 0.0
) -> Photometer:
    """Johnson-Cousins UBVRI (Bessell 1990), once every `every` days, the bands taken as simultaneous."""
    return _nightly("johnson", _JOHNSON, days, start, every, exposure_s)


def two_mass(days: float | int, every: float | int = 1.0, start: float | int = 0.0) -> Photometer:
    """2MASS J, H and Ks, once every `every` days; six exposures of 1.3 s.

    Source: Skrutskie et al. (2006), AJ 131, 1163.
    """
    return _nightly("two_mass", ("2mass_j", "2mass_h", "2mass_ks"), days, start, every, 7.8)
