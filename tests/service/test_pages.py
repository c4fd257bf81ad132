"""Pages and API over a history, through the application as the service mounts it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from starlette.testclient import TestClient

from otel_sessionopt.config import Settings, load_settings
from otel_sessionopt.history.keeping import keep_report
from otel_sessionopt.history.opening import open_history
from otel_sessionopt.service.access import Access
from otel_sessionopt.service.api import PREFIX, api_routes, openapi
from otel_sessionopt.service.app import Service
from otel_sessionopt.service.pages import pages_app
from tests.service.test_history_views import QUIET, WASTEFUL, session

TOKEN = "a-token-of-many-characters"
HOSTILE = "<script>alert('x')</script>"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    loaded = load_settings(environ={})
    history = replace(loaded.history, folder=tmp_path / "history")
    report = replace(loaded.report, folder=tmp_path / "reports", jaeger_url="http://jaeger.example:16686")
    return replace(loaded, history=history, report=report)


def client_of(settings: Settings) -> TestClient:
    service = SimpleNamespace(settings=settings, access=Access(settings.service), is_ready=True)
    return TestClient(pages_app(cast("Service", service)), base_url="http://localhost:8425")


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    store = open_history(settings.history.folder)
    for report in (
        session(WASTEFUL, "a" * 32, "coder", "2026-01-01T10:00:00+00:00", "Fix the parser"),
        session(QUIET, "b" * 32, "coder", "2026-01-02T10:00:00+00:00", HOSTILE),
        session(WASTEFUL, "c" * 32, HOSTILE, "2026-01-03T10:00:00+00:00", "‮right to left"),
    ):
        assert keep_report(store, report)
    store.close()
    with client_of(settings) as opened:
        yield opened


PAGES = [
    "/sessions",
    "/sessions?sort=cost&order=ascending&search=parser&agent=coder&status=COMPLETED&since=365d",
    f"/sessions/{'a' * 32}",
    f"/sessions/{'b' * 32}",
    "/agent?name=coder",
    f"/compare?id={'a' * 32}&id={'b' * 32}",
    "/costs",
    "/costs?since=7d",
    "/rules",
    "/rules/repeated-file-read",
]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_whole_loads_nothing_and_escapes_everything(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.text.startswith("<!DOCTYPE html>")
    assert answer.text.rstrip().endswith("</html>")
    assert HOSTILE not in answer.text
    assert "‮" not in answer.text
    assert not re.search(r"""(?:src|srcset|@import|url\()\s*=?\s*["']?(?:https?:)?//""", answer.text)
    assert len(re.findall(r"<h1[ >]", answer.text)) == 1


@pytest.mark.parametrize("path", [*PAGES, "/nothing", f"{PREFIX}/sessions", "/healthz"])
def test_every_answer_forbids_frames_sniffing_and_copies(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


def test_the_first_page_is_the_list_of_sessions(client: TestClient) -> None:
    answer = client.get("/", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, "/sessions")


def test_a_session_page_is_the_report_with_links_to_jaeger_and_back(client: TestClient) -> None:
    text = client.get(f"/sessions/{'a' * 32}").text
    assert f"http://jaeger.example:16686/trace/{'a' * 32}" in text
    assert 'href="/sessions"' in text


def test_an_empty_history_says_where_to_send_spans_to(settings: Settings) -> None:
    moved = replace(settings, service=replace(settings.service, http_port=14318))
    with client_of(moved) as opened:
        assert "OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:14318" in opened.get("/sessions").text


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/sessions/unknown", 404, "There is no such session"),
        ("/agent?name=nobody", 404, "There is no such agent"),
        ("/agent", 404, "There is no such agent"),
        ("/rules/unknown", 404, "There is no such rule"),
        ("/nowhere/at/all", 404, "There is no such page"),
        (f"/compare?id={'a' * 32}", 400, "2 to 12 sessions"),
        (f"/compare?id={'a' * 32}&id=unknown", 404, "There is no such session"),
        ("/sessions?sort=nothing", 400, "sort: one of started"),
        ("/sessions?limit=0", 400, "limit: a whole number from 1"),
        ("/sessions?status=odd", 400, "status: one of ACTIVE"),
        ("/costs?since=yesterday", 400, "since: a time such as"),
    ],
)
def test_what_cannot_be_shown_is_told_on_a_page(client: TestClient, path: str, status: int, words: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, words in answer.text) == (status, True)
    assert answer.text.startswith("<!DOCTYPE html>")


def test_links_in_the_list_keep_what_was_asked_for(client: TestClient) -> None:
    text = client.get("/sessions?agent=coder&sort=cost&limit=1").text
    assert "/sessions?agent=coder&amp;sort=cost&amp;order=ascending" in text  # the other way round
    assert "/sessions?agent=coder&amp;sort=cost&amp;order=descending&amp;offset=1&amp;limit=1" in text  # the next page


def test_an_empty_history_says_how_to_fill_it(settings: Settings) -> None:
    with client_of(settings) as client:
        assert "OTEL_EXPORTER_OTLP_ENDPOINT" in client.get("/sessions").text
        assert "No analysed session" in client.get("/costs").text


def get(client: TestClient, path: str, status: int = 200) -> Any:
    answer = client.get(PREFIX + path)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


