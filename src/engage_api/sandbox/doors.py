"""All that is done with sandboxes over HTTP."""

from engage_api.sandbox.clocks.routes import router as clocks
from engage_api.sandbox.copies.routes import router as copies
from engage_api.sandbox.faults.routes import router as faults
from engage_api.sandbox.routes import router as sandboxes
from engage_api.sandbox.scenarios.routes import router as scenarios
from engage_api.sandbox.simulating import router as simulating

ROUTERS = (sandboxes, clocks, copies, faults, scenarios, simulating)
