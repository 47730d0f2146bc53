"""Faults that somebody who tests in a sandbox asks for: kept, counted and made."""
