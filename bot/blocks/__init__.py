"""Words and blocks: pure functions from records to what people read in Slack."""
