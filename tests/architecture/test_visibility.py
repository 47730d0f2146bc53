"""Statements are written in few modules, and what a caller sees is decided by one rule alone."""

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.source import PACKAGE, Module, modules

# Who may write statements, and on what.
WRITES = {
    "access/accounts/outside/store.py": "who people are elsewhere, and who has gone there: of no workspace",
    "access/accounts/store.py": "accounts, their tokens and sessions, which belong to no workspace",
    "access/applications/secrets.py": "the insert of a fingerprint, at the caller's workspace",
    "access/customer_links/people.py": "whom links are about, who belong to no workspace",
    "access/customer_sessions/service.py": "customers' tokens, and whose they are",
    "access/faults/store.py": "the faults of a sandbox, at its own workspace: they are no part of it",
    "access/holders.py": "whose a credential is: its application, organization, workspace and plan",
    "access/keys.py": "credentials, and whose key it is",
    "access/members/addresses.py": "whom invitations are for, and which are for somebody",
    "access/members/seats.py": "where somebody is a member",
    "access/oauth/consents.py": "what people agree to, and in which role, which is in no workspace",
    "access/oauth/clients.py": "clients and their secrets, for whoever shows the secret",
    "access/oauth/signing.py": "the keys that sign, which are the service's own",
    "access/oauth/devices.py": "devices that wait for somebody, who is in no workspace",
    "access/oauth/store.py": "grants and refresh tokens, which are about people, who are in no workspace",
    "access/oauth/tokens.py": "access tokens, and whose they are",
    "access/operations.py": "nothing: asks whether the database answers",
    "access/operator.py": "workspaces and plans, which belong to no workspace, and whose an application is",
    "access/seal.py": "one value, which belongs to no workspace",
    "access/usage/service.py": "figures: what was counted in all workspaces, and reading them through `visible`",
    "access/worlds.py": "workspaces and plans, which belong to no workspace",
    "db/ends.py": "where the log of a workspace ends, and how often it has begun anew; nothing of what is in it",
    "db/kept.py": "the oldest events of a workspace, for its place in time and to forget them",
    "db/log.py": "the log, through `visible`",
    "db/log_types.py": "the log by type, through `visible`",
    "db/reader.py": "every resource, through `visible`",
    "db/references.py": "terms, within the workspace; says only whether there is one",
    "db/reindex.py": "every resource of every workspace, for the operator",
    "db/search.py": "words, within the workspace",
    "db/sequencer.py": "numbers of events, in all workspaces",
    "db/store.py": "every resource, at the caller's workspace, id and version",
    "db/postgres_create.py": "the insert of a new resource with all that belongs to it, for the store",
    "db/terms.py": "the inserts and deletes of the terms of one resource, for the store",
    "db/world.py": "the world of the sandbox that a transaction stands at",
    "db/turns.py": "nothing: takes a lock by its name",
    "events/retention.py": "which workspaces have a log, and up to where webhooks were offered it",
    "events/webhooks/deliveries.py": "deliveries, at the endpoint's workspace, for whoever has seen the endpoint",
    "events/webhooks/delivery_models.py": "none: the conditions of its indexes",
    "events/webhooks/ledger.py": "endpoints with whom they hear for, and how far the log was read",
    "events/webhooks/mishaps.py": "when deliveries are due that are to be late, at the sandbox's own workspace",
    "events/webhooks/owners.py": "who is told about an endpoint: people belong to no workspace",
    "events/webhooks/replays.py": "when events were written down, by their numbers; nothing of what they say",
    "events/webhooks/secrets.py": "what deliveries are signed with, at the endpoint's workspace",
    "http/idempotency.py": "first answers, at the caller's workspace and application",
    "jobs/models.py": "none: the conditions of its indexes",
    "jobs/operators.py": "jobs, which are the service's own, for its operator",
    "jobs/queue.py": "jobs, which are the service's own",
    "jobs/timed.py": "what is due in the workspace that is played, and its lock",
    "jobs/timekeeper.py": "the first moment of every workspace, and its clock",
    "jobs/schedules.py": "periods of recurring jobs, which are the service's own",
    "sandbox/copies/exporting.py": "documents of one workspace, for whoever manages the sandbox that it is of",
    "sandbox/copies/first_key.py": "a key like the first one of the parent, with its credential, for the copy",
    "sandbox/copies/loading.py": "events and a counter, in a workspace that nobody can reach yet",
    "sandbox/copies/mending.py": "dead jobs of copies: they are the service's own",
    "sandbox/copies/standing.py": "the worlds of what is copied and of its copy, and how far their logs are",
    "sandbox/copying.py": "the rows of one workspace for another, for whoever may have both",
    "sandbox/clocks/advances.py": "advances, at the sandbox that the caller manages",
    "sandbox/clocks/models.py": "none: the condition of an index",
    "sandbox/clocks/settling.py": "nothing of what there is: asks whether something is under way in a sandbox",
    "sandbox/demo.py": "parties and workspaces, which belong to no workspace",
    "sandbox/endpoints.py": "webhook secrets of one workspace for another, and where endpoints of a copy begin",
    "sandbox/wipe.py": "all tables, to empty the workspace that a transaction stands at",
}
STATEMENTS = {"select", "insert", "update", "delete", "text", "exists", "union_all", "table"}
DOORS = ("db/reader.py", "db/log.py")


