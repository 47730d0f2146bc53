"""People: their accounts with e-mail and password, their sessions, and the pages for both.

An account belongs to no workspace: it is the service that knows a person. What a person may do is said elsewhere.
"""
