"""OpenCost's API on a loopback server: whole days of whole months, and nothing from a failed answer."""

import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from spend.period import DAY, Period
from storage.costs import costs
from storage.lake import Lake, import_files
from storage.snapshots import DeliveryRefused, ImportReport
from storage.sources import opencost_api
from storage.sources.problems import BillRefused
from storage.sources.remote import Access, Asked
from storage.store import Store
from tests.actions.sources import Source, serving
from tests.storage.lake.bills import current_ids, quiet

NOW = datetime(2026, 5, 4, 10, tzinfo=UTC)
APRIL, MAY = Period(date(2026, 4, 1), date(2026, 5, 1)), Period(date(2026, 5, 1), date(2026, 5, 4))
#: The cluster was made on this day.
SINCE = date(2026, 4, 28)


def entry(day: date, cost: str, **rest: Any) -> dict[str, Any]:
    window = {"start": f"{day}T00:00:00Z", "end": f"{day + DAY}T00:00:00Z"}
    properties = {"cluster": "c1"} | rest.pop("properties", {})
    return {"window": window, "properties": properties, "totalCost": float(cost), **rest}


def allocations(day: date) -> dict[str, Any]:
    pod = {"namespace": "shop", "pod": "shop-1", "labels": {"team": "web", "totalCost": "no cost"}}
    return {
        "c1/n1/shop/shop-1/web": entry(
            day, "0.30000000000000004", cpuCost=0.25, ramCost=0.05, pvCost=0.00000000000000004, properties=pod
        ),
        "__idle__": entry(day, "0.5", cpuCost=0.5, ramCost=0),
    }


def assets(day: date) -> dict[str, Any]:
    return {
        "n1": entry(day, "0.9", type="Node", nodeType="m5.large", adjustment=0),
        "d1": entry(day, "7", type="Disk"),
    }


def answers(path: str) -> tuple[int, Any]:
    """As OpenCost does: a list of windows, with an empty one where nothing is known."""
    asked = urlsplit(path)
    day = date.fromisoformat(parse_qs(asked.query)["window"][0][:10])
    known = {"/allocation": allocations, "/assets": assets}[asked.path.removeprefix("/model")]
    return 200, {"code": 200, "status": "success", "data": [known(day) if day >= SINCE else {}]}


@pytest.fixture
def api() -> Iterator[Source]:
    with serving() as served:
        served.answers = answers
        yield served


def load(lake: Lake, store: Store, place: str, **told: Any) -> ImportReport:
    usual: dict[str, Any] = {"access": Access(), "now": NOW, "currency": "USD", "source": None}
    return import_files(
        lake, store, [place], promoted=(), actor="U_FINANCE", progress=quiet, **{**usual, **told}
    )


def place(api: Source, path: str = "") -> str:
    return f"opencost+{api.url}{path}"


def test_each_day_is_there_with_what_is_idle_and_what_the_nodes_cost_beyond(
    lake: Lake, lake_store: Store, api: Source
) -> None:
    report = load(lake, lake_store, place(api), access=Access(token="s3cret"))
    assert [(one.billing_account, one.billing_period, one.rows) for one in report.snapshots] == [
        ("c1", APRIL.start, 3 * 3), ("c1", MAY.start, 3 * 3),
    ]  # fmt: skip
    rows = costs(lake, lake_store, by=("day", "resource_id", "x_pod", "tag:team", "charge_category")).rows
    assert [list(row.values())[1:5] for row in rows[-3:]] == [
        ["__difference__", None, None, "Adjustment"],
        ["__idle__", None, None, "Usage"],
        ["c1/n1/shop/shop-1/web", "shop-1", "web", "Usage"],
    ]
    # The disk of 0.00000000000000004 is no part of the node.
    amounts = [Decimal("0.1"), Decimal("0.5"), Decimal("0.30000000000000004")]
    assert [row["effective_cost"] for row in rows] == amounts * 6
    assert {row["day"] for row in rows} == {*Period(SINCE, MAY.end).days()}
    # Whole days of whole months are asked for, as finely as they are kept.
    asked = [(urlsplit(path).path, parse_qs(urlsplit(path).query)) for path, _ in api.asked]
    days = [*APRIL.days(), *MAY.days()]
    assert [(path, query["window"][0]) for path, query in asked] == [
        (path, f"{day}T00:00:00Z,{day + DAY}T00:00:00Z")
        for day in days
        for path in ("/allocation", "/assets")
    ]
    assert asked[0][1] | {"window": []} == {
        "window": [], "aggregate": ["cluster,node,namespace,pod,container"], "step": ["1d"],
        "includeIdle": ["true"], "shareIdle": ["false"], "accumulate": ["false"],
    }  # fmt: skip
    assert {token for _, token in api.asked} == {None}  # a token is for https


@pytest.mark.parametrize("path", ["/model", "/model/", "/model/allocation"])
def test_the_address_says_where_kubecost_is_and_a_token_is_shown_over_https(path: str) -> None:
    safe = Asked(f"opencost+https://cost.example{path}", Path(), Access(token="s3cret"), (), quiet, NOW)
    address = opencost_api._address(safe)
    assert (address.url, address.token) == ("https://cost.example/model", "s3cret")
    assert "s3cret" not in repr(safe)


