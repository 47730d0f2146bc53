"""A database knows the secret that it was begun with."""

from pathlib import Path

from tests.server.command import engage

SECRET, ANOTHER = "correct horse battery staple 0123456789", "wrong horse battery staple 0123456789"


def test_another_secret_is_told_at_once_and_a_lost_one_can_be_replaced(tmp_path: Path) -> None:
    made = engage(tmp_path, "migrate", ENGAGE_SECRET_KEY=SECRET)
    assert made.returncode == 0, made.stderr
    create = ("keys", "create", "--scopes", "*")
    assert engage(tmp_path, *create, ENGAGE_SECRET_KEY=SECRET).returncode == 0

    for words in (create, ("serve", "--port", "0"), ("worker",)):
        refused = engage(tmp_path, *words, ENGAGE_SECRET_KEY=ANOTHER)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "is not the one that this database was begun with" in refused.stderr
        assert SECRET not in refused.stderr + refused.stdout
        assert ANOTHER not in refused.stderr + refused.stdout

    assert engage(tmp_path, "reseal", ENGAGE_SECRET_KEY=ANOTHER).returncode == 1, "nobody said yes"
    assert engage(tmp_path, *create, ENGAGE_SECRET_KEY=ANOTHER).returncode == 1
    assert engage(tmp_path, "reseal", "--yes", ENGAGE_SECRET_KEY=ANOTHER).returncode == 0
    assert engage(tmp_path, *create, ENGAGE_SECRET_KEY=ANOTHER).returncode == 0
    assert engage(tmp_path, *create, ENGAGE_SECRET_KEY=SECRET).returncode == 1
