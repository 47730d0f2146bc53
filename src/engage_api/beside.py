"""What is done beside the requests: the same in every process, whether it serves or is a worker alone."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

from engage_api.access import expiry as _expiry  # noqa: F401  # registers what time does
from engage_api.access.accounts import housekeeping as _accounts  # noqa: F401  # registers its jobs
from engage_api.access.accounts import letters as accounts_letters
from engage_api.access.accounts.service import Accounts
from engage_api.access.customer_links import housekeeping as _links  # noqa: F401  # registers its job
from engage_api.access.customer_links import letters as links_letters
from engage_api.access.customer_sessions import housekeeping as _customers  # noqa: F401  # registers its job
from engage_api.access.members import housekeeping as _members  # noqa: F401  # registers its job
from engage_api.access.members import letters as members_letters
from engage_api.access.oauth import housekeeping as _tokens  # noqa: F401  # registers its job
from engage_api.access.usage import housekeeping as _usage  # noqa: F401  # registers its job
from engage_api.cases import overdue as _overdue  # noqa: F401  # registers what time does
from engage_api.db import Database
from engage_api.db.sequencer import Sequencer
from engage_api.events.retention import Retention
from engage_api.events.webhooks import housekeeping as _webhooks  # noqa: F401  # registers its jobs
from engage_api.events.webhooks import letters as webhooks_letters
from engage_api.events.webhooks.courier import Courier
from engage_api.events.webhooks.fanout import Fanout
from engage_api.events.webhooks.sender import Sender
from engage_api.http import housekeeping as _http  # noqa: F401  # registers its job
from engage_api.jobs import Registry, Worker, moments, registry
from engage_api.jobs.timekeeper import Timekeeper
from engage_api.jobs.worker import Note, nobody
from engage_api.offers import expiry as _offers  # noqa: F401  # registers what time does
from engage_api.sandbox import expiry as _ending  # noqa: F401  # registers its jobs
from engage_api.sandbox import filling as _filling  # noqa: F401  # registers its job
from engage_api.sandbox.clocks.mover import Mover
from engage_api.sandbox.copies.jobs import Copier
from engage_api.sandbox.scenarios import service as _scenarios  # noqa: F401  # registers what time does


def kinds(accounts: Accounts, sender: Sender, kept: timedelta | None) -> Registry:
    """Every kind of job: those that need nothing but the database, and those that need to know the way out, or how long
    events are kept.
    """
    jobs = registry.copy()
    accounts_letters.Writer(accounts.post, accounts.base_url, accounts.pepper).join(jobs)
    members_letters.Writer(accounts.post, accounts.base_url).join(jobs)
    links_letters.Writer(accounts.post, accounts.base_url).join(jobs)
    webhooks_letters.Writer(accounts.post, accounts.base_url).join(jobs)
    Courier(sender).join(jobs)
    Mover(sender).join(jobs)
    Copier(sender.box).join(jobs)
    if kept is not None:
        Retention(kept).join(jobs)
    return jobs


def runs(
    db: Database,
    jobs: Registry | None,
    stop: asyncio.Event,
    note: Note = nobody,
    sources: moments.Registry = moments.registry,
) -> list[Coroutine[Any, Any, None]]:
    """What goes on until `stop`: hearing other processes, the jobs, the deliveries and what time does unless a
    worker elsewhere does them, and numbering events.
    """
    found = [db.pulse.run(stop)]
    if jobs is not None:
        found += [Worker(db, jobs, note=note).run(stop), Fanout(db).run(stop), Timekeeper(db, sources).run(stop)]
    if db.dialect == "postgresql":
        found.append(Sequencer(db).run(stop))
    return found
