"""What wrk prints, as wrk.lua has it print, and what it is told to do."""

from pathlib import Path

import pytest

from benchmarks import wrk
from benchmarks.wrk import Load, NoLoad

OUTPUT = """Running 5s test @ http://127.0.0.1:40001
  1 threads and 16 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     2.00ms    1.00ms  21.00ms   90.00%%
    Req/Sec     8.10k   300.00     8.50k    80.00%%
  40650 requests in 5.01s, 12.00MB read
Requests/sec:   8113.77
Transfer/sec:      2.40MB
{"requests":40650,"duration_us":5010000,"p50_us":1900,"p99_us":5200,"max_us":21000,%s}
"""
CLEAN = '"connect":0,"read":0,"write":0,"status":0,"timeout":0'


def test_the_figures_are_read_from_the_last_line() -> None:
    load = wrk.parse(OUTPUT % CLEAN)
    assert load == Load(requests=40650, seconds=5.01, p50=1.9, p99=5.2, longest=21.0, failures=0)
    assert load.rate == pytest.approx(8113.77, abs=0.01)


@pytest.mark.parametrize("name", wrk.FAILURES)
def test_whatever_went_wrong_is_a_failure(name: str) -> None:
    assert wrk.parse(OUTPUT % CLEAN.replace(f'"{name}":0', f'"{name}":3')).failures == 3


def test_output_without_figures_is_no_load() -> None:
    with pytest.raises(NoLoad, match="unable to connect"):
        wrk.parse("unable to connect to 127.0.0.1:1 Connection refused\n")


def test_wrk_is_told_who_asks_for_what_and_with_which_body(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A wrk that says with what it was called, and then what wrk would say.
    fake = tmp_path / "wrk"
    fake.write_text(f"#!/bin/sh\necho \"$@\" > {tmp_path}/told\ncat <<'END'\n{OUTPUT % CLEAN}END\n")
    fake.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    script = wrk.Script(tmp_path / "paths", "token", tmp_path / "body", connections=32)
    assert wrk.run("http://127.0.0.1:1", script, 5).requests == 40650
    told = (tmp_path / "told").read_text().split()
    assert {"-c32", "-d5s", "http://127.0.0.1:1", "token"} <= set(told)
    assert told[-1] == str(tmp_path / "body")
    assert told[told.index("--") + 1] == str(tmp_path / "paths")


def test_a_wrk_that_fails_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "wrk"
    fake.write_text("#!/bin/sh\necho broken >&2\nexit 1\n")
    fake.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(NoLoad, match="broken"):
        wrk.run("http://127.0.0.1:1", wrk.Script(tmp_path), 1)


def test_without_wrk_and_without_a_way_to_get_it_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(NoLoad, match="apt-get install wrk"):
        wrk.require()
