"""Broken files, each with the code and the line of its refusal."""

from collections.abc import Mapping
from decimal import Decimal

from tests.storage.lake.hostile import bill, parquet, zipped

#: The file's name and bytes, the code of the refusal, and its line.
Case = tuple[str, bytes, str, int | None]

GOOD = bill(*[{"ResourceId": f"i-{at}", "BilledCost": f"{at}.5"} for at in range(40)])
HEADER, FIRST = GOOD.split(b"\n")[:2]
LAST = 42
MIB = 1 << 20
AMOUNTS = (
    "NaN", "nan", "-Infinity", "inf", "1e999999", "1e-999999", "1e18", "-1e18", "1e37", "9" * 19,
    "999999999999999999.999999999999999999995", "１２", "١٢", "१२.५", "1,000.5", "1.000,5", "1 000", "1_000",
    "$5", "5 USD", "€5", "0x10", "1e", "e5", "--1", "+-1", "-", ".", "1.2.3", "N/A", "n/a", "None", "#REF!",
    "=1+1", "1/2", "(5)", "5-", "5\t", "1e1.5", "1e٢",
)  # fmt: skip
CURRENCIES = ("XXX", "ＵＳＤ", "US$", "dollars", "N/A")
ACCOUNTS = ("a" * 257, "é" * 300)
DAYS = (
    "0001-01-01", "1999-12-31", "9999-12-31", "9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+05:00",
    "2100-01-01", "10000-01-01", "0000-00-00", "26-05-03", "2026-5-3", "2026/05/03", "03.05.2026",
    "13/05/2026", "1/1/9999", "1/1/99", "2026-02-30", "2026-05-03T10:00:00+99:00",
    "2026-05-03T10:00:00−05:00", "2026-05-03T23:59:60Z", "2026-05-03T10:00:00 Europe/Berlin",
    "2026-05-03 10:00 PST", "infinity", "epoch", "now", "20260503", "1777777777", "May 3 2026",
    "２０２６-05-03",
)  # fmt: skip


