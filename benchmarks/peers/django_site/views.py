# mypy: ignore-errors
"""The customers of the service, as a viewset."""

from typing import ClassVar

from rest_framework import viewsets
from rest_framework.pagination import CursorPagination
from rest_framework.serializers import ModelSerializer

from benchmarks.peers.django_site.models import Customer


class CustomerSerializer(ModelSerializer):
    """All sixteen fields."""

    class Meta:  # noqa: D106  # its parent says it
        model = Customer
        fields = "__all__"


class NewestFirst(CursorPagination):
    """Fifty by keyset."""

    page_size = 50
    ordering = "-created_at"


class CustomerViewSet(viewsets.ModelViewSet):
    """Customers for whoever has the scope."""

    queryset = Customer.objects.all()
    serializer_class = CustomerSerializer
    pagination_class = NewestFirst
    required_scopes: ClassVar[list[str]] = ["customers"]
