"""Sentences about the product, held against the real parts."""
