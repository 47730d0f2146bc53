"""Where a token and a client secret may be seen: in the one answer that makes them, and nowhere else."""

import logging
import sys
from collections.abc import Iterator
from io import StringIO

import pytest
import structlog

from engage_api import logs
from engage_api.access.oauth import forms, server
from tests.api.kept import everything
from tests.oauth import parties
from tests.oauth.parties import GRANT, INTROSPECT, REVOKE, TOKEN, post, token
from tests.running import service as running


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[StringIO]:
    """What the service says anywhere, as loud as it can."""
    stream = StringIO()
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, stream)
    caplog.set_level(logging.DEBUG)
    logs.configure("debug")
    structlog.configure(cache_logger_on_first_use=False)
    yield stream
    structlog.reset_defaults()


async def test_a_secret_is_nowhere_but_in_the_answer_that_made_it(
    database_url: str, said: StringIO, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    async with running(database_url) as service:
        ours = await parties.join(service)
        keys = [await token(service, who) for who in (ours.test, ours.live)]
        for who in (ours.test, ours.live):
            for text in (*keys, who.secret, "x"):
                told.append(await post(service, INTROSPECT, {"token": text}, who))
                told.append(await post(service, TOKEN, {"grant_type": text, "scope": text, "resource": text}, who))
                told.append(await post(service, TOKEN, {"grant_type": GRANT, "scope": text}, who))
                told.append(await post(service, TOKEN, {"grant_type": GRANT, "resource": text}, who))
                told.append(await post(service, f"{TOKEN}?client_secret={who.secret}", {"grant_type": GRANT}, who))
                told.append(await post(service, f"/oauth/{text}", {"grant_type": GRANT}, who))
        with monkeypatch.context() as patch:  # a fault of ours, with all of them in the stack
            patch.setattr(server.Server, "save_token", None)
            told.append(await post(service, TOKEN, {"grant_type": GRANT}, ours.test))
            assert told[-1].status == 500
        told.append(await post(service, REVOKE, {"token": keys[0]}, ours.test))
    lines = service.log.getvalue() + said.getvalue() + caplog.text
    kept = await everything(database_url)
    assert "/oauth/token" in lines
    assert "'NoneType' object is not callable" in said.getvalue()
    assert ours.application.encode() in kept
    for text in (*keys, ours.test.secret, ours.live.secret):
        middle = text[16:-4]  # its beginning and its end are its hint
        assert middle not in lines
        assert middle.encode() not in kept
        assert not [answer for answer in told if middle in answer.body.decode() + str(answer.headers)]


def test_authlibs_own_log_is_silenced(caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG it would write down each token."""
    caplog.set_level(logging.DEBUG)
    assert not logging.getLogger("authlib.oauth2.rfc6749.grants.client_credentials").isEnabledFor(logging.DEBUG)


def test_what_a_client_shows_does_not_print_itself() -> None:
    shown = forms.credentials([], {"client_id": "app_a.test", "client_secret": "hush"})
    assert shown is not None
    assert "hush" not in repr(shown)
