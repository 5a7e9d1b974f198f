"""Measurements against peers and limits, run by hand; none of them is a test."""
