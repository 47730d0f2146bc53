"""Who takes part: a server, how its customers are asked for, and what to ask of it."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from benchmarks.places import RUN
from benchmarks.servers import NoServer, Server
from benchmarks.wrk import Script

WRITERS = 32
PAGES = 100  # places in the list from which pages are asked for
KEYED = {"Idempotency-Key": "functional-check"}


@dataclass(frozen=True, slots=True)
class Api:
    """How customers are asked for. `following` is the path of the page after an answer; of the first, after None."""

    token: str
    limited_token: str | None  # of somebody with a low limit; None where nobody is counted
    ids: Path
    path: str
    body: dict[str, Any]  # of a new customer, with @@ for what must be new
    fields: int
    following: Callable[[Any], str | None]
    items: str = "items"
    keyed: bool = False  # whether a repeated Idempotency-Key has one effect


@dataclass(frozen=True, slots=True)
class Subject:
    """A server that takes part, under one name for each work: `get`, `page` and `create`, or `constant`.

    `lay` makes its database, before it starts.
    """

    server: Server
    works: dict[str, str]
    api: Api | None = None
    constant: str = "/"
    lay: Callable[[], object] = lambda: None
    scripts: dict[str, Script] = field(default_factory=dict)

    def prepare(self) -> None:
        """Once it runs: see that it works, and write down what it will be asked.

        Raises:
            NoServer: it does not work.
        """
        with httpx.Client(base_url=self.server.base_url, timeout=10, trust_env=False) as client:
            try:
                if self.api is None:
                    assert client.get(self.constant).status_code == 200
                else:
                    _check(client, self.api, creates="create" in self.works)
                self.scripts.update({work: self._script(work, client) for work in self.works})
            except AssertionError as error:
                raise NoServer(f"{self.server.name} does not work: {error}") from error

    def _script(self, work: str, client: httpx.Client) -> Script:
        if self.api is None:
            return Script(self._paths(work, [self.constant]))
        api = self.api
        if work == "create":
            body = RUN / "scripts" / f"{self.server.log.stem}.json"
            paths = self._paths(work, [api.path])
            body.write_text(json.dumps(api.body, ensure_ascii=False))
            return Script(paths, api.token, body, WRITERS)
        if work == "get":
            return Script(self._paths(work, [f"{api.path}/{one}" for one in api.ids.read_text().split()]), api.token)
        return Script(self._paths(work, _pages(client, api)), api.token)

    def _paths(self, work: str, paths: Sequence[str]) -> Path:
        file = RUN / "scripts" / f"{self.server.log.stem}-{work}.paths"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(paths) + "\n")
        return file


def python(module: str, *arguments: str) -> list[str]:
    """A module of this environment as a command."""
    return [sys.executable, "-m", module, *arguments]


def _authorized(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _pages(client: httpx.Client, api: Api) -> list[str]:
    """The paths of pages, one after the other through the list."""
    path = api.following(None)
    found: list[str] = []
    while path is not None and len(found) < PAGES:
        answer = client.get(path, headers=_authorized(api.token))
        assert len(answer.json()[api.items]) == 50, answer.text
        path = api.following(answer.json())
        if path is not None:
            found.append(path)
    assert found, "there is one page only"
    return found


def _check(client: httpx.Client, api: Api, *, creates: bool) -> None:
    """It answers what it should, to nobody without a token, and no more often than its limit."""
    with api.ids.open() as ids:
        row_id = ids.readline().strip()
    path = f"{api.path}/{row_id}"
    answer = client.get(path, headers=_authorized(api.token))
    assert answer.status_code == 200, answer.text
    assert answer.json()["id"] == row_id
    assert len(answer.json()) >= api.fields, answer.text
    assert client.get(path).status_code == 401
    if api.limited_token is not None:
        _check_limit(client, path, api.limited_token)
    if creates:
        _check_create(client, api)


def _check_limit(client: httpx.Client, path: str, token: str) -> None:
    """However slow it is, it says stop before it has answered a thousand times."""
    statuses = (client.get(path, headers=_authorized(token)).status_code for _ in range(1000))
    refused = next((status for status in statuses if status != 200), None)
    assert refused == 429, f"at its low limit: {refused}"


def _check_create(client: httpx.Client, api: Api) -> None:
    body = json.loads(json.dumps(api.body).replace("@@", "functional-check"))
    made = client.post(api.path, json=body, headers={**_authorized(api.token), **KEYED})
    assert made.status_code == 201, made.text
    again = client.post(api.path, json=body, headers={**_authorized(api.token), **KEYED})
    if api.keyed:
        assert (again.status_code, again.json()) == (201, made.json())
    else:
        assert again.status_code == 400, again.text  # its external id is taken
