"""Engage API: customers, cases, offers and the log of what happened to them, served over HTTP."""

from importlib.metadata import version

__version__ = version("engage-api")
