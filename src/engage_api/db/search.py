"""Full-text search that finds the same on both databases.

Words are folded here, so neither database's own language rules take part: case and accents do not matter, every word
must
occur, and each may be the beginning of a longer one. `tsvector` (PostgreSQL) and FTS5 (SQLite) keep and match them.
A lexeme that no caller can type says whose words they are, so one workspace's search never walks through another's.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable

from sqlalchemy import BigInteger, Select, Text, bindparam, cast, column, delete, func, select, table, text
from sqlalchemy.dialects.postgresql import TSQUERY, insert
from sqlalchemy.sql.expression import insert as plain_insert

from engage_api.db.base import Json
from engage_api.db.row import SearchRow
from engage_api.db.sql import Query

LONGEST, MOST = 64, 400  # characters of a word; words of a resource
_ASCII_WORD = re.compile("[a-z0-9]+")
MARK = "\u00a4"  # a currency sign: folding removes it, so nobody can search for it

_postgres = SearchRow.__table__  # type: ignore[attr-defined]
_sqlite = table("search", column("rowid"), column("workspace_id"), column("resource_id"), column("words"))

_put = insert(_postgres).values(
    workspace_id=bindparam("workspace"),
    number=bindparam("number"),
    resource_id=bindparam("resource"),
    words=func.array_to_tsvector(func.string_to_array(bindparam("words"), " ")),
)
PUT_POSTGRES = _put.on_conflict_do_update(
    index_elements=["workspace_id", "number"], set_={"words": _put.excluded.words}
)
PUT = Query(
    plain_insert(_sqlite)
    .prefix_with("OR REPLACE")
    .values(
        rowid=bindparam("number"),
        workspace_id=bindparam("workspace"),
        resource_id=bindparam("resource"),
        words=bindparam("words"),
    ),
    postgres=PUT_POSTGRES,
)
REMOVE = Query(
    delete(_sqlite).where(_sqlite.c.rowid == bindparam("number"), _sqlite.c.workspace_id == bindparam("workspace")),
    postgres=delete(_postgres).where(
        _postgres.c.workspace_id == bindparam("workspace"), _postgres.c.number == bindparam("number")
    ),
)
_numbers = bindparam("numbers", type_=Json())
_number = func.json_each(_numbers).table_valued("value", name="number")
_number_postgres = func.jsonb_array_elements_text(_numbers).table_valued("value", name="number")
KEPT = Query(  # the words of some resources of a workspace, by their numbers
    select(_sqlite.c.resource_id, _sqlite.c.words)
    .join_from(_number, _sqlite, _sqlite.c.rowid == _number.c.value)
    .where(_sqlite.c.workspace_id == bindparam("workspace")),
    postgres=select(
        _postgres.c.resource_id,
        func.array_to_string(func.tsvector_to_array(_postgres.c.words), " ", type_=Text()).label("words"),
    )
    .join_from(_number_postgres, _postgres, _postgres.c.number == cast(_number_postgres.c.value, BigInteger))
    .where(_postgres.c.workspace_id == bindparam("workspace")),
)


def found(dialect: str) -> Select[tuple[str]]:
    """The ids that match, for use as a subquery. Parameters: `workspace`, `match`."""
    if dialect == "sqlite":
        return select(_sqlite.c.resource_id).where(
            text("search MATCH :match"), _sqlite.c.workspace_id == bindparam("workspace")
        )
    return select(_postgres.c.resource_id).where(
        _postgres.c.workspace_id == bindparam("workspace"),
        _postgres.c.words.op("@@")(cast(cast(bindparam("match"), Text), TSQUERY)),
    )


def fold(words: str) -> list[str]:
    """Letters and digits only, lower case, without accents: `Zoë O'Neill` is `zoe`, `o`, `neill`."""
    if words.isascii():  # nearly all are, and this is ten times as fast
        return [word[:LONGEST] for word in _ASCII_WORD.findall(words.lower())]
    apart = unicodedata.normalize("NFKD", words).casefold()
    kept = (c if c.isalnum() else "" if unicodedata.combining(c) else " " for c in apart)
    return [word[:LONGEST] for word in "".join(kept).split()]


def parameters(workspace: str, kind: str, resource: str, texts: Iterable[str]) -> dict[str, object]:
    """What `PUT` and `REMOVE` need."""
    words = sorted({word for words in texts for word in fold(words)})[:MOST]
    return {
        "workspace": workspace,
        "resource": resource,
        "number": number(workspace, resource),
        "words": " ".join([_whose(workspace, kind), *words]),
    }


def moved(source: str, target: str, kind: str, resource: str, words: str) -> dict[str, object]:
    """What `PUT` needs for words as `KEPT` answers them, in another workspace."""
    whose = (_whose(source, kind), _whose(target, kind))
    return {
        "workspace": target,
        "resource": resource,
        "number": number(target, resource),
        "words": " ".join([whose[1], *(word for word in words.split(" ") if word != whose[0])]),
    }


def number(workspace: str, resource: str) -> int:
    """By what the words of a resource are found."""
    digest = hashlib.blake2b(f"{workspace} {resource}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) >> 1


def match(dialect: str, workspace: str, kind: str, asked: str) -> str | None:
    """The expression that the database understands, or None when there is no word in what was asked."""
    words = fold(asked)[:16]
    if not words:
        return None
    whose = _whose(workspace, kind)
    if dialect == "sqlite":
        return " AND ".join([f'"{whose}"', *(f'"{word}"*' for word in words)])
    return " & ".join([f"'{whose}'", *(f"'{word}':*" for word in words)])


def _whose(workspace: str, kind: str) -> str:
    return f"{MARK}{workspace}{MARK}{kind}".replace("_", MARK).replace("-", MARK)
