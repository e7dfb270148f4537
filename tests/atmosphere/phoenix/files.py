"""Files of the library's true form, of any size and with any intensities."""

import numpy as np
from astropy.io import fits

# 78 like the library's, half of them where the limb of a sphere may be.
MU = np.concatenate([np.geomspace(1e-3, 0.03, 12), np.linspace(0.033, 0.18, 36), np.linspace(0.2, 1.0, 30)])


def write_specint(path, intensity, mu=MU, start=3000.0, step=1.0, dtype=">f4", **header):
    """Write [n_mu, n_wavelength] intensities in erg/s/cm2/cm/sr, rows by increasing mu."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = fits.PrimaryHDU(np.asarray(intensity).astype(dtype))
    values = {"CRVAL1": start, "CRPIX1": 1, "CDELT1": step, "CTYPE1": "WAVE", "CUNIT1": "Angstrom"}
    image.header.update(values | {"BUNIT": "erg/s/cm^2/cm/sr"} | header)
    fits.HDUList([image, fits.ImageHDU(np.asarray(mu), name="MU")]).writeto(path, overwrite=True)
    return path


def simple_intensity(n_wavelength=400, level=1e14, mu=MU):
    """Linear limb darkening, weaker to the red."""
    u = np.linspace(0.8, 0.3, n_wavelength)
    return level * (1 - u * (1 - mu[:, None])) * np.linspace(1.0, 0.5, n_wavelength)
