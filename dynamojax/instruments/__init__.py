"""What records it: bandpass (filters), photometer (cadence, exposure, bands, presets)."""
