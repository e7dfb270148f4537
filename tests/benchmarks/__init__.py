"""Tests of the benchmarks' own machinery: a wrong ruler measures nothing."""
