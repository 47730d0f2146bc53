"""Identity scopes: what an application may learn of a person who signs in (OpenID Connect Core section 5.4).

No key and no application has them: a person gives them, and nobody else could.
"""

from collections.abc import Mapping

IDENTITY: Mapping[str, str] = {
    "openid": "Know that it is you who signs in.",
    "profile": "See your name.",
    "email": "See your e-mail address.",
}
"""Each with the sentence that is shown when somebody is asked to agree."""
