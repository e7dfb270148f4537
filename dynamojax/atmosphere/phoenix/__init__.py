"""PHOENIX specific intensities of Husser et al. (2013): from their home to one grid file.

catalogue (what models there are), transfer (one file over HTTP), fetch (many), specint (reading one),
limb (78 mu of a sphere to a quadrature), build (the grid file).
"""
