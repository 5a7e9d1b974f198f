#!/usr/bin/env python3
"""Verifies an export of Bursar's audit log outside of Bursar: one file, which needs only `cryptography`.

    verify_audit.py --key PUBLIC --log log.jsonl --checkpoints checkpoints.jsonl
    verify_audit.py --key PUBLIC --proof proof.json

The log is what `bursar audit export` writes, the proof what `bursar audit prove` prints. Take the checkpoints
from where they were anchored (the file, the bucket, the git remote, the finance channel), not from the
database, and the public key from whoever made it. Several --key may be given. Exit 0: all holds. Exit 1: it
does not, and a line says where.

What is checked:
1. Row n+1 names the hash of row n; each hash is SHA-256 over the canonical JSON of the row without `hash`.
2. Checkpoint n+1 names the hash of checkpoint n; each is signed (Ed25519) by a key that you gave, or that a
   checkpoint under such a key named as the next. What an unknown key signed counts only if a checkpoint under
   a known key builds on it.
3. For each checkpoint, the row with the number `size` has the hash `head`.
4. Where that is not so, the checkpoint is of a log that was lost when the database was restored: it is older
   than a `recovery.begin`, and a checkpoint of this log counts the `recovery.resume` of two people. A line
   that begins with LOST says so. Whether it was in good faith, ask the people whom it names.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

GENESIS = "0" * 64
SIGNED = ("at", "head", "key", "next_key", "number", "previous", "size")


@dataclass
class Walked:
    """What a walk along the rows found."""

    last: int
    hashes: dict[int, str]
    recoveries: list[dict[str, Any]]


class Wrong(Exception):
    """Something does not hold; the text says what and where."""


def canonical(value: Any) -> str:
    """RFC 8785 without floats: no spaces, keys in the order of their UTF-16 code units, few escapes."""
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return "{" + ",".join(f"{canonical(key)}:{canonical(value[key])}" for key in keys) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, float):
        raise Wrong(f"a float, which the log never holds: {value}")
    return json.dumps(value, ensure_ascii=False)  # text, a whole number, true, false or null


def digest(value: Any) -> str:
    """SHA-256, in hex, over the canonical JSON."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def hash_of(row: dict[str, Any]) -> str:
    """What the hash of a row has to be."""
    return digest({name: value for name, value in row.items() if name != "hash"})


def walk(rows: Iterable[dict[str, Any]], sizes: set[int], first: int = 1) -> Walked:
    """Walk the chain; tell where it ends, the hashes at these sizes, and the entries about a recovery."""
    found = Walked(first - 1, {0: GENESIS} if first == 1 else {}, [])
    previous = found.hashes.get(0)
    for row in rows:
        found.last += 1
        if row["seq"] != found.last:
            raise Wrong(f"row {found.last} is missing")
        if previous is not None and row["prev_hash"] != previous:
            raise Wrong(f"row {found.last} does not continue row {found.last - 1}")
        if row["hash"] != hash_of(row):
            raise Wrong(f"row {found.last} ({row['event']}) was changed after it was written")
        previous = row["hash"]
        if found.last in sizes:
            found.hashes[found.last] = previous
        if row["event"] in {"recovery.begin", "recovery.resume"}:
            found.recoveries.append(row)
    return found


def check_head(one: dict[str, Any], found: Walked) -> None:
    """The row that a checkpoint counts last has the hash that it signed."""
    if one["size"] > found.last:
        raise Wrong(f"row {found.last + 1} is missing at the end: a checkpoint counts {one['size']} rows")
    if found.hashes.get(one["size"]) != one["head"]:
        raise Wrong(f"row {one['size']} or one before it was written anew: a checkpoint signed another hash")


def check_seal(one: dict[str, Any]) -> None:
    """The signature and the hash of one checkpoint; whose key it is, `check_checkpoints` asks."""
    content = {name: one[name] for name in SIGNED}
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(one["key"]))
        key.verify(bytes.fromhex(one["signature"]), canonical(content).encode())
    except (InvalidSignature, ValueError):
        raise Wrong(f"checkpoint {one['number']} was changed after it was signed") from None
    if one["hash"] != digest(content):
        raise Wrong(f"checkpoint {one['number']} was changed after it was signed")


def check_checkpoints(checkpoints: list[dict[str, Any]], trusted: set[str]) -> set[str]:
    """The chain of checkpoints; tell the keys that are vouched for in it."""
    keys, vouched, previous, size, unproven = set(trusted), set(trusted), GENESIS, 0, None
    for number, one in enumerate(checkpoints, 1):
        if one["number"] != number:
            raise Wrong(f"checkpoint {number} is missing")
        check_seal(one)
        if one["previous"] != previous or one["size"] < size:
            raise Wrong(f"checkpoint {number} does not continue checkpoint {number - 1}")
        if one["key"] not in keys:
            unproven = unproven or number
        else:
            unproven, keys = None, handed_over(keys, one)
        vouched |= {one["key"], one["next_key"]}
        previous, size = one["hash"], one["size"]
    if unproven:
        raise Wrong(f"checkpoint {unproven} is signed by a key that nothing vouches for")
    return vouched


