"""What holds for all that looks at the world of attacks."""

from tests.attack.conftest import quiet

__all__ = ["quiet"]
