"""The customer family: what a caller may say, what is answered, what is kept."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints
from sqlalchemy import ForeignKeyConstraint, Index
from sqlmodel import Field as Column

from engage_api.core.model import (
    ExternalId,
    Input,
    Metadata,
    MetadataPatch,
    Model,
    Name,
    Partly,
    Reference,
    Resource,
    Text,
    Word,
    needed,
    shown_as,
)
from engage_api.db.kind import SORTS, Equal, Kind, Term
from engage_api.db.row import KEY, Row
from engage_api.db.search import fold

CustomerState = Literal["prospect", "active", "dormant", "closed"]
Channel = Literal["web", "app", "phone", "desk", "email", "chat", "social", "letter", "partner", "internal"]
Value = Annotated[str, StringConstraints(min_length=1, max_length=320)]
SORTED_BY = 100  # characters of a name; folding makes some scripts several times as long, and a cursor holds them
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]


class Identifier(Input):
    """A name by which others know the customer, such as a number in a register."""

    scheme: Word = Field(description="Whose numbers these are.", examples=["kvk"])
    value: Value = Field(description="The number or name itself.", examples=["12345678"])


class ContactPoint(Input):
    """Where the customer can be reached."""

    type: Literal["email", "phone", "address", "web", "social"] = Field(description="What kind of place it is.")
    value: Value = Field(description="The address or number itself.", examples=["zoe@example.org"])
    label: Name | None = Field(None, description="What you call it.", examples=["work"])
    preferred: bool = Field(False, description="Whether to try it first.")


class Preferences(Input):
    """How the customer wants to be served."""

    language: Language | None = Field(None, description="BCP 47 tag.", examples=["nl"])
    channels: list[Channel] = Field(default_factory=list, max_length=10, description="In order of preference.")
    contactable: bool = Field(True, description="Whether the customer wants to be approached at all.")


class Context(Input):
    """What the customer is busy with now."""

    role: Name | None = Field(None, description="As what they turn to you.", examples=["home owner"])
    location: Name | None = Field(None, description="Where it is about.", examples=["Utrecht"])
    intent: Text | None = Field(None, description="What they want to reach.", examples=["wants to build a dormer"])


class CustomerBase(Model):
    """What is known of a customer."""

    external_id: ExternalId | None = None
    kind: Literal["person", "organization"] = Field(description="What they are.", examples=["person"])
    display_name: Name = Field(description="The name to show and to sort by.", examples=["Zoë de Vries"])
    identifiers: list[Identifier] = Field(
        default_factory=list, max_length=50, description="Names by which others know them."
    )
    contact_points: list[ContactPoint] = Field(
        default_factory=list, max_length=50, description="Where they can be reached."
    )
    preferences: Preferences = Field(default_factory=Preferences, description="How they want to be served.")
    context: Context = Field(default_factory=Context, description="What they are busy with now.")
    segments: list[Word] = Field(
        default_factory=list, max_length=50, description="Groups that you count them among.", examples=[["home-owner"]]
    )
    metadata: Metadata = Field(default_factory=dict)


class CustomerCreate(CustomerBase, Input):
    """A new customer, or all that is to be known of one."""


class CustomerUpdate(Input):
    """Changes as a JSON Merge Patch: what is absent stays, what is null goes (RFC 7396)."""

    model_config = shown_as(displayName="Zoë Jansen", context={"intent": None}, segments=["home-owner", "vip"])

    external_id: ExternalId | None = None
    kind: Literal["person", "organization"] | None = needed()
    display_name: Name | None = needed()
    identifiers: list[Identifier] | None = Field(None, max_length=50)
    contact_points: list[ContactPoint] | None = Field(None, max_length=50)
    preferences: Annotated[dict[str, Any], Partly(Preferences)] | None = Field(None, max_length=3)
    context: Annotated[dict[str, Any], Partly(Context)] | None = Field(None, max_length=3)
    segments: list[Word] | None = Field(None, max_length=50)
    metadata: MetadataPatch | None = None


class Customer(CustomerBase, Resource):
    """A customer."""

    id: str = Field(description="Its id, given by the service.", examples=["cus_01kb0m5xnye0rt2e5v3h4q8zj9"])
    state: CustomerState = Field(description="Changes by a transition only.")
    merged_into: Reference | None = Field(
        None, description="The customer that this one turned out to be. Reserved: nothing sets it yet."
    )


class CustomerRow(Row, table=True):
    """A customer's row. `sort_name` is the name as it is sorted: folded, so that case and accents do not matter."""

    __tablename__ = "customer"
    __table_args__ = (
        ForeignKeyConstraint(["workspace_id", "merged_into"], ["customer.workspace_id", "customer.id"]),
        Index("customer_external", "workspace_id", "external_id", unique=True),
        Index("customer_created", "workspace_id", "created_at", "id"),
        Index("customer_updated", "workspace_id", "updated_at", "id"),
        Index("customer_state", "workspace_id", "state", "created_at", "id"),
        Index("customer_name", "workspace_id", "sort_name", "id"),
        Index(
            "customer_merged",
            "workspace_id",
            "merged_into",
            postgresql_where="merged_into IS NOT NULL",
            sqlite_where="merged_into IS NOT NULL",
        ),
        {"info": {"customer": "id"}},
    )

    external_id: str | None = Column(default=None, sa_type=KEY)
    kind: str = Column(sa_type=KEY)
    state: str = Column(sa_type=KEY)
    sort_name: str = Column(sa_type=KEY)
    merged_into: str | None = Column(default=None, sa_type=KEY)


def _columns(customer: Customer) -> dict[str, Any]:
    return {
        "external_id": customer.external_id,
        "kind": customer.kind,
        "state": customer.state,
        "sort_name": " ".join(fold(customer.display_name))[:SORTED_BY],
        "merged_into": customer.merged_into,
    }


def _words(customer: Customer) -> Iterator[str]:
    yield customer.display_name
    yield from (identifier.value for identifier in customer.identifiers)
    yield from (point.value for point in customer.contact_points)


def _terms(customer: Customer) -> Iterator[tuple[str, str]]:
    for identifier in customer.identifiers:
        yield "identifier", identifier.value
        yield "identifier", f"{identifier.scheme}:{identifier.value}"
    yield from (("contact-point", point.value.casefold()) for point in customer.contact_points)
    yield from (("segment", segment) for segment in customer.segments)


CUSTOMER = Kind(
    "customer",
    "cus",
    Customer,
    CustomerRow,
    _columns,
    _words,
    _terms,
    filters={
        "state": Equal("state"),
        "kind": Equal("kind"),
        "segment": Term("segment"),
        "identifier": Term("identifier"),
        "contact_point": Term("contact-point"),
    },
    sorts={**SORTS, "displayName": "sort_name"},
    happens={
        "created": "A customer was entered.",
        "updated": "Fields of the customer changed.",
        "active": "The customer is active now.",
        "dormant": "The customer is dormant now.",
        "closed": "The customer is closed now, and signed out everywhere.",
        "deleted": "The customer was deleted.",
    },
)
