"""Many people and several processes at the same record: one of them wins."""
