"""How mail leaves: what a mail server gets to see, what no header can hold, and what happens when it says no."""

import ssl
from email import message_from_bytes
from pathlib import Path

import pytest

from engage_api.access.accounts import emails
from engage_api.access.accounts.letters import KIND, Wanted, Writer
from engage_api.access.accounts.mail import Mail, Outbox, Smtp, Undelivered, message, post
from engage_api.jobs import Job, Later, Limits
from engage_api.settings import Misconfigured, Settings, read
from tests.accounts.browsing import LINK, PASSWORD, Town
from tests.accounts.smtp import mail_server
from tests.attack.certificates import Authority
from tests.running import SECRET

SENDER = "no-reply@example.org"
MAIL = Mail("ada@example.org", "Hello", "One line\n.\nand another: é\n")


async def test_a_server_gets_the_mail_and_nothing_else() -> None:
    async with mail_server() as server:
        await Smtp(f"smtp://127.0.0.1:{server.port}", SENDER).send(MAIL)
    assert [line.split(" BODY")[0] for line in server.said if line.startswith(("MAIL", "RCPT"))] == [
        "MAIL FROM:<no-reply@example.org>",
        "RCPT TO:<ada@example.org>",
    ]
    (text,) = server.mails
    got = message_from_bytes(text.removesuffix("\r\n.\r\n").encode())
    assert got["To"] == "ada@example.org"
    assert got["From"] == SENDER
    assert got["Auto-Submitted"] == "auto-generated"
    assert got["Message-ID"].endswith("@example.org>")
    content = got.get_payload(decode=True)
    assert isinstance(content, bytes)
    assert "another: é" in content.decode()


@pytest.mark.parametrize(
    "refuses",
    [
        {"RCPT": "550 no such person: ada@example.org"},
        {"MAIL": "451 later"},
        {"DATA": "554 no"},
        {"EHLO": "421 busy", "HELO": "421 busy"},
    ],
)
async def test_a_server_that_says_no_is_told_without_names(refuses: dict[str, str]) -> None:
    async with mail_server(refuses=refuses) as server:
        with pytest.raises(Undelivered) as told:
            await Smtp(f"smtp://127.0.0.1:{server.port}", SENDER).send(MAIL)
    assert "ada" not in str(told.value)
    assert server.mails == []


async def test_a_server_that_is_not_there() -> None:
    async with mail_server() as server:
        pass
    with pytest.raises(Undelivered):
        await Smtp(f"smtp://127.0.0.1:{server.port}", SENDER).send(MAIL)


async def test_elsewhere_nothing_is_said_without_tls() -> None:
    """127.0.0.2 stands for another machine: only the very names of this one are trusted without."""
    async with mail_server("127.0.0.2") as server:
        with pytest.raises(Undelivered, match="STARTTLS"):
            await Smtp(f"smtp://user:pass@127.0.0.2:{server.port}", SENDER).send(MAIL)
    assert not [line for line in server.said if line.startswith(("AUTH", "MAIL"))]


@pytest.mark.parametrize("own", [True, False])
async def test_tls_is_with_the_server_that_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: bool) -> None:
    authority = Authority(tmp_path)
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.load_verify_locations(authority.file)
    monkeypatch.setattr(ssl, "create_default_context", lambda *_, **__: trusting)
    tls = authority.context("127.0.0.2" if own else "mail.example.org")
    async with mail_server("127.0.0.2", extensions=("STARTTLS", "AUTH PLAIN LOGIN"), tls=tls) as server:
        smtp = Smtp(f"smtp://us%40er:p%2Fss@127.0.0.2:{server.port}", SENDER)
        if own:
            await smtp.send(MAIL)
        else:
            with pytest.raises(Undelivered):
                await smtp.send(MAIL)
    assert bool([line for line in server.said if line.startswith("AUTH PLAIN")]) is own
    assert len(server.mails) == own


