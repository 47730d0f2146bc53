"""How much a refusal tells."""

import pytest
from pydantic import ValidationError

from engage_api.http.problems import invalid
from engage_api.http.strict import MOST_FAULTS
from engage_api.sandbox.copies.file_models import End


def test_a_small_line_of_a_file_makes_no_huge_answer() -> None:
    with pytest.raises(ValidationError) as refused:
        End.model_validate({f"n{at}": 1 for at in range(2 * MOST_FAULTS)})
    assert refused.value.error_count() > MOST_FAULTS
    assert len(invalid(refused.value).errors) == MOST_FAULTS
