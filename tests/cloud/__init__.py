"""Runs against a cloud that misbehaves over real HTTP: what is certain afterwards, whatever it did."""
