"""LTE synthesis of specific intensities, at build time only.

Gas and continuous opacity come from SMElib (through pysme), structures from MARCS, lines from published
lists; the line opacity and the formal solution are small Numba kernels.
"""
