"""What `engage serve` promises whoever starts it."""

import json
import os
import re
import socket
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.server.command import ENGAGE, PATIENCE, engage, environment, serving

LINE = re.compile(r'curl .*-H "Authorization: Bearer (eng_test_key_\w{36})" (http://127\.0\.0\.1:\d+/v1/customers)')
SECRET = "correct horse battery staple 0123456789"


def test_the_first_line_is_a_request_that_works_and_each_start_has_its_own_key(tmp_path: Path) -> None:
    keys: list[str] = []
    statuses: list[int] = []
    for _ in range(2):
        with serving(tmp_path / "data") as served:
            match = LINE.fullmatch(served.line)
            assert match, served.line
            answer = subprocess.run(["bash", "-c", served.line], capture_output=True, text=True, check=True)
            assert json.loads(answer.stdout)["items"]
            keys.append(match[1])
            statuses = [_get(served.url, key) for key in keys]
            assert served.process.stdout
            assert served.process.stdout.readline().startswith(f"Portal {served.url}/  Explorer {served.url}/reference")
    assert keys[0] != keys[1]
    assert statuses == [401, 200]
    assert not set(keys) & set(re.findall(r"eng_test_key_\w+", (tmp_path / "data.log").read_text()))


def test_production_makes_no_demo_and_serves_with_several_workers(tmp_path: Path) -> None:
    production = {"ENGAGE_ENVIRONMENT": "production", "ENGAGE_SECRET_KEY": SECRET}
    assert engage(tmp_path / "data", "migrate", **production).stdout == "Migrated.\n"
    made = engage(tmp_path / "data", "keys", "create", "--workspace", "live", "--scopes", "*", "--json", **production)
    key = json.loads(made.stdout)["key"]
    assert key.startswith("eng_live_key_")
    with serving(tmp_path / "data", "--workers", "2", **production) as served:
        assert {_get(served.url, key) for _ in range(8)} == {200}
        items = httpx.get(f"{served.url}/v1/customers", headers={"Authorization": f"Bearer {key}"}).json()["items"]
    assert items == []


@pytest.mark.parametrize(
    ("told", "another"), [({"MAKELEVEL": ""}, "engage serve --port {}"), ({"MAKELEVEL": "1"}, "make run PORT={}")]
)
def test_a_port_in_use_is_told_before_anything_is_made(tmp_path: Path, told: dict[str, str], another: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = engage(tmp_path / "data", "serve", "--port", str(port), **told)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"engage: Port {port} is in use. Another: {another.format(port + 1)}\n"
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("secret", ["", "short", "please-change-me-please-change-me-please"])
def test_production_refuses_a_secret_that_is_none(tmp_path: Path, secret: str) -> None:
    ended = engage(tmp_path, "serve", "--port", "0", ENGAGE_ENVIRONMENT="production", ENGAGE_SECRET_KEY=secret)
    assert ended.returncode == 1
    assert "ENGAGE_SECRET_KEY must be set" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not secret or secret not in ended.stderr


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ENGAGE_DATABASE_URL", "mysql://somebody:geheim@db/x", "a database is sqlite:///FILE or postgresql://…"),
        ("ENGAGE_DATABASE_URL", "postgresql://somebody:geheim@127.0.0.1:1/x", "the database cannot be reached"),
        ("ENGAGE_PUBLIC_URL", "geheim.example.org", "ENGAGE_PUBLIC_URL: Value error, it is the whole address"),
        ("ENGAGE_PORT", "99999", "ENGAGE_PORT: Input should be less than or equal to 65535"),
        ("ENGAGE_LOG_LEVEL", "geheim", "ENGAGE_LOG_LEVEL: Input should be 'debug'"),
        ("ENGAGE_CORS_ORIGINS", "geheim", "cors_origins"),
    ],
)
def test_a_wrong_setting_is_told_in_one_line_and_never_shown(tmp_path: Path, name: str, value: str, said: str) -> None:
    ended = engage(tmp_path, "migrate", **{name: value})
    assert ended.returncode == 1
    assert said in ended.stderr
    assert "geheim" not in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


