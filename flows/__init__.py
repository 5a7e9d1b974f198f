"""Decides: one module per thing that a person (or the clock) can make happen."""
