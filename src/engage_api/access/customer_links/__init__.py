"""Accounts of people who are customers: an application asks for it, and the person agrees."""
