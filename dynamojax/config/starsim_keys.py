"""Parts of the translation of star.conf: spots, photometers, and the keys that have no counterpart."""

import math
from pathlib import Path

_NO_PIXELS = "the surface is computed in closed form, there is no grid of rings"
_NO_LIMITS = "bands and the ranges of spectra replace wavelength limits"
_NO_SENSITIVITY = "spectra are in absolute flux; a sensitivity is a matter of the noise"
_NO_CORRELATION = "velocities here are those of the light, in closed form: add [[velocities]]"
_DRAWN = "spots are read from spotmap.dat; to draw them use [activity]"
_NO_LAW = "limb darkening comes from the model atmospheres; a law of one's own is not offered here"

IGNORED = {
    ("files", "models_root"): "the intensities are embedded in the package",
    ("files", "spectra_filter_name"): _NO_SENSITIVITY,
    ("files", "orders_crx_filename"): _NO_CORRELATION,
    ("general", "simulation_mode"): _NO_PIXELS,
    ("general", "n_grid_rings"): _NO_PIXELS,
    ("general", "wavelength_lower_limit"): _NO_LIMITS,
    ("general", "wavelength_upper_limit"): _NO_LIMITS,
    ("general", "spectra_filters"): _NO_SENSITIVITY,
    **{
        ("rv", name): _NO_CORRELATION
        for name in (
            *("ccf_template", "ccf_mask", "ccf_weight_lines", "path_weight_lines"),
            *("ccf_rv_range", "ccf_rv_step"),
        )
    },
    ("star", "luminosity"): "follows from teff and radius; the original does not use it",
    ("star", "age"): "the original does not use it either",
    ("LD", "use_phoenix_limb_darkening"): _NO_LAW,
    ("LD", "limb_darkening_law"): _NO_LAW,
    ("LD", "limb_darkening_q1"): _NO_LAW,
    ("LD", "limb_darkening_q2"): _NO_LAW,
    ("spots", "plot_grid_map"): "use --animate",
    ("spots", "max_n_spots"): _DRAWN,
    ("spots", "max_area"): _DRAWN,
    ("noise", "outliers_rate"): "dynamo-stellar 0.1.0 never reads it; noise = kepler or tess has outliers",
    ("noise", "flicker"): "dynamo-stellar 0.1.0 never reads it; noise = kepler or tess has granulation",
}


def spots(conf, star: dict, law: str, notes: list[str]) -> list[dict]:
    """The spots of spotmap.dat; each row: start, duration, colatitude, longitude, radii [day, deg]."""
    reference = conf.number("spots", "reference_time", 0.0)
    decay = conf.number("spots", "spots_decay_time", 5.0)
    path = conf.path.parent / "spotmap.dat"
    if not path.exists():
        notes.append(
            f"spots: {path} is not there, so the star has none; add [[spots]], [spot_map] or [activity]"
        )
        return []
    lines = (line.split("#")[0].split() for line in path.read_text(encoding="utf-8").splitlines())
    rows = [row for row in lines if row]
    prot, shear = star.get("prot", 25.38), star["shear"]
    tables = [_spot(path, row, law, prot, decay) for row in rows]
    for table in tables:  # longitudes hold at the reference time there, at time 0 here
        rate = 360.0 / prot * (1 - shear * math.sin(math.radians(table["lat_deg"])) ** 2)
        table["lon_deg"] = (table["lon_deg"] - rate * reference + 180.0) % 360.0 - 180.0
    notes.append(f"spots: {len(tables)} read from {path.name}; colatitudes became latitudes")
    if law == "gaussian":
        notes.append("spots.spots_decay_time: became tau_emerge and tau_decay of each spot, in days")
    return tables


