"""Cases and their tasks from files."""
