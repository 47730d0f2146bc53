"""The service on each database, and a party of each kind."""

from collections.abc import AsyncIterator

import pytest

from tests.accounts.browsing import Town
from tests.accounts.conftest import town, url
from tests.members import people
from tests.members.people import Person
from tests.oauth import parties, programs
from tests.oauth.parties import Party
from tests.oauth.programs import Program
from tests.running import Service
from tests.running import service as running

__all__ = ["town", "url"]


@pytest.fixture(params=["sqlite", "postgresql"])
async def service(request: pytest.FixtureRequest) -> AsyncIterator[Service]:
    """One database for all tests of a module; no worker, whose sweep would take what a test counts."""
    url = "module_sqlite_url" if request.param == "sqlite" else "module_postgres_url"
    async with running(request.getfixturevalue(url), worker=False) as started:
        yield started


@pytest.fixture
async def ours(service: Service) -> Party:
    return await parties.join(service)


@pytest.fixture
async def theirs(service: Service) -> Party:
    """Of another organization."""
    return await parties.join(service, "Another", "developer")


@pytest.fixture
async def program(town: Town) -> Program:
    """A confidential client for people, in its organization's sandbox."""
    return await programs.make(town)


@pytest.fixture
async def ada(town: Town, program: Program) -> Person:
    """An owner of the program's organization, signed in."""
    return await people.member(town, "owner", program.organization)
