"""Cases and their tasks: everything needed for an outcome that somebody wants."""
