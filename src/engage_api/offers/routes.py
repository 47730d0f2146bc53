"""Offers over HTTP."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from engage_api.access.guard import guard
from engage_api.core.model import Input, Moment
from engage_api.core.scopes import Scope
from engage_api.customers.models import Channel
from engage_api.http.call import Call
from engage_api.http.pages import SORTED, Filter, Page, ResourceQuery
from engage_api.http.route import DirectRoute
from engage_api.http.strict import json_body
from engage_api.offers import service
from engage_api.offers.models import OFFER, Offer, OfferCreate, OfferState, OfferUpdate

PATH = "/offers"
RETIRED = {"x-problems": ["offer-retired"]}
PUBLISHED = {"x-problems": ["offer-published"]}
router = APIRouter(prefix=PATH, tags=["Offers"], route_class=DirectRoute)
Read = Annotated[Call, guard(Scope.OFFERS_READ)]
Write = Annotated[Call, guard(Scope.OFFERS_WRITE)]
NewOffer = Annotated[OfferCreate, json_body(OfferCreate)]
Patch = Annotated[OfferUpdate, json_body(OfferUpdate)]


class OfferTransition(Input):
    """Where an offer is to go."""

    to: OfferState = Field(examples=["active"])


Move = Annotated[OfferTransition, json_body(OfferTransition)]

Sort = Annotated[Literal["createdAt", "-createdAt", "updatedAt", "-updatedAt"], Field(description=SORTED)]


class OfferQuery(ResourceQuery):
    """Which offers."""

    sort: Sort = "-createdAt"
    search: Filter | None = Field(None, description="Words of the title or of a component.")
    state: OfferState | None = Field(None, description="Only those in this state.")
    channel: Channel | None = Field(None, description="Only those that name this channel.")
    valid_at: Moment | None = Field(None, description="Only those that hold at this time: active, and valid then.")


@router.post("", status_code=201, response_model=Offer, summary="Create an offer")
async def create_offer(call: Write, body: NewOffer) -> Response:
    """A new offer is a draft: nobody is offered it yet."""
    return await call.create(PATH, lambda tx: service.create(tx, call.principal, body))


@router.get("", response_model=Page[Offer], summary="List offers")
async def list_offers(call: Read, query: Annotated[OfferQuery, Query()]) -> Response:
    """The offers that you may see, filtered, searched and sorted."""
    return await call.page(OFFER, query)


@router.get("/external/{external_id}", response_model=Offer, summary="Read an offer by your own id")
async def get_offer_by_external_id(external_id: str, call: Read) -> Response:
    """The offer with this `externalId`."""
    return await call.document(OFFER, external_id, by="external_id")


@router.put(
    "/external/{external_id}",
    response_model=Offer,
    summary="Create or replace an offer by your own id",
    openapi_extra=RETIRED,
)
async def put_offer(external_id: str, call: Write, body: NewOffer) -> Response:
    """Upsert: creates the offer with this `externalId` (201) or replaces all its fields (200).

    The same twice changes nothing.
    """
    return await call.put(PATH, external_id, body, service.put)


@router.get("/{offer_id}", response_model=Offer, summary="Read an offer")
async def get_offer(offer_id: str, call: Read) -> Response:
    """One offer."""
    return await call.document(OFFER, offer_id)


@router.patch("/{offer_id}", response_model=Offer, summary="Update an offer", openapi_extra=RETIRED)
async def update_offer(offer_id: str, call: Write, body: Patch) -> Response:
    """A JSON Merge Patch: what is absent stays, what is null goes. A retired offer does not change."""
    return await call.change(lambda tx: service.change(tx, call.principal, offer_id, body, call.if_match))


@router.delete(
    "/{offer_id}", status_code=204, summary="Delete an offer", openapi_extra={"x-problems": ["offer-published"]}
)
async def delete_offer(offer_id: str, call: Write) -> Response:
    """Only a draft."""
    return await call.remove(lambda tx: service.delete(tx, call.principal, offer_id, call.if_match))


@router.post("/{offer_id}/transitions", response_model=Offer, summary="Transition an offer to another state")
async def transition_offer(offer_id: str, call: Write, body: Move) -> Response:
    """Draft, active, retired. What cannot follow is refused, with what can. When its validity ends, it is retired; a
    draft whose validity is over cannot be published.
    """
    return await call.act(lambda tx: service.move(tx, call.principal, offer_id, body.to, call.if_match))
