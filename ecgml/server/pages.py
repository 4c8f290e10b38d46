"""The page at /: its files, its examples, the model's card; no build step, no third-party content."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from ecgml.errors import TrackingError
from ecgml.page.rendering import markdown, template
from ecgml.records.reading import formats
from ecgml.server.answering import Answering
from ecgml.server.guard import Refused
from ecgml.service.address import registered

router = APIRouter()

_KINDS = {".js": "text/javascript", ".css": "text/css", ".gz": "application/gzip"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'none'; base-uri 'none'"
)
_HEADERS = {
    "Content-Security-Policy": f"{_POLICY}; frame-ancestors 'none'",  # frame-ancestors is not allowed in a page
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


@router.get("/", include_in_schema=False)
async def index() -> Response:
    """Return the page."""
    known = [known.name for known in formats()]
    page = template("index.html", "ecgml.server").render(policy=_POLICY, formats=known)
    return HTMLResponse(page, headers=_HEADERS)


@router.get("/page/base.css", include_in_schema=False)
async def base() -> Response:
    """Return the style sheet of all pages of ecgml."""
    return _file(files("ecgml.page") / "templates", "base.css")


@router.get("/page/{name}", include_in_schema=False)
async def part(name: str) -> Response:
    """Return a script or style of the page."""
    return _file(_folder(), name)


@router.get("/v1/demos", summary="Simulated examples")
async def demos() -> JSONResponse:
    """Return the names of ECG files to try the server with; CSV in µV, 500 Hz, simulated."""
    names = sorted(path.name for path in _demos().iterdir())
    return JSONResponse([{"name": name, "title": name.partition(".")[0].replace("-", " ")} for name in names])


@router.get("/v1/demos/{name}", summary="One of them")
async def demo(name: str) -> Response:
    """Return an example as a file."""
    return _file(_demos(), name)


@router.get("/v1/card", summary="The model's card", response_class=PlainTextResponse)
async def card(request: Request) -> Response:
    """Return the card of a registered model.

    Markdown, or HTML on request (``Accept: text/html``).
    """
    answering: Answering = request.app.state.answering
    address = answering.model.pinned
    if not registered(address)[0]:
        raise Refused(404, "this model has no card: only registered models have one")
    # MLflow takes seconds to import; here it is already loaded.
    from ecgml.service.model_card import card_of

    try:
        text = await answering.in_thread(card_of, address)
    except TrackingError:
        raise Refused(502, "the registry is unreachable") from None
    if text is None:
        raise Refused(404, "this version has no card")
    if "text/html" in request.headers.get("accept", ""):
        return HTMLResponse(markdown(text), headers=_HEADERS)
    return PlainTextResponse(text, media_type="text/markdown; charset=utf-8")


def _folder() -> Traversable:
    return files("ecgml.server") / "page"


def _demos() -> Traversable:
    return _folder() / "demos"


def _file(folder: Traversable, name: str) -> Response:
    path = next((path for path in folder.iterdir() if path.name == name and path.is_file()), None)
    if path is None:
        raise Refused(404, "no such page")
    return Response(path.read_bytes(), media_type=_KINDS["." + name.rpartition(".")[2]], headers=_HEADERS)
