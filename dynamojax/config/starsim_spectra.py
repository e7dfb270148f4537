"""Parts of the translation of star.conf: its spectra."""

from dynamojax.config.starsim_keys import items

# Resolving powers of the presets that a star.conf may name, which have pixels and noise of their own.
_RESOLUTION = {"lamost": 1800.0, "lamost_mrs": 7500.0, "apogee": 22500.0, "galah": 28000.0}
_RESOLUTION |= {"harps": 115000.0, "espresso": 140000.0, "gaia_rvs": 11500.0}


def spectrographs(conf, notes: list[str]) -> list[dict]:
    """The instruments of [general] spectra_names; a preset where name and resolution are one's.

    Args:
        conf: The star.conf.
        notes: Added to.

    Raises:
        ValueError: a list that is shorter than that of the names, or a range that is none.
    """
    names = items(conf.text("general", "spectra_names"))
    columns = {
        key: _column(conf, key, len(names), default)
        for key, default in (
            *(("spectra_resolutions", None), ("spectra_ranges", "None")),
            *(("n_spectra_epochs", "1"), ("spectra_cadence", "1.0"), ("spectra_start_time", "None")),
        )
    }
    tables = []
    for i, name in enumerate(names):
        row = {key: values[i] for key, values in columns.items()}
        tables.append(_instrument(conf, name, row, notes) | _schedule(conf, name, row, notes))
    if names:
        notes.append(
            "spectra: a line spread function is a Gaussian of the resolving power; dynamo-stellar's is the "
            "kernel of a rotating disc"
        )
    return tables


def _column(conf, key: str, n: int, default: str | None) -> list[str]:
    """A value for each instrument; one value stands for all."""
    values = items(conf.text("general", key)) or ([] if default is None else [default])
    if len(values) == 1:
        values = values * n
    if len(values) < n:
        raise ValueError(
            f"{conf.path}: general.{key} has {len(values)} values, spectra_names has {n}; give one for each"
        )
    return values


def _number(conf, key: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{conf.path}: general.{key}: {text!r} is not a number") from None


def _instrument(conf, name: str, row: dict[str, str], notes: list[str]) -> dict:
    resolution = _number(conf, "spectra_resolutions", row["spectra_resolutions"])
    preset = name.lower()
    if preset in _RESOLUTION and abs(resolution / _RESOLUTION[preset] - 1) < 0.01:
        notes.append(
            f"spectra of {name}: the pixels and range of {preset} in place of {row['spectra_ranges']} A"
        )
        return {"preset": preset, "noise": "none"}
    text = row["spectra_ranges"]
    if text == "None":
        limits = ("wavelength_lower_limit", "wavelength_upper_limit")
        ends = [conf.number("general", limit, 0.0) for limit in limits]
    else:
        ends = [_number(conf, "spectra_ranges", part) for part in text.split("-")]
    notes.append(f"spectra of {name}: three pixels to a resolution element, even in log wavelength")
    return {"preset": "custom", "name": preset, "wavelength": ends, "resolution": resolution}


def _schedule(conf, name: str, row: dict[str, str], notes: list[str]) -> dict:
    epochs = _number(conf, "n_spectra_epochs", row["n_spectra_epochs"])
    table: dict = {"epochs": int(epochs), "cadence": _number(conf, "spectra_cadence", row["spectra_cadence"])}
    start = row["spectra_start_time"]
    if start.lower() == "none":
        notes.append(f"spectra of {name}: the first at time 0; the original draws its time at random")
        return table
    return table | {"start": _number(conf, "spectra_start_time", start)}
