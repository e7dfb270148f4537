"""Small files of the form that kiauhoku keeps, written by kiauhoku itself."""

import numpy as np

MASS = np.round(np.arange(0.8, 1.21, 0.1), 2)
FEH = np.array([-1.0, -0.5, 0.0, 0.5])
ALPHA = np.array([0.0, 0.4])
N_EEP = 30


def physics(mass, feh, alpha, eep):
    """Age [Gyr], teff [K], luminosity [L_sun], period [day], turnover [s]: smooth made-up tracks."""
    age = 12.0 * mass**-2.9 * ((eep + 1) / N_EEP) ** 1.5 * 10 ** (0.05 * feh + 0.02 * alpha)
    teff = 5772.0 * mass**0.5 * 10 ** (-0.03 * feh) * (1 + 0.001 * eep)
    luminosity = mass**4 * (1 + 0.02 * eep)
    return age, teff, luminosity, 25.0 * np.sqrt(age / 4.6), 1e6 / mass


def write(name, path, spoil=None):
    """A grid called `name`, with the columns that kiauhoku gives it."""
    import kiauhoku
    import pandas

    with_alpha = name in ("fastlaunch", "slowlaunch", "rocrit")
    levels = [MASS, FEH, *([ALPHA] if with_alpha else []), np.arange(N_EEP)]
    names = ["initial_mass", "initial_met", *(["initial_alpha"] if with_alpha else []), "eep"]
    index = pandas.MultiIndex.from_product(levels, names=names)
    at = [np.asarray(index.get_level_values(n), float) for n in names]
    mass, feh, alpha, eep = at if with_alpha else (*at[:2], 0.0 * at[0], at[2])
    age, teff, luminosity, prot, turnover = physics(mass, feh, alpha, eep)
    yrec = {
        "Age(Gyr)": age,
        "Log Teff(K)": np.log10(teff),
        "Mass(Msun)": mass,
        "Tau(cz)(sec)": turnover,
        "logg": 0.0 * age,
    }
    columns = {
        "fastlaunch": yrec | {"L/Lsun": luminosity, "Prot(days)": prot},
        "yrec": yrec | {"L/Lsun": np.log10(luminosity)},
        "mist": {
            "star_age": 1e9 * age,
            "log_Teff": np.log10(teff),
            "log_L": np.log10(luminosity),
            "star_mass": mass,
        },
        "dartmouth": {"Age (yrs)": 1e9 * age, "Log T": np.log10(teff), "Log L": np.log10(luminosity)},
        "garstec": {"Age(Myr)": 1e3 * age, "Teff": teff, "Log L/Lsun": np.log10(luminosity)},
    }
    frame = pandas.DataFrame(columns.get(name, columns["fastlaunch"]), index=index)
    if spoil is not None:
        frame = spoil(frame)
    path.parent.mkdir(parents=True, exist_ok=True)
    kiauhoku.stargrid.from_pandas(frame, name=name).to_parquet(path)
    return path