def _spot(path: Path, row: list[str], law: str, prot: float, decay: float) -> dict:
    try:
        start, duration, colatitude, longitude, radius, *rest = map(float, row)
    except ValueError:
        raise ValueError(
            f"{path}: {' '.join(row)!r} needs start, duration, colatitude, longitude and radius, all numbers"
        ) from None
    spot = {"lat_deg": 90.0 - colatitude, "lon_deg": longitude, "radius_deg": radius}
    if law == "gaussian":
        return spot | {
            "t_max": start,
            "tau_emerge": min(2.0, prot * decay / 10),
            "tau_decay": max(prot * decay, 50.0),
        }
    half = {"t_max": start + duration / 2, "tau_emerge": duration / 2, "tau_decay": duration / 2}
    if law in ("constant", "quadratic"):
        return spot | half
    last = rest[0] if rest else 0.0
    if law != "linear" or radius * last != 0:
        raise ValueError(
            f"{path}: law {law!r} from {radius:g} to {last:g} degrees has no counterpart; a linear spot must "
            "begin or end at radius 0, and the law be constant, linear, quadratic or gaussian"
        )
    # The end at which the original's spot leaps from full size to nothing takes a thousandth of its life.
    leap = 1e-3 * duration
    if radius:
        return spot | {"t_max": start, "tau_emerge": leap, "tau_decay": duration}
    return spot | {"radius_deg": last, "t_max": start + duration, "tau_emerge": duration, "tau_decay": leap}


_PRESETS = {"kepler": "kepler", "tess": "tess", "cheops": "cheops", "plato": "plato"}
_CADENCE_DAYS = {
    "kepler": {"long": 0.020434, "short": 6.811e-4},
    "tess": {"2min": 1.389e-3, "10min": 6.944e-3, "ffi": 2.0833e-2},
    "plato": {"25s": 2.894e-4, "50s": 5.787e-4, "600s": 6.944e-3},
}


def photometers(conf, days: float, notes: list[str]) -> list[dict]:
    """The filters, with a preset's cadence where one is near."""
    single = conf.text("files", "filter_name")
    filters = items(conf.text("general", "photometry_filters")) or ([single] if single else [])
    names = items(conf.text("general", "photometry_names"))
    cadences = items(conf.text("general", "photometry_cadences"))
    noise = _noise(conf, notes)
    if not filters:
        raise ValueError(
            f"{conf.path}: files.filter_name is missing; give Kepler.dat or TESS.dat, for example"
        )
    out = []
    for i, file in enumerate(filters):
        cadence = float(cadences[i]) if i < len(cadences) else None
        name = names[i].lower() if i < len(names) else Path(file).stem.lower()
        table = _photometer(conf, file, name, cadence, notes)
        out.append(table | noise | {"days": days})
    return out


def items(text: str | None) -> list[str]:
    """The parts between commas."""
    return [item.strip() for item in text.split(",") if item.strip()] if text else []


def _photometer(conf, file: str, name: str, cadence: float | None, notes: list[str]) -> dict:
    preset = _PRESETS.get(Path(file).stem.lower())
    if preset is not None:
        table = {"preset": preset} | ({"name": name} if name != preset else {})
        known = _CADENCE_DAYS.get(preset, {})
        if cadence is not None and known:
            table["cadence"] = min(known, key=lambda key: abs(math.log(known[key] / cadence)))
            notes.append(f"photometry of {name}: cadence {cadence:g} d became {preset}'s {table['cadence']}")
        return table
    path = next(
        (p for p in (conf.path.parent / file, conf.path.parent / "filters" / file) if p.exists()), None
    )
    if path is None:
        raise ValueError(
            f"{conf.path}: filter {file} is neither one of {', '.join(_PRESETS)} nor a file beside it or in "
            "filters/; a missing filter is not replaced by another: give the file"
        )
    notes.append(f"filter {file}: read as a table in micrometres, as the original does")
    step = 86400.0 * (0.020833 if cadence is None else cadence)
    band = {"band_file": str(path.relative_to(conf.path.parent)), "band_unit": "um", "photon_counting": True}
    return {"preset": "custom", "name": name, "cadence_s": step, "exposure_s": step} | band


def _noise(conf, notes: list[str]) -> dict:
    cdpp = conf.number("noise", "cdpp", 0.0)
    if cdpp > 0:
        notes.append(f"noise.cdpp = {cdpp:g} ppm: white noise of that size in each exposure")
        return {"noise": "white", "white_ppm": cdpp}
    notes.append("noise: cdpp = 0, so none is added; noise = kepler or tess scales it with the magnitude")
    return {"noise": "none"}
