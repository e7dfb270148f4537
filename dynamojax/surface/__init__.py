"""Which part of the visible disc is photosphere, spot and facula.

emergence (how spots are born), evolution (growth, decay, drift), geometry (frames, projection),
coverage (closed-form moments for time series), nodes (the disc at an epoch).
"""
