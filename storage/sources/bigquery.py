"""Google's billing export in BigQuery: the bills that have news, each table as one exact Parquet file."""

import json
import re
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from spend.errors import SettingsWrong
from storage.sources.google_errors import in_words
from storage.sources.problems import refusal
from storage.sources.remote import Asked

#: GiB that one query may be billed for; BigQuery refuses a larger one before it costs anything.
MOST_GIB = 200
#: Rows in memory at a time.
PAGE = 5_000
#: Seconds after which a BigQuery that does not answer is given up, and a query that does not end.
PATIENCE, LONGEST_QUERY = 30, 3600
#: Google puts rows into the partition of the day, in Pacific time, on which it exports them.
PARTITION, MARGIN = "_PARTITIONTIME", timedelta(days=2)
#: How Google calls the tables, the one that says most first: all of them tell of the same money.
KINDS = ("focus", "resource_v1", "v1")
NAMED = re.compile(rf"gcp_billing_export_({'|'.join(KINDS)})_(.+)")
WORD = re.compile(r"[\w.:-]+")


@dataclass(frozen=True, slots=True)
class Place:
    """What an address means.

    Attributes:
        table: None for the exports of the dataset that are called as Google calls them.
        most: GiB that one query may be billed for.
    """

    project: str
    dataset: str
    table: str | None
    most: int


@dataclass(frozen=True, slots=True)
class Export:
    """How a kind of export calls what a bill is known by, in SQL over a table `t`.

    Attributes:
        exported: the column with the time of the export: later rows have a later one, and Google neither
            changes rows nor takes them away.
        unread: columns that no bill is made of; what is not read is not paid for.
    """

    account: str
    month: str
    exported: str
    unread: frozenset[str] = frozenset()


USAGE = Export(
    "t.billing_account_id",
    "t.invoice.month",
    "export_time",
    frozenset({"adjustment_info", "price", "subscription", "system_labels", "tags"}),
)
FOCUS = Export("t.BillingAccountId", "FORMAT_TIMESTAMP('%Y%m', t.BillingPeriodStart)", "x_ExportTime")


def fetch(asked: Asked) -> None:
    """Put the rows of each bill that has news since the last delivery under `asked.into`.

    The first time that is everything, later the billing periods that anything was added to. Each table
    becomes one Parquet file, all text, with a manifest that names the delivery by its newest export.

    Raises:
        SettingsWrong: the address cannot be read.
        BillRefused: BigQuery refuses or does not answer, or this is no billing export.
    """
    from google.cloud import bigquery

    place = placed(asked.place)
    with _in_words(asked.place, place), bigquery.Client(project=place.project) as client:
        for name in _tables(client, place, asked.place):
            table = client.get_table(f"{place.project}.{place.dataset}.{name}", **_patience())
            _fetch_table(_Queries(client, table, place.most), table, asked)


def placed(address: str) -> Place:
    """Read `bigquery://PROJECT/DATASET[/TABLE][?most_gib=N]`.

    Raises:
        SettingsWrong: it is none.
    """
    parts = urlsplit(address)
    names = [parts.netloc, *parts.path.strip("/").split("/")]
    asked = parse_qs(parts.query, keep_blank_values=True)
    most = asked.pop("most_gib", [str(MOST_GIB)])[-1]
    whole = len(names) in {2, 3} and all(map(WORD.fullmatch, names)) and not asked
    if not whole or not re.fullmatch("[1-9][0-9]{0,5}", most):
        raise SettingsWrong(
            f"{address!r} is no table of BigQuery; write bigquery://PROJECT/DATASET or "
            "bigquery://PROJECT/DATASET/TABLE, and ?most_gib=N after it where a query reads more than "
            f"{MOST_GIB} GiB."
        )
    return Place(names[0], names[1], names[2] if names[2:] else None, int(most))


