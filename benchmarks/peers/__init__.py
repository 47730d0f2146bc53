"""Other frameworks doing the same: sixteen fields, a token looked up in the database, a scope, a limit, SQLite.

Each is set up as its documentation shows and its users run it, in one process, with the quickest settings found.
They live in an environment of their own (.venv/peers), made from `peers.lock`.
"""