def test_keys_are_made_listed_and_ended_at_the_command_line(migrated: Path) -> None:
    made = json.loads(engage(migrated, "keys", "create", "--scopes", "customers:read,cases:read", "--json").stdout)
    assert made["scopes"] == ["customers:read", "cases:read"]
    listed = engage(migrated, "keys", "list", "--json").stdout
    assert [key["id"] for key in json.loads(listed)["items"]] == [made["id"]]
    assert made["key"] not in listed
    assert engage(migrated, "keys", "revoke", made["id"]).returncode == 0
    assert json.loads(engage(migrated, "keys", "list", "--json").stdout)["items"] == []
    again = engage(migrated, "keys", "revoke", made["id"])
    assert (again.returncode, again.stderr) == (1, f"engage: no key '{made['id']}' in workspace live\n")


@pytest.mark.parametrize(
    "words",
    [
        ("keys", "list"),
        ("keys", "create", "--scopes", "*"),
        ("reindex",),
        ("import", "customers", "people.csv", "--mapping", "customers"),
    ],
    ids=" ".join,
)
def test_what_looks_into_a_database_makes_none(tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "people.csv").write_text("externalId,kind,displayName\n")
    elsewhere = tmp_path / "elsewhere"
    words = tuple(str(tmp_path / word) if word.endswith(".csv") else word for word in words)
    ended = engage(elsewhere, *words)
    assert ended.returncode in (1, 2)
    assert ended.stderr.startswith(f"engage: there is no database at {elsewhere / 'engage.db'}: ENGAGE_DATA_DIR or")
    assert len(ended.stderr.splitlines()) == 1
    assert not elsewhere.exists()


def test_somebody_at_a_terminal_is_told_where_there_are_no_keys(migrated: Path) -> None:
    reader, terminal = os.openpty()
    listing = [*ENGAGE, "keys", "list"]
    subprocess.run(listing, env=environment(migrated), stderr=terminal, check=True, timeout=PATIENCE)
    os.close(terminal)
    assert os.read(reader, 1_000).decode().strip() == f"No keys in workspace live of {migrated / 'engage.db'}"
    os.close(reader)
    assert engage(migrated, "keys", "list").stderr == ""


def test_a_new_database_is_for_its_owner_alone(tmp_path: Path) -> None:
    with serving(tmp_path / "data"):
        modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "data").iterdir()}
    assert {"engage.db", "engage.db-wal", "engage.db-shm"} <= modes.keys()
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize("words", [("--scopes", "everything"), ("--scopes", "*", "--workspace", "sbx_none")])
def test_a_key_for_nothing_is_refused_in_one_line(migrated: Path, words: tuple[str, ...]) -> None:
    ended = engage(migrated, "keys", "create", *words)
    assert "no scope" in ended.stderr or "no workspace" in ended.stderr
    assert ended.returncode == 1
    assert len(ended.stderr.strip().splitlines()) == 1


def test_telemetry_is_switched_on_by_the_environment_and_sends_no_secret(migrated: Path) -> None:
    with _collector() as (endpoint, received):
        told = {
            "ENGAGE_TELEMETRY": "true",
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        }
        with serving(migrated, **told) as served:
            match = LINE.fullmatch(served.line)
            assert match
            assert _get(served.url, match[1]) == 200
    traces = b"".join(body for path, body in received if path == "/v1/traces")
    assert b"/customers" in traces
    assert match[1].encode() not in b"".join(body for _, body in received)


def _get(url: str, key: str) -> int:
    return httpx.get(f"{url}/v1/customers", headers={"Authorization": f"Bearer {key}"}).status_code


class _collector:  # noqa: N801  # used like a function
    """Something that takes what OpenTelemetry sends."""

    def __enter__(self) -> tuple[str, list[tuple[str, bytes]]]:
        received: list[tuple[str, bytes]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                received.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}", received

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
