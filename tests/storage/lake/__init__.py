"""Tests of the reading of bills, the lake and the questions asked of it."""
