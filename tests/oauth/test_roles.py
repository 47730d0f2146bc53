"""What a person can give to a program is what the registry and their role say; what that opens, every operation for
every role: tests/attack/test_roles.py.
"""

import pytest

from engage_api.access.members.roles import ROLES, Role, allows
from engage_api.core.scopes import EVERYTHING, Scope
from tests.accounts.browsing import Town
from tests.attack.catalogue import operations
from tests.attack.test_scopes import happened
from tests.members import people
from tests.oauth import programs
from tests.oauth.programs import Program, led_back, said


@pytest.fixture
async def program(town: Town) -> Program:
    """An internal application that may everything in the live workspace."""
    internal = await people.party(town, "internal")
    made = await programs.make(town, organization=internal, scopes=sorted(EVERYTHING))
    return made.at(made.live)


async def token(town: Town, program: Program, role: Role | None) -> tuple[str, str]:
    """All that a person with this role can give, and which scopes that are."""
    browser = (await people.member(town, role, program.organization)).browser if role else await town.signed_in()
    scope = " ".join(["openid", *sorted(EVERYTHING)])
    page = await browser.get(program.path(scope=scope))
    got = (await program.redeem(led_back(await said(browser, page, "allow"))["code"])).json
    return got["access_token"], got["scope"]


@pytest.mark.parametrize("role", [*ROLES, None])
async def test_a_person_gives_what_their_role_may(town: Town, program: Program, role: Role | None) -> None:
    """`me:read` is for whoever is a customer there, not for members."""
    key, given = await token(town, program, role)
    may = [one.value for one in Scope if role is not None and allows(role, one) and one is not Scope.ME_READ]
    assert given.split(" ") == ["openid", *may]
    read = next(one for one in operations() if one.name == "list_customers")
    answer = await town.service.ask(read.method, read.at({}), key=key)
    assert happened(answer, read) == ("in" if read.scopes[0] in may else "403")
