"""The columns of a data set: what each holds, in which unit, along which axis. On the host.

`stars` makes the numbers under the same names. Parameters are those of `system`, with a prefix that says
whose; labels keep the names of the prior; observables begin with the name of their instrument.
"""

from dataclasses import dataclass

import numpy as np

from dynamojax.instruments.photometer import Photometer
from dynamojax.instruments.spectrograph import Spectrograph
from dynamojax.units import PLANET_UNITS, SPOT_UNITS, STAR_UNITS

FLUX_DENSITY = "erg/s/cm2/A"
GROUPS = ("spots", "clean", "noisy", "fractions")


@dataclass(frozen=True)
class Column:
    """What a column is.

    Attributes:
        group: star, label, spots, planets, clean, noisy, fractions: what can be left out together.
        unit: As astropy writes it; 1 for pure numbers, empty where it is not known.
        help: One line.
        axis: Name of the axis along its last dimension; empty if it has none.
    """

    group: str
    unit: str
    help: str
    axis: str = ""


def curve_name(photometer: Photometer, band: str, field: str) -> str:
    """Name of a column of one band; the band is left out where there is one only."""
    names = (photometer.name, field) if len(photometer.bands) == 1 else (photometer.name, band, field)
    return "_".join(names)


def parameter_columns() -> dict[str, Column]:
    """Those of star, spots and planets, and what says whether a row can be used."""
    return {
        "star_id": Column("star", "1", "number of the star; with the seed it determines the row"),
        "valid": Column("star", "1", "whether every stage held; observables are NaN where not"),
        "drawn": Column("star", "1", "whether the population could draw this star"),
        **{f"star_{n}": Column("star", u, f"{n} of the star") for n, u in STAR_UNITS.items()},
        **{f"companion_star_{n}": Column("star", u, f"{n} of the companion") for n, u in STAR_UNITS.items()},
        **{f"companion_spot_{n}": Column("spots", u, f"{n} of each", "spot") for n, u in SPOT_UNITS.items()},
        **{f"spot_{n}": Column("spots", u, f"{n} of each", "spot") for n, u in SPOT_UNITS.items()},
        **{f"planet_{n}": Column("planets", u, f"{n} of each", "planet") for n, u in PLANET_UNITS.items()},
    }  # fmt: skip


def curve_columns(photometer: Photometer) -> dict[str, Column]:
    """Those of one photometer."""
    time = f"{photometer.name}_time"
    fields = {
        "flux": Column("noisy", "1", "relative flux with noise", time),
        "flux_err": Column("noisy", "1", "standard deviation of its white noise"),
        "good": Column("noisy", "1", "where data exist", time),
        "noise_mag": Column("clean", "mag", "magnitude without spots, for which noise is computed"),
        "flux_model": Column("clean", "1", "flux relative to the immaculate star, without noise", time),
        "baseline": Column("clean", FLUX_DENSITY, "band flux of the immaculate star at its distance"),
    }
    columns = {
        curve_name(photometer, band, field): column
        for band in photometer.bands
        for field, column in fields.items()
    }
    parts = {"spot": "spots", "facula": "faculae"}
    return columns | {
        f"{photometer.name}_{part}_fraction": Column(
            "fractions", "1", f"share of the projected disc covered by {name}", time
        )
        for part, name in parts.items()
    }


def spectrum_columns(spectrograph: Spectrograph) -> dict[str, Column]:
    """Those of one spectrograph; with several epochs an array has an axis of epochs before its last."""
    name, pixel = spectrograph.name, f"{spectrograph.name}_wavelength"
    return {
        f"{name}_flux": Column("noisy", FLUX_DENSITY, "flux density with noise", pixel),
        f"{name}_flux_err": Column("noisy", FLUX_DENSITY, "standard deviation of its white noise", pixel),
        f"{name}_good": Column("noisy", "1", "False where a pixel is flagged", pixel),
        f"{name}_flux_model": Column("clean", FLUX_DENSITY, "flux density without noise", pixel),
        f"{name}_velocity": Column(
            "clean", "km/s", "of the star away from the observer, in the frame of the spectra", f"{name}_time"
        ),
        f"{name}_companion_velocity": Column("clean", "km/s", "the same of its companion", f"{name}_time"),
        f"{name}_noise_mag": Column("clean", "mag", "magnitude for which noise is computed"),
    }  # fmt: skip


def velocity_columns(velocimeter: Photometer) -> dict[str, Column]:
    """Those of one series of radial velocities."""
    time = f"{velocimeter.name}_time"
    fields = {
        "velocity": Column("noisy", "km/s", "radial velocity with noise", time),
        "velocity_model": Column("clean", "km/s", "radial velocity without noise", time),
    }
    return {
        curve_name(velocimeter, band, field): column
        for band in velocimeter.bands
        for field, column in fields.items()
    }


def label_columns(names, units: dict[str, str] | None = None) -> dict[str, Column]:
    """Those of the prior, with the units that it states."""
    return {name: Column("label", (units or {}).get(name, ""), "label of the prior") for name in names}


def axes_of(photometers, spectrographs, velocimeters=(), observer=None) -> dict[str, dict]:
    """Coordinates that all stars share: unit and values, by the name that columns refer to.

    Args:
        photometers: Of light curves.
        spectrographs: Of spectra.
        velocimeters: Photometers of radial velocities.
        observer: Velocity of the observatory towards the stars at each epoch, by spectrograph, that
            wavelengths and velocities are seen with; where it is 0, they are the barycentre's. [km/s]
    """
    axes = {f"{p.name}_time": _axis("d", p.times) for p in (*photometers, *velocimeters)}
    for s in spectrographs:
        towards = np.asarray((observer or {}).get(s.name, np.zeros(len(s.times))))
        seen = {"medium": "vacuum", "frame": "observatory" if np.any(towards) else "barycentre"}
        axes[f"{s.name}_wavelength"] = _axis("Angstrom", s.wavelength) | seen
        axes[f"{s.name}_time"] = _axis("d", s.times)
        axes[f"{s.name}_barycentric_velocity"] = _axis("km/s", towards)
    return axes


def _axis(unit: str, values: np.ndarray) -> dict:
    return {"unit": unit, "values": np.asarray(values, float).tolist()}
