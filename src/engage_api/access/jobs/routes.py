"""Jobs over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from engage_api.access.guard import guard
from engage_api.access.jobs import service
from engage_api.access.jobs.models import Job, State
from engage_api.core.model import Query as Parameters
from engage_api.core.model import Reference, Word
from engage_api.core.problem import NotFound
from engage_api.core.scopes import Scope
from engage_api.db.engine import Transaction
from engage_api.http import etags, pages
from engage_api.http.call import Call
from engage_api.http.idempotency import Answer
from engage_api.http.pages import Cursor, Limit, Page
from engage_api.http.route import DirectRoute
from engage_api.jobs import operators

REPLAY = {"x-problems": ["invalid-transition", "already-queued"]}
router = APIRouter(prefix="/jobs", tags=["Jobs"], route_class=DirectRoute)
Admin = Annotated[Call, guard(Scope.ADMIN_JOBS)]


class JobQuery(Parameters):
    """Which jobs."""

    limit: Limit = pages.USUAL
    cursor: Cursor | None = Field(None, description="`nextCursor` of the page before.")
    state: State | None = Field(None, description="Only those in this state.")
    kind: Word | None = Field(None, description="Only those of this kind.", examples=["account.mail"])
    workspace_id: Reference | None = Field(None, description="Only those of this workspace.")

    def filters(self) -> dict[str, str]:
        """The filters that were given, by name, in a fixed order."""
        given = {name: getattr(self, name) for name in ("kind", "state", "workspace_id")}
        return {name: value for name, value in given.items() if value is not None}


@router.get("", response_model=Page[Job], summary="List jobs")
async def list_jobs(call: Admin, query: Annotated[JobQuery, Query()]) -> Response:
    """What the service has promised and not done yet, in all workspaces, the newest first. A sandbox has none."""
    filters, context = query.filters(), f"{call.principal.workspace} jobs {sorted(query.filters().items())}"
    after = call.services.cursors.open(query.cursor, context)[1] if query.cursor else None
    ask = operators.Ask(filters, after, query.limit + 1)
    found = await service.find(call.db, ask) if service.sees(call.principal) else []
    more, found = len(found) > query.limit, found[: query.limit]
    cursor = call.services.cursors.make(("", found[-1].id), context) if more else None
    return pages.render(call.request, [document(one) for one in found], cursor)


@router.get("/{job_id}", response_model=Job, summary="Read a job")
async def get_job(job_id: str, call: Admin) -> Response:
    """One job. When it is done there is none any more."""
    require_operator(call)
    return etags.answer(call.request, document(await service.one(call.db, job_id)))


@router.post("/{job_id}/replays", response_model=Job, summary="Let a dead job run again", openapi_extra=REPLAY)
async def replay_job(job_id: str, call: Admin) -> Response:
    """It is queued with all its attempts before it, and begins at once."""
    require_operator(call)

    async def work(tx: Transaction) -> Answer:
        shown = document(await service.replay(tx, job_id))
        return Answer(200, shown, {"ETag": etags.strong(shown)})

    return await call.services.once.run(call.request, call.principal, work, door=call.db.system)


def require_operator(call: Call) -> None:
    """Answer 404 to everybody else."""
    if not service.sees(call.principal):
        raise NotFound


def document(job: Job) -> bytes:
    """A job as it is answered."""
    return job.model_dump_json(by_alias=True).encode()