def resumed(found: Walked, covered: int) -> list[tuple[str, str]]:
    """The restores that two people accepted in signed rows: when each was found, and a line that tells it."""
    begun = {row["subject"]: row["at"] for row in found.recoveries if row["event"] == "recovery.begin"}
    told = []
    for row in found.recoveries:
        if row["event"] == "recovery.resume" and row["seq"] <= covered and row["subject"] in begun:
            at, who = begun[row["subject"]], {row["actor"], row["after"]["first"]}
            if len(who) > 1:
                people = " and ".join(sorted(who))
                told.append((at, f"LOST: {row['subject']} was found at {at} and resumed by {people}"))
    return told


def check_lost(lost: list[dict[str, Any]], ours: list[dict[str, Any]], keys: set[str]) -> list[str]:
    """Checkpoints of a log that was lost: each goes on from one that is known; tell them in lines."""
    known = {one["hash"]: one for one in [*ours, *lost]} | {GENESIS: {"number": 0, "size": 0}}
    for one in lost:
        check_seal(one)
        before = known.get(one["previous"])
        if before is None or before["number"] != one["number"] - 1 or before["size"] > one["size"]:
            raise Wrong(f"checkpoint {one['number']} of a lost log does not continue one that is known")
        if one["key"] not in keys:
            raise Wrong(
                f"checkpoint {one['number']} of a lost log is signed by a key that nothing vouches for"
            )
        keys = keys | {one["next_key"]}
    return [f"LOST: checkpoint {one['number']} of {one['at']} counts {one['size']} rows" for one in lost]


def handed_over(keys: set[str], one: dict[str, Any]) -> set[str]:
    """The keys that count after a checkpoint: who names the next key has signed for the last time."""
    return keys - {one["key"]} | {one["next_key"]} if one["next_key"] else keys


def check_proof(proof: dict[str, Any], trusted: set[str]) -> int:
    """One row, the rows up to the next checkpoint, and that checkpoint; tell the number of the row."""
    keys = set(trusted)
    for one in proof["rotations"]:
        check_seal(one)
        if one["key"] in keys:
            keys = handed_over(keys, one)
    checkpoint = proof["checkpoint"]
    check_seal(checkpoint)
    if checkpoint["key"] not in keys:
        raise Wrong(f"checkpoint {checkpoint['number']} is signed by a key that nothing vouches for")
    found = walk(proof["entries"], {checkpoint["size"]}, proof["seq"])
    check_head(checkpoint, found)
    if found.last != checkpoint["size"]:
        raise Wrong(f"the rows end at {found.last}, and the checkpoint at {checkpoint['size']}")
    return int(proof["seq"])


def lines(path: str) -> Iterator[dict[str, Any]]:
    """The JSON objects of a file, one a line, read one by one."""
    with Path(path).open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            yield parsed(line, f"{path}:{number}")


def parsed(text: str, where: str) -> dict[str, Any]:
    """A JSON object; a name that stands twice in it could be read in two ways."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise Wrong(f"{where}: a name stands twice in one object")
        return dict(pairs)

    found = json.loads(text, object_pairs_hook=once)
    if not isinstance(found, dict):
        raise Wrong(f"{where}: this is no JSON object")
    return found


def checked(options: argparse.Namespace) -> str:
    """Verify what was asked for, and say what holds."""
    trusted = set(options.key)
    if options.proof:
        seq = check_proof(parsed(Path(options.proof).read_text(encoding="utf-8"), options.proof), trusted)
        return f"row {seq} is in the log that the checkpoint signed"
    given = {canonical(one): one for one in lines(options.checkpoints)}  # a file may hold one twice
    kept = sorted(given.values(), key=lambda one: int(one["number"]))
    found = walk(lines(options.log), {one["size"] for one in kept})
    ours = [one for one in kept if found.hashes.get(one["size"]) == one["head"]]
    lost = [one for one in kept if found.hashes.get(one["size"]) != one["head"]]
    keys = check_checkpoints(ours, trusted)
    covered = max((one["size"] for one in ours), default=0)
    told = resumed(found, covered)
    for one in lost:
        if one["at"] > max((at for at, _ in told), default=""):
            check_head(one, found)
    younger = f"{found.last - covered} rows are younger than the last one"
    counts = f"{found.last} rows and {len(ours)} checkpoints; {younger}"
    return "\n".join([counts, *(line for _, line in told), *check_lost(lost, ours, keys)])


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Verify an export of Bursar's audit log.")
    parser.add_argument("--key", action="append", required=True, help="a public key, as 64 hex digits")
    parser.add_argument("--log", help="the export, JSON lines")
    parser.add_argument("--checkpoints", help="the checkpoints as they were anchored, JSON lines")
    parser.add_argument("--proof", help="a proof of one row, instead")
    options = parser.parse_args(arguments)
    if not options.proof and not (options.log and options.checkpoints):
        parser.error("give --log and --checkpoints, or --proof")
    try:
        sys.stdout.write(f"HOLDS: {checked(options)}\n")
    except (Wrong, KeyError, TypeError, AttributeError, ValueError, OSError) as wrong:
        name = "" if isinstance(wrong, Wrong) else f"{type(wrong).__name__}: "
        sys.stdout.write(f"DOES NOT HOLD: {name}{wrong}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
