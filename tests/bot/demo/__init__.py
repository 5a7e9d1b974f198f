"""Tests of the demo's world."""
