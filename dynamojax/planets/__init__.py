"""Bodies that pass in front of the star.

orbit (positions and reflex velocity on Keplerian orbits), transit (light they block, spots they hide).
"""
