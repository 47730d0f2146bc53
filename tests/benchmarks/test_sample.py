"""The two shapes of a customer say the same, and what is asked of the service is what it takes."""

import json

import pytest

from benchmarks import lineup, sample
from benchmarks.peers.lineup import LOCK
from engage_api.customers.models import CustomerCreate
from tests.architecture.test_tree import FETCHED, unhashed

FACTS = 13


def leaves(value: object) -> int:
    if isinstance(value, dict):
        return sum(map(leaves, value.values()))
    return sum(map(leaves, value)) if isinstance(value, list) else 1


@pytest.mark.parametrize("number", [0, 1, 99_999])
def test_both_shapes_have_the_same_thirteen_facts(number: int) -> None:
    flat, ours = sample.flat(number), sample.ours(number)
    assert len(flat) == FACTS
    kinds_of_contact_points = 2
    assert leaves(ours) == FACTS + kinds_of_contact_points
    assert set(map(str, flat.values())) <= {str(value) for value in _values(ours)}


def test_the_service_takes_it() -> None:
    body = json.dumps(sample.ours(7))
    assert CustomerCreate.model_validate_json(body).external_id == "bench:7"


def test_the_same_number_is_the_same_customer() -> None:
    assert sample.flat(5) == sample.flat(5) != sample.flat(6)


def test_a_list_goes_on_where_its_answer_says() -> None:
    first = lineup.following(None)
    assert first is not None
    assert lineup.following({"nextCursor": "abc"}) == f"{first}&cursor=abc"
    assert lineup.following({"nextCursor": None}) is None


def test_the_lock_of_the_peers_has_hashes_and_no_address() -> None:
    lock = LOCK.read_text(encoding="utf-8")
    assert FETCHED.findall(lock) == []
    assert unhashed(lock) == []


def _values(value: object) -> list[object]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in _values(item)]
    return [leaf for item in value for leaf in _values(item)] if isinstance(value, list) else [value]
