"""The original's star.conf: translated into a configuration, with a list of what differs.

star.conf (also starsim.conf) is read by dynamo-stellar 0.1.0 (Kamai, Perets & Bronstein 2026) and, in an
older form, by starsim (Herrero et al. 2016, A&A 586, A131); its spots are in spotmap.dat beside it.
"""

import configparser
import math
from pathlib import Path

from dynamojax.config.reading import Settings, check
from dynamojax.config.starsim_keys import IGNORED, photometers, spots
from dynamojax.config.starsim_spectra import spectrographs
from dynamojax.constants import GM_SUN_KM3_S2, M_EARTH_M_SUN, R_SUN_KM

_DAYS = 30.0  # the span in the original's own example

_STAR = {
    "temperature_photosphere": "teff",
    "facula_t_contrast": "facula_contrast",
    "facular_area_ratio": "facula_ratio",
    "rotation_period": "prot",
    "inclination": "inc_deg",
    "differential_rotation": "shear",
    "convective_shift": "convective_blueshift",
    "radius": "radius",
    "mass": "mass",
    "logg": "logg",
}


def is_star_conf(path: str | Path) -> bool:
    """Whether a file is to be read as a star.conf, from its name."""
    return Path(path).suffix.lower() == ".conf"


class _Conf:
    """Values by section and key; remembers what was used."""

    def __init__(self, path: Path):
        # The original's delimiters and comments; values such as windows' paths hold % signs.
        self.parser = configparser.ConfigParser(inline_comment_prefixes="#", interpolation=None)
        try:
            self.parser.read_string(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, configparser.Error) as error:
            raise ValueError(f"{path} is not a star.conf: {error}") from None
        self.path, self.used = path, set()

    def text(self, section: str, key: str) -> str | None:
        self.used.add((section, key.lower()))
        return self.parser.get(section, key, fallback=None)

    def number(self, section: str, key: str, default: float) -> float:
        text = self.text(section, key)
        try:
            return default if text is None else float(text)
        except ValueError:
            raise ValueError(f"{self.path}: {section}.{key} = {text!r} is not a number") from None

    def unused(self):
        return [
            (section, key)
            for section in self.parser.sections()
            for key in self.parser[section]
            if (section, key) not in self.used
        ]


def translate(path: str | Path, days: float = _DAYS) -> tuple[Settings, list[str]]:
    """A star.conf as a configuration, and a list of what differs.

    Args:
        path: The star.conf; spotmap.dat is read if it lies beside it.
        days: Time span, which star.conf does not hold. [day]

    Raises:
        ValueError: the file cannot be read, a value is no number or out of range, or a filter is missing.
    """
    path = Path(path)
    conf, notes = _Conf(path), []
    star = _star(conf, notes)
    law = conf.text("spots", "spots_evo_law") or "gaussian"
    data = {
        "star": star,
        "spots": spots(conf, star, law, notes),
        "planets": _planets(conf, star, notes),
        "photometers": photometers(conf, days, notes),
        "spectrographs": spectrographs(conf, notes),
        "surface": {"law": law, "faculae": star["facula_ratio"] > 0},
        "simulation": {"epoch_bjd": 2454833.0},
        "output": {"folder": path.stem},
    }
    notes += [
        f"time: star.conf holds no span; {days:g} days from time 0 are taken (--days changes it)",
        "limb darkening: from the model atmospheres in each band, for spots at their own temperature",
        "exposures: the light is averaged over each exposure; the original samples instants",
    ]
    notes += _ignored(conf)
    try:
        return Settings(check(data), path.parent, path.read_text(encoding="utf-8")), notes
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _ignored(conf: _Conf) -> list[str]:
    """What was not used, together where the reason is one."""
    reasons: dict[str, list[str]] = {}
    for section, key in conf.unused():
        reason = IGNORED.get((section, key), "not a key of the original")
        reasons.setdefault(reason, []).append(f"{section}.{key}")
    return [f"ignored: {', '.join(names)}: {reason}" for reason, names in reasons.items()]


