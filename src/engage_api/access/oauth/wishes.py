"""What an application asks of a person: the request that leads a browser to `/oauth/authorize`.

Until client and redirect URI are known to belong together, whatever is wrong is told to the person on a page: nobody
is led to an address that no application has registered (RFC 6749 section 4.1.2.1, RFC 9700 section 4.11).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AccessDeniedError

from engage_api.access.accounts.forms import LONGEST_PATH
from engage_api.access.accounts.refusals import Refusal
from engage_api.access.oauth import clients, forms
from engage_api.access.oauth.clients import Client
from engage_api.access.oauth.forms import Asked, Refused
from engage_api.access.oauth.metadata import AUTHORIZE
from engage_api.access.oauth.server import TOLD, Found, Server
from engage_api.http.call import Services

PROMPTS = frozenset({"none", "login", "consent", "select_account"})
LONGEST_NONCE = 512  # characters
ONCE = ("prompt", "max_age")  # what has been done when somebody comes back from signing in


class NotOurs(Refusal):
    """No request of a client that we know; nobody is led anywhere."""

    status, title = 400, "This link does not work"

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = f"{text} Nothing has been done. Tell whoever runs the application that led you here."


class Back(Exception):
    """An answer that the application gets by way of the browser: back to its redirect URI with an error."""

    def __init__(self, redirect_uri: str, state: str | None, error: OAuth2Error) -> None:
        super().__init__(error.error)
        told = error.description if isinstance(error, Refused) else TOLD.get(error.error, "")
        self.redirect_uri = redirect_uri
        self.parameters = {"error": error.error, "error_description": told, "state": state}


@dataclass(frozen=True, slots=True)
class Wish:
    """A request that may be put to a person: `client` wants `words`, its scopes, in the workspace `place`.

    `parameters` are those of the request. `max_age` is in seconds.
    """

    client: Client
    redirect_uri: str
    words: tuple[str, ...]
    place: str
    parameters: Mapping[str, str]
    prompt: frozenset[str]
    max_age: int | None

    def back(self, error: str, told: str = "") -> Back:
        """The refusal that the application gets."""
        refusal = Refused(error, told) if told else AccessDeniedError()
        return Back(self.redirect_uri, self.parameters.get("state"), refusal)

    @property
    def query(self) -> str:
        """The request as text, to be sent along with the decision."""
        return urlencode(self.parameters)

    @property
    def sign_in_path(self) -> str:
        """Where somebody signs in who comes back to this request, also if somebody is signed in."""
        left = {name: value for name, value in self.parameters.items() if name not in ONCE}
        if "consent" in self.prompt:
            left["prompt"] = "consent"
        return f"/account/sign-in?again=1&next={quote(f'{AUTHORIZE}?{urlencode(left)}', safe='')}"


def location(redirect_uri: str, issuer: str, parameters: Mapping[str, str | None]) -> str:
    """The redirect URI with these parameters, and with who answers (RFC 9207)."""
    given = {name: value for name, value in parameters.items() if value is not None} | {"iss": issuer}
    return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{urlencode(given)}"


async def read(services: Services, raw: bytes) -> Wish:
    """The request that the query of an address is.

    Raises:
        NotOurs: it is no client's, or would lead to an address that is not the client's.
        Back: something else is wrong with it.
    """
    try:
        pairs = forms.pairs(raw)
    except Refused:
        raise NotOurs("It cannot be read.") from None
    names = [name for name, _ in pairs]
    once = {name: value for name, value in pairs if names.count(name) == 1}
    client = await clients.find(services.db, once.get("client_id", ""))
    if not client.id:
        raise NotOurs("No application has the client id that it names.")
    redirect_uri = once.get("redirect_uri", "")
    if not client.check_redirect_uri(redirect_uri):
        raise NotOurs(f"It would lead to an address that {client.name} has not registered.")
    if client.barred is not None:
        raise NotOurs(client.barred)
    try:
        return await _wish(services, client, forms.fields(pairs))
    except OAuth2Error as error:
        raise Back(redirect_uri, once.get("state") or None, error) from None


async def _wish(services: Services, client: Client, parameters: dict[str, str]) -> Wish:
    _refuse_unfit(parameters)
    place = await clients.workspace(services.db, client, services.base_url, parameters.get("resource"))
    if place is None:
        raise Refused("invalid_target", "The client gets no token for this resource.")
    asked = Asked(parameters)
    Server(Found(client)).get_authorization_grant(asked).validate_authorization_request()
    words, age = tuple(asked.scope.split(" ")), parameters.get("max_age")
    prompt = frozenset(parameters.get("prompt", "").split())
    return Wish(client, parameters["redirect_uri"], words, place, parameters, prompt, int(age) if age else None)


def _refuse_unfit(parameters: Mapping[str, str]) -> None:
    """What Authlib does not look at."""
    prompt = set(parameters.get("prompt", "").split())
    age = parameters.get("max_age", "0")
    for wrong, error, told in (
        ("response_type" not in parameters, "invalid_request", "The parameter response_type is missing."),
        ("request" in parameters, "request_not_supported", "Requests are made of plain parameters."),
        ("request_uri" in parameters, "request_uri_not_supported", "Requests are made of plain parameters."),
        (parameters.get("response_mode", "query") != "query", "invalid_request", "The only response_mode is query."),
        (not prompt <= PROMPTS, "invalid_request", "A prompt is none, login, consent or select_account."),
        ("none" in prompt and len(prompt) > 1, "invalid_request", "The prompt none stands alone."),
        (not (age.isascii() and age.isdigit() and len(age) < 10), "invalid_request", "max_age is a number of seconds."),
        (len(parameters.get("nonce", "")) > LONGEST_NONCE, "invalid_request", "The nonce is too long."),
        (len(urlencode(parameters)) > LONGEST_PATH - 100, "invalid_request", "The request is too long."),
    ):
        if wrong:
            raise Refused(error, told)
