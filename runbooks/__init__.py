"""Says how: the runbooks as YAML, their schema and their loader."""
