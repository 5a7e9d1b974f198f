"""Seeded faults: each proof of the safety core has to find them, so that its silence means something."""
