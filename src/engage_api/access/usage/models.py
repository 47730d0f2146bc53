"""The figures of a day: what is answered, what is kept."""

from pydantic import Field
from sqlalchemy import BigInteger
from sqlmodel import Field as Column
from sqlmodel import SQLModel

from engage_api.core.model import Day, Model, Reference
from engage_api.db.row import KEY

TOKEN, CUSTOMER, OTHER = "access-token", "customer-token", "other"
"""What stands in the place of a key's id, and for operations beyond what is kept in memory."""


class Usage(Model):
    """How often something was called, and how that went. What the figures are not grouped by is null."""

    day: Day | None = Field(description="The day in UTC.")
    application_id: Reference | None = Field(examples=["app_01kb0m5xnye0rt2e5v3h4q8zj9"])
    credential: str | None = Field(
        description="The id of an API key, `access-token` or `customer-token`.",
        examples=["key_01kb0m5xnye0rt2e5v3h4q8zj9"],
    )
    operation: str | None = Field(
        description="As the description names it; there may be new ones. `other`: more than were told apart.",
        examples=["list_customers"],
    )
    calls: int = Field(description="Answered requests, whatever the answer.", examples=[1200])
    client_errors: int = Field(description="Answers from 400 to 499, without 429.", examples=[3])
    server_errors: int = Field(description="Answers from 500.", examples=[0])
    limited: int = Field(description="Answers 429: a limit was used up.", examples=[1])


class UsageRow(SQLModel, table=True):
    """One day of one credential with one operation. No resource: nobody writes it but the counting itself."""

    __tablename__ = "usage"
    __table_args__ = ({"info": {"organization": "organization_id"}},)

    workspace_id: str = Column(primary_key=True, sa_type=KEY)
    day: str = Column(primary_key=True, sa_type=KEY)
    application_id: str = Column(primary_key=True, sa_type=KEY)
    credential: str = Column(primary_key=True, sa_type=KEY)
    operation: str = Column(primary_key=True, sa_type=KEY)
    organization_id: str = Column(sa_type=KEY)
    calls: int = Column(sa_type=BigInteger)
    client_errors: int = Column(sa_type=BigInteger)
    server_errors: int = Column(sa_type=BigInteger)
    limited: int = Column(sa_type=BigInteger)
