"""`python -m engage_api` is the `engage` command."""

from engage_api.cli import main

main()
