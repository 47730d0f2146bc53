"""Copies of sandboxes: forks, snapshots and what goes back to one, and worlds as files."""
