"""Remembers: tables, the audit log, the cost lake and migrations."""
