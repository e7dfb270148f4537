"""What each part of the surface radiates: I(band, mu | teff, logg, feh).

grid (reading grids), interpolation (C1 in every parameter), bands (band intensities),
limb_darkening (laws in mu).
"""
