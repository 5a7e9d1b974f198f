"""Remediations on AWS, one class and one file each."""
