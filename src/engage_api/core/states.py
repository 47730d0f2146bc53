"""State machines as data: for each state, the states that can follow."""

from collections.abc import Mapping, Sequence

from engage_api.core.problem import InvalidTransition


def require_transition(machine: Mapping[str, Sequence[str]], state: str, to: str) -> None:
    """Refuse what the machine does not list.

    Raises:
        InvalidTransition: with `state` and the states that are `allowed`.
    """
    allowed = machine[state]
    if to not in allowed:
        raise InvalidTransition(
            f"From {state} it can go to: {', '.join(allowed)}." if allowed else f"Nothing follows {state}.",
            more={"state": state, "allowed": list(allowed)},
        )
