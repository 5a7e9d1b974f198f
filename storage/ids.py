"""New ids: opaque, unguessable (80 bits), and telling what they are of."""

import base64
import secrets


def new(kind: str) -> str:
    """An id such as `plan-k3w7q2…`, fit for a button, a tag and a command line."""
    return f"{kind}-{base64.b32encode(secrets.token_bytes(10)).decode().lower()}"
