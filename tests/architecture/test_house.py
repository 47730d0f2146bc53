"""Rules of the house that syntax can show. Each is a function from a module to what breaks it."""

import ast
import re
from collections.abc import Callable, Iterator

import pytest

from tests.architecture.source import PACKAGE, Module, modules

Rule = Callable[[Module], Iterator[str]]

CLOCK = "core/clock.py"
READS_TIME = {
    "datetime.date.today",
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "sqlalchemy.func.current_date",
    "sqlalchemy.func.current_timestamp",
    "sqlalchemy.func.now",
    "time.ctime",
    "time.gmtime",
    "time.localtime",
    "time.time",
    "time.time_ns",
}
READS_TIME_IN_SQL = re.compile(
    r"\b(current_date|current_timestamp|localtimestamp|(clock|statement|transaction)_timestamp\(|now\(\))|'now'",
    re.IGNORECASE,
)

OUTBOUND = "http/outbound.py"
LOOKUPS = "http/lookups.py"  # asks the system for the names that the door is given
MAIL = "access/accounts/mail.py"  # speaks SMTP to the one server that the operator has named
CLIENTS = {
    "aiosmtplib",
    "aiohttp",
    "anyio.connect_tcp",
    "anyio.connect_unix",
    "authlib.integrations",
    "ftplib",
    "http.client",
    "httpcore",
    "httplib2",
    "httpx",
    "httpx2",
    "imaplib",
    "niquests",
    "poplib",
    "pycurl",
    "requests",
    "smtplib",
    "socket",
    "socketserver",
    "telnetlib",
    "urllib.request",
    "urllib3",
    "websockets",
    "xmlrpc.client",
}
# What opens a socket or asks for a name, whosever method it is.
OPENS = {
    "connect_tcp",
    "connect_unix",
    "create_connection",
    "create_datagram_endpoint",
    "create_unix_connection",
    "getaddrinfo",
    "gethostbyname",
    "open_connection",
    "open_unix_connection",
    "sock_connect",
    "sock_sendto",
}

# Who may look across workspaces, and for what.
ACROSS = {
    "access/accounts/housekeeping.py": "forgets ended sessions and links: people belong to no workspace",
    "access/accounts/letters.py": "writes down the links that it mails, as above",
    "access/accounts/operator.py": "lets people in no more, as above",
    "access/accounts/outside/service.py": "connects accounts with who people are elsewhere, as above",
    "access/accounts/outside/store.py": "reads who people are elsewhere, as above",
    "access/accounts/service.py": "changes accounts, as above",
    "access/accounts/store.py": "reads accounts, as above",
    "access/customer_links/people.py": "whom links are about, who belong to no workspace",
    "access/customer_sessions/service.py": "as for keys; and sweeps expired sessions, whosever they were",
    "access/faults/store.py": "writes to a sandbox past its turns: it is no writing in it",
    "access/jobs/command.py": "lets a dead job run again, whosever it is",
    "access/jobs/routes.py": "as the command does",
    "access/jobs/service.py": "shows an operator the jobs of all workspaces",
    "access/members/addresses.py": "matches invitations with accounts, which belong to no workspace",
    "access/members/desk.py": "looks at a seat in the transaction of a key in a sandbox",
    "access/members/service.py": "deletes the account of who goes for good, in the transaction in which they leave",
    "access/members/admin.py": "makes the account of the operator's first owner, as above",
    "access/oauth/clients.py": "clients are whoever calls; their workspaces are known once they were found",
    "access/oauth/authorize.py": "writes down what somebody agrees to: people belong to no workspace",
    "access/oauth/consents.py": "reads what people agree to, as above",
    "access/oauth/endpoints.py": "uses codes and refresh tokens of people up, as above",
    "access/oauth/device_pages.py": "writes down what somebody agrees to, as above",
    "access/oauth/devices.py": "devices that wait for somebody, as above",
    "access/oauth/store.py": "reads grants of people, as above",
    "access/oauth/signing.py": "the keys that sign, which are the service's own",
    "access/oauth/tokens.py": "as for keys; and sweeps expired tokens, whosever they were",
    "access/operator.py": "asks whose an application is, which the live workspace knows",
    "access/seal.py": "what tells whether a database knows a secret belongs to no workspace",
    "access/keys.py": "a caller's workspace is known once its key was found",
    "access/usage/service.py": "writes down what all applications did, and forgets it",
    "db/postgres.py": "is the engine whose second checkout it is",
    "db/reindex.py": "renders the documents of all workspaces anew",
    "db/sequencer.py": "numbers the events of all workspaces in one turn",
    "events/retention.py": "forgets old events, whosever they were",
    "events/webhooks/fanout.py": "makes deliveries in all workspaces in one turn",
    "events/webhooks/housekeeping.py": "forgets old deliveries, whosever they were",
    "events/webhooks/ledger.py": "whom an endpoint hears for: applications are the live workspace's",
    "events/webhooks/letters.py": "counts an application's notices in the live workspace, wherever the endpoint is",
    "events/webhooks/owners.py": "who is told about an endpoint: people belong to no workspace",
    "http/housekeeping.py": "forgets old answers, whosever they were",
    "jobs/figures.py": "counts jobs, whosever they are",
    "jobs/housekeeping.py": "sweeps dead jobs, whosever they were",
    "jobs/timekeeper.py": "looks where something is due, in whichever workspace",
    "jobs/worker.py": "claims what is due, whosever it is",
    "sandbox/copies/exporting.py": "copies a sandbox for one export",
    "sandbox/copies/importing.py": "makes a sandbox of what was imported, with its resource in the live workspace",
    "sandbox/copies/jobs.py": "copies the world of one workspace to another",
    "sandbox/copies/mending.py": "tells that copies have failed whose worker was lost",
    "sandbox/copies/routes.py": "copies at once what is small, as above",
    "sandbox/clocks/settling.py": "waits for the jobs of a sandbox, which are the service's own",
    "sandbox/opening.py": "makes a sandbox with its first key, whoever asks for it, in one transaction",
    "sandbox/filling.py": "fills a sandbox, and says in the live workspace that it is ready, in one transaction",
    "sandbox/taking_turns.py": "puts off the jobs of sandboxes, which are the service's own",
    "sandbox/copies/working.py": "copies for the operator at the command line, as above",
    "sandbox/demo.py": "makes a party in the live workspace and its sandbox in one transaction",
}


