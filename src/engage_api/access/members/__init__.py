"""The people of organizations: who belongs to one, and what they may do there."""
