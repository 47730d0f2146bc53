"""Customers at a front end: short tokens that open what is theirs."""
