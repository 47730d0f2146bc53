"""The keys that sign: one for all processes, published before they sign and after, turned by time or at once."""

import asyncio
import json
import time
from base64 import urlsafe_b64decode
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError
from joserfc.jwk import KeySet
from sqlalchemy import select
from typer.testing import CliRunner, Result

from engage_api.access.oauth.signing import AHEAD, KEPT, SIGNS, Keyring, SigningKeyRow, Stage
from engage_api.cli import app
from engage_api.core.secret import derive
from engage_api.db import Database, Query
from engage_api.db.errors import Unavailable
from tests.running import SECRET
from tests.running import service as running

BOX = derive(SECRET.encode(), "signing-keys")
ROWS = Query(select(SigningKeyRow.__table__))  # type: ignore[attr-defined]
DAY = timedelta(days=1)
ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def ring(database: Database) -> Keyring:
    return Keyring(database, BOX)


async def states(ring: Keyring) -> list[str]:
    return [stage.state for stage in await ring.stages()]


async def verifies(ring: Keyring, token: str) -> bool:
    """Whether somebody who follows the published keys believes it."""
    keys = KeySet.import_key_set(json.loads(json.dumps({"keys": await ring.published()})))
    try:
        return jwt.decode(token, keys, ["RS256"]).claims == {"sub": "s"}
    except InvalidKeyIdError:
        return False


async def signed(ring: Keyring) -> str:
    return (await ring.signer()).sign("JWT", {"sub": "s"})


async def test_many_processes_make_one_key(database: Database) -> None:
    rings = [Keyring(database, BOX) for _ in range(3)]
    signers = await asyncio.gather(*(ring.signer() for ring in rings for _ in range(3)))
    assert len({signer.kid for signer in signers}) == 1
    assert all([await verifies(rings[0], signer.sign("JWT", {"sub": "s"})) for signer in signers])
    await asyncio.gather(*(ring.rotate() for ring in rings))
    assert await states(rings[0]) == ["active", "next"]


@ONE
async def test_a_published_key_is_as_the_standards_have_it_and_shows_no_secret(ring: Keyring) -> None:
    [key] = await ring.published()
    assert key.keys() == {"kty", "n", "e", "use", "alg", "kid"}
    assert (key["kty"], key["use"], key["alg"], len(key["kid"])) == ("RSA", "sig", "RS256", 43)
    assert KeySet.import_key_set({"keys": [key]}).keys[0].thumbprint() == key["kid"]
    header = json.loads(urlsafe_b64decode((await signed(ring)).split(".")[0] + "=="))
    assert header == {"typ": "JWT", "alg": "RS256", "kid": key["kid"]}


async def test_nothing_of_a_private_half_is_stored_in_clear(ring: Keyring, database: Database) -> None:
    private = (await ring.signer()).key.as_dict(private=True)
    [row] = await database.system.fetch(ROWS, None)
    for name in ("d", "p", "q"):
        assert str(private[name]).encode() not in row.sealed
        assert str(private[name]) not in row.public


@ONE
async def test_keys_turn_by_themselves_and_nothing_that_is_good_is_refused(ring: Keyring, database: Database) -> None:
    began, token, kids = time.time(), await signed(ring), set[str]()
    for hours in range(0, 24 * 200, 11):
        with time_machine.travel(began + 3600 * hours, tick=False):
            published = {key["kid"] for key in await ring.published()}
            signer = await ring.signer()
            assert signer.kid in published
            assert hours == 0 or signer.kid in kids, "it was not published before it signs"
            kids |= published
    assert len(kids) == 3
    assert not await verifies(ring, token)
    rows = await database.system.fetch(ROWS, None)
    assert len(rows) <= 3  # what has ended is forgotten


@ONE
async def test_a_signature_outlives_the_turn_of_its_key(ring: Keyring) -> None:
    began = time.time()
    with time_machine.travel(began, tick=False):
        first = await signed(ring)
        await ring.rotate()
    with time_machine.travel(began + AHEAD.total_seconds() - 1, tick=False):
        late = await signed(ring)
        assert late == first  # the same key, and RS256 signs the same each time
    with time_machine.travel(began + (AHEAD + KEPT).total_seconds() - 1, tick=False):
        assert await signed(ring) != first
        assert await states(ring) == ["retired", "active"]
        assert await verifies(ring, late)
    with time_machine.travel(began + (AHEAD + KEPT).total_seconds() + 1, tick=False):
        assert not await verifies(ring, late)


async def test_a_revoked_key_is_gone_at_once_in_every_process(database: Database) -> None:
    ring, other = Keyring(database, BOX), Keyring(database, BOX)
    token = await signed(other)
    [active] = await ring.stages()
    now_active = await ring.revoke(active.row.id)
    assert now_active != active.row.id
    assert not await verifies(other, token)
    assert (await other.signer()).kid == now_active
    following = await ring.rotate()
    assert await ring.revoke(following) == now_active  # one that does not sign yet
    assert await states(ring) == ["active"]
    assert await ring.revoke("unknown") is None


@ONE
async def test_keys_of_a_lost_secret_are_replaced(database: Database) -> None:
    lost, found = Keyring(database, BOX), Keyring(database, derive(b"another secret", "signing-keys"))
    token = await signed(lost)
    assert await verifies(found, await signed(found))
    assert not await verifies(found, token)


@ONE
async def test_the_keys_are_published(database_url: str) -> None:
    async with running(database_url, worker=False) as service:
        answer = await service.ask("GET", "/oauth/jwks")
        assert (answer.status, answer.header("content-type")) == (200, "application/jwk-set+json")
        assert answer.header("cache-control") == "public, max-age=300"
        [key] = answer.json["keys"]
        metadata = await service.ask("GET", "/.well-known/oauth-authorization-server")
        assert metadata.json["jwks_uri"] == "http://engage.test/oauth/jwks"
        assert key["kid"] == (await service.services.signing.signer()).kid

        async def away() -> list[Stage]:
            raise Unavailable

        service.services.signing.stages = away
        refused = await service.ask("GET", "/oauth/jwks")
        assert (refused.status, refused.header("retry-after")) == (503, "1")


def test_a_key_is_published_before_it_signs_and_longer_than_anything_signed_is_good() -> None:
    assert AHEAD >= DAY
    assert timedelta(hours=1) < KEPT
    assert SIGNS > AHEAD + KEPT


@ONE
def test_an_operator_sees_and_turns_the_keys(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"DATABASE_URL": database_url, "SECRET_KEY": SECRET, "DATA_DIR": str(tmp_path)}
    for name, value in given.items():
        monkeypatch.setenv(f"ENGAGE_{name}", value)

    def engage(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["oauth", *arguments])

    assert json.loads(engage("keys", "--json").stdout) == {"items": []}
    following = json.loads(engage("rotate", "--json").stdout)["next"]
    first, second = json.loads(engage("keys", "--json").stdout)["items"]
    assert (first["state"], second["state"], second["kid"]) == ("active", "next", following)
    assert engage("rotate").stdout == f"{following} signs in a day at the latest.\n"  # it is there already
    revoked = json.loads(engage("rotate", "--revoke", first["kid"], "--json").stdout)
    assert revoked == {"active": following, "revoked": first["kid"]}
    assert engage("keys").stdout.startswith(f"{following}  active  20")
    unknown = engage("rotate", "--revoke", first["kid"])
    assert (unknown.exit_code, unknown.stderr) == (1, f"engage: there is no signing key {first['kid']!r}\n")
