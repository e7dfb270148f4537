"""The figure of the lines that a spectroscopist would look for."""

from pathlib import Path

import numpy as np

PANELS = (
    ("Ca II K and H", 3910.0, 4000.0, ((6000.0, 4.5), (5000.0, 4.5), (4000.0, 4.5))),
    ("G band, H gamma", 4270.0, 4360.0, ((6500.0, 4.5), (5500.0, 4.5), (4500.0, 4.5))),
    ("H beta", 4830.0, 4890.0, ((7000.0, 4.0), (6000.0, 4.5), (5000.0, 4.5))),
    ("Mg b, MgH", 5100.0, 5210.0, ((5500.0, 4.5), (4500.0, 4.5), (4000.0, 4.5))),
    ("Na D", 5870.0, 5920.0, ((6000.0, 4.5), (4500.0, 4.5), (3400.0, 5.0))),
    ("H alpha", 6530.0, 6600.0, ((7000.0, 4.0), (6000.0, 4.5), (4500.0, 4.5))),
    ("TiO", 6900.0, 7300.0, ((4000.0, 4.5), (3600.0, 4.5), (3000.0, 5.0))),
    ("Ca II triplet", 8470.0, 8700.0, ((6500.0, 4.0), (5500.0, 4.5), (4000.0, 4.5))),
    ("H band", 15700.0, 15780.0, ((6000.0, 4.5), (4500.0, 2.5), (3600.0, 4.5))),
    ("optical", 3650.0, 9150.0, ((6000.0, 4.5), (4000.0, 4.5), (3000.0, 5.0))),
)


def lines(grid, path: Path) -> None:
    """Draw the panels, solar metallicity, flux over its maximum in the panel."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(5, 2, figsize=(15, 18))
    for axis, (title, low, high, models) in zip(axes.ravel(), PANELS, strict=True):
        segment = "h_band" if low > 14000 else "optical"
        wavelength = np.exp(grid.segments[segment][0])
        part = (wavelength > low) & (wavelength < high)
        for teff, logg in models:
            if not any(np.allclose(label, (teff, logg, 0.0)) for label in grid.labels):
                continue
            flux = grid.flux((teff, logg, 0.0), segment)[part]
            axis.plot(wavelength[part], flux / flux.max(), lw=0.6, label=f"{teff:.0f} K, {logg}")
        axis.set(title=title, xlabel="vacuum wavelength [A]", ylim=(0, 1.05))
        axis.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=70)
