"""What somebody is shown who does not get in by the other service."""

from engage_api.access.accounts.refusals import Refusal


class Away(Refusal):
    """The provider does not answer, or not as it should."""

    status, title = 503, "Signing in there does not work just now"
    text = "The service that you wanted to sign in with does not answer. Try again later, or use your password."
    headers = {"Retry-After": "30"}


class NotSignedIn(Refusal):
    """What came back from the provider is not believed, or it says no."""

    status, title = 403, "You are not signed in"
    text = "The other service has not told us, in a way that we believe, who you are. Nothing has been done. Try again."


class NoAddress(Refusal):
    """Somebody without a verified address."""

    status, title = 403, "We need an e-mail address that is confirmed"
    text = "The other service has not confirmed an e-mail address of yours. Do that there, or sign up here."


class Taken(Refusal):
    """Somebody new whose address has its account."""

    status, title = 409, "You have an account already"
    text = (
        "There is an account with your e-mail address. Sign in to it with its password; "
        "then connect it on your account page, and next time you can sign in this way."
    )


class Connected(Refusal):
    """The identity, or the account, has its counterpart."""

    status, title = 409, "Already connected"
    text = "This account there is connected with another account here, or yours is connected with another one there."


class NotYourPassword(Refusal):
    """To connect without it."""

    status, title = 403, "This is not your password"
    text = (
        "Nothing has been done. Go back, and enter the password that you have here; if you have none, ask for a link."
    )


class NeedsPassword(Refusal):
    """To take away the only way in."""

    status, title = 409, "Choose a password first"
    text = "Without one you could not sign in any more. Ask for a link to choose one, on the sign-in page."
