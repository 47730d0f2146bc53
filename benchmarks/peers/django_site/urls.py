# mypy: ignore-errors
"""One resource."""

from rest_framework.routers import SimpleRouter

from benchmarks.peers.django_site.views import CustomerViewSet

router = SimpleRouter(trailing_slash=False)
router.register("customers", CustomerViewSet)
urlpatterns = router.urls
