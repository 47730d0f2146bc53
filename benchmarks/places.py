"""Where the benchmark keeps its things: all of it under var/, none of it in version control."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
HOME = ROOT / "var" / "bench"
DATA = HOME / "data"  # filled databases, kept for the next run
RUN = HOME / "run"  # what one run makes; the next one begins without it
RESULTS = HOME / "results"  # a line of JSON for every run
