"""`bursar audit`: verify and prove the log, show one record, export it, keep its key and its names."""

import csv
import json
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from bot.cli.money import Csv, desk_of, harmless
from bot.cli.output import Json, document

COLUMNS = (
    *("seq", "at", "event", "actor", "subject", "reason", "before", "after"),
    *("plan_hash", "runbook_hash", "app_version", "prev_hash", "hash"),
)

app = typer.Typer(help="Verify, prove, show or export the audit log.", add_completion=False)


@app.command()
def verify(
    since: Annotated[
        int | None, typer.Option("--since", metavar="CHECKPOINT", help="Read only the rows after this one.")
    ] = None,
    key: Annotated[list[str] | None, typer.Option("--key", help="A public key that you trust.")] = None,
    anchors: Annotated[
        list[str] | None,
        typer.Option("--anchors", metavar="PLACE", help="A file, s3://BUCKET/PREFIX or git+URL."),
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Check rows, checkpoints and anchors; exit 1 and name what was changed or is missing.

    Without --key the key of BURSAR_AUDIT_KEY is trusted; without --anchors those of the settings are asked.
    """
    from bot.main import open_store
    from bot.settings import load
    from flows import auditing

    settings = load()
    ours = settings.secrets.signer()
    trusted = key or ([ours.public] if ours else [])
    store = open_store(settings)
    found = auditing.verify(
        store, trusted=trusted, places=anchors or settings.file.audit.anchors, since=since
    )
    store.close()
    if as_json:
        verdict = found.verdict
        document(
            {"ok": found.reason is None, "rows": verdict.rows, "head": verdict.head}
            | {"broken": verdict.broken, "reason": found.reason}
            | {"checkpoints": found.checkpoints, "covered": found.covered, "doubts": found.doubts}
            | {"forks": found.forks}
        )
    else:
        _tell(found)
    if found.reason is not None:
        raise typer.Exit(1)


def _tell(found: Any) -> None:
    verdict = found.verdict
    if verdict.reason:
        typer.echo(f"The audit log was tampered with: {verdict.reason}; {verdict.rows} rows before it hold.")
    elif found.flaw:
        typer.echo(f"The audit log's rows hold, but not its checkpoints: {found.flaw}.")
    else:
        signed = f", signed up to row {found.covered}" if found.checkpoints else ""
        typer.echo(f"The audit log holds: {verdict.rows} rows{signed}, head {verdict.head}.")
    for fork in found.forks:
        typer.echo(fork)
    for doubt in found.doubts:
        typer.echo(f"Not proven: {doubt}", err=True)


@app.command()
def prove(seq: Annotated[int, typer.Argument(metavar="SEQ", help="The number of the row.")]) -> None:
    """Print a row with all that proves it up to the next checkpoint; `deploy/verify_audit.py` verifies it."""
    from flows import auditing

    with desk_of() as desk:
        document(auditing.prove(desk.store, seq))


@app.command()
def show(key: Annotated[str, typer.Argument(metavar="ID")], *, as_json: Json = False) -> None:
    """Tell the whole story of one record: a plan, a finding, a dispute, a claim."""
    from bot.cli.told import tell
    from flows import story

    with desk_of() as desk:
        told = story.tell(desk, key)
    if as_json:
        document(told)
    else:
        tell(key, told)


@app.command()
def export(
    out: Annotated[Path | None, typer.Option("--out", help="Write to this file, not to stdout.")] = None,
    *,
    as_csv: Csv = False,
    names: Annotated[
        bool,
        typer.Option("--names/--pseudonyms", help="Names are for reading; only pseudonyms can be verified."),
    ] = False,
    checkpoints: Annotated[
        bool, typer.Option("--checkpoints", help="Write the checkpoints, not the entries.")
    ] = False,
) -> None:
    """Write every entry, in order, as one JSON object per line; that somebody did so is an entry too."""
    from bot import main
    from bot.cli import person
    from flows import auditing
    from spend import canonical

    what = {"entries": not checkpoints, "names": names, "format": "csv" if as_csv else "jsonl"}
    with desk_of() as desk, _opened(out) as file:
        auditing.downloaded(desk, actor=person(), what=what, now=main.now())
        rows = auditing.signed(desk.store) if checkpoints else auditing.exported(desk.store, named=names)
        if as_csv:
            _write_csv(file, rows)
        else:
            for row in rows:
                file.write(canonical.text(row) + "\n")


def _write_csv(file: TextIO, rows: Any) -> None:
    writer = csv.writer(file)
    columns: tuple[str, ...] = ()
    for row in rows:
        if not columns:
            columns = COLUMNS if "event" in row else tuple(row)
            writer.writerow(columns)
        writer.writerow([_cell(row[column]) for column in columns])


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else harmless(value)


def _opened(out: Path | None) -> AbstractContextManager[TextIO]:
    return nullcontext(sys.stdout) if out is None else out.open("w", encoding="utf-8", newline="")


@app.command()
def keygen(*, as_json: Json = False) -> None:
    """Make a key for BURSAR_AUDIT_KEY. Keep the public half where auditors find it, apart from the bot."""
    from storage.checkpoints import generate, key_id

    private, public = generate()
    if as_json:
        document({"private": private, "public": public, "id": key_id(public)})
        return
    typer.echo(f"BURSAR_AUDIT_KEY={private}")
    typer.echo(f"The public key, for whoever verifies the log: {public} (id {key_id(public)})", err=True)


@app.command()
def rotate(
    reason: Annotated[str, typer.Option("--reason", help="Why; the audit log keeps it.")],
    public: Annotated[str | None, typer.Argument(metavar="PUBLIC", help="The new public key.")] = None,
    *,
    lost: Annotated[
        bool, typer.Option("--lost", help="The old key is gone: sign with the new one, unvouched.")
    ] = False,
) -> None:
    """Hand the signing over to a new key: run it under the old BURSAR_AUDIT_KEY, then replace that.

    With --lost, run it under the new key; from then on a verifier has to be given both public keys.
    """
    from bot import main
    from bot.cli import person
    from bot.settings import load
    from flows import auditing
    from spend.errors import Refused, SettingsWrong

    if lost == (public is not None):
        raise Refused("Give the new public key, or --lost where no old key is left to name it.")
    signer = load().secrets.signer()
    if signer is None:
        raise SettingsWrong("environment BURSAR_AUDIT_KEY is not set: set it to the key that is to sign.")
    with desk_of() as desk:
        row = auditing.rotate(desk, signer, to=public, actor=person(), reason=reason, now=main.now())
    typer.echo(f"Checkpoint {row.number} says so. Now start the worker under the new key: it signs at once.")


@app.command()
def forget(
    member: Annotated[str, typer.Argument(metavar="MEMBER", help="The member id of the person.")],
) -> None:
    """Forget whom a pseudonym stands for, in the audit log and in what is over; the hashes stay valid."""
    from bot import main
    from bot.cli import person
    from flows import auditing
    from spend.errors import Refused

    typer.echo(f"Nobody will know any more what {member} did. This cannot be taken back.")
    if typer.prompt("Type the member id again to go on") != member:
        raise Refused("That is another id; nothing was forgotten.")
    with desk_of() as desk:
        pseudonym = auditing.forget(desk, member, actor=person(), now=main.now())
    typer.echo(f"{pseudonym} stands for nobody now.")
