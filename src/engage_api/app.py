"""All composition is here: settings become a running service."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI
from starlette.routing import Mount
from starlette.types import ASGIApp

from engage_api import __version__, beside
from engage_api.access import operations
from engage_api.access import seal as _seal  # noqa: F401  # registers its table
from engage_api.access.accounts.routes import routes as account_pages
from engage_api.access.accounts.service import Accounts
from engage_api.access.applications.models import APPLICATION
from engage_api.access.applications.routes import router as applications
from engage_api.access.applications.secret_models import CLIENT_SECRET
from engage_api.access.customer_links.models import ACCOUNT_LINK
from engage_api.access.customer_links.pages import routes as customer_pages
from engage_api.access.guard import Doorkeeper
from engage_api.access.jobs.routes import router as jobs
from engage_api.access.members.models import INVITATION, MEMBER
from engage_api.access.members.pages import routes as organization_pages
from engage_api.access.members.program_pages import routes as application_pages
from engage_api.access.members.routes import router as members
from engage_api.access.models import API_KEY
from engage_api.access.oauth import endpoints as oauth
from engage_api.access.oauth.signing import PURPOSE as SIGNING
from engage_api.access.oauth.signing import Keyring
from engage_api.access.organizations.models import ORGANIZATION
from engage_api.access.organizations.routes import router as organizations
from engage_api.access.routes import router as api_keys
from engage_api.access.sandboxes.models import SANDBOX
from engage_api.access.usage import service as usage
from engage_api.access.usage.routes import router as usage_figures
from engage_api.cases.models import CASE
from engage_api.cases.routes import router as cases
from engage_api.cases.tasks.models import TASK
from engage_api.cases.tasks.routes import router as tasks
from engage_api.core.secret import derive
from engage_api.customers.links_routes import router as account_links
from engage_api.customers.models import CUSTOMER
from engage_api.customers.routes import router as customers
from engage_api.customers.sessions_routes import router as customer_sessions
from engage_api.db import open_database
from engage_api.db.kind import Kind
from engage_api.events import asyncapi, catalogue
from engage_api.events.hub import Hub
from engage_api.events.routes import router as events
from engage_api.events.signals_routes import router as signals
from engage_api.events.webhooks.delivery_routes import router as webhook_deliveries
from engage_api.events.webhooks.models import WEBHOOK_ENDPOINT
from engage_api.events.webhooks.routes import router as webhook_endpoints
from engage_api.events.webhooks.secret_models import WEBHOOK_SECRET
from engage_api.events.webhooks.sender import Sender
from engage_api.http import contract, origins, problems
from engage_api.http.call import Services
from engage_api.http.cursors import Cursors
from engage_api.http.dispatch import Direct
from engage_api.http.idempotency import Idempotency
from engage_api.http.limits import Limits
from engage_api.http.meter import Meter
from engage_api.http.methods import Head
from engage_api.http.middleware import Apps, Bounds, Envelope, Shared
from engage_api.http.quotas import Quotas
from engage_api.http.requestlog import RequestLog
from engage_api.http.rooms import Api, Pages
from engage_api.http.tally import Tally
from engage_api.http.walk import require_guards
from engage_api.jobs.figures import Figures
from engage_api.jobs.rounds import every
from engage_api.me.routes import router as me
from engage_api.offers.models import OFFER
from engage_api.offers.routes import router as offers
from engage_api.portal import Portal
from engage_api.sandbox.clocks.settling import Settler
from engage_api.sandbox.copies.models import SNAPSHOT
from engage_api.sandbox.copies.routes import IMPORTS
from engage_api.sandbox.doors import ROUTERS as SANDBOX_ROUTERS
from engage_api.sandbox.scenarios.models import SCENARIO_RUN
from engage_api.settings import Settings

ROUTERS = (
    customers,
    customer_sessions,
    account_links,
    me,
    cases,
    tasks,
    offers,
    events,
    signals,
    webhook_endpoints,
    webhook_deliveries,
    api_keys,
    organizations,
    members,
    applications,
    usage_figures,
    jobs,
    *SANDBOX_ROUTERS,
)
KINDS: tuple[Kind[Any], ...] = (
    CUSTOMER,
    ACCOUNT_LINK,
    CASE,
    TASK,
    OFFER,
    API_KEY,
    ORGANIZATION,
    MEMBER,
    INVITATION,
    APPLICATION,
    CLIENT_SECRET,
    WEBHOOK_ENDPOINT,
    WEBHOOK_SECRET,
    SANDBOX,
    SNAPSHOT,
    SCENARIO_RUN,
)
"""Every kind of resource, in the order in which they refer to each other."""
FLUSH = 0.5  # seconds between two writes of the request log
CARRY = 5.0  # seconds between two writings of usage
NOTE = 60.0  # seconds between two notes of when keys were used


def create_app(settings: Settings, *, processes: int = 1) -> ASGIApp:
    """The whole service as one ASGI application: the API at `/v1`, the portal at `/`, and what operators need."""
    meter, shared = Meter(), Shared(settings.base_url)
    log = RequestLog(developing=settings.environment == "development")

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with running(settings, processes, log) as services:
            shared.services = services
            meter.others = (services.taps.collect, services.jobs.collect)
            yield

    api = create_api(settings.base_url, lifespan=lifespan, telemetry=settings.telemetry)
    pages = Pages(
        routes=[
            *operations.routes(meter, settings.base_url, behind_proxy=bool(settings.trusted_proxies)),
            *oauth.routes(settings.base_url),
            *account_pages,
            *organization_pages,
            *customer_pages,
            *application_pages,
            Mount("/", Portal()),
        ]
    )
    bounds = Bounds(settings.outer_limit, settings.max_body_bytes, {IMPORTS: settings.max_sandbox_bytes})
    front = api if settings.telemetry else Direct(api)  # FastAPI's own telemetry hangs on its own way
    return Envelope(
        Apps(Head(front), pages, oauth.DOORS).across(origins.allowed(settings.cors_origins)), shared, meter, log, bounds
    )


def create_api(base_url: str = "", *, lifespan: Any = None, telemetry: bool = False) -> FastAPI:
    """Version 1 of the API, with its description. It needs no database until it is called."""
    api = Api(
        title="Engage API",
        version=__version__,
        summary="Customers, cases and offers of an organisation, and the log of everything that happened to them.",
        description=contract.DESCRIPTION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        openapi_tags=contract.TAGS,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        lifespan=lifespan,
        telemetry={
            "tracing": telemetry,
            "metrics": telemetry,
            "logs": telemetry,
            "operation_spans": False,
            "auto_configure": telemetry,
        },
    )
    for router in ROUTERS:
        api.router.routes += router.routes  # flat, so that a request is matched once and every walk sees all routes
    api.state.additions, api.state.messages = (catalogue.describe,), asyncapi.build
    require_guards(api)
    problems.install(api, base_url)
    contract.serve(api)
    return api


@asynccontextmanager
async def running(settings: Settings, processes: int, log: RequestLog) -> AsyncIterator[Services]:
    """The services of a process, with what runs beside the requests, until it ends."""
    db = await open_database(settings.database, group_commit=settings.group_commit)
    doorkeeper = Doorkeeper(db, derive(settings.secret(), "api-keys"))
    quotas = Quotas(partial(usage.used, db))
    services = _services(settings, doorkeeper, Limits(settings.redis_url, processes, quotas=quotas))
    ledger = usage.Ledger(db, services.tally, quotas)
    kinds = beside.kinds(services.accounts, services.webhooks, settings.kept) if settings.worker else None
    stop = asyncio.Event()
    runs = [
        every(FLUSH, stop, log.flush),
        every(NOTE, stop, doorkeeper.write_uses),
        every(CARRY, stop, ledger.flush),
        *beside.runs(db, kinds, stop, services.jobs.note),
    ]
    tasks = [asyncio.create_task(run) for run in runs]
    try:
        yield services
    finally:
        stop.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        for last in (services.taps.end, doorkeeper.write_uses, ledger.flush):
            with contextlib.suppress(Exception):
                await last()
        log.flush()
        services.accounts.close()
        services.webhooks.close()
        await db.close()
        await services.limits.close()


def _services(settings: Settings, doorkeeper: Doorkeeper, limits: Limits) -> Services:
    secret, db = settings.secret(), doorkeeper.db
    return Services(
        db=db,
        cursors=Cursors(derive(secret, "cursors")),
        limits=limits,
        tally=Tally(),
        once=Idempotency(db, derive(secret, "idempotency")),
        doorkeeper=doorkeeper,
        pepper=doorkeeper.pepper,
        base_url=settings.base_url,
        contact=settings.contact,
        accounts=Accounts.open(settings, db),
        signing=Keyring(db, derive(secret, SIGNING)),
        jobs=Figures(db),
        taps=Hub(db),
        webhooks=Sender.open(settings),
        settle=Settler(db).settle,
        guests=settings.guests,
    )
