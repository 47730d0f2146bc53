"""Whose sandboxes there are: rows of the live workspace, and the worlds that they stand for."""
