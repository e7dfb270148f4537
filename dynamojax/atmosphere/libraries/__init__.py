"""Libraries that give fluxes only: read as they are published, made into grids with a limb-darkening law.

fluxes (any of them to a grid), laws (intensities from fluxes), phoenix_hires, bt_settl, atlas9 (each
library's files).
"""
