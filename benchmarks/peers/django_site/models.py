# mypy: ignore-errors
"""The customer, in sixteen plain columns."""

import uuid

from django.db import models
from django.utils import timezone


class Customer(models.Model):  # noqa: DJ008  # nobody prints one
    """Thirteen facts, an id and two times."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    external_id = models.CharField(max_length=128, unique=True)
    kind = models.CharField(max_length=20)
    display_name = models.CharField(max_length=200)
    email = models.EmailField(max_length=200)
    phone = models.CharField(max_length=50)
    language = models.CharField(max_length=10)
    contactable = models.BooleanField(default=True)
    segment = models.CharField(max_length=64)
    role = models.CharField(max_length=200)
    location = models.CharField(max_length=200)
    intent = models.CharField(max_length=500)
    department = models.CharField(max_length=100)
    priority = models.CharField(max_length=10)
    created_at = models.DateTimeField(default=timezone.now, editable=False, db_index=True)
    updated_at = models.DateTimeField(auto_now=True)