def texts() -> Mapping[str, tuple[bytes, str, int | None]]:
    """CSV files that are no whole UTF-8 table of single rows."""
    swap, good = GOOD.replace, GOOD
    text = good.decode()
    return {
        "nothing but line breaks": (b"\n\n", "empty", 1),
        "a header and blank lines": (HEADER + b"\n\n\n", "empty", 1),
        "UTF-16": (text.encode("utf-16"), "encoding", 1),
        "UTF-16 without a mark": (text.encode("utf-16-le"), "nul", 1),
        "Latin-1 on the last line": (swap(b"i-39,", b"i-\xe9,"), "encoding", 41),
        "a NUL in a text": (swap(b"i-3,", b"i\x003,"), "nul", 5),
        "a NUL in an amount": (swap(b",3.5,", b",3\x00.5,"), "nul", 5),
        "a NUL in the header": (swap(b"ResourceId", b"Resource\0Id"), "nul", 1),
        "NULs behind the end": (good + b"\0" * 100, "nul", LAST),
        "the end of a file of old": (good + b"\x1a", "ragged", LAST),
        "a quote without an end, at the end": (good + b'1001,"dev,2026\n', "csv", LAST),
        "a quote without an end, before it": (swap(b"i-20,", b'"i-20,'), "csv", 22),
        "a quote without an end, in the header": (swap(b"ResourceId", b'"ResourceId'), "csv", 1),
        "text behind a quote": (swap(b"i-20,", b'"i-20"x,'), "csv", 22),
        "a quote escaped in another way": (swap(b"i-20,", b'"i\\"-20",'), "csv", 22),
        "a comma that is not quoted": (swap(b"i-20,", b"'i,20',"), "ragged", 22),
        # The engine would drop the last cell, and every amount stands one column too far.
        "a cell too many, and the last one empty": (
            swap(b",20.5,", b",20,5,").replace(b'"{""team"": ""web""}"', b""), "ragged", 22,
        ),
        "too few fields": (good + b"1,2\n", "ragged", LAST),
        "two delimiters": (good[:1500] + good[1500:].replace(b",", b";"), "ragged", 10),
        "lines that end in two ways": (swap(b"\n", b"\r\n", 3), "csv", 4),
        "its header again": (good + good, "money_unreadable", LAST),
        "its header and mark again": (good + b"\xef\xbb\xbf" + good, "money_unreadable", LAST),
        "half a row at its end": (good[: len(good) // 2], "ragged", 21),
        "half a quote at its end": (good[:-3], "csv", 41),
        "a comment above its header": (b"# bill\n" + good, "not_a_bill", 1),
        "a column in two spellings": (HEADER + b",billed_cost\n" + FIRST + b",1\n", "column_twice", 1),
        "two names that are empty": (HEADER + b",,\n" + FIRST + b",5,6\n", "column_twice", 1),
        "a name of a megabyte": (HEADER + b"," + b"(" * MIB + b"\n" + FIRST + b",1\n", "header", 1),
        "a header of three megabytes": (HEADER + b",x" * (3 * MIB // 2) + b"\n", "csv", 1),
        "5,000 columns": (HEADER + b"".join(b",x_%d" % at for at in range(5000)), "columns_many", 1),
        "a line of three megabytes": (good + FIRST.replace(b"i-0", b"x" * 3 * MIB), "csv", LAST),
        # The engine would drop such a line at the end without a word.
        "a last line of nine megabytes": (good + FIRST.replace(b"i-0", b"x" * 9 * MIB), "csv", LAST),
        "a row of three megabytes": (
            good + FIRST.replace(b"i-0", b'"' + b"x\n" * (3 * MIB // 2) + b'"'), "csv", LAST,
        ),
    }  # fmt: skip


def zips() -> Mapping[str, tuple[bytes, str, int | None]]:
    """What is called a gzip."""
    good, whole = GOOD, zipped(GOOD)
    return {
        "cut": (whole[:-9], "truncated", None),
        "cut in its second member": (zipped(good[:700], good[700:])[:-30], "truncated", None),
        "with junk behind it": (whole + b"junk", "truncated", None),
        "with NULs behind it": (whole + b"\0" * 512, "csv", None),
        "with a wrong sum": (whole[:-6] + b"\1\2" + whole[-4:], "truncated", None),
        "of a gzip": (zipped(whole), "encoding", 1),
        "of nothing": (zipped(b""), "empty", 1),
        "of UTF-32": (zipped(good.decode().encode("utf-32")), "encoding", 1),
        "that is none": (good, "truncated", None),
        "of a thousand times its size": (
            zipped(HEADER + b"\n" + (FIRST + b"\n") * 500_000), "bomb", None,
        ),
    }  # fmt: skip


def values() -> Mapping[str, tuple[bytes, str, int | None]]:
    """Bills that must not be guessed."""
    unsure = [{"ChargePeriodStart": f"0{at}/04/2026"} for at in (1, 2)]
    mixed = [{"ChargePeriodStart": day} for day in ("5/13/2026", "13/5/2026")]
    return {
        "days of one month or another": (bill({}, *unsure), "days_unsure", 3),
        "days with the month first and last": (bill(*mixed), "period_unreadable", 3),
        "too much in all": (bill(*[{"ListCost": "-1e17"}] * 10), "money_beyond", None),
    }


def tables() -> Mapping[str, tuple[bytes, str, int | None]]:
    """What is called Parquet."""
    import pyarrow as pa

    good = parquet()
    wide = pa.array([Decimal("1.5")] * 3, pa.decimal256(76, 30))
    far = pa.array([2**60] * 3, pa.timestamp("us"))
    half = good[: len(good) // 2]
    return {
        "cut": (half, "parquet", None),
        "cut but for its end": (half + good[-8:], "parquet", None),
        "with a footer of two gigabytes": (good[:-8] + b"\xff\xff\xff\x7fPAR1", "parquet", None),
        "that is CSV": (GOOD, "parquet", None),
        "without rows": (parquet(rows=0), "empty", 1),
        "with a column twice": (parquet({"billedcost": ["100"] * 3}), "column_twice", 1),
        "with 76 digits": (parquet({"BilledCost": wide}), "too_wide", None),
        "with the year 38504": (parquet({"ChargePeriodStart": far}), "period_unreadable", 1),
        "with NaN": (parquet({"BilledCost": [1.0, float("nan"), float("inf")]}), "money_unreadable", 2),
        "with a NUL in a service": (parquet({"ServiceName": ["a\0b"] * 3}), "nul", None),
        "with a NUL in an account": (parquet({"BillingAccountId": ["a\0b"] * 3}), "account_missing", 1),
    }