def _star(conf: _Conf, notes: list[str]) -> dict:
    star: dict = {"name": conf.path.stem}
    for old, new in _STAR.items():
        if conf.text("star", old) is not None:
            star[new] = conf.number("star", old, math.nan)
    for name, value in (("shear", 0.0), ("facula_ratio", 0.0)):
        star.setdefault(name, value)
    low = conf.number("star", "spot_t_contrast_min", 200.0)
    high = conf.number("star", "spot_t_contrast_max", low)
    star["spot_contrast"] = conf.number("star", "spot_t_contrast", 0.5 * (low + high))
    if low != 200.0 or high != 200.0:
        notes.append(
            f"star.spot_T_contrast_min, _max = {low:g}, {high:g} K: their mean is taken; dynamo-stellar "
            "0.1.0 reads them and uses 200 K whatever they say"
        )
    if "convective_blueshift" in star:
        notes.append(
            "star.convective_shift: used in spectra; dynamo-stellar 0.1.0 reads it and uses it nowhere"
        )
    if star["facula_ratio"] > 0:
        notes.append("star.facular_area_ratio: faculae are computed; dynamo-stellar 0.1.0 refuses them")
    notes.append("star.feh, star.distance: not in star.conf; solar metallicity and 10 pc are taken")
    return star


def _planets(conf: _Conf, star: dict, notes: list[str]) -> list[dict]:
    has_planet = conf.number("planet", "simulate_planet", 0.0)
    esinw, ecosw = (conf.number("planet", f"planet_e{f}w", 0.0) for f in ("sin", "cos"))
    period = conf.number("planet", "planet_period", 10.0)
    b = conf.number("planet", "planet_impact_param", 0.0)
    amplitude_m_s = conf.number("planet", "planet_semi_amplitude", 0.0)
    planet = {
        "radius_ratio": conf.number("planet", "planet_radius", 0.0),
        "period": period,
        "t_transit": conf.number("planet", "planet_transit_t0", 0.0),
        "obliquity_deg": conf.number("planet", "planet_spin_orbit_angle", 0.0),
    }
    if not has_planet:
        notes.append("planet: simulate_planet = 0, so that the other keys of [planet] are not used")
        return []
    ecc = math.hypot(esinw, ecosw)
    if not (period > 0 and ecc < 1):
        raise ValueError(
            f"{conf.path}: planet_period = {period:g} must be above 0, and the eccentricity {ecc:g} from "
            "planet_esinw and planet_ecosw below 1; only bound orbits are modelled"
        )
    mass, radius = star.get("mass", 1.0), star.get("radius", 1.0)
    axis = (GM_SUN_KM3_S2 * mass * (period * 86400.0 / (2 * math.pi)) ** 2) ** (1 / 3) / (radius * R_SUN_KM)
    cosine = b * (1 + esinw) / (axis * (1 - ecc**2))
    if abs(cosine) > 1:
        raise ValueError(
            f"{conf.path}: planet_impact_param = {b:g} exceeds the orbit, {axis:g} stellar radii"
        )
    planet |= {"inc_deg": math.degrees(math.acos(cosine)), "ecc": ecc}
    planet["omega_deg"] = math.degrees(math.atan2(esinw, ecosw)) if ecc else 90.0
    planet["mass_earth"] = _mass_earth(amplitude_m_s, mass, period, ecc, math.sqrt(1 - cosine**2))
    notes.append(f"planet.planet_impact_param = {b:g}: an inclination of {planet['inc_deg']:.4f} deg")
    notes.append(
        f"planet.planet_semi_amplitude = {amplitude_m_s:g} m/s: a mass of {planet['mass_earth']:.4g} Earths"
    )
    return [planet]


def _mass_earth(amplitude_m_s: float, mass: float, period: float, ecc: float, sin_inc: float) -> float:
    """Mass of a planet, small beside its star's, of a velocity amplitude. [earthMass]"""
    speed_km_s = (2 * math.pi * GM_SUN_KM3_S2 * mass / (period * 86400.0)) ** (1 / 3)
    return amplitude_m_s * 1e-3 * math.sqrt(1 - ecc**2) / (speed_km_s * sin_inc) * mass / M_EARTH_M_SUN
