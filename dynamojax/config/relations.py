"""What no single key shows: keys that need or exclude each other."""

from dynamojax.config.photometer_keys import APPLIES, CADENCES
from dynamojax.config.spectrograph_keys import SURVEYS

_INSTRUMENTS = ("photometers", "spectrographs", "velocities")


def relations(data: dict, values: dict) -> list[str]:
    """All that is wrong between keys.

    Args:
        data: As read.
        values: Checked one by one, defaults filled in.
    """
    problems = []
    given = [name for name in ("spots", "spot_map", "activity") if name in data]
    if len(given) > 1:
        problems.append(f"{' and '.join(given)} exclude each other: keep one of them")
    problems += _star_relations(values)
    for i, planet in enumerate(values["planets"]):
        if (planet["radius_ratio"] is None) == (planet["radius_earth"] is None):
            problems.append(f"planets[{i}] needs one of radius_ratio and radius_earth, not none or both")
    checks = _photometer_relations, _spectrograph_relations, _schedule_relations
    for section, check in zip(_INSTRUMENTS, checks, strict=True):
        for i, table in enumerate(values[section]):
            problems += check(f"{section}[{i}]", table)
    return problems + _name_relations(values) + _output_relations(values)


def _star_relations(values: dict) -> list[str]:
    star, problems = values["star"], []
    if not star["name"].strip() or "/" in star["name"] or star["name"].startswith("."):
        problems.append(
            f"star.name = {star['name']!r} begins the names of the files: it cannot be empty, begin with a "
            "dot or hold a slash"
        )
    if star["facula_ratio"] > 0 and not values["surface"]["faculae"]:
        problems.append(
            f"star.facula_ratio = {star['facula_ratio']} has no effect without faculae; "
            "set surface.faculae = true, or the ratio to 0"
        )
    for name in ("n_disc", "n_cap", "n_planet"):
        value = values["spectra"][name]
        if value is not None and (len(value) != 2 or min(value) < 1):
            problems.append(f"spectra.{name} = {value} must be two whole numbers from 1")
    return problems


def name_of(table: dict) -> str:
    """What the recordings of an instrument are called."""
    return table["name"] or table["preset"]


def _name_relations(values: dict) -> list[str]:
    names = [name_of(table) for section in _INSTRUMENTS for table in values[section]]
    if not names:
        return [
            "photometers is empty, and so are spectrographs and velocities; add [[photometers]] with "
            'preset = "kepler", for example'
        ]
    twice = sorted({name for name in names if names.count(name) > 1})
    return [f"{', '.join(_INSTRUMENTS)}: two are called {name!r}; give each a name" for name in twice]


def _output_relations(values: dict) -> list[str]:
    if values["output"]["animate"] and not values["photometers"]:
        return [
            "output.animate needs a photometer, whose times it takes; add [[photometers]], or set it to false"
        ]
    return []


def _photometer_relations(where: str, table: dict) -> list[str]:
    preset = table["preset"]
    problems = [
        f"{where}.{name} = {table[name]!r} is for {', '.join(presets)}, not for {preset}; leave it out"
        for name, presets in APPLIES.items()
        if table[name] is not None and preset not in presets
    ]
    cadence = table["cadence"]
    if preset in CADENCES and cadence is not None and cadence not in CADENCES[preset]:
        problems.append(f"{where}.cadence = {cadence!r}; allowed for {preset}: {', '.join(CADENCES[preset])}")
    if preset == "custom":
        problems += _custom_relations(where, table)
    if (table["noise"] == "white") != (table["white_ppm"] is not None):
        problems.append(f'{where}: noise = "white" and white_ppm belong together; give both or neither')
    return problems


