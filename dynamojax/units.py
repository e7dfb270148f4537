"""Units of the parameters of `system`, as astropy writes them: for whatever is read or written."""

STAR_UNITS = {
    "teff": "K",
    "logg": "dex",
    "feh": "dex",
    "mass": "solMass",
    "radius": "solRad",
    "distance": "pc",
    "prot": "d",
    "inc": "rad",
    "shear": "1",
    "spot_contrast": "K",
    "facula_contrast": "K",
    "facula_ratio": "1",
    "rv": "km/s",
    "convective_blueshift": "1",
    "macroturbulence": "km/s",
    "microturbulence": "km/s",
    "av": "mag",
}
SPOT_UNITS = {"lat": "rad", "lon": "rad", "radius": "rad", "t_max": "d", "tau_emerge": "d", "tau_decay": "d"}
PLANET_UNITS = {
    "radius_ratio": "1",
    "mass": "solMass",
    "period": "d",
    "t_transit": "d",
    "inc": "rad",
    "ecc": "1",
    "omega": "rad",
    "obliquity": "rad",
}
SYSTEM_UNITS = {"star": STAR_UNITS, "spots": SPOT_UNITS, "planets": PLANET_UNITS}
