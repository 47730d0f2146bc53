"""The rules for offers."""

from engage_api.core import clock
from engage_api.core.principal import Principal
from engage_api.core.problem import Fault, InvalidRequest, NotFound, Problem
from engage_api.core.states import require_transition
from engage_api.db import reader, store
from engage_api.db.engine import Transaction
from engage_api.db.store import Stored
from engage_api.http import etags
from engage_api.http.patches import patched
from engage_api.offers.models import OFFER, Offer, OfferCreate, OfferState, OfferUpdate

TRANSITIONS: dict[str, tuple[OfferState, ...]] = {"draft": ("active",), "active": ("retired",), "retired": ()}


class OfferRetired(Problem):
    """A retired offer is history: it is not changed any more. Make a new one."""

    code, status, title = "offer-retired", 409, "The offer is retired"


class OfferPublished(Problem):
    """Only a draft can be deleted. Retire an active offer instead."""

    code, status, title = "offer-published", 409, "The offer has been published"


async def create(tx: Transaction, principal: Principal, wanted: OfferCreate) -> Stored[Offer]:
    """Make an offer; a new one is a draft."""
    return await store.create(tx, principal, OFFER, {**dict(wanted), "state": "draft"})


async def put(
    tx: Transaction, principal: Principal, external_id: str, wanted: OfferCreate, conditions: etags.Preconditions
) -> tuple[Stored[Offer], bool]:
    """Make or replace the offer with this external id. True when it is new."""
    was = await reader.find(tx, principal, OFFER, external_id, by="external_id")
    conditions.check(was.document if was else None)
    if was is None:
        return await create(tx, principal, wanted), True
    return await _changed(tx, principal, was, wanted), False


async def change(
    tx: Transaction, principal: Principal, offer_id: str, patch: OfferUpdate, if_match: str | None
) -> Stored[Offer]:
    """Apply a merge patch to the version that the caller has read."""
    was = await require(tx, principal, offer_id)
    etags.require(if_match, was.document)
    return await _changed(tx, principal, was, patched(OfferCreate, was.model, patch))


async def move(
    tx: Transaction, principal: Principal, offer_id: str, to: OfferState, if_match: str | None
) -> Stored[Offer]:
    """Publish a draft, or retire what is active.

    Raises:
        InvalidRequest: the draft's validity is over, so time would retire it at once.
    """
    was = await require(tx, principal, offer_id)
    etags.check(if_match, was.document)
    require_transition(TRANSITIONS, was.model.state, to)
    until = was.model.valid_until
    if to == "active" and until is not None and until <= clock.business(principal.workspace):
        told = "The offer's validity is over: give it a later one, or none, before it is published."
        raise InvalidRequest(errors=[Fault("out-of-range", told, pointer="/validUntil")])
    return await store.change(tx, principal, OFFER, was, {"state": to}, store.Happened(to))


async def delete(tx: Transaction, principal: Principal, offer_id: str, if_match: str | None) -> None:
    """Delete a draft.

    Raises:
        OfferPublished: it is none.
    """
    was = await require(tx, principal, offer_id)
    etags.require(if_match, was.document)
    if was.model.state != "draft":
        raise OfferPublished
    await store.remove(tx, principal, OFFER, was)


async def require(tx: Transaction, principal: Principal, offer_id: str) -> Stored[Offer]:
    """The offer, or NotFound."""
    found = await reader.find(tx, principal, OFFER, offer_id)
    if found is None:
        raise NotFound
    return found


async def _changed(tx: Transaction, principal: Principal, was: Stored[Offer], wanted: OfferCreate) -> Stored[Offer]:
    fields = dict(wanted)
    if was.model.state == "retired" and any(getattr(was.model, name) != value for name, value in fields.items()):
        raise OfferRetired
    return await store.change(tx, principal, OFFER, was, fields)
