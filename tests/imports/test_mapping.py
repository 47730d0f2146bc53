"""Mappings: what is shipped, what is refused before a line is read, and how it is told."""

from pathlib import Path

import pytest

from engage_api.imports import catalogue
from engage_api.imports.cells import places
from engage_api.imports.models import Misuse
from tests.imports.harness import TICKETS

CUSTOMERS = """of: customers
customer:
  fields:
    externalId: id
    kind: {constant: person}
    displayName: name
"""
CONTACTABLE = "    preferences: {contactable: {column: c, values: {yes: true, no: false, 1: null}}}\n"


def wrong(text: str) -> str:
    with pytest.raises(Misuse) as raised:
        catalogue.parse(text.encode(), "mine.yaml")
    return str(raised.value)


def test_shipped_mappings_are_valid() -> None:
    assert catalogue.names() == ["customers", "wabo-receipt"]
    assert catalogue.find("wabo-receipt", "cases").about
    assert catalogue.find("customers", "customers").about


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        ("    type:", "    typo:", "; type is missing"),
        ("    title: {text", "    titel: {text", "titel is nothing that a file can fill; there are: channel"),
        ("externalId: ticket", "outcome: ticket", "case: externalId is missing"),
        ("externalId: step", "description: step", "task: externalId is missing"),
        ("{constant: ticket}", "{constant: ticket, column: by}", "case.fields.type: give exactly one of column"),
        ("{constant: ticket}", "{constant: 7, values: {}}", "case.fields.type: values: only a column has that"),
        ("{constant: ticket}", "{column: by, value: {}}", "case.fields.type.value: Extra inputs are not permitted"),
        ("{constant: ticket}", "{column: by, split: ',', time: iso}", "at most one of values, time and split"),
        ("{constant: ticket}", "{column: by, split: ','}", "type is one value: give one source"),
        ("{constant: ticket}", "{column: by, otherwise: x}", "otherwise: only beside values"),
        ("{constant: ticket}", "{column: by, zone: Europe/Paris}", "zone: only beside time"),
        ("{constant: ticket}", "{a: by, b: by}", "type is one value"),
        ("{constant: ticket}", "[by]", "type is one value"),
        ("metadata: {team: team}", "metadata: team", "metadata is an object"),
        ("metadata: {team: team}", "metadata: {a b: team}", "metadata.a b: String should match pattern"),
        ("metadata: {team: team}", "participants: team", "participants is a list"),
        ("metadata: {team: team}", "participants: [{role: team}]", "participants[0].name is missing"),
        (
            "metadata: {team: team}",
            "participants: [{role: team, name: team, customerId: team}]",
            "participants[0].customerId is nothing that a file can fill",
        ),
        ("metadata: {team: team}", "customerId: team", "customerId is nothing that a file can fill"),
        ("metadata: {team: team}", "tasks: [{title: team}]", "tasks is nothing that a file can fill"),
        ("%Y-%m-%d %H:%M", "%d-%m", "no format of a time"),
        ("%Y-%m-%d %H:%M", "%Q", "no format of a time"),
        ("Europe/Amsterdam", "Europe/Atlantis", "zone: no time zone of this name"),
        ("Europe/Amsterdam", "../zone", "zone: no time zone of this name"),
        ("begins: in-progress", "begins: waiting", "case.begins: Input should be 'received'"),
        ("begins: in-progress", "begins: received", "a case cannot go from received to delivered"),
        ("to: delivered", "to: waiting", "case.states[0].to: Input should be"),
        (', at: {column: closed, time: "%Y-%m-%d %H:%M"}', "", "at is missing: when was it delivered?"),
        ("at: {column: done, time: [iso]}", "at: done", "task.states[0].at: time is missing"),
        ("of: cases", "of: customers", "customer is missing"),
        ("\ncase:", "\nnotes:", "notes: Extra inputs are not permitted"),
        ("of: cases", "of: offers", "of: Input should be 'cases' or 'customers'"),
        ("of: cases", "of: cases\nfile: {delimiter: ';;'}", "file.delimiter"),
        ("of: cases", "of: cases\nfile: {encoding: utf-16}", "file.encoding"),
        ("of: cases", "of: cases\nof: cases", "a name stands twice"),
        ("of: cases", "of: &a cases\nabout: *a", "aliases are not taken"),
        ("of: cases", "of: [cases", "is not YAML"),
        ("of: cases", "of: !!python/object/apply:os.getpid []", "is not YAML: tags are not taken"),
        ("of: cases", 'of: !!int ""', "is not YAML: tags are not taken"),
        ("of: cases", "of: !!float x", "tags are not taken"),
        ("of: cases", "of: !!bool zz", "tags are not taken"),
        ("of: cases", "of: !!timestamp 2020-99-99", "tags are not taken"),
        ("of: cases", "of: !!set {cases}", "tags are not taken"),
        ("of: cases", "of: ! cases", "tags are not taken"),
        ("of: cases", "of: cases\n!!str : 1", "tags are not taken"),
        ("of: cases", 'of: cases\n"": 1', "is not valid"),
        ("of: cases", "of: cases\n? \n: 1", "is not valid"),
        ("of: cases", "\t", "is not YAML"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(was: str, now: str, told: str) -> None:
    assert was in TICKETS
    text = wrong(TICKETS.replace(was, now))
    assert text.startswith("the mapping mine.yaml is not ")
    assert told in text


@pytest.mark.parametrize("text", ["", "[]", "cases", "\0", "\xff", "{" * 2000, "a: " + "[" * 400])
def test_what_is_no_mapping_at_all(text: str) -> None:
    assert wrong(text)


def test_each_kind_of_mapping_has_its_sections() -> None:
    assert "case is missing: a mapping of cases needs it" in wrong("of: cases\n")
    assert "customer is missing" in wrong(TICKETS.replace("of: cases", "of: customers"))
    assert "task: not in a mapping of customers" in wrong(CUSTOMERS + TICKETS[TICKETS.index("task:") :])


def test_everything_is_told_at_once() -> None:
    text = wrong(CUSTOMERS + "    emails: mail\n  begins: dead\nzone: Nowhere\n")
    assert "customer.begins: " in text
    assert "zone: " in text
    assert "emails is nothing" in wrong(CUSTOMERS + "    emails: mail\n")


def test_only_true_false_and_null_are_no_text() -> None:
    mapping = catalogue.parse((CUSTOMERS + CONTACTABLE).encode(), "m")
    assert mapping.customer is not None
    (source,) = mapping.customer.fields["preferences"].sources()
    assert source.values == {"yes": True, "no": False, "1": None}


def test_names_and_files(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(CUSTOMERS)
    assert catalogue.find(str(path), "customers").of == "customers"
    with pytest.raises(Misuse, match="is for customers, not for cases"):
        catalogue.find(str(path), "cases")
    with pytest.raises(Misuse, match=r"there is no mapping 'nothing'; there are: customers, wabo-receipt, or name a"):
        catalogue.find("nothing", "cases")
    for name in ("../mappings/customers", "customers.yaml.txt", ""):
        with pytest.raises(Misuse, match="there is no mapping"):
            catalogue.find(name, "customers")
    with pytest.raises(Misuse, match="cannot read the mapping"):
        catalogue.find(str(tmp_path / "gone.yml"), "cases")
    path.write_text("#" * 300_000)
    with pytest.raises(Misuse, match="larger than 256 KiB"):
        catalogue.find(str(path), "cases")


def test_columns_that_a_file_lacks() -> None:
    with pytest.raises(Misuse, match=r"no column 'c', 'd'; it has: a, b$"):
        places(["a", "b"], ["a", "c", "d", "c"])
    with pytest.raises(Misuse, match="more than one column 'a'"):
        places(["a", "b", "a"], ["a", "b"])
    with pytest.raises(Misuse, match="separated by ';'"):
        places(["a;b"], ["a"])
