"""Reads what other systems say of the moment: metrics and incidents. A failed answer is never evidence."""
