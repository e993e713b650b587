"""What goes wrong, as a web client sees it: one shape, one status for each code, nothing of the inside."""

import inspect
from typing import Any

import httpx2
import pytest
from sqlalchemy import exc as sa

from api import keys
from api.http import problems
from ledger import errors
from ledger.writer import Writer
from tests.api.http.conftest import SECRET, Served

#   error                            status
TABLE = [
    (errors.InvalidAmount,           400),
    (errors.InvalidTime,             400),
    (problems.IdempotencyKeyMissing, 400),
    (problems.InvalidCursor,         400),
    (problems.Unauthenticated,       401),
    (errors.UnknownCommand,          404),
    (errors.UnknownOrder,            404),
    (problems.NoSuchPath,            404),
    (problems.MethodNotAllowed,      405),
    (errors.AlreadyExists,           409),
    (errors.KeyInFlight,             409),
    (errors.VersionChanged,          412),
    (problems.BodyTooLarge,          413),
    (problems.UnsupportedMediaType,  415),
    (errors.ChangedWithoutVersion,   422),
    (errors.IdempotencyKeyReused,    422),
    (errors.RefundExceedsPaid,       422),
    (errors.WrongState,              422),
    (errors.Corrupt,                 500),
    (problems.Unexpected,            500),
    (errors.OutcomeUnknown,          503),
    (errors.ProjectionBehind,        503),
    (errors.StorageUnavailable,      503),
]  # fmt: skip


def every_error() -> list[type[errors.LedgerError]]:
    own = [
        kind
        for _, kind in inspect.getmembers(problems, inspect.isclass)
        if issubclass(kind, errors.LedgerError)
    ]
    return [kind for kind in dict.fromkeys([*errors.catalogue(), *own]) if kind is not errors.LedgerError]


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_every_error_has_one_status_and_one_code(kind: type[errors.LedgerError]):
    answer = problems.refusal(kind("why", field="where"))
    assert answer.media_type == "application/problem+json"
    assert {name for name in every_error() if name.code == kind.code} == {kind}
    assert problems.meaning(kind).status == answer.status_code
    assert ("Retry-After" in answer.headers) == (answer.status_code == 503 or kind is errors.KeyInFlight)
    found = problems.problem(kind("why", field="where"))
    assert found.title and found.remedy  # noqa: PT018 - both or it is no help
    assert (found.code, found.status, found.field) == (kind.code, answer.status_code, "where")
    assert found.type == f"urn:assurance:problem:{kind.code}"


@pytest.mark.parametrize(("kind", "status"), TABLE)
def test_statuses(kind: type[errors.LedgerError], status: int):
    assert problems.meaning(kind).status == status


@pytest.mark.parametrize("kind", [kind for kind, _ in TABLE], ids=lambda kind: kind.__name__)
def test_every_error_reaches_a_client_as_a_problem(
    server: Served, kind: type[errors.LedgerError], monkeypatch: pytest.MonkeyPatch
):
    async def refuse(_writer: Writer, _request: Any) -> Any:
        raise kind("the inside", field="cash")

    monkeypatch.setattr(Writer, "submit", refuse)
    answer = server.post("/v1/orders/p:1/pay", {"cash": 1})
    status = problems.meaning(kind).status
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert {"type", "title", "status", "code", "remedy"} <= body.keys()
    assert (body["status"], body["code"], body["title"]) == (status, kind.code, kind.title())
    inside = status >= 500 and kind is not errors.ProjectionBehind
    assert body.get("detail") == (None if inside else "the inside")
    stamped(answer)


