"""Readers of bills: one module per format, all ending in the same FOCUS columns."""
