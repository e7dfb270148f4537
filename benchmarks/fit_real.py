"""Fits of real stars: KIC 10644253, GJ 1243 and spectra of LAMOST; what is not there is skipped."""

import importlib.util
import json
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from astropy.io import fits as fits_files

import dynamojax as dj
from benchmarks.fit_lamost import spectra, summary
from benchmarks.harness import RESULTS, environment
from dynamojax.inference.period import find_period
from dynamojax.inference.posterior import laplace
from dynamojax.inference.spots import fit_spots
from dynamojax.observables.noise.white import kepler_white
from dynamojax.writing import replacing

KP = 9.16  # of KIC 10644253: Kepler Input Catalog. [mag]
SHEAR = 0.012, 0.002  # of GJ 1243, and its error: Davenport, Hebb & Hawley (2015, ApJ 806, 212). [rad/day]
GJ_1243 = {"teff": 3261.0, "logg": 5.0, "radius": 0.37, "inc_deg": 32.0, "shear": 0.0, "spot_contrast": 400.0}


def kadacs(folder: Path | None):
    """KIC 10644253, four years of long cadence in star-privateer: days and ppm."""
    if folder is None:
        found = importlib.util.find_spec("star_privateer")
        folder = Path(found.submodule_search_locations[0]) if found else None
    path = None if folder is None else folder / "timeseries" / "010644253.fits"
    if path is None or not path.is_file():
        return None
    day, flux = fits_files.getdata(path).astype(float).T
    keep = np.isfinite(flux) & (flux != 0)
    return day[keep] - day[keep][0], flux[keep]


def kepler(path: Path):
    """A quarter of the archive: days, flux about 1 and its error as the archive states it."""
    if not path.is_file():
        return None
    data = fits_files.getdata(path, 1)
    day, flux = data["TIME"].astype(float), data["PDCSAP_FLUX"].astype(float)
    keep = np.isfinite(day * flux) & (data["SAP_QUALITY"] == 0)
    error = data["PDCSAP_FLUX_ERR"].astype(float)[keep] / np.median(flux[keep])
    return day[keep] - day[keep][0], flux[keep] / np.median(flux[keep]), error


def without_flares(flux) -> np.ndarray:
    """Which points of an unbroken light curve do not stand out of their neighbours."""
    # Half the medians of three points before and after: equal to no point on a slope.
    wide = np.pad(flux, 3, mode="edge")
    before, after = (np.median([wide[k + j : k + j + flux.size] for j in range(3)], 0) for k in (0, 4))
    off = np.abs(flux - 0.5 * (before + after))
    return off < 3 * 1.4826 * np.median(off)


def point_to_point(residual) -> float:
    """Scatter from one point to the next."""
    return float(1.4826 * np.median(np.abs(np.diff(residual))) / np.sqrt(2))


def binned(day, flux, width):
    """Means, and their errors from the scatter of neighbours, of bins that hold three points and more."""
    number = (day / width).astype(int)
    point = point_to_point(flux)
    rows = [
        (day[number == i].mean(), flux[number == i].mean(), (number == i).sum()) for i in np.unique(number)
    ]
    t, f, n = np.array([row for row in rows if row[2] >= 3]).T
    return t, f, point / np.sqrt(n)


def light_curve(
    name, day, flux, error, star, published, *, n_spots, evolving, low, high, n_turns=6, shear=False
) -> dict:
    """Period of all data, and spots in a window of some turns."""
    found = find_period(day, flux, low=low, high=high)
    window = day < min(day[-1], n_turns * found.value)
    t, f, e = (x[window] for x in (day, flux, error))
    data = dj.DataSet.light_curve("kepler", t, f, e, trend_degree=1)
    simulate = dj.Simulator(dj.load_grid(), [data.instrument])
    middle, tau = float(np.mean(t)), 2 * found.value if evolving else np.inf
    spots = dj.SpotMap.from_degrees(
        [20.0] * n_spots, [0.0] * n_spots, [3.0] * n_spots, t_max=middle, tau_emerge=tau, tau_decay=tau
    )
    begin = dj.System(dj.Star.from_degrees(prot=found.value, **star), spots, dj.Planets.empty())
    free = _free(t, found.value, evolving, shear)
    start = time.perf_counter()
    result = fit_spots(begin, simulate, [data], free, key=jax.random.key(1), n_starts=8, max_steps=200)
    wall = time.perf_counter() - start
    row = {
        **{"star": name, "period": found.value, "published": published, "lomb_scargle": found.lomb_scargle},
        **{"off_percent": 100 * (found.value / published - 1), "false_alarm": found.false_alarm},
        **{"window_day": float(t[-1] - t[0]), "n_spots": result.n_spots, "bics": result.bics},
        **{"error_ppm": float(1e6 * np.median(e)), "variation_ppm": float(1e6 * np.std(f)), "wall_s": wall},
        **_of_fit(result.fit, data),
    }
    print({k: v for k, v in row.items() if k != "values"}, flush=True)
    return row


