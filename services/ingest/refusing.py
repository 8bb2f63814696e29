"""One form of refusal for raw and FastAPI routes: RFC 9457, with the headers that belong to it."""

from fastapi.responses import JSONResponse

from shared.errors import Problem
from shared.service import problem_response

_HEADERS = {"retry_after": "retry-after", "allow": "allow", "connection": "connection"}


def refusal(problem: Problem) -> JSONResponse:
    """`retry_after`, `allow`, `connection` are headers; a 401 says how to authenticate."""
    headers = {
        name: str(problem.more[key]) for key, name in _HEADERS.items() if key in problem.more
    }
    if problem.status == 401:  # noqa: PLR2004
        headers["www-authenticate"] = 'Basic realm="tuvi"'
    more = {key: value for key, value in problem.more.items() if key not in _HEADERS}
    response = problem_response(Problem(problem.status, problem.title, problem.detail, **more))
    response.headers.update(headers)
    return response
