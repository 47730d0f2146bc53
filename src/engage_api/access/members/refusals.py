"""What people are shown instead, at the pages of organizations."""

from engage_api.access.accounts.refusals import Refusal


class NotYours(Refusal):
    """A form that the role of its sender does not allow."""

    status, title = 403, "Your role does not allow this"
    text = "An owner of the organization can do it, or give you another role."


class Suspended(Refusal):
    """Anything at all in a suspended organization."""

    status, title = 409, "The organization is suspended"
    text = "Until the operator approves it again nothing in it changes, and none of its credentials works."


class Outdated(Refusal):
    """An invitation of somebody who could not send it now."""

    status, title = 409, "This invitation does not hold any more"
    text = "Whoever invited you may not do that any more. Ask an owner of the organization for another invitation."


class Enough(Refusal):
    """One organization more than somebody can have."""

    status, title = 409, "You have enough organizations"
    text = "You own five. Leave one of them to somebody else, or ask the operator."


class NoSandbox(Refusal):
    """Keys in an organization that has no sandbox: the operator's own."""

    status, title = 409, "There is no sandbox"
    text = "This organization has no sandbox of its own, so there is nothing that such a key could open."


WORDS = {
    "last-owner": ("This is the last owner", "Make somebody else an owner first."),
    "already-invited": ("This address is invited already", "Withdraw that invitation first to send another one."),
    "too-many-invitations": (
        "There are enough open invitations",
        "Withdraw one, or wait until somebody has accepted or an invitation is seven days old.",
    ),
    "too-many-applications": ("There are enough applications", "Change one that is there, or ask the operator."),
    "too-many-secrets": ("There are enough client secrets", "Delete one that is not used any more first."),
    "public-client": (
        "The application has no client secrets",
        "It runs where it cannot keep a secret. It shows who it is by its client id, redirect URI and PKCE.",
    ),
    "not-rotatable": (
        "The key cannot be rotated any more",
        "It has been rotated before, or it has ended. Rotate the one in its place, or make a new key.",
    ),
    "application-revoked": ("The application has ended", "It is not changed any more. Make a new one."),
    "operators-own": ("This belongs to the operator", "It stays as it is: without it nobody could let anybody in."),
    "insufficient-scope": (
        "Your role does not allow this",
        "It would allow more than you may do yourself. Ask an owner.",
    ),
    "not-found": ("There is nothing here", "It has gone meanwhile, or it never was here."),
    "invalid-transition": ("This has been decided already", "Open the page again to see how it stands now."),
}
"""Problems of the API as people are told of them: the title, and what they can do."""
IN_WORDS = {
    ("name", "string-too-short"): "Give it a name.",
    ("name", "string-too-long"): "A name has at most 200 characters.",
    ("scopes", "too-short"): "Choose at least one scope.",
    ("kind", "literal-error"): "Choose one of these.",
    ("role", "literal-error"): "Choose one of these roles.",
    ("clientType", "literal-error"): "Choose where it runs.",
    ("accessTokenFormat", "literal-error"): "Choose one of these.",
    ("redirectUris", "too-long"): "There can be at most 20.",
    ("redirectUris", "string-too-long"): "This is too long.",
}
"""What is wrong with a field of a form, by its name and the code of the fault: the API's words are for programmers."""
