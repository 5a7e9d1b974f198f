"""Runbooks as pages a reviewer can sign."""