def reads_time(module: Module) -> Iterator[str]:
    """Time comes from the clock, so that a workspace's own clock rules. `time.monotonic` measures, and is free."""
    if module.name == CLOCK:
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute | ast.Name) and (name := module.dotted(node)) in READS_TIME:
            yield f"{module.name}:{node.lineno} reads {name}; {CLOCK} is where time comes from"
        elif (
            isinstance(node, ast.Constant)
            and READS_TIME_IN_SQL.search(str(node.value))
            and node not in module.docstrings
        ):
            yield f"{module.name}:{node.lineno} lets the database read the time: {node.value!r}"


def calls_out(module: Module) -> Iterator[str]:
    """One client out, behind one door that refuses non-public addresses."""
    if module.name in {OUTBOUND, LOOKUPS}:
        return
    for line, name in module.imported():
        if name == "aiosmtplib" and module.name == MAIL:
            continue
        if any(name == client or name.startswith(f"{client}.") for client in CLIENTS):
            yield f"{module.name}:{line} imports {name}; {OUTBOUND} is the door out"
        elif name in {f"engage_api.http.outbound.{client}" for client in CLIENTS}:
            yield f"{module.name}:{line} takes {name} through the door"
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Attribute | ast.Name):
            continue
        name = node.attr if isinstance(node, ast.Attribute) else module.dotted(node).rpartition(".")[2]
        if name in OPENS:
            yield f"{module.name}:{node.lineno} opens a connection; {OUTBOUND} is the door out"


def looks_across(module: Module) -> Iterator[str]:
    """`database.system` and `aside` see every workspace, so the modules that use it are listed."""
    if module.name in ACROSS:
        return
    for node in ast.walk(module.tree):
        if (
            isinstance(node, ast.Attribute)
            and node.attr in {"system", "aside"}
            and module.dotted(node) != "platform.system"
        ):
            yield f"{module.name}:{node.lineno} looks across workspaces and is not on the list"


RULES = [reads_time, calls_out, looks_across]


@pytest.mark.parametrize("rule", RULES)
def test_the_package_keeps_the_rule(rule: Rule) -> None:
    broken = [found for module in modules() for found in rule(module)]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (reads_time, "import datetime\ndatetime.datetime.now(datetime.UTC)"),
        (reads_time, "from datetime import datetime as d, UTC\nx = d.now(UTC)"),
        (reads_time, "from datetime import date\ndate.today()"),
        (reads_time, "from time import time as clock\nread = clock"),
        (reads_time, "import time\ntime.time_ns()"),
        (reads_time, "from sqlalchemy import func\nfunc.now()"),
        (reads_time, "import sqlalchemy as sa\nsa.func.now()"),
        (reads_time, "text('UPDATE job SET due = CURRENT_TIMESTAMP')"),
        (reads_time, "text(\"SELECT strftime('%s', 'now')\")"),
        (calls_out, "import httpx"),
        (calls_out, "def f():\n    from urllib.request import urlopen"),
        (calls_out, "from http import client"),
        (calls_out, "import requests as r"),
        (calls_out, "def f():\n    import aiosmtplib"),
        (calls_out, "from socket import socket"),
        (calls_out, "from authlib.integrations.httpx_client import AsyncOAuth2Client"),
        (calls_out, "from engage_api.http.outbound import httpx"),
        (calls_out, "import asyncio\nasyncio.open_connection('a', 1)"),
        (calls_out, "from asyncio import open_connection as o\nx = o"),
        (calls_out, "async def f(loop):\n    await loop.create_connection(P, 'a', 1)"),
        (calls_out, "g().getaddrinfo('a', 1)"),
        (looks_across, "async def f(database):\n    await database.system.fetch(QUERY, None)"),
    ],
)
def test_a_planted_violation_is_found(rule: Rule, code: str) -> None:
    assert len(list(rule(Module("cases/planted.py", code)))) == 1


def test_what_is_allowed_is_not_found() -> None:
    code = (
        '"""Not now(), nor CURRENT_TIMESTAMP."""\nimport platform, time, httpxlike\ntime.monotonic()\nplatform.system()'
    )
    assert [found for rule in RULES for found in rule(Module("cases/planted.py", code))] == []


def test_the_door_is_where_the_rule_says() -> None:
    door = (PACKAGE / OUTBOUND).read_text(encoding="utf-8")
    assert list(calls_out(Module("http/elsewhere.py", door)))
    looks_up = (PACKAGE / LOOKUPS).read_text(encoding="utf-8")
    assert len(list(calls_out(Module("http/elsewhere.py", looks_up)))) == 2  # socket, and what asks
    assert re.findall(r"^ *(?:import|from) httpx.*", door, re.MULTILINE) == [
        "import httpx  # its successor httpx2 has the same names"
    ]


@pytest.mark.parametrize("name", ACROSS)
def test_no_module_is_listed_that_does_not_look_across(name: str) -> None:
    listed = Module("", (PACKAGE / name).read_text(encoding="utf-8"))
    assert list(looks_across(listed))