def statements(module: Module) -> Iterator[ast.Call]:
    """Calls of SQLAlchemy that make a statement."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            first, _, last = module.dotted(node.func).rpartition(".")
            if first.split(".")[0] == "sqlalchemy" and last in STATEMENTS:
                yield node


def writes_statements(module: Module) -> Iterator[str]:
    if module.name not in WRITES:
        yield from (f"{module.name}:{node.lineno} writes a statement" for node in statements(module))


def reads_past_the_rule(module: Module) -> Iterator[str]:
    """In the doors every function that selects also says `visible`: itself, or the one that it hands the rest to."""
    functions = {node.name: node for node in ast.walk(module.tree) if isinstance(node, ast.FunctionDef)}
    asking = {name for name, node in functions.items() if "visible" in _names(node)}
    asking |= {name for name, node in functions.items() if _names(node) & asking}
    for name, node in functions.items():
        selects = any(
            isinstance(part, ast.Call) and module.dotted(part.func) == "sqlalchemy.select" for part in ast.walk(node)
        )
        if selects and name not in asking:
            yield f"{module.name}:{node.lineno} {name} selects and does not ask who may see"


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def test_statements_are_written_where_they_may_be() -> None:
    broken = [found for module in modules() for found in writes_statements(module)]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("name", WRITES)
def test_no_module_is_listed_that_writes_none(name: str) -> None:
    assert list(statements(Module("", (PACKAGE / name).read_text(encoding="utf-8"))))


@pytest.mark.parametrize("name", DOORS)
def test_the_doors_ask_who_may_see(name: str) -> None:
    door = Module(name, (PACKAGE / name).read_text(encoding="utf-8"))
    assert any(list(statements(door)))
    assert list(reads_past_the_rule(door)) == []


@pytest.mark.parametrize(
    "code",
    [
        "from sqlalchemy import select\nQUERY = select(CASE.table)",
        "import sqlalchemy as sa\nQUERY = sa.text('SELECT document FROM customer')",
        "from sqlalchemy.dialects.sqlite import insert as upsert\nQUERY = upsert(TABLE)",
        "def late():\n    from sqlalchemy import delete\n    return delete(TABLE)",
    ],
)
def test_a_planted_statement_is_found(code: str) -> None:
    assert len(list(writes_statements(Module("cases/planted.py", code)))) == 1


def test_a_planted_door_is_found() -> None:
    code = "from sqlalchemy import select\ndef _by(t):\n    return Query(select(t).where(t.c.id == 1))"
    assert len(list(reads_past_the_rule(Module("db/reader.py", code)))) == 1
    asks = code.replace("t.c.id == 1", "*visible(t, False)")
    assert list(reads_past_the_rule(Module("db/reader.py", asks))) == []
