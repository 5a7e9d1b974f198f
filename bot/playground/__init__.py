"""A local page that stands in for Slack: loopback only, signed requests, nothing of ours beneath it."""
