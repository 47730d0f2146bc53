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
