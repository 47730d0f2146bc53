"""The time of sandboxes: their clocks, moving them on, and the hash of all that happened in one."""