def certificate(folder: Path) -> Path:
    """A key and a certificate for the loopback that nobody vouches for."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=True)
        .sign(key, hashes.SHA256())
    )
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = folder / "server.pem"
    path.write_bytes(text + made.public_bytes(Encoding.PEM))
    return path


def test_a_token_is_shown_only_to_a_server_whose_certificate_is_vouched_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(file)
    with serving(tls) as api:
        api.answers = answers
        asked = Asked(place(api), tmp_path, Access(token="s3cret"), (), quiet, NOW.replace(day=6))
        with pytest.raises(BillRefused, match=r"could not be asked \(SSLCertVerificationError\)"):
            opencost_api.fetch(asked)
        assert api.asked == []
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        opencost_api.fetch(asked)
        assert {token for _, token in api.asked} == {"Bearer s3cret"}


def test_kubecost_without_assets_is_held_against_nothing(lake: Lake, lake_store: Store, api: Source) -> None:
    api.answers = lambda path: (404, b"404 page not found") if "/assets" in path else answers(path)
    report = load(lake, lake_store, place(api, "/model"), now=NOW.replace(day=6))
    assert {urlsplit(asked).path for asked, _ in api.asked} == {"/model/allocation", "/model/assets"}
    assert [one.rows for one in report.snapshots] == [2 * 5]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2026, 5, 1, 0, tzinfo=UTC), [APRIL]),
        (datetime(2026, 5, 5, 23, tzinfo=UTC), [APRIL, Period(MAY.start, date(2026, 5, 5))]),
        (datetime(2026, 5, 6, 0, tzinfo=UTC), [Period(MAY.start, date(2026, 5, 6))]),
        (datetime.fromisoformat("2026-05-04T01:00:00+02:00"), [APRIL, Period(MAY.start, date(2026, 5, 3))]),
    ],
)
def test_the_days_are_complete_and_begin_with_the_month(now: datetime, expected: list[Period]) -> None:
    assert list(opencost_api.periods(now)) == expected


def shifted(_path: str) -> tuple[int, Any]:
    late = allocations(MAY.start - DAY)
    return 200, {"code": 200, "data": [late]}


FAILURES: list[tuple[tuple[int, Any], str]] = [
    ((500, {"code": 500, "message": "boundary error: no data"}), "status 500.* boundary error"),
    ((200, {"code": 503, "message": "warming up"}), "allocation of 2026-05-01.*code 503: warming up"),
    ((200, b'{"code": 200, "data": [{"a": {"totalCo'), "not whole JSON"),
    ((200, b"<html>"), "not whole JSON"),
    ((302, b""), "redirection, which is not followed"),
    ((200, {"hello": "world"}), "no allocations of OpenCost"),
    ((200, b'{"data": [{"\xff": {}}]}'), "can't decode"),
    ((200, {"data": [{"x": {"window": "today", "totalCost": 1}}]}), "begins at “”; have it count"),
    ((404, b"404 page not found"), "status 404"),
    ((200, {"code": 200, "data": None}), "no allocations"),
    (
        (200, {"code": 200, "data": [{}, None]}),
        "knows no allocation from 2026-05-01 to 2026-05-09",
    ),
    (shifted(""), "begins at “2026-04-30T00:00:00Z”; have it count in UTC"),
]


def test_a_failed_answer_changes_nothing(lake: Lake, lake_store: Store, api: Source) -> None:
    load(lake, lake_store, place(api), now=NOW.replace(day=6))
    before = current_ids(lake_store)
    for answer, said in FAILURES:
        api.answers = lambda _path, answer=answer: answer
        with pytest.raises(DeliveryRefused, match=said) as refused:
            load(lake, lake_store, place(api), now=NOW.replace(day=10))
        assert "\n" not in str(refused.value)
    # Its Prometheus has forgotten the first days of the month.
    api.answers = lambda path: (
        answers(path) if "2026-05-0" not in path else (200, {"code": 200, "data": [{}]})
    )
    with pytest.raises(
        DeliveryRefused, match="begins on 2026-05-10, and what is known of this bill on 2026-05-01"
    ):
        load(lake, lake_store, place(api), now=NOW.replace(day=12))
    assert current_ids(lake_store) == before


def test_nobody_there_and_an_address_with_a_password_are_one_sentence_each(
    lake: Lake, lake_store: Store
) -> None:
    with serving() as gone:
        address = place(gone)
    with pytest.raises(DeliveryRefused, match=r"could not be asked .*; try again when it answers"):
        load(lake, lake_store, address)
    for wrong in (
        "opencost+https://me:s3cret@cost.example",
        "opencost+http://",
        "opencost+http://h:1/?window=1d",
    ):
        with pytest.raises(DeliveryRefused, match="a token comes from the environment") as refused:
            load(lake, lake_store, wrong)
        assert "s3cret" not in str(refused.value)


def test_an_answer_without_end_is_given_up(api: Source) -> None:
    from actions.errors import Unreadable
    from actions.readers.asking import Address, answered

    address = Address(api.url, largest=100)
    with pytest.raises(Unreadable, match="could not be asked"):
        answered(address, "/allocation?window=2026-05-01")
    assert answered(replace(address, largest=10_000), "/allocation?window=2026-05-01")[0] == 200
