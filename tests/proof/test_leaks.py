"""That a secret in clear is found, wherever it lies: else the search through the whole suite is worth nothing."""

import base64

import pytest
from sqlalchemy import bindparam, text

from engage_api.core import secret
from engage_api.db import Query, open_database
from tests import leaks
from tests.passwords import PASSWORD

KEY = secret.make("live", "key").reveal()
SIGNED = f"eyJ{'a' * 60}.eyJ{'b' * 200}.{'c' * 342}"
_KEEP = Query(text("UPDATE workspace SET name = :name").bindparams(bindparam("name")))
SECRETS = {
    "key": KEY,
    "code": secret.make("test", "code").reveal(),
    "webhook": f"whsec_{base64.b64encode(bytes(32)).decode()}",
    "signed": SIGNED,
    "private": "-----BEGIN PRIVATE KEY-----",
    "password": PASSWORD,
}


@pytest.mark.parametrize("kind", SECRETS)
def test_a_secret_in_a_log_is_found(kind: str) -> None:
    line = f'{{"path":"/v1/customers","told":"{SECRETS[kind]}"}}'.encode()
    with pytest.raises(AssertionError, match="in clear in the log") as caught:
        leaks.require_none(line, "the log")
    assert SECRETS[kind][20:] not in str(caught.value) or len(SECRETS[kind]) < 30


def test_what_only_looks_like_one_is_none() -> None:
    wrong = KEY[:-1] + ("0" if KEY[-1] != "0" else "1")  # nobody has ever held it: its checksum is wrong
    leaks.require_none(f"{wrong} eng_live_key_… whsec_… {KEY[:20]}".encode(), "the log")


def test_the_key_that_a_start_prints_may_be_printed() -> None:
    demo = secret.make("test", "key").reveal()
    said = f'curl -s -H "Authorization: Bearer {demo}" http://127.0.0.1:8000/v1/customers\n'
    leaks.require_none(said.encode(), "its log")
    with pytest.raises(AssertionError):
        leaks.require_none(said.replace("curl", "wget").encode(), "its log")


async def test_a_secret_in_a_database_is_found(database_url: str) -> None:
    db = await open_database(database_url)
    assert await leaks.search(database_url) > 1_000
    for kept in (KEY, "Test"):
        async with db.system.write(None) as tx:
            await tx.run(_KEEP, name=kept)
        if kept == KEY:
            with pytest.raises(AssertionError, match="in clear in the database"):
                await leaks.search(database_url)
    await db.close()
