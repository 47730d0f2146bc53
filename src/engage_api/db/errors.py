"""What a caller may meet when it reads or writes, whatever the database underneath."""


class Conflict(Exception):
    """A constraint refused the row; nothing of the transaction is kept.

    `constraint` is the constraint's name as far as the driver tells it: PostgreSQL always does. SQLite names CHECK
    constraints and unique indexes over expressions; for other unique violations and for NOT NULL it gives the columns,
    which stand here as `"table.first, table.second"`; for foreign keys it gives nothing (None).

    `table` and `columns` say the same on both databases for a unique violation; elsewhere they may be None and ().
    """

    def __init__(
        self, message: str, constraint: str | None = None, table: str | None = None, columns: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message)
        self.constraint = constraint
        self.table = table
        self.columns = columns


class Unavailable(Exception):
    """The database could not answer now: try again later (503).

    Raised by a write, it means that nothing was acknowledged. When the connection broke during the commit, nobody
    knows whether the write was kept; repeating it under the same idempotency key settles that.
    """