@pytest.mark.parametrize(
    ("to", "sender", "subject"),
    [
        ("ada@example.org\r\nBcc: eve@evil.example", SENDER, "Hello"),
        ("ada@example.org\nBcc: eve@evil.example", SENDER, "Hello"),
        ("ada@example.org, eve@evil.example", SENDER, "Hello"),
        ("Ada <ada@example.org>", SENDER, "Hello"),
        ("ada@example.org", "no-reply@example.org\r\nBcc: eve@evil.example", "Hello"),
        ("ada@example.org", SENDER, "Hello\r\nBcc: eve@evil.example"),
        ("ada@example.org", SENDER, "Hello\nBcc: eve@evil.example"),
        ("ada@example.org", SENDER, "Hello\r\n\r\nNot what we wrote"),
    ],
)
def test_nothing_breaks_out_of_a_header(to: str, sender: str, subject: str) -> None:
    with pytest.raises(ValueError):
        message(Mail(to, subject, "text"), sender, "<x@example.org>")


@pytest.mark.parametrize(
    ("typed", "folded"),
    [
        ("Ada.Lovelace+x@Example.ORG", "ada.lovelace+x@example.org"),
        ("  ada@example.org ", "ada@example.org"),
        ("\uff21da@example.org", "ada@example.org"),  # full width
        ("ada@localhost", "ada@localhost"),
        ("o'neil@xn--exmple-cua.org", "o'neil@xn--exmple-cua.org"),
    ],
)
def test_two_spellings_are_one_address(typed: str, folded: str) -> None:
    found = emails.read(typed)
    assert found is not None
    assert found.folded == folded
    assert found.typed.isascii()


async def test_a_mail_that_did_not_leave_is_tried_again_with_a_new_link(town: Town) -> None:
    email = town.somebody()
    await town.pending(email)
    accounts, outbox = town.accounts, Outbox()
    async with mail_server(refuses={"RCPT": "451 later"}) as server:
        job, broken = _job(email), Smtp(f"smtp://127.0.0.1:{server.port}", SENDER)
        with pytest.raises(Later) as told:
            await Writer(broken, accounts.base_url, accounts.pepper).deliver(accounts.db, job)
    assert email not in str(told.value)
    for _ in range(2):
        await Writer(outbox, accounts.base_url, accounts.pepper).deliver(accounts.db, job)
    links = [LINK.findall(kept.mail.text)[0] for kept in outbox.mails]
    assert links[0] != links[1]
    assert (await town.browser().fill(links[1].removeprefix(town.base_url), password=PASSWORD)).status_code == 303
    assert (await town.browser().get(links[0])).status_code == 410  # all of them, once one was used


async def test_without_a_mail_server_a_mail_waits_for_one(town: Town) -> None:
    email = await town.person()
    job = _job(email)
    with pytest.raises(Later, match="ENGAGE_SMTP_URL"):
        await Writer(None, town.base_url, town.accounts.pepper).deliver(town.accounts.db, job)
    job.payload = Wanted(about="reset", to="nobody@example.org")
    await Writer(None, town.base_url, town.accounts.pepper).deliver(town.accounts.db, job)  # nothing to do


def test_how_mail_leaves_is_set(tmp_path: Path) -> None:
    given = {"secret_key": SECRET, "data_dir": tmp_path}
    server = {"smtp_url": "smtps://user:pass@mail.example.org", "mail_from": SENDER}
    assert isinstance(post(Settings(**given, **server)), Smtp)  # type: ignore[arg-type]
    assert isinstance(post(Settings(**given)), Outbox)  # type: ignore[arg-type]
    assert post(Settings(**given, environment="production")) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "server",
    [
        {"smtp_url": "smtps://user:pass@mail.example.org"},
        {"smtp_url": "http://mail.example.org", "mail_from": SENDER},
        {"smtp_url": "smtp://user:p ss@mail.example.org", "mail_from": SENDER},
        {"smtp_url": "smtp://", "mail_from": SENDER},
        {"smtp_url": "smtp://mail.example.org", "mail_from": "nobody"},
        {"smtp_url": "smtp://mail.example.org", "mail_from": "a@example.org\r\nBcc: eve@evil.example"},
    ],
)
def test_a_mail_server_that_will_not_do_is_refused_at_the_start(server: dict[str, str]) -> None:
    with pytest.raises(Misconfigured) as told:
        read(**server)
    assert "user:" not in str(told.value)


def _job(email: str) -> Job[Wanted]:
    return Job("job_1", None, KIND, Wanted(about="sign-up", to=email), 1, 1, Limits())
