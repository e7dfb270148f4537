"""A fit as it is written, made up without fitting anything."""

import numpy as np

from dynamojax.files.fit_record import FitRecord, FittedData, FittedParameter, SpotMapPosterior

NAMES = ("star.prot", "spots.lat_deg[0]", "spots.lat_deg[1]", "spots.lon_deg[0]", "kepler.jitter")


def parameter(i: int, **changes) -> FittedParameter:
    given = {
        **{"name": NAMES[i], "unit": ("d", "deg", "deg", "deg", "median flux")[i], "value": 3.0 + i},
        **{"error": 0.01, "interval_68": (2.99 + i, 3.01 + i), "interval_95": (2.98 + i, 3.02 + i)},
        **{"start": 2.5, "low": 1.0, "high": np.inf, "prior": "flat", "is_at_bound": False, "is_open": False},
    }
    return FittedParameter(**given | changes)


def light_curve(n: int = 60, rng=None) -> FittedData:
    rng = np.random.default_rng(0) if rng is None else rng
    time = np.linspace(-3.0, 3.0, n)
    good = np.ones((1, n), bool)
    good[0, 5] = False
    model = 1 + 0.01 * np.sin(2 * time)[None]
    noise = 1e-3 * rng.normal(size=(1, n))
    values = np.where(good, model + noise, np.nan)
    errors = np.where(good, 1e-3, np.nan)
    residual = np.where(good, noise / 1e-3, 0.0)
    return FittedData("light_curve", time, values, errors, good, model, residual, 5e4, np.zeros(n, int))


def spectrum(n: int = 80) -> FittedData:
    one = light_curve(n)
    arm = (np.arange(n) > n // 2).astype(int)
    wave = 5000 + np.arange(n) + 100.0 * arm
    return FittedData("spectrum", wave, one.values, one.errors, one.good, one.model, one.residual, 1.0, arm)


def spot_map() -> SpotMapPosterior:
    lon, lat = np.linspace(-179, 179, 36), np.linspace(-89, 89, 18)
    disc = np.full((4, 12, 12), np.nan)
    disc[:, 3:9, 3:9] = 0.3
    one = np.zeros((18, 36))
    one[8:11, 10:14] = 0.5
    return SpotMapPosterior(lon, lat, one, 0.3 * one, np.arange(4) / 4, disc, disc, 100, "kepler", 60.0)


def record(status: str = "converged", **changes) -> FitRecord:
    rng = np.random.default_rng(1)
    draws = 3.0 + np.arange(5) + 0.01 * rng.normal(size=(200, 5))
    log, valid = np.array([10.0, 9.5, -50.0]), np.array([True, True, True])
    columns = {"log_posterior": log, "is_converged": valid, "is_valid": valid, "n_steps": np.array([5, 6, 7])}
    given = {
        **{"name": "a star", "status": status, "parameters": tuple(parameter(i) for i in range(5))},
        **{"covariance": 1e-4 * np.eye(5), "covariance_kind": "hessian", "draws": draws, "n_chains": 0},
        **{"sampler": "gaussian", "faults": (), "data": {"kepler": light_curve(), "lamost": spectrum()}},
        **{"ends": np.arange(15.0).reshape(3, 5), "end_names": NAMES, "end_columns": columns},
        **{"open_directions": ((4.0, {"spots.lat_deg[0]": 0.8, "star.prot": -0.6}),)},
        **{"statistics": {"chi2": 60.0, "n_good": 59.0, "n_free": 5.0}, "bics": (100.0, 50.0, 49.0)},
        **{"period": {"value": 3.0, "lomb_scargle": 1.5, "false_alarm": 1e-9, "correlation": 0.9}},
        **{"system": {"star": {"teff": np.array(5200.0)}, "spots": {"lat": np.array([0.1, 0.2])}}},
        **{"spot_map": spot_map(), "about": {"version": "0", "seed": 3, "epoch": 106.0}},
        "configuration": "[star]\n",
    }
    return FitRecord(**given | changes)
