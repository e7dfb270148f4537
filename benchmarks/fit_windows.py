"""GJ 1243 in windows of five days: where its two spots are, and how fast they drift apart.

    python -m benchmarks.fit_windows --data ../shared/data

As Davenport, Hebb & Hawley (2015, ApJ 806, 212) did with their own code for four years. Latitudes are held at
50 and 20 deg, the period at theirs: a window knows longitudes and radii.
"""

import argparse
import time
from pathlib import Path

import jax
import numpy as np
from astropy.io import fits as fits_files

import dynamojax as dj
from benchmarks.fit_real import GJ_1243, point_to_point, without_flares
from benchmarks.harness import write_results
from dynamojax.instruments.photometer import Photometer

PERIOD = 0.592596  # of Davenport et al. [day]
WINDOW = 5.0  # [day]
NOISE = 8e-4  # from point to point, flares left out
LEAST = 150  # good points of a window
FREE = ["spots.lon_deg", dj.Free("spots.radius_deg", 1, 40)]


def quarter(path: Path):
    """Days on an even grid, flux, and which points are good: no flags, no flares."""
    data = fits_files.getdata(path, 1)
    number, flux = data["CADENCENO"].astype(int), data["PDCSAP_FLUX"].astype(float)
    good = np.isfinite(data["TIME"] * flux) & (data["SAP_QUALITY"] == 0)
    step, zero = np.polyfit(number[good], data["TIME"][good].astype(float), 1)
    seen = flux[good] / np.median(flux[good])
    good[np.flatnonzero(good)[~without_flares(seen)]] = False
    return zero + step * number, step, flux, good


def windows(path: Path):
    """Where each begins, and its data on one common grid of times, so that one program fits all."""
    day, step, flux, good = quarter(path)
    n = round(WINDOW / step)
    curve = Photometer("kepler", ("kepler",), step * np.arange(n))
    for a in range(0, len(day) - n + 1, n):
        part = np.where(good[a : a + n], flux[a : a + n], np.nan)
        if np.isfinite(part).sum() >= LEAST:
            part = part / np.nanmedian(part)
            error = np.full(n, NOISE)
            yield (
                day[a] - day[0],
                dj.DataSet.light_curve(curve, curve.times, part, error, trend_degree=1),
            )


def fitted(begin: float, data: dj.DataSet, simulate: dj.Simulator, key) -> dict:
    """Longitudes at the meridian of day 0, the larger spot first."""
    spots = dj.SpotMap.from_degrees([50.0, 20.0], [0.0, 180.0], [12.0, 8.0])
    system = dj.System(dj.Star.from_degrees(prot=PERIOD, **GJ_1243), spots, dj.Planets.empty())
    start = time.perf_counter()
    found = dj.fit(system, simulate, [data], FREE, key=key, n_starts=8, max_steps=60)
    residual = (np.asarray(data.values)[0] - found.fitted["kepler"].model[0])[np.asarray(data.good)[0]]
    radius = np.degrees(np.asarray(found.system.spots.radius))
    order = np.argsort(-radius)
    lon = np.degrees(np.asarray(found.system.spots.lon))[order] - 360 * begin / PERIOD
    return {
        **{"day": float(begin), "lon_deg": np.mod(lon, 360).tolist(), "radius_deg": radius[order].tolist()},
        **{"is_converged": found.is_converged, "larger_is_north": bool(order[0] == 0)},
        **{"rms_ppm": float(1e6 * residual.std()), "wall_s": time.perf_counter() - start},
        "point_to_point_ppm": 1e6 * point_to_point(residual),
    }


def drift(rows: list[dict]) -> list[float]:
    """Of the smaller spot from the larger, and its error by the scatter. [rad/day]"""
    apart = np.unwrap(np.radians([row["lon_deg"][1] - row["lon_deg"][0] for row in rows]))
    (slope, _), covariance = np.polyfit([row["day"] for row in rows], apart, 1, cov=True)
    return [float(slope), float(np.sqrt(covariance[0, 0]))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    folder = parser.parse_args().data / "kepler"
    all_windows = list(windows(folder / "kplr009726699-2009350155506_llc.fits"))
    simulate = dj.Simulator(dj.load_grid(), [all_windows[0][1].instrument])
    rows = [fitted(begin, data, simulate, jax.random.key(i)) for i, (begin, data) in enumerate(all_windows)]
    alike = [row for row in rows if row["larger_is_north"]]
    result = {"star": "GJ 1243", "drift_rad_per_day": drift(alike), "n_alike": len(alike), "windows": rows}
    print({k: v for k, v in result.items() if k != "windows"})
    print("rms", np.median([r["rms_ppm"] for r in rows]), [np.round(r["lon_deg"], 1) for r in rows])
    print("written:", write_results("fit_windows", [result]))


if __name__ == "__main__":
    main()