def _in_words(shown: str, place: Place) -> AbstractContextManager[None]:
    return in_words(
        shown,
        missing="check the project, the dataset and the table of the address",
        denied=f"give the account roles/bigquery.dataViewer on the dataset {place.dataset} and "
        f"roles/bigquery.jobUser in the project {place.project}",
        large=f"one query would read more than {place.most} GiB, which Google charges for; if that is meant, "
        f"add ?most_gib={place.most * 10} to the address",
    )


def _patience() -> dict[str, Any]:
    from google.cloud.bigquery import DEFAULT_RETRY

    return {"retry": DEFAULT_RETRY.with_timeout(PATIENCE), "timeout": PATIENCE}


def _tables(client: Any, place: Place, shown: str) -> list[str]:
    """The tables to read: of each billing account the one that says most, so that nothing counts twice."""
    if place.table is not None:
        return [place.table]
    listed = client.list_tables(f"{place.project}.{place.dataset}", **_patience())
    found = [match for each in listed if (match := NAMED.fullmatch(each.table_id))]
    if not found:
        reason = (
            "no table here is called gcp_billing_export_…; Google makes one some hours after the export is "
            "enabled, and a view or a copy has to be named"
        )
        raise refusal(shown, "not_found", reason)
    ranked = sorted(found, key=lambda match: KINDS.index(match[1]), reverse=True)
    return sorted({match[2]: match[0] for match in ranked}.values())


class _Queries:
    """Queries of one table; each is billed for so much at most, or refused."""

    def __init__(self, client: Any, table: Any, most: int) -> None:
        self._client, self._table, self._most = client, table, most
        self.name = f"`{table.project}.{table.dataset_id}.{table.table_id}` AS t"

    def ask(self, sql: str, **values: datetime | list[str]) -> tuple[Any, int]:
        """The rows, page by page, and how many bytes were read for them."""
        from google.cloud import bigquery

        config = bigquery.QueryJobConfig(
            maximum_bytes_billed=self._most << 30,
            job_timeout_ms=LONGEST_QUERY * 1000,
            query_parameters=[
                bigquery.ArrayQueryParameter(name, "STRING", value)
                if isinstance(value, list)
                else bigquery.ScalarQueryParameter(name, "TIMESTAMP", value)
                for name, value in values.items()
            ],
        )
        job = self._client.query(sql, config, location=self._table.location, **_patience())
        # The shorter `query_and_wait` has been seen to give no rows where a query failed.
        return job.result(page_size=PAGE, retry=_patience()["retry"]), job.total_bytes_processed or 0

    def within(self, name: str) -> str:
        """A condition that leaves out partitions before the value of this name, where there are any.

        Rows that have only just come in may be in none yet.
        """
        partitions = self._table.time_partitioning
        if not partitions or partitions.field:
            return f"@{name} IS NOT NULL"
        return f"({PARTITION} >= @{name} OR {PARTITION} IS NULL)"


