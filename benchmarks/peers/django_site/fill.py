# mypy: ignore-errors
# ruff: noqa: PLC0415 (models can be imported when Django is set up)
"""Make the database: `python -m benchmarks.peers.django_site.fill CUSTOMERS`; prints two tokens, then all ids."""

import os
import sys
from datetime import timedelta

import django

from benchmarks import sample


def fill(customers: int) -> None:
    """Tables, two users with a token each, and customers that were made a second apart."""
    from django.core.management import call_command
    from django.utils import timezone

    from benchmarks.peers.django_site.models import Customer

    call_command("migrate", run_syncdb=True, verbosity=0)
    print(_token("unlimited"), _token("limited"), sep="\n")
    now = timezone.now()
    for first in range(0, customers, 1000):
        made = [
            Customer(**sample.flat(number), created_at=now - timedelta(seconds=customers - number))
            for number in range(first, min(first + 1000, customers))
        ]
        Customer.objects.bulk_create(made)
        print("\n".join(str(customer.id) for customer in made))


def _token(username: str) -> str:
    from django.contrib.auth.models import User
    from django.utils import timezone
    from oauth2_provider.models import AccessToken, Application

    user = User.objects.create_user(username)
    application = Application.objects.create(
        user=user, client_type="confidential", authorization_grant_type="client-credentials", name=username
    )
    end = timezone.now() + timedelta(days=3650)
    token = f"{username}-{os.urandom(16).hex()}"
    AccessToken.objects.create(user=user, application=application, token=token, expires=end, scope="customers")
    return token


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.peers.django_site.settings")
    django.setup()
    fill(int(sys.argv[1]))
