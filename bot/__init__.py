"""Talks: Slack in and out, the clock, settings and the command line."""