def _custom_relations(where: str, table: dict) -> list[str]:
    problems = []
    if table["name"] is None:
        problems.append(f"{where}.name is missing; a custom photometer needs one")
    if (table["bands"] is None) == (table["band_file"] is None):
        problems.append(f"{where} needs one of bands and band_file; a filter is never made up")
    if (table["band_file"] is None) != (table["band_unit"] is None):
        problems.append(f"{where}: band_file and band_unit (angstrom, nm, um) belong together")
    if (table["cadence_s"] is None) == (table["times_file"] is None):
        problems.append(f"{where} needs one of cadence_s and times_file")
    return problems


def _schedule_relations(where: str, table: dict) -> list[str]:
    given = [name for name in ("times", "times_file") if table[name] is not None]
    regular = [name for name in ("start", "epochs", "cadence") if table[name] is not None]
    if len(given) == 2 or (given and regular):
        return [
            f"{where}: {' and '.join(given + regular)} exclude each other: times, times_file, or the rest"
        ]
    return []


def _spectrograph_relations(where: str, table: dict) -> list[str]:
    problems = _schedule_relations(where, table)
    ends = table["wavelength"]
    if ends is not None and not (len(ends) == 2 and 0 < ends[0] < ends[1]):
        problems.append(f"{where}.wavelength = {ends} must be two rising positive numbers in angstrom")
    if table["preset"] == "custom":
        problems += _custom_spectrograph_relations(where, table)
    else:
        problems += [
            f"{where}.{name} = {table[name]!r} is for custom, not for {table['preset']}; leave it out"
            for name in ("file", "pixels_per_element", "medium")
            if table[name] is not None
        ]
    return problems + _observer_relations(where, table) + _spectral_noise_relations(where, table)


def _observer_relations(where: str, table: dict) -> list[str]:
    site, target, problems = table["site"], table["target_deg"], []
    if (site is None) != (target is None):
        problems.append(f"{where}: site and target_deg belong together; give both or neither")
    if site is not None and table["barycentric_velocity"] is not None:
        problems.append(f"{where}: site and barycentric_velocity exclude each other")
    if site is not None and not (len(site) == 3 and abs(site[0]) <= 360 and abs(site[1]) <= 90):
        problems.append(f"{where}.site = {site} must be east longitude and latitude in deg and height in m")
    if target is not None and not (len(target) == 2 and 0 <= target[0] <= 360 and abs(target[1]) <= 90):
        problems.append(f"{where}.target_deg = {target} must be right ascension, 0 to 360, and declination")
    return problems


def _custom_spectrograph_relations(where: str, table: dict) -> list[str]:
    problems = []
    if table["name"] is None:
        problems.append(f"{where}.name is missing; a custom spectrograph needs one")
    if table["file"] is None and (table["wavelength"] is None or table["resolution"] is None):
        problems.append(f"{where} needs file, or both wavelength and resolution")
    if table["file"] is not None and table["pixels_per_element"] is not None:
        problems.append(f"{where}: file and pixels_per_element exclude each other; the file has the pixels")
    return problems


def noise_kind(table: dict) -> str:
    """Name of a spectrograph's noise model: a survey's own unless another is given."""
    if table["noise"] is not None:
        return table["noise"]
    return "snr" if table["snr"] is not None else table["preset"] if table["preset"] in SURVEYS else "none"


def _spectral_noise_relations(where: str, table: dict) -> list[str]:
    kind, problems = noise_kind(table), []
    if (kind == "snr") != (table["snr"] is not None):
        problems.append(f'{where}: noise = "snr" and snr belong together; give both or neither')
    if kind not in SURVEYS and table["magnitude"] is not None:
        problems.append(
            f"{where}.magnitude = {table['magnitude']:g} is for the noise of {', '.join(SURVEYS)}, not for "
            f"{kind}; leave it out"
        )
    if kind in SURVEYS and (
        table["exposure_s"] == 0 or (table["preset"], table["exposure_s"]) == ("custom", None)
    ):
        problems.append(f"{where}: noise = {kind!r} follows exposure_s, which must be above 0; give it")
    return problems
