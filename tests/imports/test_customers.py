"""Customers from lines, by the mapping that is shipped."""

from datetime import UTC, datetime

from engage_api.customers.models import Customer
from engage_api.imports import catalogue
from tests.imports.harness import World, codes, nothing_done

HEADER = "id,kind,name,email,phone,kvk,language,segments,since"
ZOE = "crm:1,person,Zoë de Vries,zoe@example.org,+31 6 1234 5678,,nl,home-owner; tenant,2019-04-01"
BAKERY = "crm:2,organization,Bakkerij Jansen,,,12345678,,,01-02-2020"


async def take(world: World, *lines: str) -> tuple[list[tuple[int, str, str | None]], dict[str, Customer]]:
    report = await world.take("\n".join([HEADER, *lines]), catalogue.find("customers", "customers"))
    return codes(report), await world.customers()


async def test_a_list_of_customers(world: World) -> None:
    refused, found = await take(world, ZOE, BAKERY)
    assert refused == []
    zoe, bakery = found["crm:1"], found["crm:2"]
    assert (zoe.display_name, zoe.kind, zoe.state, zoe.preferences.language) == (
        "Zoë de Vries",
        "person",
        "active",
        "nl",
    )
    assert [(point.type, point.value) for point in zoe.contact_points] == [
        ("email", "zoe@example.org"),
        ("phone", "+31 6 1234 5678"),
    ]
    assert zoe.segments == ["home-owner", "tenant"]
    assert (zoe.identifiers, bakery.contact_points, bakery.preferences.language) == ([], [], None)
    assert [(identifier.scheme, identifier.value) for identifier in bakery.identifiers] == [("kvk", "12345678")]
    times = {event.subject: event.time for event in await world.events()}
    assert times == {
        zoe.id: datetime(2019, 3, 31, 22, tzinfo=UTC),
        bakery.id: datetime(2020, 1, 31, 23, tzinfo=UTC),
    }


async def test_again_and_anew(world: World) -> None:
    _, before = await take(world, ZOE, BAKERY)
    assert (await take(world, ZOE, BAKERY)) == ([], before)
    assert len(await world.events()) == 2
    _, after = await take(world, ZOE.replace("zoe@", "zoe.de.vries@"), BAKERY)
    assert after["crm:1"].version == 2
    assert after["crm:2"] == before["crm:2"]
    assert await world.told() == ["customer.created", "customer.created", "customer.updated"]


async def test_lines_that_will_not_do(world: World) -> None:
    refused, found = await take(
        world,
        ZOE.replace("person", "robot"),
        ZOE.replace("crm:1", "no id"),
        ZOE.replace("Zoë de Vries", "=1+1"),
        ZOE.replace("2019-04-01", "2019-04-31"),
        ZOE.replace("Zoë de Vries", "Z" * 201),
        ZOE.replace("crm:1", ""),
        BAKERY,
        BAKERY,
        BAKERY.replace("Jansen", "Bakker"),
    )
    assert refused == [
        (2, "unknown-value", "kind"),
        (3, "string-pattern-mismatch", "id"),
        (4, "formula", "name"),
        (5, "time", "since"),
        (6, "string-too-long", "name"),
        (7, "missing", "id"),
        (10, "contradiction", None),
    ]
    assert set(found) == {"crm:2"}


async def test_a_customer_moves_on_and_not_back(world: World) -> None:
    mapping = """
of: customers
customer:
  fields: {externalId: id, kind: {constant: person}, displayName: name}
  states:
    - {to: closed, when: {column: state, among: [gone]}}
    - {to: active, when: {column: state, among: [here]}, at: {column: since, time: iso}}
"""
    for state, expected in (("", "prospect"), ("here", "active"), ("gone", "closed"), ("here", "closed")):
        await world.take(f"id,name,state,since\n1,Zoë,{state},2020-01-01T00:00:00Z\n", mapping)
        assert (await world.customers())["1"].state == expected
    assert await world.told() == ["customer.created", "customer.active", "customer.closed"]
    assert (await world.events())[1].time == datetime(2020, 1, 1, tzinfo=UTC)
    assert nothing_done(await world.take("id,name,state,since\n1,Zoë,gone,\n", mapping))


CONSTANTS = """of: customers
customer:
  fields:
    externalId: id
    kind: {constant: person}
    displayName: name
    segments: [{constant: moved}, team]
    contactPoints: [{type: {constant: email}, value: mail}]
    context: {role: {constant: lead}, location: place}
    metadata: {source: {constant: oldcrm}}
"""


async def test_constants_alone_arrive_and_those_beside_empty_columns_do_not(world: World) -> None:
    mapping = catalogue.parse(CONSTANTS.encode(), "constants")
    content = "id,name,team,mail,place\nc:1,Zoë,,,\nc:2,Bo,red,bo@example.org,Delft\n"
    assert codes(await world.take(content, mapping)) == []
    zoe, bo = (found := await world.customers())["c:1"], found["c:2"]
    assert (zoe.metadata, zoe.segments, zoe.contact_points, zoe.context.role) == (
        {"source": "oldcrm"},
        ["moved"],
        [],
        None,
    )
    assert (bo.metadata, bo.segments, bo.context.role) == ({"source": "oldcrm"}, ["moved", "red"], "lead")
    assert [(point.type, point.value) for point in bo.contact_points] == [("email", "bo@example.org")]
    assert nothing_done(await world.take(content, mapping))
