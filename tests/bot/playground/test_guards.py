"""The page belongs to this machine: foreign names, foreign sites and foreign files get nothing."""

import http.client
import threading

import pytest

from bot.playground.server import serve
from tests.bot.playground.stage import ANA, Stage

JSON = {"Content-Type": "application/json"}


def ask(
    stage: Stage, verb: str, path: str, body: str | None = None, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    """One raw request: its status, headers (lower case) and body."""
    link = http.client.HTTPConnection("127.0.0.1", stage.page.port, timeout=10)
    link.request(verb, path, body, headers or {})
    reply = link.getresponse()
    said = reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read()
    link.close()
    return said


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "10.0.0.1", "[bad", ""]
)
def test_a_name_that_is_not_this_machine_gets_nothing(stage: Stage, host: str) -> None:
    status, _, said = ask(stage, "GET", "/state", headers={"Host": host})
    assert (status, b"loopback" in said) == (403, True)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_this_machine_by_any_of_its_names_is_answered(stage: Stage, host: str) -> None:
    assert ask(stage, "GET", "/state", headers={"Host": f"{host}:{stage.page.port}"})[0] == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1"])
@pytest.mark.parametrize("path", ["/do/say", "/api/chat.postMessage", "/response/r1", "/upload/v1/F1"])
def test_another_site_cannot_act_through_a_persons_browser(stage: Stage, origin: str, path: str) -> None:
    body = f'{{"as": "{ANA.id}", "channel": "C0CHECK", "text": "hi"}}'
    assert ask(stage, "POST", path, body, {**JSON, "Origin": origin})[0] == 403
    assert stage.player(ANA).messages("C0CHECK") == []


def test_a_cross_site_request_without_an_origin_is_refused_too(stage: Stage) -> None:
    assert ask(stage, "GET", "/state", headers={"Sec-Fetch-Site": "cross-site"})[0] == 403


def test_a_link_from_another_site_may_open_the_page_and_nothing_else(stage: Stage) -> None:
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert ask(stage, "GET", "/", headers=followed)[0] == 200
    assert ask(stage, "GET", "/archives/C0CHECK/p1", headers=followed)[0] == 200
    assert ask(stage, "GET", "/state", headers=followed)[0] == 403


def test_a_plain_form_cannot_act(stage: Stage) -> None:
    status, _, _ = ask(stage, "POST", "/do/say", "as=U0ANA", {"Content-Type": "text/plain"})
    assert status == 415
    assert ask(stage, "POST", "/do/say", "as=U0ANA", JSON)[0] == 400


def test_the_pages_own_origin_may_act(stage: Stage) -> None:
    body = f'{{"as": "{ANA.id}", "channel": "C0CHECK", "text": "hi"}}'
    assert ask(stage, "POST", "/do/say", body, {**JSON, "Origin": stage.page.url})[0] == 200


@pytest.mark.parametrize("path", ["/", "/page/page.js", "/state", "/nowhere"])
def test_every_answer_forbids_foreign_scripts_and_frames(stage: Stage, path: str) -> None:
    headers = ask(stage, "GET", path)[1]
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/page/..%2Fserver.py", "/page/__init__.py", "/page/%2Fetc%2Fpasswd", "/page/x.js"]
)
def test_only_the_pages_own_files_are_served(stage: Stage, path: str) -> None:
    assert ask(stage, "GET", path)[0] == 404


def test_an_uploaded_picture_is_shown_and_anything_else_only_downloaded(stage: Stage) -> None:
    picture = stage.client.files_upload_v2(content=b"\x89PNG", filename="a.png")["file"]
    page = stage.client.files_upload_v2(content=b"<script>", filename="a.html")["file"]
    status, headers, said = ask(stage, "GET", f"/files/{picture['id']}/x")
    assert (status, headers["content-type"], said) == (200, "image/png", b"\x89PNG")
    headers = ask(stage, "GET", f"/files/{page['id']}/x")[1]
    assert headers["content-type"] == "application/octet-stream"
    assert headers["content-disposition"].startswith("attachment")
    assert ask(stage, "GET", "/files/F0NONE/x")[0] == 404


def test_bytes_for_a_file_that_was_not_announced_are_refused(stage: Stage) -> None:
    assert ask(stage, "POST", "/upload/v1/F0NONE", "x")[0] == 404


def test_the_page_is_not_served_to_the_network(stage: Stage) -> None:
    with pytest.raises(ValueError, match="loopback"):
        serve(stage.page._uvicorn.config.app, "0.0.0.0")  # type: ignore[arg-type]  # noqa: S104 - it is refused


def test_a_person_that_is_not_there_sees_nothing(stage: Stage) -> None:
    assert ask(stage, "GET", "/state?as=U0NONE")[0] == 404


def test_changes_stream_to_open_pages_and_the_server_stops_with_one_open(stage: Stage) -> None:
    link = http.client.HTTPConnection("127.0.0.1", stage.page.port, timeout=10)
    link.request("GET", "/events")
    reply = link.getresponse()
    first = reply.readline()
    reply.readline()
    stage.client.chat_postMessage(channel="C0CHECK", text="news")
    second = reply.readline()
    assert first.startswith(b"data: ")
    assert int(second.split()[1]) > int(first.split()[1])
    stopping = threading.Thread(target=stage.page.stop)
    stopping.start()
    stopping.join(5)
    assert not stopping.is_alive()
    link.close()
