"""What sandboxes leave behind is taken away, however many are being filled and copied."""

from engage_api.jobs.limits import POOLS
from engage_api.jobs.registry import registry
from engage_api.sandbox import expiry, filling, jobs

KNOWN = (expiry, filling)


def test_wiping_waits_for_no_filling() -> None:
    wipes, fills = registry.limits[jobs.WIPE].pool, registry.limits[jobs.SEED].pool
    assert wipes != fills
    assert {wipes, fills} < POOLS.keys()
