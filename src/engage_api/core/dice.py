"""Chances that hide nothing: to spread what would happen at once."""

from random import SystemRandom

DICE = SystemRandom()
"""Not everybody's: whoever seeds that one, or looks at its state, counts on what comes."""
