"""Durable work: promised in a transaction, done at least once after it, written once."""

from engage_api.jobs import housekeeping  # noqa: F401  # registers its job
from engage_api.jobs.limits import Backoff, Limits
from engage_api.jobs.operators import replay
from engage_api.jobs.queue import Job, Stale, enqueue, hold, put_off
from engage_api.jobs.registry import Later, Registry, job, registry, schedule
from engage_api.jobs.worker import Worker

__all__ = [
    "Backoff",
    "Job",
    "Later",
    "Limits",
    "Registry",
    "Stale",
    "Worker",
    "enqueue",
    "hold",
    "job",
    "put_off",
    "registry",
    "replay",
    "schedule",
]
