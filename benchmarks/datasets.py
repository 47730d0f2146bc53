"""Databases with a hundred thousand customers, written through the service's own funnel and kept between runs."""

import asyncio
import hashlib
import json
import secrets
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import sample
from benchmarks.places import DATA, ROOT
from benchmarks.postgres import Cluster
from engage_api import __version__
from engage_api.access import operator
from engage_api.core.principal import Principal
from engage_api.core.scopes import EVERYTHING
from engage_api.core.secret import derive
from engage_api.customers import service
from engage_api.customers.models import CUSTOMER, CustomerCreate
from engage_api.db import Database, open_database
from engage_api.db.migrate import upgrade
from engage_api.db.sequencer import Sequencer

CUSTOMERS = 100_000
BATCH = 500  # customers in one transaction
# What decides the rows: when one of these changes, databases are filled anew.
MAKERS = ("migrations/versions/*.py", "src/engage_api/customers/*.py", "benchmarks/sample.py")


@dataclass(frozen=True, slots=True)
class Dataset:
    """A filled database: where it is, a key without limit, one with a low limit, and the ids of its customers."""

    place: str  # a file, or the name of a database of the cluster
    secret: str
    key: str
    limited_key: str
    ids: Path


def stamp(customers: int) -> str:
    """What the rows depend on, as a short name that begins with their number."""
    digest = hashlib.blake2b(f"{__version__} {CUSTOMER.schema} {customers}".encode(), digest_size=5)
    for pattern in MAKERS:
        for path in sorted(ROOT.glob(pattern)):
            digest.update(path.read_bytes())
    return f"{customers}_{digest.hexdigest()}"


def sqlite(customers: int = CUSTOMERS) -> Dataset:
    """The filled file."""
    home = DATA / stamp(customers)
    path = home / "engage.db"
    kept = _kept(home / "sqlite.json")
    if kept and path.is_file():
        return kept
    for old in DATA.glob(f"{customers}_*"):  # filled otherwise: nobody will use them again, and they are large
        shutil.rmtree(old)
    made = _made(home, "sqlite", f"sqlite:///{path}", customers)
    with sqlite3.connect(path) as connection:  # into one file that can be copied
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return _keep(home / "sqlite.json", Dataset(str(path), *made))


def postgresql(cluster: Cluster, customers: int = CUSTOMERS) -> Dataset:
    """The filled database; make others from it as their template."""
    home, name = DATA / stamp(customers), f"filled_{stamp(customers)}"
    kept = _kept(home / "postgresql.json")
    if kept and cluster.has(name):
        return kept
    for (old,) in cluster.do("SELECT datname FROM pg_database WHERE starts_with(datname, $1)", f"filled_{customers}_"):
        cluster.drop(old)
    made = _made(home, "postgresql", cluster.create(name), customers)
    cluster.do("VACUUM (FREEZE, ANALYZE)", database=name)
    cluster.do("CHECKPOINT")
    return _keep(home / "postgresql.json", Dataset(name, *made))


def _made(home: Path, dialect: str, url: str, customers: int) -> tuple[str, str, str, Path]:
    home.mkdir(parents=True, exist_ok=True)
    began, secret, ids = time.monotonic(), secrets.token_hex(32), home / f"{dialect}.ids"
    print(f"Filling {dialect} with {customers:,} customers, once for this schema …", flush=True)
    upgrade(url)
    key, limited_key, found = asyncio.run(_fill(url, secret, customers))
    ids.write_text("\n".join(found) + "\n")
    print(f"… in {time.monotonic() - began:.0f} s.", flush=True)
    return secret, key, limited_key, ids


async def _fill(url: str, secret: str, customers: int) -> tuple[str, str, list[str]]:
    db = await open_database(url)
    try:
        pepper = derive(secret.encode(), "api-keys")
        holders = [await operator.principal(db, "live", plan=plan) for plan in ("unlimited", "developer")]
        keys = []
        for who in holders:
            _, made = await operator.make_key(db, who, pepper, name="Benchmark", wanted=sorted(EVERYTHING))
            keys.append(made.reveal())
        ids = [row_id async for row_id in _customers(db, holders[0], customers)]
        if db.dialect == "postgresql":
            while await Sequencer(db).run_once():
                pass
        return keys[0], keys[1], ids
    finally:
        await db.close()


async def _customers(db: Database, who: Principal, customers: int) -> AsyncIterator[str]:
    for first in range(0, customers, BATCH):
        async with db.write(who.workspace) as tx:
            made = [await service.create(tx, who, body) for body in _bodies(first, min(first + BATCH, customers))]
        for stored in made:
            yield stored.model.id


def _bodies(first: int, end: int) -> Iterator[CustomerCreate]:
    return (CustomerCreate.model_validate(sample.ours(number)) for number in range(first, end))


def _kept(path: Path) -> Dataset | None:
    if not path.is_file():
        return None
    told = json.loads(path.read_text())
    return Dataset(**{**told, "ids": Path(told["ids"])})


def _keep(path: Path, made: Dataset) -> Dataset:
    """Last of all: a fill that was broken off leaves none."""
    path.write_text(json.dumps({**asdict(made), "ids": str(made.ids)}))
    path.chmod(0o600)
    return made
