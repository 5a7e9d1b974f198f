"""The story on a stand-in for Slack that nobody of this project wrote."""
