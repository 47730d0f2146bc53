"""The setting of a sandbox's faults: what is asked for, what is answered, what is kept."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError
from sqlalchemy import BigInteger, SmallInteger, Text
from sqlmodel import Field as Column
from sqlmodel import SQLModel

from engage_api.core.mishaps import LONGEST, NotUnderstood, Rule, parse
from engage_api.core.model import WHOLE, Input, Model, Moment, Whole, shown_as
from engage_api.db.base import Instant
from engage_api.db.row import KEY

MOST_RULES = 20
MOST_OPERATIONS = 50
MOST_CALLS = 1_000_000

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


def _understood(text: str) -> str:
    """Raises PydanticCustomError: it names no fault."""
    try:
        parse(text, setting=True)
    except NotUnderstood as error:
        raise PydanticCustomError("not-understood", str(error)) from None
    return text


FaultName = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST), AfterValidator(_understood)]
Operation = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,64}$")]


class FaultRule(Input):
    """A fault, on which calls it is made, and on how many of those."""

    fault: FaultName = Field(
        description="As in the header `Engage-Fault`; also `webhook=duplicate` and `webhook=delay;seconds=60`.",
        examples=["status=503;retry-after=2"],
    )
    methods: list[Method] = Field(default_factory=list, max_length=5, description="Of which requests; none: of all.")
    operations: list[Operation] = Field(
        default_factory=list,
        max_length=MOST_OPERATIONS,
        description="Which operations, by their `operationId`; none: all, but those under `/v1/sandboxes`.",
        examples=[["create_case"]],
    )
    after: Whole = Field(default=0, ge=0, le=MOST_CALLS, description="So many such calls are spared first.")
    share: Whole = Field(
        default=100, ge=1, le=100, description="Per cent of the calls after that, evenly spread.", examples=[25]
    )
    times: Annotated[int, Field(ge=1, le=MOST_CALLS), WHOLE] | None = Field(
        default=None, description="At most so often.", examples=[3]
    )
    until: Moment | None = Field(default=None, description="Until then, by the sandbox's clock.")

    def rule(self, rule_id: str) -> Rule:
        """What it means."""
        return Rule(
            rule_id,
            parse(self.fault, setting=True),
            frozenset(self.methods),
            frozenset(self.operations),
            self.after,
            self.share,
            self.times,
            self.until,
        )


class FaultsPut(Input):
    """All faults of a sandbox, in the place of those that were set. The first rule that hits a call is the one."""

    model_config = shown_as(rules=[{"fault": "status=503;retry-after=2", "methods": ["POST"], "share": 50, "times": 3}])

    rules: list[FaultRule] = Field(max_length=MOST_RULES)


class FaultRuleShown(Model):
    """A rule, and what it has done."""

    fault: str = Field(examples=["status=503;retry-after=2"])
    methods: list[str]
    operations: list[str]
    after: int
    share: int
    times: int | None
    until: Moment | None
    calls: int = Field(description="How many calls it was about so far.", examples=[7])
    made: int = Field(description="How many of those had the fault.", examples=[3])


class Faults(Model):
    """The faults of a sandbox, as they are set."""

    rules: list[FaultRuleShown]
    revoked: list[str] = Field(
        description="Credentials that open nothing any more, since a fault `revoke` hit them.",
        examples=[["key_01kb0m5xnye0rt2e5v3h4q8zj9"]],
    )


class FaultRow(SQLModel, table=True):
    """A rule with the number of calls that it was about; without a rule, the id of a credential that was revoked."""

    __tablename__ = "fault"

    workspace_id: str = Column(primary_key=True, sa_type=KEY)
    id: str = Column(primary_key=True, sa_type=KEY)
    position: int = Column(sa_type=SmallInteger)
    rule: str | None = Column(default=None, sa_type=Text)
    calls: int = Column(sa_type=BigInteger)
    set_at: datetime = Column(sa_type=Instant)