def test_the_api_lists_sorts_and_gives_reports(client: TestClient) -> None:
    listed = get(client, "/sessions?sort=waste&agent=coder")
    assert listed["total"] == 2
    assert [each["id"][0] for each in listed["sessions"]] == ["a", "b"]
    report = get(client, f"/sessions/{'a' * 32}")
    assert report["bill"]["total"]["tokens"] == listed["sessions"][0]["tokens"]
    assert get(client, "/agents")["agents"] == sorted([HOSTILE, "coder"], key=str.lower)
    assert get(client, "/trend?agent=coder")["bill"]["tokens"] == sum(each["tokens"] for each in listed["sessions"])
    assert get(client, "/costs")["total"]["sessions"] == 3
    compared = get(client, f"/compare?id={'b' * 32}&id={'a' * 32}")
    assert [each["session_id"][0] for each in compared["reports"]] == ["b", "a"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/sessions?offset=-1", 400),
        ("/sessions/unknown", 404),
        ("/trend", 404),
        ("/nowhere", 404),
        ("/compare?id=a", 400),
        ("/compare?id=a&id=b", 404),
        ("/jaeger/quality-metrics?hours=0", 400),
    ],
)
def test_wrong_requests_to_the_api_say_what_is_wrong(client: TestClient, path: str, status: int) -> None:
    assert get(client, path, status)["error"]


def test_a_deleted_session_is_gone_with_its_report_files(client: TestClient, settings: Settings) -> None:
    settings.report.folder.mkdir()
    for trace in ("a" * 32, "b" * 32):
        (settings.report.folder / f"{trace}_report.json").write_text("{}")
    assert client.delete(f"{PREFIX}/sessions/{'a' * 32}").status_code == 204
    assert client.delete(f"{PREFIX}/sessions/{'a' * 32}").status_code == 404
    assert [path.name for path in settings.report.folder.iterdir()] == [f"{'b' * 32}_report.json"]
    assert get(client, "/sessions")["total"] == 2
    assert client.get(f"/sessions/{'a' * 32}").status_code == 404


def test_the_description_names_every_route_and_nothing_else(client: TestClient) -> None:
    described = {
        (PREFIX + path, method.upper())
        for path, item in openapi()["paths"].items()
        for method in item
        if method in ("get", "delete", "post", "put", "patch")
    }
    routed = {
        (route.path.replace(":path", ""), method)
        for route in api_routes()
        for method in (route.methods or ())
        if method != "HEAD"
    }
    assert described == routed
    assert get(client, "/openapi.json") == openapi()


def test_answers_fit_their_description(client: TestClient) -> None:
    import jsonschema

    described = openapi()
    for path, name in (
        ("/sessions", "SessionList"),
        (f"/sessions/{'a' * 32}", "Report"),
        ("/agents", "Agents"),
        ("/trend?agent=coder", "Trend"),
        ("/costs", "Costs"),
    ):
        schema = {"$ref": f"#/components/schemas/{name}", "components": described["components"]}
        jsonschema.validate(get(client, path), schema, cls=jsonschema.Draft202012Validator)


def test_jaegers_tab_gets_scores_and_failing_traces(client: TestClient) -> None:
    found = get(client, "/jaeger/quality-metrics?service=coder&hours=87600")
    assert [score["key"] for score in found["scores"]] == ["efficiency", "clean"]
    assert found["scores"][1]["value"] == 50
    failing = [metric for metric in found["metrics"] if metric["failureCount"]]
    assert failing
    for metric in failing:
        assert metric["failureExamples"][0]["traceID"] == "a" * 32
        assert metric["metricDocumentationLink"].startswith("http://localhost:8425/rules/")
    everybody = get(client, "/jaeger/quality-metrics?service=some-service&hours=87600")
    assert sum(failing[0][key] for key in ("passCount", "failureCount", "exemptionCount")) == 2
    assert sum(everybody["metrics"][0][key] for key in ("passCount", "failureCount", "exemptionCount")) == 3


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        ("http://jaeger.example:16686", True),
        ("http://localhost:16686", True),
        ("http://127.0.0.1:16686", True),
        ("http://jaeger.example", False),
        ("https://evil.example", False),
        ("http://localhost.evil.example", False),
        ("null", False),
        ("http://[", False),
    ],
)
def test_only_jaeger_and_this_machine_may_read_across_origins(
    client: TestClient, origin: str, is_allowed: bool
) -> None:
    path = f"{PREFIX}/jaeger/quality-metrics"
    allowed = client.get(path, headers={"Origin": origin}).headers.get("access-control-allow-origin")
    assert allowed == (origin if is_allowed else None)
    others = client.get(f"{PREFIX}/sessions", headers={"Origin": origin}).headers
    assert "access-control-allow-origin" not in others


def test_another_host_name_is_refused(client: TestClient) -> None:
    assert client.get("/sessions", headers={"Host": "evil.example"}).status_code == 403


def test_with_a_token_browsers_are_asked_for_a_password(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    with client_of(replace(settings, service=replace(settings.service, token_file=str(file)))) as client:
        refused = client.get("/sessions")
        assert (refused.status_code, refused.headers["www-authenticate"].split()[0]) == (401, "Basic")
        for given, status in ((f"any:{TOKEN}", 200), ("any:wrong", 401), ("", 401)):
            basic = "Basic " + base64.b64encode(given.encode()).decode()
            assert client.get("/sessions", headers={"Authorization": basic}).status_code == status
        assert client.get("/sessions", headers={"Authorization": "Basic !"}).status_code == 401
        assert client.get("/sessions", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
        assert client.get("/healthz").status_code == 200


def test_the_description_is_valid_json_that_openapi_tools_take() -> None:
    assert openapi()["openapi"].startswith("3.1")
    references = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(openapi())))
    assert references <= set(openapi()["components"]["schemas"])
