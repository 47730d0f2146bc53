"""What is done with a password, and what it costs the others."""

import asyncio
import threading
from collections.abc import Callable
from time import perf_counter

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from engage_api.access.accounts import passwords as module
from engage_api.access.accounts.passwords import AT_ONCE, JUDGED, MOST_JUDGED, MOST_WAITING, Passwords
from engage_api.access.accounts.refusals import Busy
from tests.accounts.conftest import cheap

OWASP = "$argon2id$v=19$m=19456,t=2,p=1$"
HOSTILE = "4@8({[<369!1|0$5+7%2x" * 6  # every one of them could be another letter


@pytest.fixture
async def passwords() -> Passwords:
    return Passwords(cheap)


async def test_a_hash_is_argon2id_with_the_parameters_of_owasp() -> None:
    hashed = await Passwords().hash("violet tram ladder quince")
    assert hashed.startswith(OWASP)


async def test_right_wrong_and_nobody(passwords: Passwords) -> None:
    known = await passwords.hash("violet tram ladder quince")
    assert (await passwords.verify("violet tram ladder quince", known))[0]
    for password, of in (("Violet tram ladder quince", known), ("", known), ("a password that nobody has", None)):
        assert await passwords.verify(password, of) == (False, None)


async def test_one_password_typed_on_two_keyboards(passwords: Passwords) -> None:
    known = await passwords.hash("caf\u00e9 ladder quince")
    assert (await passwords.verify("cafe\u0301 ladder quince", known))[0]


@pytest.mark.parametrize("make", [cheap, lambda: PasswordHash((Argon2Hasher(),))], ids=["cheap", "RFC 9106"])
async def test_a_hash_with_other_parameters_is_right_and_replaced(make: Callable[[], PasswordHash]) -> None:
    known = await Passwords(make).hash("violet tram ladder quince")
    right, better = await Passwords().verify("violet tram ladder quince", known)
    assert right
    assert better is not None
    assert better.startswith(OWASP)
    assert await Passwords().verify("violet tram ladder quince", better) == (True, None)
    assert await Passwords().verify("violet tram ladder", known) == (False, None)


async def test_the_loop_goes_on_while_a_password_is_looked_at() -> None:
    passwords, longest, began = Passwords(), 0.0, perf_counter()
    await passwords.hash("the first one loads what is needed")
    work = [asyncio.create_task(passwords.hash(f"password {n}")) for n in range(6)]
    work.append(asyncio.create_task(passwords.weakness(HOSTILE)))  # type: ignore[arg-type]  # of lists
    while not all(task.done() for task in work):
        before = perf_counter()
        await asyncio.sleep(0.001)
        longest = max(longest, perf_counter() - before)
    assert longest < (perf_counter() - began) / 2  # on the loop itself it would be nearly all of it


async def test_what_a_judge_could_think_about_for_ever_is_bounded(passwords: Passwords) -> None:
    before = perf_counter()
    assert await passwords.weakness(HOSTILE) == []
    assert perf_counter() - before < 5  # 0.2 s on a machine that does nothing else; all 126 took more than 5 s


async def test_two_judgements_do_not_hear_of_each_other(passwords: Passwords) -> None:
    asked = [passwords.weakness("quincebarrow1", ["quincebarrow"]), passwords.weakness("quincebarrow1", ["somebody"])]
    mine, yours = zip(*[await asyncio.gather(*asked[:2]) for _ in range(1)], strict=True)
    assert mine[0]
    assert not yours[0]


async def test_a_flood_is_told_to_come_back(passwords: Passwords) -> None:
    asked = [passwords.hash(f"password {n}") for n in range(MOST_WAITING + 10)]
    done = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(result, Busy) for result in done) == 10
    assert len(passwords._hashing.threads._threads) == AT_ONCE
    assert (await passwords.verify("password 0", done[0]))[0]  # type: ignore[arg-type]
    passwords.close()


async def test_nobody_who_signs_in_waits_for_the_judge(passwords: Passwords, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many sign-ups with a password that takes the judge long; here it does not come to an end at all."""
    known = await passwords.hash("violet tram ladder quince")
    go_on, judged = threading.Event(), []

    def thoughtful(plain: str, about: object) -> list[str]:
        judged.append(threading.current_thread().name)
        go_on.wait(60)
        return []

    monkeypatch.setattr(module, "_judged", thoughtful)
    asked = [asyncio.create_task(passwords.weakness(HOSTILE)) for _ in range(MOST_JUDGED + 16)]
    try:
        async with asyncio.timeout(30):
            assert (await passwords.verify("violet tram ladder quince", known))[0]
        assert sum(task.done() and isinstance(task.exception(), Busy) for task in asked) == 16
        assert len(judged) == 1
    finally:
        go_on.set()
        done = await asyncio.gather(*asked, return_exceptions=True)
    assert [result for result in done if not isinstance(result, Busy)] == [[]] * MOST_JUDGED
    assert len(set(judged)) == len(passwords._judging.threads._threads) == 1
    assert await passwords.weakness(HOSTILE) == []  # there is room again


async def test_the_judge_is_shown_the_beginning(passwords: Passwords, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []

    def judge(password: str, user_inputs: object) -> dict[str, int]:
        shown.append(password)
        return {"score": 4}

    monkeypatch.setattr("zxcvbn.zxcvbn", judge)
    await passwords.weakness(HOSTILE)
    assert shown == [HOSTILE[:JUDGED]]
    assert JUDGED <= 20
