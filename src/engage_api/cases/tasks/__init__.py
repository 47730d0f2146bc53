"""Tasks: the steps of a case."""
