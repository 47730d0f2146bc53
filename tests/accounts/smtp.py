"""A mail server of a few lines (RFC 5321): takes what it is given, or says no where it is told to."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

ANSWERS = {"DATA": "354 go on", "AUTH": "235 welcome", "STARTTLS": "220 go on", "QUIT": "221 bye"}


@dataclass
class MailServer:
    """`refuses` are commands with the answer they get instead of yes; `mails` is what it took."""

    refuses: dict[str, str] = field(default_factory=dict)
    extensions: tuple[str, ...] = ()
    tls: ssl.SSLContext | None = None
    port: int = 0
    said: list[str] = field(default_factory=list)
    mails: list[str] = field(default_factory=list)

    talks: set[asyncio.Task[None]] = field(default_factory=set)

    async def welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.talks.add(task)
        try:
            await self._talk(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # they went away
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.test ESMTP\r\n")
        while line := (await reader.readline()).decode().rstrip("\r\n"):
            self.said.append(line)
            verb = line.split(" ", 1)[0].upper()
            writer.write(f"{self.refuses.get(verb) or self._answer(verb)}\r\n".encode())
            await writer.drain()
            if verb == "STARTTLS" and self.tls and verb not in self.refuses:
                await writer.start_tls(self.tls)
            elif verb == "DATA" and verb not in self.refuses:
                self.mails.append((await reader.readuntil(b"\r\n.\r\n")).decode())
                writer.write(b"250 taken\r\n")
            elif verb == "QUIT":
                return

    def _answer(self, verb: str) -> str:
        if verb == "EHLO":
            return "\r\n".join(["250-mail.test", *(f"250-{name}" for name in self.extensions), "250 8BITMIME"])
        return ANSWERS.get(verb, "250 ok")


@asynccontextmanager
async def mail_server(host: str = "127.0.0.1", **given: object) -> AsyncIterator[MailServer]:
    """One on a free port, until the block is left."""
    made = MailServer(**given)  # type: ignore[arg-type]
    server = await asyncio.start_server(made.welcome, host, 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await asyncio.wait_for(asyncio.gather(*made.talks), 5)
        await server.wait_closed()
