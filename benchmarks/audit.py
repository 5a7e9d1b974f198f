"""The audit chain's price: transitions beside the same without the chain, and verifying a million rows."""

import multiprocessing
import resource
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from benchmarks import _scene as scene
from spend import canonical
from storage import audit, schema, tables
from storage.store import Store
from storage.unit import Unit
from storage.work import JobState
from tests.databases import PostgresServer

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
ROUNDS, TRANSITIONS, WRITERS = 3, 600, 16
ROWS, SECONDS, LEAST = 1_000_000, 30, 0.5
#: The peer's log: the same facts in a row, but no hash, no order, no turns.
PLAIN = (
    "CREATE TABLE plain (id {id} PRIMARY KEY, at {at} NOT NULL, event VARCHAR NOT NULL, "
    "actor VARCHAR NOT NULL, subject VARCHAR NOT NULL, after TEXT, reason VARCHAR, "
    "app_version VARCHAR NOT NULL)"
)
INSERT = text(
    "INSERT INTO plain (at, event, actor, subject, after, reason, app_version) "
    "VALUES (:at, :event, :actor, :subject, :after, :reason, :app_version)"
)


def main() -> None:
    """Measure both databases, then a long log on each."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'bursar.db'}"
        _prepared(url)
        _compared("SQLite, one writer", url, 1)
        _verified("SQLite", url)
        server = PostgresServer(Path(folder))
        try:
            server.wait_for_disk()
            url = server.empty().owner_url
            _prepared(url)
            _compared(f"PostgreSQL, {WRITERS} writers", url, WRITERS)
            _verified("PostgreSQL", url)
        finally:
            server.stop()


def _prepared(url: str) -> None:
    store = Store(url)
    schema.upgrade(store.engine)
    words = {"id": "INTEGER", "at": "VARCHAR"} if store.sqlite else {"id": "SERIAL", "at": "TIMESTAMPTZ"}
    with store.engine.begin() as connection:
        connection.execute(text(PLAIN.format(**words)))
    store.close()


def _compared(where: str, url: str, writers: int) -> None:
    """Rounds of both kinds by turns: what else the machine does then hits both."""
    rates: dict[bool, list[float]] = {True: [], False: []}
    for number in range(ROUNDS):
        for chained in (True, False):
            rates[chained].append(_rate(url, f"{number}{chained}", writers, chained=chained))
    ours, peer = max(rates[True]), max(rates[False])
    print(f"{where}: {ours:.0f} audited transitions a second, {peer:.0f} without the chain")
    print(f"{where}, ours / without the chain: {ours / peer:.2f} (at least {LEAST})")


def _rate(url: str, mark: str, writers: int, *, chained: bool) -> float:
    each = TRANSITIONS // writers if writers > 1 else TRANSITIONS
    context = multiprocessing.get_context("spawn")
    gates = (context.Barrier(writers + 1), context.Barrier(writers + 1))
    crowd = [
        context.Process(
            target=_writer, args=(url, f"{mark}-{n}", each), kwargs={"chained": chained, "gates": gates}
        )
        for n in range(writers)
    ]
    for one in crowd:
        one.start()
    gates[0].wait()
    began = time.perf_counter()
    gates[1].wait()
    seconds = time.perf_counter() - began
    for one in crowd:
        one.join()
    return each * writers / seconds


def _writer(url: str, mark: str, count: int, *, chained: bool, gates: tuple[Any, Any]) -> None:
    """One process's part; all begin when the last has prepared its rows, and it ends with the slowest."""
    store = Store(url)
    with store.writing(NOW) as unit:
        for n in range(count):
            unit.enqueue("bench", f"{mark}-{n}")
    with store.reading() as session:
        query = text("SELECT id FROM job WHERE key LIKE :mark")
        keys = list(session.execute(query, {"mark": f"{mark}-%"}).scalars())
    gates[0].wait()
    for key in keys:
        with store.writing(NOW) as unit:
            _transition(unit, key, chained=chained)
    gates[1].wait()
    store.close()


def _transition(unit: Unit, key: str, *, chained: bool) -> None:
    """A change of state, its message and its audit entry, as a step of a run has them."""
    row = unit.move(unit.get(tables.Job, key), JobState.RUNNING, worker="worker-1", epoch=1)
    unit.send("post", "sentence", key, channel="C_OPS", args={"text": "Something happened."})
    after = {"target": "i-0123456789abcdef0", "state": str(row.state), "step": 3, "action": "aws.stop"}
    if chained:
        unit.record("step.done", actor="bursar", subject=key, after=after, reason="it was idle for 14 days")
        return
    at = canonical.data(NOW) if unit.session.get_bind().dialect.name == "sqlite" else NOW
    unit.session.execute(
        INSERT,
        {"at": at, "event": "step.done", "actor": "bursar", "subject": key, "after": canonical.text(after)}
        | {"reason": "it was idle for 14 days", "app_version": audit.version()},
    )


def _verified(where: str, url: str) -> None:
    store = Store(url)
    with store.engine.begin() as connection:
        _fill(connection, ROWS)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, busy = time.perf_counter(), time.process_time()
    with store.reading() as session:
        verdict = audit.verify(session)
    seconds, busy = time.perf_counter() - began, time.process_time() - busy
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    store.close()
    assert verdict.reason is None, verdict
    print(
        f"{where}: {verdict.rows:,} rows verified in {busy:.1f} CPU s, {grown:.0f} MB more memory than before"
    )
    scene.verdict(f"{where}, verify", seconds, SECONDS, "s")


def _fill(connection: Connection, upto: int) -> None:
    """Chain rows to the log until it has this many."""
    last = connection.execute(text("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")).one()
    seq, previous = last.seq, last.hash
    sqlite = connection.dialect.name == "sqlite"
    while seq < upto:
        rows = []
        for number in range(seq + 1, min(seq + 10_000, upto) + 1):
            row = audit.Stored(
                "bursar",
                '{"action":"aws.stop_instances","state":"stopped","step":"stop","target":"i-0123456789abcdef0"}',
                "0.1.0",
                canonical.data(NOW),
                '{"state":"running"}',
                "step.done",
                "",
                "0" * 64,
                previous,
                f"row {number}",
                "1" * 64,
                number,
                "plan-k3w7q2k3w7q2k3w7",
            )
            previous = row.digest()
            rows.append(row._asdict() | {"hash": previous, "at": row.at if sqlite else NOW})
        connection.execute(audit.INSERT, rows)
        seq += len(rows)


if __name__ == "__main__":
    main()
