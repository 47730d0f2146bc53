"""Who somebody is elsewhere. Apart from what finds it out: where no provider is named, that need not be loaded."""

from dataclasses import dataclass

CALLBACK = "/account/outside/callback"  # the path that people come back to


class Untrusted(Exception):
    """The provider could not be asked, or what it said is not believed. The text says why, for the operator."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is at the provider. `email` is empty unless the provider says that it has verified it."""

    issuer: str
    subject: str
    email: str
    name: str
