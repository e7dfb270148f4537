"""Builders of the embedded data, one command each."""