def _free(t, period: float, evolving: bool, shear: bool) -> list:
    free = [
        dj.Free("star.prot", 0.85 * period, 1.15 * period),
        *(dj.Free("spots.lat_deg", -30, 75), "spots.lon_deg", dj.Free("spots.radius_deg", 0.3, 25)),
    ]
    if shear:
        free += [dj.Free("star.shear", -0.02, 0.05)]
    if evolving:
        free += [dj.Free("star.shear", -0.05, 0.4), dj.Free("spots.t_max", t[0] - 15, t[-1] + 15)]
        free += [dj.Free(f"spots.{x}", 1.0, 100.0) for x in ("tau_emerge", "tau_decay")]
    return free


def _of_fit(fit, data) -> dict:
    """Residuals, values and errors, and what the data leave open."""
    residual = np.asarray(data.values)[0] - fit.fitted["kepler"].model[0]
    posterior = laplace(fit)
    values = zip(posterior.names, posterior.mean, posterior.errors, strict=True)
    return {
        **{"rms_ppm": float(1e6 * residual.std()), "point_to_point_ppm": 1e6 * point_to_point(residual)},
        **{"n": fit.n_good, "is_converged": fit.is_converged, "at_bounds": fit.at_bounds},
        "rate_difference_rad_per_day": _rates(fit),
        "kind": posterior.information.kind,
        "n_open": len(posterior.information.open_directions),
        "values": {label: [float(value), float(error)] for label, value, error in values},
    }


def _rates(fit) -> float:
    """Of the slowest spot and the fastest one. [rad/day]"""
    star, spots = fit.system.star, fit.system.spots
    rates = (
        2 * np.pi / np.asarray(star.prot) * (1 - np.asarray(star.shear) * np.sin(np.asarray(spots.lat)) ** 2)
    )
    return float(np.ptp(rates[np.asarray(spots.radius) > 0]))


def blind(name: str, day, flux, published: float) -> dict:
    """The period of a star of which nothing is known."""
    found = find_period(day, flux)
    off = 100 * (found.value / published - 1)
    return {"star": name, "published": published, "value": found.value, "off_percent": off} | {
        "lomb_scargle": found.lomb_scargle,
        "cut_day": found.cut,
    }


def light_curves(data: Path, privateer: Path | None) -> tuple[list[dict], list[dict]]:
    """Fits of windows, and periods of whole light curves."""
    rows, periods = [], []
    given = kadacs(privateer)
    if given is not None:
        periods.append(blind("KIC 10644253", given[0], 1 + 1e-6 * given[1], 10.9))
        t, f, _ = binned(*given, 0.25)
        e = np.full(f.size, point_to_point(f))  # granulation: several times what photons leave
        star = {"teff": 6045.0, "logg": 4.4, "radius": 1.1, "inc_deg": 60.0, "spot_contrast": 1200.0}
        settings = {"n_spots": 6, "evolving": True, "low": 2.0, "high": 20.0, "n_turns": 3}
        rows.append(light_curve("KIC 10644253", t, 1 + 1e-6 * f, 1e-6 * e, star, 10.9, **settings))
        photons = kepler_white().relative_sigma(jnp.asarray(KP), jnp.asarray(0.25))
        rows[-1]["photon_error_ppm"] = 1e6 * float(photons)
    given = kepler(data / "kepler" / "kplr009726699-2009350155506_llc.fits")
    if given is not None:
        day, flux, error = given
        periods.append(blind("GJ 1243", day, flux, 0.592596))
        calm = without_flares(flux)
        settings = {"n_spots": 4, "evolving": False, "low": 0.2, "high": 5.0, "shear": True}
        rows.append(light_curve("GJ 1243", day[calm], flux[calm], error[calm], GJ_1243, 0.5926, **settings))
    return rows, periods


def real(data: Path, privateer: Path | None = None) -> None:
    """All of them, and a JSON."""
    with jax.enable_x64(True):
        rows, periods = light_curves(data, privateer)
        lamost = spectra(data / "lamost") if (data / "lamost").is_dir() else []
    result = {
        "environment": environment(),
        "periods": periods,
        "light_curves": rows,
        "published_shear_gj1243_rad_per_day": SHEAR,
        "spectra": lamost,
        "spectra_summary": summary(lamost),
    }
    with replacing(RESULTS / "fit_real.json") as part:
        part.write_text(json.dumps(result, indent=1, default=float) + "\n")
