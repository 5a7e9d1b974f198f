"""Counts: charges, allocation, ledger, anomalies, forecast and disputes, as pure arithmetic."""
