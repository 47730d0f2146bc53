"""The programs of organizations, and the secrets by which they are known."""
