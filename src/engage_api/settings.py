"""What an operator can set, all of it from the environment (`ENGAGE_*`)."""

import contextlib
import os
import re
import secrets
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

SHORTEST_SECRET = 32  # characters; below it a derived key could be guessed
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  # looked for, to be told of
PLACEHOLDERS = ("change", "secret", "example", "placeholder", "todo", "default")


class Contact(NamedTuple):
    """Where people reach the operator; what was not set is empty."""

    email: str = ""
    url: str = ""


class Guests(NamedTuple):
    """How many sandboxes people without an account may have: all together, and new ones of an address in an hour."""

    room: int
    hourly: int


class Misconfigured(Exception):
    """What is wrong with the settings, in one line and without their values: secrets are among them."""


class Settings(BaseSettings):
    """Every setting has a default that works on a developer's machine; production refuses what is unsafe. An empty
    variable counts as not set.

    Raises:
        ValueError: production without a secret key, or with one that is short or looks like a placeholder, with
            requests to loopback addresses allowed, or at every address and without one that clients know.
    """

    model_config = SettingsConfigDict(env_prefix="ENGAGE_", env_ignore_empty=True, frozen=True, extra="ignore")

    environment: Literal["development", "production"] = Field(
        "development", description="`production` makes no demo sandbox and refuses to start without a secret key."
    )
    data_dir: Path = Field(Path("var"), description="Folder for the embedded database and the development secret.")
    database_url: str = Field(
        "", repr=False, description="`sqlite:///…` or `postgresql://…`. Empty: a file in the data folder."
    )
    migration_url: str = Field(
        "", repr=False, description="PostgreSQL only: the owner that migrates. Empty: the database URL."
    )
    redis_url: str = Field(
        "", repr=False, description="Redis or Valkey for limits shared by several processes. Empty: in memory."
    )
    secret_key: SecretStr = Field(
        SecretStr(""),
        description="At least 32 characters. Keys, cursors and stored secrets depend on it. "
        "In development one is made and kept in the data folder.",
    )
    public_url: str = Field(
        "",
        description="Where clients reach the service: `https://api.example.org`. Empty: `http://HOST:PORT` as served.",
    )
    contact_email: str = Field(
        "",
        pattern=r"^([^@\s]+@[^@\s]+)?$",
        description="Where people reach you: told in the description of the API and in `security.txt`.",
    )
    contact_url: str = Field(
        "", pattern=r"^(https?://\S+)?$", description="The same as a page. Both empty: the portal's page on support."
    )
    smtp_url: str = Field(
        "",
        repr=False,
        description="The mail server, `smtp://USER:PASSWORD@HOST:587` (STARTTLS) or `smtps://…:465` (TLS). Empty: in "
        "development mails are shown, in production nobody can sign up.",
    )
    mail_from: str = Field(
        "", pattern=r"^([^@\s]+@[^@\s]+)?$", description="The address that mails come from. Needed with a mail server."
    )
    oidc_issuer: str = Field(
        "",
        pattern=r"^(https?://[^\s/?#@]+(/[^\s?#]*)?)?$",
        description="An OpenID provider where people may sign in, too: its issuer, `https://id.example.org`. "
        "Its client id and secret come with it.",
    )
    oidc_client_id: str = Field("", description="How that provider knows this service.")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="The secret for it.")
    oidc_name: str = Field("", max_length=60, description="What people call it. Empty: the host of the issuer.")
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on.")
    cors_origins: tuple[str, ...] = Field((), description="JSON list of origins that browsers may call from.")
    trusted_proxies: tuple[str, ...] = Field(
        (), description="JSON list of addresses or networks of reverse proxies whose `X-Forwarded-For` is believed."
    )
    max_body_bytes: int = Field(1_048_576, ge=1024, le=67_108_864, description="Largest request body, in bytes.")
    max_sandbox_bytes: int = Field(
        67_108_864, ge=1024, le=2**31, description="Largest file that a sandbox is imported from, in bytes."
    )
    outer_limit: int = Field(
        600, ge=1, description="Refused or unauthenticated requests that one address may make in a minute."
    )
    guest_sandboxes: int = Field(
        1_000,
        ge=0,
        le=100_000,
        description="Sandboxes that there may be at once of people without an account; 0: they can make none.",
    )
    guest_sandboxes_hourly: int | None = Field(
        None, ge=1, le=100_000, description="Of one address, new ones in an hour. Empty: 60, in production 20."
    )
    event_retention: str = Field(
        "",
        pattern=r"^(P([7-9]|[1-9][0-9]{1,4})D)?$",
        description="How long events are kept: days, 7 at least, as `P365D` (ISO 8601). Empty: for ever.",
    )
    outbound_loopback: bool = Field(
        False,
        description="Development only: the service may send requests to this machine itself, and there without TLS.",
    )
    worker: bool = Field(
        True, description="Run durable jobs inside `engage serve`. Off: run `engage worker` beside it."
    )
    group_commit: bool = Field(True, description="SQLite: writers that wait together share one disk sync.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least severe line logged.")
    telemetry: bool = Field(False, description="Switch on OpenTelemetry; exporters are set by the usual `OTEL_*`.")

    @field_validator("database_url", "migration_url")
    @classmethod
    def _known_database(cls, url: str) -> str:
        if url and not url.startswith(("sqlite:///", "postgresql://", "postgres://")):
            raise ValueError("a database is sqlite:///FILE or postgresql://…")
        return url

    @field_validator("public_url")
    @classmethod
    def _whole_address(cls, url: str) -> str:
        if url and not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", url):
            raise ValueError("it is the whole address, as https://api.example.org, without user, query or fragment")
        return url

    @field_validator("smtp_url")
    @classmethod
    def _known_mail(cls, url: str) -> str:
        if url and not re.fullmatch(r"smtps?://([^@/\s]*@)?[A-Za-z0-9.-]+(:[0-9]{1,5})?/?", url):
            raise ValueError("a mail server is smtp://… or smtps://…, and its user and password are percent-encoded")
        return url

    @model_validator(mode="after")
    def _mails_come_from_somebody(self) -> Self:
        if self.smtp_url and not self.mail_from:
            raise ValueError("ENGAGE_MAIL_FROM must be set with ENGAGE_SMTP_URL: mails come from an address")
        return self

    @model_validator(mode="after")
    def _provider_is_whole(self) -> Self:
        if self.oidc_issuer and not (self.oidc_client_id and self.oidc_client_secret.get_secret_value()):
            raise ValueError("ENGAGE_OIDC_CLIENT_ID and ENGAGE_OIDC_CLIENT_SECRET must be set with ENGAGE_OIDC_ISSUER")
        if self.oidc_issuer.startswith("http://") and not self.outbound_loopback:
            raise ValueError("ENGAGE_OIDC_ISSUER must begin with https://")
        return self

    @model_validator(mode="after")
    def _refuse_unsafe(self) -> Self:
        if self.environment == "production":
            secret = self.secret_key.get_secret_value()
            if len(secret) < SHORTEST_SECRET or any(word in secret.lower() for word in PLACEHOLDERS):
                raise ValueError(
                    f"ENGAGE_SECRET_KEY must be set in production: {SHORTEST_SECRET} random characters or more"
                )
            if self.outbound_loopback:
                raise ValueError("ENGAGE_OUTBOUND_LOOPBACK is for development: it opens this machine to its callers")
            if self.host in EVERYWHERE and not self.public_url:
                raise ValueError(
                    "ENGAGE_PUBLIC_URL must be set, as https://api.example.org: "
                    "clients cannot reach the service at the address that it listens on"
                )
        return self

    @property
    def database(self) -> str:
        """The database URL in force."""
        return self.database_url or f"sqlite:///{self.data_dir / 'engage.db'}"

    @property
    def owner_database(self) -> str:
        """The URL that migrates."""
        return self.migration_url or self.database

    @property
    def base_url(self) -> str:
        """The public URL in force, without a slash at its end."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def contact(self) -> Contact:
        """Where people reach the operator."""
        return Contact(self.contact_email, self.contact_url)

    @property
    def guests(self) -> Guests:
        """How many sandboxes people without an account may have."""
        usual = 20 if self.environment == "production" else 60
        return Guests(self.guest_sandboxes, self.guest_sandboxes_hourly or usual)

    @property
    def kept(self) -> timedelta | None:
        """How long events are kept; None: for ever."""
        return timedelta(days=int(self.event_retention[1:-1])) if self.event_retention else None

    def secret(self) -> bytes:
        """The secret that other keys are derived from; in development made once and kept in the data folder."""
        given = self.secret_key.get_secret_value()
        return given.encode() if given else _development_secret(self.data_dir)


def read(**given: Any) -> Settings:
    """The settings of the environment, with some `given` instead.

    Raises:
        Misconfigured: they will not do.
    """
    try:
        return Settings(**given)
    except SettingsError as error:  # a list that is no JSON
        raise Misconfigured(str(error)) from None
    except ValidationError as error:  # its own text would show the values
        found = error.errors(include_url=False, include_input=False, include_context=False)
        told = (" ".join([*(f"ENGAGE_{str(name).upper()}:" for name in one["loc"]), one["msg"]]) for one in found)
        raise Misconfigured("; ".join(told)) from None


def _development_secret(folder: Path) -> bytes:
    """Several processes may start at once: the first file that is linked is everybody's, and it is whole."""
    path, draft = folder / "secret.key", folder / f"secret.{secrets.token_hex(8)}"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return path.read_bytes()
