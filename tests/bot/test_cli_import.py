"""Bills from a bucket by the command line and by the clock: an address, or a source of the settings."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import col, select

from bot import cli, jobs
from bot.main import open_desk
from bot.settings import load
from storage.tables import Delivery, Job
from tests.storage.lake.bills import text, write
from tests.storage.shelf import Shelf, aws, bill, moto, shelf

__all__ = ["aws", "moto", "shelf"]


def told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    capsys.readouterr()
    assert cli.outcome(["import", *arguments]) == code
    said = capsys.readouterr()
    return said.out or said.err


@pytest.mark.usefixtures("empty")
def test_an_address_is_read_once_and_then_there_is_nothing_new(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.export(1, bill("1", "2"))
    first = json.loads(told(capsys, shelf.at("exports"), "--json"))
    again = json.loads(told(capsys, shelf.at("exports"), "--json"))
    assert [one["state"] for one in first["snapshots"]] == ["current"]
    assert again["snapshots"] == [{**first["snapshots"][0], "state": "unchanged"}]
    assert "Nothing new" in told(capsys, shelf.at("exports"))


@pytest.mark.usefixtures("empty")
def test_a_refusal_is_exit_3_and_names_the_address_and_the_line(
    shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    shelf.put("focus/may.csv", bill("1", "much"))
    assert f"{shelf.at('focus/may.csv')}:3 column BilledCost" in told(capsys, shelf.at("focus"), code=3)
    [problem] = json.loads(told(capsys, shelf.at("focus"), "--json", code=3))["problems"]
    assert (problem["file"], problem["line"]) == (shelf.at("focus/may.csv"), 3)
    [problem] = json.loads(told(capsys, shelf.at("bare"), "--json", code=3))["problems"]
    assert (problem["file"], problem["code"]) == (shelf.at("bare"), "no_bill")
    assert "Bills are read from paths and from s3://" in told(capsys, "ftp://bills", code=2)


def test_a_source_of_the_settings_is_read_by_its_name_and_by_the_clock(
    empty: Path, shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = f"sources: [{{ name: aws, path: '{shelf.at('focus')}', currency: EUR }}]"
    (empty / "bursar.yaml").write_text(settings, encoding="utf-8")
    shelf.put("focus/may.csv", text([{}], without=["BillingCurrency"]))
    write(empty / "aws", text([{}]))
    [found] = json.loads(told(capsys, "aws", "--json"))["snapshots"]
    assert (found["source"], found["totals"][0]["currency"]) == ("aws", "EUR")
    assert "There is no source 'aks'; the settings know: aws" in told(capsys, "aks", code=2)
    assert "name it alone" in told(capsys, "may.csv", "aws", code=2)
    assert "--as is not for a source" in told(capsys, "aws", "--as", "focus", code=2)
    assert "there is no such file" in told(capsys, "./aks", code=3)
    (empty / "bursar.yaml").write_text(settings.replace("currency: EUR", "role_arn: bills"), encoding="utf-8")
    assert "bursar.yaml:1 sources[1].role_arn: a role of AWS is" in told(capsys, "aws", code=2)
    (empty / "bursar.yaml").write_text(settings, encoding="utf-8")
    desk, now = open_desk(load(), clouds=False), datetime.now(UTC)
    job = Job(
        id="job-1",
        state="pending",
        kind="import",
        key="k",
        args={"source": "aws"},
        due_at=now,
        created_at=now,
    )
    try:
        jobs.HANDLERS["import"](desk, job, now)
        shelf.put("focus/may.csv", bill("much"))
        jobs.HANDLERS["import"](desk, job, now)
        with desk.store.reading() as session:
            mine = select(Delivery).where(col(Delivery.source) == "aws")
            refused = session.scalars(mine.where(col(Delivery.outcome) == "refused")).one()
        assert shelf.at("focus/may.csv") in json.dumps(refused.problems)
    finally:
        desk.store.close()
