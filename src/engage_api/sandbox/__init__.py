"""Sandboxes: workspaces made for trying."""
