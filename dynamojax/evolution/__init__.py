"""How a star ages: its structure, its rotation, its activity.

tracks (mass, metallicity, age to teff, radius, ...), inversion (the way back), track_file and kiauhoku (where
tracks come from); turnover, gyrochronology, braking (rotation); activity (spots and cycles).
"""
