"""The `engage` command with a hub that lets one caller follow the log as often as the whole process may."""

from engage_api import cli
from engage_api.events import hub


def admit() -> None:
    """From here on one application may open as many streams as all together: a benchmark need not be 250 of them."""
    hub.FOR_ONE = hub.FOR_ORGANIZATION = hub.FOR_ALL


if __name__ == "__main__":
    admit()
    cli.main()
