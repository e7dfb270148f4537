"""What leaves the star, joined from surface, atmosphere and planets.

photometry (band fluxes and magnitudes), noise (what is added to them).
"""
