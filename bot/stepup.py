"""The secrets of authenticators: in a file of their own, never in bursar.yaml and never in the database."""

import base64
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

from flows import stepup
from spend.errors import Refused, SettingsWrong

#: What RFC 4226 recommends for SHA-1.
BYTES = 20


def read(path: Path | None) -> Mapping[str, str]:
    """The secrets by person; none where no file is named or it is not there yet.

    Raises:
        SettingsWrong: others may read the file, or a line of it is not `PERSON SECRET`.
    """
    if path is None or not path.exists():
        return {}
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SettingsWrong(f"{path} can be read by others; run: chmod 600 {path}")
    found = {}
    for number, line in enumerate(path.read_text(encoding="ascii").splitlines(), 1):
        person, space, secret = line.partition(" ")
        if not (person and space and secret):
            raise SettingsWrong(f"{path}:{number}: a line is `PERSON SECRET`; take it out and enrol afresh.")
        found[person] = secret
    return found


def enrol(path: Path | None, person: str) -> str:
    """Make a secret for a person, and say it in the form that authenticators scan. It is shown only here.

    Raises:
        SettingsWrong: no file is named.
        Refused: the person has one already.
    """
    if path is None:
        raise SettingsWrong(
            "environment BURSAR_STEP_UP_FILE is not set: set it to the file that is to hold the secrets."
        )
    if person in read(path):
        raise Refused(f"{person} is enrolled already; to begin afresh, take the line out of {path} first.")
    secret = base64.b32encode(secrets.token_bytes(BYTES)).decode()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a") as file:
        file.write(f"{person} {secret}\n")
    return stepup.generator(secret).get_provisioning_uri(person, "Bursar")
