"""What can happen is told beforehand: nothing else is written to the log."""

import re
from typing import get_args

import pytest
from pydantic import TypeAdapter

from engage_api.access import operator
from engage_api.app import KINDS
from engage_api.core.event_types import LONGEST, Type
from engage_api.db import log, store
from engage_api.db.kind import Kind
from engage_api.offers.models import OFFER
from tests.api.harness import Client, Service
from tests.api.samples import SAMPLES


def test_every_kind_tells_what_can_happen_to_one_in_sentences() -> None:
    assert {kind.name for kind in KINDS} == Kind.known.keys()
    for kind in KINDS:
        assert "created" in kind.happens
        for type_, sentence in kind.events():
            assert TypeAdapter(Type).validate_python(type_) == type_
            assert re.fullmatch(r"[A-Z].*[^.]\.", sentence), type_
        if (state := kind.public.model_fields.get("state")) is not None:
            told = set(kind.happens) - {"created", "updated", "deleted", "expired", "overdue"}
            assert told <= set(get_args(state.annotation)), kind.name
    assert max(len(type_) for kind in KINDS for type_, _ in kind.events()) <= LONGEST


async def test_what_no_kind_tells_of_is_not_written(service: Service, api: Client) -> None:
    who = await operator.principal(service.db, service.world.operator.workspace)
    made = await SAMPLES["offer"].make(api)
    before = (await api.get(f"/offers/{made['id']}")).content
    was = store.Stored(OFFER.read(before), before, who.application)

    async def plant() -> None:
        async with service.db.write(who.workspace) as tx:
            await store.change(tx, who, OFFER, was, {"state": "active"}, store.Happened("planted"))

    with pytest.raises(RuntimeError, match=r"offer\.planted is an event that"):
        await plant()
    assert (await api.get(f"/offers/{made['id']}")).content == before
    types = {line.type for line in await log.page(service.db, who, after=0, limit=200, filters={})}
    assert not any("planted" in type_ for type_ in types)
