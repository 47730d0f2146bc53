"""A customer as they see themselves.

Left out is what others write down for each other (context, segments, metadata, their own ids) and what tells that they
wrote something down (version, the time of the last change).
"""

from pydantic import Field

from engage_api.core.model import Model, Moment
from engage_api.customers.models import CUSTOMER, ContactPoint, CustomerState, Identifier, Preferences


class Me(Model):
    """You, as the customer that you are."""

    id: str = Field(description="Your id.", examples=["cus_01kb0m5xnye0rt2e5v3h4q8zj9"])
    kind: str = Field(description="`person` or `organization`.", examples=["person"])
    display_name: str = Field(description="Your name.", examples=["Zoë de Vries"])
    state: CustomerState = Field(description="How you stand with us.", examples=["active"])
    identifiers: list[Identifier] = Field(description="Names by which others know you.")
    contact_points: list[ContactPoint] = Field(description="Where you can be reached.")
    preferences: Preferences = Field(description="How you want to be served.")
    created_at: Moment = Field(description="Since when you are known.")


def reduced(document: bytes) -> bytes:
    """A customer's document with the fields that the customer may have."""
    customer = CUSTOMER.read(document)
    return (
        Me.model_construct(**{name: getattr(customer, name) for name in Me.model_fields})
        .model_dump_json(by_alias=True)
        .encode()
    )
