"""Values: no database, no web."""
