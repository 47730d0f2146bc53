"""Scripted stories that play in a sandbox, over its time."""