def stamped(answer: httpx2.Response) -> None:
    assert answer.headers["Request-Id"]
    assert answer.headers["Ledger-Position"].isdecimal()


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (RuntimeError("password=hunter2"), 500, "internal_error"),
        (sa.OperationalError("SELECT hunter2", {}, Exception("hunter2")), 503, "storage_unavailable"),
        (sa.TimeoutError("hunter2"), 503, "storage_unavailable"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_nobody_foresaw_keeps_the_inside_in(
    server: Served,
    error: Exception,
    status: int,
    code: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr("api.http.books.books.trial_balance", fail)
    answer = server.client.get("/v1/trial-balance", headers={"Request-Id": "the-one"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "hunter2" not in answer.text
    stamped(answer)
    logged: Any = caplog.records[-1].msg
    assert logged["request_id"] == "the-one"
    assert "hunter2" in logged["detail"]


# Who may.


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Basic dTpw",
        "Bearer nonsense",
        "Bearer ak_" + "a" * 52 + "_00000000",
        "Bearer é".encode("latin-1"),
    ],
)
def test_without_a_key_nothing_is_told(server: Served, header: Any):
    headers = {} if header is None else {"Authorization": header}
    for method, path in (
        ("GET", "/v1/trial-balance"),
        ("GET", "/v1/nothing"),
        ("POST", "/v1/batch"),
        ("POST", "/v1/shops/S/open"),
    ):
        answer = httpx2.request(method, server.url + path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        stamped(answer)


def test_a_revoked_key_opens_nothing(server: Served):
    key = keys.create(server.database, SECRET, "short-lived")
    headers = {"Authorization": f"bearer {key}"}
    assert httpx2.get(f"{server.url}/v1/trial-balance", headers=headers).status_code == 200
    (id_,) = [one.id for one in keys.list_keys(server.database) if one.name == "short-lived"]
    keys.revoke(server.database, id_)
    keys._found.clear()  # for the server, which believes a key for a while
    assert httpx2.get(f"{server.url}/v1/trial-balance", headers=headers).status_code == 401


def test_health_and_the_register_alone_need_no_key(server: Served):
    health = httpx2.get(f"{server.url}/health")
    assert health.json()["status"] == "ok"
    assert health.headers["Ledger-Position"] == str(health.json()["position"])
    assert httpx2.get(f"{server.url}/v1/penalties").status_code == 200
    for path in ("/docs", "/openapi.json", "/", "/v1/fund", "/v1/penalties/P1"):
        assert httpx2.get(f"{server.url}{path}").status_code == 401
    assert server.get("/openapi.json").json()["openapi"].startswith("3.1")


def test_a_browser_reads_the_documents_with_the_key_as_password(server: Served):
    refused = httpx2.get(f"{server.url}/docs")
    assert refused.headers["WWW-Authenticate"].startswith("Basic")
    page = httpx2.get(f"{server.url}/docs", auth=("anyone", server.key))
    assert page.headers["Content-Type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert httpx2.get(f"{server.url}/openapi.json", auth=("", server.key)).status_code == 200
    assert httpx2.get(f"{server.url}/docs", auth=("anyone", "wrong")).status_code == 401
    assert httpx2.get(f"{server.url}/docs", headers={"Authorization": "Basic ?"}).status_code == 401
    # Elsewhere a browser that remembers the key must not send it by itself.
    assert httpx2.get(f"{server.url}/v1/fund", auth=("anyone", server.key)).status_code == 401


# What every answer carries.


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("7f3c-a.b:c/d+e=f_g", True),
        ("x" * 128, True),
        ("x" * 129, False),
        ("a b", False),
        ("", False),
        ("é".encode("latin-1"), False),
    ],
)
def test_a_sane_request_id_is_taken_over(server: Served, given: Any, taken: bool):
    answer = server.client.get("/health", headers={"Request-Id": given})
    assert (answer.headers["Request-Id"] == given) == taken
    again = server.client.get("/health", headers={"Request-Id": given})
    assert (again.headers["Request-Id"] == answer.headers["Request-Id"]) == taken


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "no_such_path"),
        ("GET", "/v2/orders", 404, "no_such_path"),
        ("GET", "/v1/", 404, "no_such_path"),
        ("POST", "/v1/orders/p:1/fly", 404, "unknown_command"),
        ("DELETE", "/v1/orders/p:1", 405, "method_not_allowed"),
        ("GET", "/v1/batch", 405, "method_not_allowed"),
        ("POST", "/health", 405, "method_not_allowed"),
    ],
)
def test_wrong_addresses(server: Served, method: str, path: str, status: int, code: str):
    answer = server.client.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert ("Allow" in answer.headers) == (status == 405)
    assert answer.headers["Content-Type"] == "application/problem+json"
    stamped(answer)
