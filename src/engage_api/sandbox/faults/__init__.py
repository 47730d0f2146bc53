"""The faults that are set for a sandbox."""
