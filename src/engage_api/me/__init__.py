"""A customer's own doors."""
