"""Errors as people and programs read them: RFC 9457 problem documents, with no text of a stack."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

MEDIA_TYPE = "application/problem+json"
_SHOWN_VALUE_LENGTH = 80
BODY_HINT = "A request body may have 64 KiB."
_CODES = {
    HTTPStatus.NOT_FOUND: ("no_such_path", "The paths are listed in /api/v1/openapi.json."),
    HTTPStatus.METHOD_NOT_ALLOWED: ("method_not_allowed", "The Allow header names the methods of this path."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("body_too_large", BODY_HINT),
}


class Problem(BaseModel):
    """A problem document."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    hint: str
    instance: str


class ProblemError(Exception):
    """What a request cannot have, and what would help."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        hint: str,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, str] | None = None,
    ) -> None:
        """`members` stand in the document beside the usual ones."""
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.hint = hint
        self.headers = headers
        self.members = members or {}


def documented(*codes: int) -> dict[int | str, dict[str, Any]]:
    """Problems that a route answers with, for its part of the OpenAPI document."""
    return {code: {"model": Problem} for code in codes}


def problem_response(error: ProblemError, path: str) -> JSONResponse:
    """The answer for an error."""
    problem = Problem(
        type=f"urn:market-making:problem:{error.code}",
        title=HTTPStatus(error.status).phrase,
        status=error.status,
        detail=error.detail,
        code=error.code,
        hint=error.hint,
        instance=path,
    )
    document = problem.model_dump() | dict(error.members)
    return JSONResponse(document, error.status, headers=error.headers, media_type=MEDIA_TYPE)


def install(application: FastAPI) -> None:
    """Answer every error of the application with a problem document."""
    application.add_exception_handler(ProblemError, _on_problem)
    application.add_exception_handler(HTTPException, _on_http_error)
    application.add_exception_handler(RequestValidationError, _on_invalid_request)
    application.add_exception_handler(Exception, _on_unexpected_error)


async def _on_problem(request: Request, error: Exception) -> JSONResponse:
    problem = error if isinstance(error, ProblemError) else _unexpected()
    return problem_response(problem, request.url.path)


async def _on_http_error(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        return problem_response(_unexpected(), request.url.path)
    status = HTTPStatus(error.status_code)
    code, hint = _CODES.get(status, (status.name.lower(), ""))
    detail = f"{request.method} {request.url.path}: {error.detail}"
    return problem_response(ProblemError(status, code, detail, hint, error.headers), request.url.path)


async def _on_invalid_request(request: Request, error: Exception) -> JSONResponse:
    errors = error.errors() if isinstance(error, RequestValidationError) else ()
    detail = "; ".join(_field_error(item) for item in errors)
    hint = "Send a JSON object with the fields that /api/v1/openapi.json names for this path."
    return problem_response(ProblemError(422, "invalid_request", detail, hint), request.url.path)


async def _on_unexpected_error(request: Request, error: Exception) -> JSONResponse:
    return problem_response(_unexpected(), request.url.path)


def _unexpected() -> ProblemError:
    return ProblemError(
        500,
        "unexpected_error",
        "The gateway failed to answer; the engine itself is not affected.",
        "The gateway's log holds the cause.",
    )


def _field_error(item: Mapping[str, Any]) -> str:
    location: Sequence[Any] = item["loc"]
    field = ".".join(str(part) for part in location if part != "body") or "body"
    if item["type"] == "missing":
        return f"{field}: {item['msg']}"
    value = repr(item.get("input"))
    if len(value) > _SHOWN_VALUE_LENGTH:
        value = value[:_SHOWN_VALUE_LENGTH] + "..."
    return f"{field}: {item['msg']} (got {value})"
