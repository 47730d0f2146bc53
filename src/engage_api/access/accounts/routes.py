"""The pages about accounts. They work without a script; what is sent is a form, and what comes back is a page."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engage_api.access.accounts import attempts, emails, forms, onward, pages, sessions
from engage_api.access.accounts.models import CONFIRM, RESET, Account
from engage_api.access.accounts.outside import routes as outside
from engage_api.access.accounts.outside import service as outside_service
from engage_api.access.accounts.outside.identity import CALLBACK
from engage_api.access.accounts.refusals import Closed, Gone, Nothing, SignedOut
from engage_api.access.accounts.service import Unfit
from engage_api.access.accounts.sessions import SESSION
from engage_api.access.members import addresses, seats
from engage_api.access.operations import is_local
from engage_api.http.call import Services

LONGEST_NAME = 100  # characters
NO_ADDRESS = "This is no e-mail address that we can write to."
WRONG = (
    "This address and this password do not belong together, or the address has not been confirmed yet. "
    "Follow the link in our mail, or ask for a new password."
)


async def see_sign_up(request: Request) -> Response:
    """The form for a new account."""
    _require_mail(request)
    wanted = forms.local(request.query_params.get("next"))
    if await sessions.who(request):
        return pages.go(wanted)
    return pages.show(request, "sign-up.html", values={"next": wanted, "name": "", "email": ""})


async def sign_up(request: Request) -> Response:
    """Make an account. The answer says nothing of whether there was one."""
    _require_mail(request)
    form = await forms.read(request)
    name, typed, password = form.get("name", "").strip(), form.get("email", ""), form.get("password", "")
    email, wanted, errors = emails.read(typed), forms.local(form.get("next")), {}
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        errors["name"] = [f"A name has 1 to {LONGEST_NAME} characters that can be printed."]
    if email is None:
        errors["email"] = [NO_ADDRESS]
    if errors and not password:  # else the judge of passwords says so
        errors["password"] = ["Choose a password."]
    await attempts.spend(request, attempts.SIGN_UP, email.folded if email else typed)
    if email and not errors:
        try:
            await sessions.of(request).sign_up(email, name, password, onward.query(wanted, "&"))
            again = f"/account/sign-up{onward.query(wanted)}"
            return pages.show(request, "sent.html", email=email.typed, certain=True, again=again)
        except Unfit as unfit:
            errors["password"] = unfit.reasons
    values = {"next": wanted, "name": name, "email": typed}
    return pages.show(request, "sign-up.html", status=400, errors=errors, values=values)


async def see_confirm(request: Request) -> Response:
    """The form that a mailed link leads to. Looking at it changes nothing: programs follow links in mails, too."""
    token = request.query_params.get("token", "")
    if not await sessions.of(request).opens(token, CONFIRM):
        raise Gone
    wanted = forms.local(request.query_params.get("next"))
    return pages.show(request, "confirm.html", values={"token": token, "next": wanted})


async def confirm(request: Request) -> Response:
    """Confirm an address, sign in, and go on to what somebody signed up for."""
    form = await forms.read(request)
    token, wanted = form.get("token", ""), forms.local(form.get("next"))
    await attempts.spend(request, attempts.LINK, token)
    cookie = await sessions.of(request).confirm(token, form.get("password", ""), sessions.visitor(request))
    if cookie is None:
        errors = {"password": ["This is not the password that was chosen last for this address."]}
        values = {"token": token, "next": wanted}
        return pages.show(request, "confirm.html", status=400, errors=errors, values=values)
    return pages.enter(request, cookie, wanted)


async def see_sign_in(request: Request) -> Response:
    """The form to sign in with; who is signed in goes on to where they wanted, unless they have to do it again."""
    wanted = forms.local(request.query_params.get("next"))
    if "again" not in request.query_params and await sessions.who(request):
        return pages.go(wanted)
    purpose = await onward.purpose(request, wanted)
    return pages.show(request, "sign-in.html", purpose=purpose, values={"next": wanted, "email": ""})


async def sign_in(request: Request) -> Response:
    """Begin a session."""
    form = await forms.read(request)
    typed, wanted = form.get("email", ""), forms.local(form.get("next"))
    email = emails.read(typed)
    await attempts.spend(request, attempts.SIGN_IN, email.folded if email else typed)
    cookie = await sessions.of(request).sign_in(
        email, form.get("password", ""), sessions.visitor(request), sessions.given(request, SESSION)
    )
    if cookie is None:
        values, purpose = {"next": wanted, "email": typed}, await onward.purpose(request, wanted)
        return pages.show(request, "sign-in.html", status=400, errors={"": [WRONG]}, purpose=purpose, values=values)
    return pages.enter(request, cookie, wanted)


async def see_reset(request: Request) -> Response:
    """The form to ask for a link, or to choose a password, if it was the link that led here."""
    token = request.query_params.get("token", "")
    if not token:
        _require_mail(request)
    elif not await sessions.of(request).opens(token, RESET):
        raise Gone
    return pages.show(request, "reset.html", values={"token": token, "email": ""})


async def reset(request: Request) -> Response:
    """Send a link, or set the password."""
    form = await forms.read(request)
    token, typed = form.get("token", ""), form.get("email", "")
    if token:
        return await _set_password(request, token, form.get("password", ""))
    _require_mail(request)
    email = emails.read(typed)
    await attempts.spend(request, attempts.RESET, email.folded if email else typed)
    if email is None:
        values = {"token": "", "email": typed}
        return pages.show(request, "reset.html", status=400, errors={"email": [NO_ADDRESS]}, values=values)
    await sessions.of(request).ask_reset(email)
    return pages.show(request, "sent.html", email=email.typed, certain=False, again="/account/reset")


async def _set_password(request: Request, token: str, password: str) -> Response:
    await attempts.spend(request, attempts.LINK, token)
    try:
        await sessions.of(request).reset(token, password)
    except Unfit as unfit:
        values, errors = {"token": token, "email": ""}, {"password": unfit.reasons}
        return pages.show(request, "reset.html", status=400, errors=errors, values=values)
    services: Services = request.scope["state"]["services"]
    services.doorkeeper.forget_all()
    return pages.leave(request, "reset")


async def see_account(request: Request) -> Response:
    """Who I am, and where I am signed in."""
    account = await sessions.who(request)
    return await _account(request, account) if account else pages.go(sessions.sign_in_path(request))


async def sign_out(request: Request) -> Response:
    """End this session."""
    account = await _require_account(request)
    await forms.read(request, signed_in=True)
    await sessions.of(request).end_session(account, account.session)
    return pages.leave(request, "signed-out")


async def end_sessions(request: Request) -> Response:
    """End one other session, or all others."""
    account = await _require_account(request)
    which = (await forms.read(request, signed_in=True)).get("end", "")
    if which == "others":
        await sessions.of(request).end_others(account)
        return pages.go("/account?said=others")
    if not await sessions.of(request).end_session(account, which):
        raise Nothing
    return pages.go("/account?said=ended")


async def change_password(request: Request) -> Response:
    """Another password, for who knows the present one."""
    account = await _require_account(request)
    form = await forms.read(request, signed_in=True)
    await attempts.spend(request, attempts.SIGN_IN, account.id)
    try:
        if await sessions.of(request).change_password(account, form.get("old", ""), form.get("password", "")):
            return pages.go("/account?said=password")
        errors = {"old": ["This is not your current password."]}
    except Unfit as unfit:
        errors = {"password": unfit.reasons}
    return await _account(request, account, errors)


async def see_mails(request: Request) -> Response:
    """The mails of a service in development, for this machine alone."""
    outbox = sessions.of(request).outbox
    if outbox is None or not is_local(request) or request.url.hostname not in {"localhost", "127.0.0.1", "::1"}:
        raise Nothing
    return pages.show(request, "mails.html", account=await sessions.who(request), mails=list(outbox.mails))


async def _account(request: Request, account: Account, errors: dict[str, list[str]] | None = None) -> Response:
    accounts, status = sessions.of(request), 400 if errors else 200
    found, connection = await accounts.sessions(account), await outside_service.connection(accounts, account)
    given = {
        "errors": errors or {},
        "sessions": found,
        "connection": connection,
        "seats": await seats.of(accounts.db, account.id),
        "invitations": await addresses.meant(accounts.db, account.id),
    }
    return pages.show(request, "account.html", status=status, account=account, **given)


async def _require_account(request: Request) -> Account:
    account = await sessions.who(request)
    if account is None:
        raise SignedOut
    return account


def _require_mail(request: Request) -> None:
    if sessions.of(request).post is None:
        raise Closed


routes = [
    pages.route("/account", see_account, None),
    pages.route("/account/sign-up", see_sign_up, sign_up),
    pages.route("/account/confirm", see_confirm, confirm),
    pages.route("/account/sign-in", see_sign_in, sign_in),
    pages.route("/account/sign-out", None, sign_out),
    pages.route("/account/reset", see_reset, reset),
    pages.route("/account/sessions", None, end_sessions),
    pages.route("/account/password", None, change_password),
    pages.route("/account/outside", None, outside.leave),
    pages.route(CALLBACK, outside.come_back, None),
    pages.route("/account/outside/end", None, outside.disconnect),
    pages.route("/account/mails", see_mails, None),
    Route("/account/style.css", pages.style, methods=["GET"]),
]
"""Outside the versioned API, where people are."""
