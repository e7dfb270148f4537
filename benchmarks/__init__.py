"""Benchmarks: one script a stage, peers, and results as JSON."""
