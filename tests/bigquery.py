"""A BigQuery that answers on the loopback: a process of its own, and the credentials to enter it."""

import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import duckdb
import duckdb_extension_spatial  # type: ignore[import-untyped] # it holds one file
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

PROJECT = "acme-billing"


@dataclass(frozen=True, slots=True)
class BigQuery:
    """Where it answers, and the file with which Google's libraries enter it."""

    url: str
    key: Path

    def enter(self, patch: pytest.MonkeyPatch) -> None:
        """Tell Google's libraries, as a machine does, where it is and who asks."""
        patch.setenv("BIGQUERY_EMULATOR_HOST", self.url)
        patch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(self.key))

    @contextmanager
    def client(self) -> Iterator[bigquery.Client]:
        """A client that fills it with tables."""
        anonymous = AnonymousCredentials()  # type: ignore[no-untyped-call] # the library says no types
        with bigquery.Client(PROJECT, anonymous, client_options={"api_endpoint": self.url}) as client:
            yield client

    def add(self, table: str, shape: Mapping[str, Any], rows: Sequence[Mapping[str, Any]] = ()) -> None:
        """Add rows to `DATASET.TABLE`, which is made, in partitions by the day of arrival, where it is not.

        Args:
            shape: the type of each column; a mapping is a record, a list of one is repeated.
        """
        with self.client() as client:
            client.create_dataset(table.partition(".")[0], exists_ok=True)
            made = bigquery.Table(f"{PROJECT}.{table}", list(fields(shape)))
            made.time_partitioning = bigquery.TimePartitioning()
            client.create_table(made, exists_ok=True)
            if rows:
                lines = io.BytesIO("\n".join(map(json.dumps, rows)).encode())
                config = bigquery.LoadJobConfig(source_format="NEWLINE_DELIMITED_JSON", schema=made.schema)
                job = client.load_table_from_file(lines, made.reference, job_config=config)
                job.result()


def fields(shape: Mapping[str, Any]) -> Iterator[bigquery.SchemaField]:
    """The columns of a table."""
    for name, kind in shape.items():
        each, mode = (kind[0], "REPEATED") if isinstance(kind, list) else (kind, "NULLABLE")
        inner = tuple(fields(each)) if isinstance(each, Mapping) else ()
        yield bigquery.SchemaField(name, "RECORD" if inner else each, mode=mode, fields=inner)


@contextmanager
def running(home: Path) -> Iterator[BigQuery]:
    """The emulator, until the block ends. All that it writes lies under `home`."""
    _install(home)
    program = str(Path(sys.executable).with_name("bqemulator"))
    command = [program, "start", "--rest-port", "0", "--grpc-port", "0"]
    environ = os.environ | {
        "HOME": str(home),
        "BQEMU_ENABLE_FORMAT_EXTENSIONS": "false",
        "BQEMU_UPLOAD_STAGING_DIR": str(home / "uploads"),
    }
    with subprocess.Popen(
        command, cwd=home, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        try:
            port = _port(process.stdout)
            threading.Thread(target=process.stdout.read, daemon=True).start()
            yield BigQuery(f"http://127.0.0.1:{port}", _key(home / "key.json"))
        finally:
            process.terminate()


def _install(home: Path) -> None:
    """Put the extension where the emulator looks for it, which else would download it."""
    (extension,) = Path(duckdb_extension_spatial.__file__).parent.rglob("*.duckdb_extension")
    with duckdb.connect(config={"home_directory": str(home)}) as engine:
        engine.execute(f"INSTALL '{extension}'")


def _port(log: IO[str]) -> int:
    said = []
    for line in log:
        said.append(line)
        if '"rest.listen"' in line:
            return int(json.loads(line)["port"])
    raise AssertionError("".join(said))


def _key(path: Path) -> Path:
    """Credentials that have a token already, so that nobody is asked for one."""
    account = {
        "type": "external_account_authorized_user",
        "token": "loopback",
        "expiry": "2999-01-01T00:00:00Z",
        "quota_project_id": PROJECT,
    }
    path.write_text(json.dumps(account), encoding="utf-8")
    return path
