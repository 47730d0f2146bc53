"""Signatures: the published example, what anybody can check with the shown half, and what must not be signed."""

import base64
from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from engage_api.events.webhooks.signing import Key, Kind, new_key, shown, sign

AT = datetime(2021, 2, 25, 15, 15, 30, 999_000, tzinfo=UTC)
BODY = b'{"test": 2432232314}'
MESSAGE = "msg_p5jXN8AQM9LWM0D4loKWxJek"
# The example that all the reference libraries of Standard Webhooks test themselves with.
PUBLISHED = Key("hmac", base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
KINDS: list[Kind] = ["hmac", "ed25519"]


def test_the_published_example() -> None:
    at = datetime.fromtimestamp(1_614_265_330, UTC)
    assert sign([PUBLISHED], MESSAGE, at, BODY) == {
        "webhook-id": MESSAGE,
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    assert shown(PUBLISHED) == "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_public_half_checks_and_cannot_sign() -> None:
    key = new_key("ed25519")
    kind, _, text = shown(key).partition("_")
    assert kind == "whpk"
    public = base64.b64decode(text, validate=True)
    assert public != key.value
    version, _, signature = sign([key], MESSAGE, AT, BODY)["webhook-signature"].partition(",")
    assert version == "v1a"
    checks = Ed25519PublicKey.from_public_bytes(public)
    checks.verify(base64.b64decode(signature), f"{MESSAGE}.1614266130.".encode() + BODY)
    for signed in (f"{MESSAGE}.1614266131.".encode() + BODY, f"{MESSAGE}.1614266130.".encode() + BODY + b" "):
        with pytest.raises(InvalidSignature):
            checks.verify(base64.b64decode(signature), signed)


def test_during_a_rotation_there_is_one_of_each_the_newest_first() -> None:
    keys = [new_key("ed25519"), new_key("hmac"), PUBLISHED]
    together = sign(keys, MESSAGE, AT, BODY)["webhook-signature"].split(" ")
    assert together == [sign([key], MESSAGE, AT, BODY)["webhook-signature"] for key in keys]


def test_the_time_is_that_of_the_attempt_wherever_the_clock_stands() -> None:
    elsewhere = AT.astimezone(timezone(timedelta(hours=13)))
    assert sign([PUBLISHED], MESSAGE, elsewhere, BODY) == sign([PUBLISHED], MESSAGE, AT, BODY)
    later = sign([PUBLISHED], MESSAGE, AT + timedelta(seconds=1), BODY)
    assert later["webhook-signature"] != sign([PUBLISHED], MESSAGE, AT, BODY)["webhook-signature"]


@pytest.mark.parametrize("body", [b"", b"\xff\x00", "é🌍".encode(), b"." * 1_000])
def test_any_body_is_signed_as_it_is(body: bytes) -> None:
    assert sign([PUBLISHED], MESSAGE, AT, body) != sign([PUBLISHED], MESSAGE, AT, body + b"\n")


def test_what_could_be_read_in_two_ways_is_not_signed() -> None:
    for keys, message in (([], MESSAGE), ([PUBLISHED], "evt_1.1614266130")):
        with pytest.raises(ValueError, match="full stop"):
            sign(keys, message, AT, BODY)


@pytest.mark.parametrize("kind", KINDS)
def test_keys_differ_and_do_not_show_themselves(kind: Kind) -> None:
    keys = [new_key(kind) for _ in range(50)]
    assert len({key.value for key in keys}) == len({shown(key) for key in keys}) == 50
    assert all(len(key.value) == 32 and repr(key) == str(key) == f"Key(kind={kind!r})" for key in keys)
