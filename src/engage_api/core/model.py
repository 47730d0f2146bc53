"""Models of what goes over the wire: camelCase, bounded, strict on the way in."""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    StringConstraints,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from engage_api.core import clock

WIRE = ConfigDict(alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)
STRICT = ConfigDict(extra="forbid", strict=True)
MOST_METADATA = 50
LONGEST_VALUE = 500  # characters of a value in metadata


class Model(BaseModel):
    """What is answered. Few are ever validated, so pydantic builds each when it is first used and not at the start."""

    model_config = WIRE | ConfigDict(defer_build=True)


class Input(BaseModel):
    """What is asked for: an unknown property or a value of another type is refused, never guessed."""

    model_config = WIRE | STRICT | ConfigDict(defer_build=False)


def shown_as(**fields: Any) -> ConfigDict:
    """The example of a model in the description, where those of its fields would not work together."""
    return ConfigDict(json_schema_extra={"examples": [fields]})


def needed() -> Any:
    """A member that a patch may leave out but not set to null, because the resource cannot do without it.

    The description says so; null itself is refused with all else that is wrong, when the patched whole is validated.
    """

    def not_null(schema: dict[str, Any]) -> None:
        kind, _ = schema.pop("anyOf")
        schema.update(kind)

    return Field(default=None, json_schema_extra=not_null)


class Query(BaseModel):
    """The parameters of a list: text from the URL, so converted, but an unknown one is refused."""

    model_config = WIRE | ConfigDict(extra="forbid", validate_by_name=False)


RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")


def _moment(value: Any, _: ValidatorFunctionWrapHandler) -> datetime:
    """RFC 3339 and nothing else: pydantic alone would also take Unix times and other separators."""
    try:
        if isinstance(value, str) and RFC3339.fullmatch(value):
            value = datetime.fromisoformat(value.upper())
        if isinstance(value, datetime) and value.tzinfo is not None:
            moment = value.astimezone(UTC)
            return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    except (ValueError, OverflowError):
        pass
    raise PydanticCustomError("moment", "Input should be a time with its offset, such as 2026-11-21T20:00:00Z")


Moment = Annotated[
    datetime,
    WrapValidator(_moment),
    PlainSerializer(clock.wire, return_type=str, when_used="json"),
    Field(json_schema_extra={"format": "date-time"}, examples=["2026-11-21T20:00:00.000Z"]),
]
"""A moment with its offset (RFC 3339). Answered in UTC with milliseconds; finer digits are dropped."""


class Form:
    """The form of a text, and what is told of any other: a sentence, where its pattern would tell people nothing."""

    def __init__(self, pattern: str, told: str) -> None:
        self._pattern, self._told = re.compile(pattern), told

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._fitting, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(schema), "pattern": self._pattern.pattern}

    def _fitting(self, text: str) -> str:
        if self._pattern.fullmatch(text):
            return text
        raise PydanticCustomError("form", self._told)


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)
"""For one that has bounds and may be null: `Annotated[int, Field(ge=1), WHOLE] | None`."""
Whole = Annotated[int, WHOLE]
"""An integer as JSON Schema means it (2020-12, validation, section 6.1.1): 2.0 is one, however it was written."""

Day = Annotated[date, Field(examples=["2026-11-21"])]

EXTERNAL_ID = re.compile(r"^[A-Za-z0-9._:-]{1,128}$")
ExternalId = Annotated[
    str,
    StringConstraints(pattern=EXTERNAL_ID.pattern),
    Field(description="Your own id for it, unique per workspace.", examples=["crm:4711"]),
]
SEEN = re.compile(r"[^\s\u001c-\u001f\u0085\ufeff]")  # what Python and ECMA-262 call white space is not the same


def _seen(name: str) -> str:
    if SEEN.search(name):
        return name
    raise PydanticCustomError("blank", "It should have more in it than blanks")


Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200),
    AfterValidator(_seen),
    Field(json_schema_extra={"pattern": SEEN.pattern}),
]
Text = Annotated[str, StringConstraints(max_length=10_000)]
WORD = r"^[A-Za-z0-9._:-]{1,64}$"
Word = Annotated[str, StringConstraints(pattern=WORD)]
"""A short machine-readable name: a segment, a type, a role."""
Reference = Annotated[str, StringConstraints(min_length=1, max_length=64)]
"""The id of another resource."""


def _named(schema: dict[str, Any]) -> None:
    """A pattern for names alone would let a name of another form have any value."""
    [(pattern, value)] = schema.pop("patternProperties").items()
    schema.update(additionalProperties=value, propertyNames={"pattern": pattern})


Metadata = Annotated[
    dict[Word, Annotated[str, StringConstraints(max_length=LONGEST_VALUE)]],
    Field(
        max_length=MOST_METADATA,
        description="Your own keys and values. At most 50; keys of 64 characters, values of 500.",
        examples=[{"department": "General"}],
        json_schema_extra=_named,
    ),
]

MetadataPatch = Annotated[
    dict[str, str | None],
    Field(
        max_length=2 * MOST_METADATA,
        description="Keys to set, and to remove: those that are null.",
        json_schema_extra={
            "propertyNames": {"pattern": WORD},
            "additionalProperties": {"anyOf": [{"type": "string", "maxLength": LONGEST_VALUE}, {"type": "null"}]},
        },
    ),
]


class Partly:
    """Describes an object inside a merge patch: any part of what the model has, and null for what it can do without.

    This is description only: the whole is validated once it is patched, and all that is wrong with it told at once.
    """

    def __init__(self, model: type[BaseModel]) -> None:
        self._model = model

    def __get_pydantic_json_schema__(self, _: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return _partly(handler(self._model.__pydantic_core_schema__), handler)


def _partly(schema: JsonSchemaValue, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
    whole = handler.resolve_ref_schema(schema) if "$ref" in schema else schema
    if "properties" not in whole:
        return schema
    parts = {name: _partly(part, handler) for name, part in whole["properties"].items()}
    for name in parts.keys() - set(whole.get("required", ())):
        part = {what: value for what, value in parts[name].items() if what != "default"}
        kinds = part.get("anyOf", [part])
        parts[name] = part if {"type": "null"} in kinds else {"anyOf": [*kinds, {"type": "null"}]}
    return {"type": "object", "properties": parts, "additionalProperties": False}


class Money(Input):
    """An exact amount in one currency."""

    amount: Annotated[str, StringConstraints(pattern=r"^-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,4})?$")] = Field(
        description="An exact decimal, as a string.", examples=["12.50"]
    )
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = Field(
        description="ISO 4217 code.", examples=["EUR"]
    )


class Resource(Model):
    """What every resource has besides its own fields."""

    id: str

    created_at: Moment = Field(description="When it was made.")
    updated_at: Moment = Field(description="When it last changed.")
    version: int = Field(ge=1, description="1 when made, one more with every change.", examples=[1])


def merge_patch(target: Any, patch: Any) -> Any:
    """JSON Merge Patch as RFC 7396 section 2 defines it. Neither argument is changed."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged
