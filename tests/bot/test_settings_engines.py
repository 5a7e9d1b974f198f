"""Which engine counts is a setting that either holds or says what does not."""

from pathlib import Path

import pytest

from storage.engines.engine import Chosen
from tests.bot.test_settings import problems, read


def test_without_a_word_the_embedded_engine_counts(tmp_path: Path) -> None:
    assert read(tmp_path, "mode: observe").file.lake.chosen == Chosen("duckdb")


def test_an_engine_that_was_never_run_is_warned_of(tmp_path: Path) -> None:
    (warning,) = read(tmp_path, "lake: {engine: trino}").warnings
    assert warning == "lake.engine trino: compiled, never run; every question of money is refused."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lake: {engine: spark}", "spark needs an address spark://HOST:PORT"),
        ("lake: {address: spark://h:1}", "duckdb has no address"),
        ("lake: {engine: postgresql, address: 'postgresql://me:secret@db/x'}", "without a password"),
        ("lake: {engine: spark, address: 'spark://h:1', url: 's3://bucket/lake'}", "must be a folder"),
        ("lake: {engine: clickhouse}\nowner_tags: [squad]", "'squad' decides who owns a charge"),
        ("lake: {engine: athena}\nshared: [{tag: pool, value: x}]", "'pool' decides who owns a charge"),
    ],
)
def test_what_does_not_go_together_is_said(tmp_path: Path, text: str, said: str) -> None:
    (problem,) = problems(tmp_path, text)
    assert said in problem
    assert "secret" not in problem or "without" not in said
