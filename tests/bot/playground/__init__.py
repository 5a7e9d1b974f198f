"""The stand-in for Slack, held against the real SDK, a real Bolt app and a real browser."""