def _fetch_table(queries: _Queries, table: Any, asked: Asked) -> None:
    names = [field.name for field in table.schema]
    export = _export(names, asked.place)
    address = f"bigquery://{table.project}/{table.dataset_id}/{table.table_id}"
    known = [one for one in asked.known if one.startswith(f"{address}@")]
    where, values = "", dict[str, datetime | list[str]]()
    if known:
        since = max(datetime.fromisoformat(one.removeprefix(f"{address}@")) for one in known)
        news = _news(queries, export, since)
        if not news:
            asked.met.update(known)
            return
        # What is added meanwhile to other bills must not be older than what this delivery is named by.
        where = (
            f" WHERE {_bill(export)} IN UNNEST(@bills) AND t.{export.exported} <= @last "
            f"AND {queries.within('first')}"
        )
        first = _month_before(min(bill[:6] for bill in news))
        values = {"bills": sorted(news), "last": max(news.values()), "first": first}
    wanted = ", ".join(_column(field) for field in table.schema if field.name not in export.unread)
    rows, size = queries.ask(f"SELECT {wanted} FROM {queries.name}{where}", **values)
    if not rows.total_rows:
        return
    file = asked.into / f"{table.table_id}.parquet"

    def told(done: int) -> None:
        part = size * done // rows.total_rows if size else done
        message = f"fetching {done:,} of {rows.total_rows:,} rows of {table.table_id}"
        asked.progress(part, size or rows.total_rows, message)

    newest = _write(rows, file, export.exported, told)
    manifest = {
        "assemblyId": f"{address}@{newest.isoformat()}",
        "reportName": address,
        "billingPeriod": {"start": ""},
        "reportKeys": [file.name],
    }
    file.with_name(f"{table.table_id}-Manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def _export(names: Collection[str], shown: str) -> Export:
    for export in (FOCUS, USAGE):
        if export.exported in names:
            return export
    reason = "this table has neither export_time nor x_ExportTime: it is no billing export of Google"
    raise refusal(shown, "not_a_bill", reason)


def _column(field: Any) -> str:
    """A column as it is, or as JSON where it has columns inside, which the client makes four times slower."""
    name = f"t.`{field.name}`"
    return f"TO_JSON_STRING({name}) AS `{field.name}`" if field.fields or field.mode == "REPEATED" else name


def _bill(export: Export) -> str:
    return f"CONCAT({export.month}, ' ', {export.account})"


def _news(queries: _Queries, export: Export, since: datetime) -> dict[str, datetime]:
    """The bills, as `YYYYMM ACCOUNT`, to which anything was added since, and when last."""
    rows, _ = queries.ask(
        f"SELECT {_bill(export)} AS bill, MAX(t.{export.exported}) AS last FROM {queries.name} "
        f"WHERE t.{export.exported} > @since AND {queries.within('first')} GROUP BY 1",
        since=since,
        first=since - MARGIN,
    )
    return {row["bill"]: row["last"] for row in rows}


def _month_before(month: str) -> datetime:
    """No row of a bill is exported before its month; a month more costs little, and a row left out much."""
    return datetime.strptime(f"{month}01 +0000", "%Y%m%d %z") - timedelta(days=31)


def _write(rows: Any, file: Path, exported: str, told: Callable[[int], None]) -> datetime:
    """Write the rows as they come, and say which export is the newest of them.

    Raises:
        BillRefused: there are fewer than BigQuery said.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = [field.name for field in rows.schema]
    made = {"Tags": "x_Labels"} if "x_Labels" in names and "Tags" not in names else {}
    schema = pa.schema([(name, pa.string()) for name in (*names, *made)])
    done, newest = 0, datetime.min.replace(tzinfo=UTC)
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for page in rows.pages:
            held = list(page)
            # One by one: a row that is asked for all of its values copies them first.
            columns = {name: [row[at] for row in held] for at, name in enumerate(names)}
            texts = {name: [spelt(value) for value in column] for name, column in columns.items()}
            texts |= {name: [_tags(value) for value in columns[labels]] for name, labels in made.items()}
            writer.write_table(pa.table(texts, schema))
            newest = max(newest, *filter(None, columns[exported]))
            done += len(held)
            told(done)
    if done != rows.total_rows:
        reason = f"BigQuery told of {rows.total_rows} rows and gave {done}; import it again"
        raise refusal(file.name, "incomplete", reason)
    return newest


def spelt(value: Any) -> str | None:
    """A value as exact text; a float as the shortest text that means the same one."""
    match value:
        case None | str():
            return value
        case Decimal():
            return format(value, "f")
        case date():
            return value.isoformat()
    return str(value)


def _tags(labels: str | None) -> str | None:
    """Google's labels as FOCUS writes tags: one object."""
    tags = {one["Key"]: one["Value"] for one in json.loads(labels or "[]") or ()}
    return json.dumps(tags, ensure_ascii=False) if tags else None
