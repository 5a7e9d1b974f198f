"""The story that must work, told once and played on every stand-in for Slack."""
