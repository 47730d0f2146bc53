"""What a caller may meet when it reads or writes, whatever the database underneath."""


class Conflict(Exception):
    """A constraint refused the row; nothing of the transaction is kept.

    `constraint` is its name as far as the driver tells, None where it does not. PostgreSQL names all but NOT NULL.
    SQLite names CHECK constraints and unique indexes over expressions; for other unique constraints and NOT NULL it
    gives the columns, which stand here as `"table.first, table.second"`, and for foreign keys nothing. (PostgreSQL
    tells no columns behind row-level security: they could betray a row that the caller may not see.)
    """

    def __init__(self, message: str, constraint: str | None = None) -> None:
        super().__init__(message)
        self.constraint = constraint


class Unavailable(Exception):
    """The database could not answer now: try again later (503).

    Raised by a write, it means that nothing was acknowledged. When the connection broke during the commit, nobody
    knows whether the write was kept; repeating it under the same idempotency key settles that.
    """
