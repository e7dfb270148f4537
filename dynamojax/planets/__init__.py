"""Bodies that pass in front of the star.

orbit (positions and reflex velocity on Keplerian orbits), transit (light of the immaculate star that
they block), crossing (spots they hide at one epoch; corners places its nodes), encounters (the same
along a light curve).
"""
