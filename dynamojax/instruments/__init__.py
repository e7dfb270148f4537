"""What records it: bandpass (filters), photometer (cadence, exposure, bands, presets).

spectrograph (pixels, resolution, epochs), its presets and tables; line_spread (spectrum to pixels).
"""
