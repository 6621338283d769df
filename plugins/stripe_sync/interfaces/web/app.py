"""The app: routes, and what every answer carries. Who may see an environment is decided by whoever mounts it.

Every route of an environment depends on ``allowed``; there is no documentation route, no script, and no way to write.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import jinja2
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import Engine

from stripe_sync.core.settings import Environment
from stripe_sync.interfaces.web import pages
from stripe_sync.interfaces.web.pages import Page, Section, Viewer

LINKS = (("", "Overview"), ("entities", "Entities"), ("plans", "Plans"), ("usage", "Usage"), ("reports", "Reports"))
REPORTS = ("index.html", "drift.xlsx", "drift.csv", "report.json", "summary.json")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'self'; "
    "base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
templates = jinja2.Environment(
    loader=jinja2.PackageLoader("stripe_sync.interfaces.web"), autoescape=True, undefined=jinja2.StrictUndefined
)
Show = Callable[..., Page | None]


@dataclass(frozen=True)
class House:
    """What the app is given. ``permitted`` and ``allowed`` are dependencies: the environments that somebody may see, and
    a refusal for the others; ``folder`` gives the folder of an environment's reports, any path object."""

    permitted: Callable[..., Any]
    allowed: Callable[..., Any]
    environments: Callable[[], dict[str, Environment]]
    engine: Callable[[], Engine]
    now: Callable[[Environment], datetime]
    folder: Callable[[str], Any]
    airflow: str = ""
    prefix: str = "/stripe-sync"

    @property
    def base(self) -> str:
        return f"{self.airflow}{self.prefix}"


def create_app(house: House) -> FastAPI:
    """The app with every route guarded."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.middleware("http")
    async def careful(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    @app.get("/", response_class=HTMLResponse)
    def index(names: list[str] = Depends(house.permitted)) -> str:  # noqa: B008
        rows = tuple((pages.Cell(name, f"{house.base}/{name}/"),) for name in names)
        note = "" if rows else "There is no environment that you may see."
        page = Page("Billing sync", (Section("Environments", ("environment",), rows, note),))
        return rendered(house, page, environment="", here="-")

    app.include_router(routes(house))
    return app


def routes(house: House) -> APIRouter:
    """The routes of one environment."""
    router = APIRouter(prefix="/{environment}", dependencies=[Depends(house.allowed)])

    def shown(environment: str, here: str, make: Show, **given: Any) -> HTMLResponse:
        settings = house.environments()[environment]
        viewer = Viewer(settings, house.engine(), house.now(settings), house.base, house.airflow)
        page = make(viewer, **given)
        if page is None:
            raise HTTPException(404, "There is nothing here; it may have gone, or its id was mistyped.")
        return HTMLResponse(rendered(house, page, environment=environment, here=here))

    @router.get("/")
    def overview(environment: str) -> HTMLResponse:
        return shown(environment, "", pages.overview)

    @router.get("/entities")
    def entities(environment: str, kind: str = "", status: str = "", q: str = "", after: str = "") -> HTMLResponse:
        return shown(
            environment, "entities", pages.entities, kind=kind, status=status, q=q.strip()[:200], after=after[:200]
        )

    @router.get("/entities/{kind}/{id:path}")
    def entity(environment: str, kind: str, id: str) -> HTMLResponse:
        return shown(environment, "entities", pages.entity, kind=kind, id=id)

    @router.get("/customers/{id:path}")
    def customer(environment: str, id: str) -> HTMLResponse:
        return shown(environment, "entities", pages.customer, id=id)

    @router.get("/plans")
    def plans(environment: str) -> HTMLResponse:
        return shown(environment, "plans", pages.plans)

    @router.get("/plans/{run_id:path}")
    def plan(environment: str, run_id: str) -> HTMLResponse:
        return shown(environment, "plans", pages.plan, run_id=run_id)

    @router.get("/usage")
    def usage(environment: str) -> HTMLResponse:
        return shown(environment, "usage", pages.usage)

    @router.get("/reports")
    def reports(environment: str) -> HTMLResponse:
        folder = house.folder(environment)
        there = [name for name in REPORTS if (folder / name).exists()]
        rows = tuple((pages.Cell(name, f"{house.base}/{environment}/reports/{name}"),) for name in there)
        note = "" if rows else f"There is no report yet; the DAG report__{environment} writes it."
        return shown(
            environment, "reports", lambda v: Page("Reports", (Section("The newest report", ("file",), rows, note),))
        )

    @router.get("/reports/{name}")
    def report(environment: str, name: str) -> Response:
        path = house.folder(environment) / name if name in REPORTS else None
        if path is None or not path.exists():
            raise HTTPException(404, "There is no such report.")
        attachment = {"Content-Disposition": f'attachment; filename="{environment}-{name}"'}
        return Response(path.read_bytes(), media_type="application/octet-stream", headers=attachment)

    return router


def rendered(house: House, page: Page, *, environment: str, here: str) -> str:
    return templates.get_template("page.html").render(
        page=page, environment=environment or "environments", base=house.base, root=f"{house.base}/{environment}",
        links=LINKS if environment else (), here=here,
    )  # fmt: skip
