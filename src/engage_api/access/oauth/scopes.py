"""Scopes of people: what an application may do for one of them."""

from collections.abc import Iterable

from engage_api.access.members.roles import Role, allows
from engage_api.access.oauth.identity import IDENTITY
from engage_api.core.scopes import Scope

SENTENCES = {**IDENTITY, **{scope.value: scope.sentence for scope in Scope}}
"""What each is for, in words for people."""


def sentences(words: Iterable[str], owner: str) -> list[str]:
    """What they are for; `owner`: whose customer somebody is whom an application sees as that."""
    whose = {Scope.ME_READ.value: f"{Scope.ME_READ.sentence} This is what \u2068{owner}\u2069 keeps about you."}
    return [whose.get(word, SENTENCES[word]) for word in words]


def allowed(words: Iterable[str], has: Iterable[Scope], role: Role | None, customer: str | None = None) -> list[str]:
    """Of these scopes those that an application which `has` some may have for somebody with this role.

    The role is the person's in the application's own organization. Who has none there, a stranger who signs in, gives
    away who they are and nothing else: the application acts as what it is, and sees more than a stranger may. Whoever
    is a `customer` there, and asked for that, acts as this customer and as nothing else.
    """
    wanted, own = set(words), set(has)
    if customer and Scope.ME_READ in wanted & own:
        api = [Scope.ME_READ]
    else:
        own -= {Scope.ME_READ}
        api = [one for one in Scope if one in wanted and one in own and role is not None and allows(role, one)]
    return [*(scope for scope in IDENTITY if scope in wanted), *(scope.value for scope in api)]
