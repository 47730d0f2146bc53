"""Customers: people and organizations that the organisation serves."""
