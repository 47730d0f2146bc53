"""The log's taps."""
