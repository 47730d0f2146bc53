"""How often applications call, and how that went."""
