"""Does: remediations, the runner, plans, approvals and guards."""
