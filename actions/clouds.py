"""Builds the cloud clients of each account, and says what their errors mean for a step."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from actions.errors import ActionFailed, OutcomeUnknown, Unreadable
from spend.errors import Refused

R = TypeVar("R")
#: Seconds after which a call that was sent is either answered or given up.
CONNECT_TIMEOUT = 5
READ_TIMEOUT = 20
#: How often a reading call is sent at most; a listing that gives up takes a whole sweep with it.
READS = 5
#: Codes that say "not now": the call was refused before it did anything.
THROTTLED = frozenset(
    {"RequestLimitExceeded", "Throttling", "ThrottlingException", "TooManyRequestsException", "SlowDown"}
)


@dataclass(frozen=True, slots=True)
class AccountAccess:
    """How one account is entered: by a role, or with the credentials that the machine has.

    Attributes:
        role_arn: the role that looks.
        act_role_arn: the role that changes; None where one does both.
    """

    role_arn: str | None = None
    external_id: str | None = None
    act_role_arn: str | None = None

    def role(self, *, mutating: bool) -> str | None:
        """The role for this purpose."""
        return (self.act_role_arn if mutating else None) or self.role_arn


class AwsClouds:
    """Clients per account, service, region and purpose; safe to share between threads.

    Mutating clients send once: boto3's default sent one StopInstances three times. Whoever is given one
    has entered the account already, so that no call waits for that after it was given leave.
    """

    def __init__(self, accounts: Mapping[str, AccountAccess], session_name: str = "bursar") -> None:
        self._accounts = dict(accounts)
        self._session_name = session_name
        self._sessions: dict[tuple[str, str | None], Any] = {}
        self._clients: dict[tuple[str, str, str, bool], Any] = {}
        self._lock = threading.RLock()

    def client(
        self, account: str, service: str, region: str = "eu-central-1", *, mutating: bool = False
    ) -> Any:
        """The client of this service in this account.

        Raises:
            Refused: the account is not in the settings, or the credentials at hand belong to another one.
            Unreadable: the account could not be entered.
        """
        key = (account, service, region, mutating)
        with self._lock:
            if key not in self._clients:
                session = self._session(account, mutating=mutating)
                patience = config(1 if mutating else READS)
                self._clients[key] = session.client(service, region_name=region, config=patience)
        if mutating:
            self._enter(account)
        return self._clients[key]

    def _enter(self, account: str) -> None:
        """Have credentials for changes that are good for a while."""
        with self._lock:
            session = self._session(account, mutating=True)
        answer(f"account {account}", session.get_credentials().get_frozen_credentials)

    def _session(self, account: str, *, mutating: bool) -> Any:
        if account not in self._accounts:
            raise Refused(f"Account {account} is not in the settings; add it under accounts.")
        access = self._accounts[account]
        role = access.role(mutating=mutating)
        if (account, role) not in self._sessions:
            if role and f"::{account}:" not in role:
                raise Refused(f"The role {role} is not one of account {account}; correct the settings.")
            made = assumed(role, access.external_id, self._session_name) if role else _ambient(account)
            self._sessions[account, role] = made
        return self._sessions[account, role]


def config(attempts: int) -> Any:
    """How patient a client is: short time-outs, and each call sent at most so many times."""
    from botocore.config import Config

    return Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        retries={"mode": "standard", "total_max_attempts": attempts},
    )


def assumed(role: str, external_id: str | None, session_name: str) -> Any:
    """A session of this role; its credentials are fetched when first needed and renew themselves."""
    import boto3
    import botocore.session
    from botocore.credentials import DeferredRefreshableCredentials

    sts: Any = boto3.Session().client("sts", region_name="eu-central-1", config=config(READS))
    external = {"ExternalId": external_id} if external_id else {}

    def refresh() -> dict[str, str]:
        found = sts.assume_role(RoleArn=role, RoleSessionName=session_name, **external)["Credentials"]
        return {
            "access_key": found["AccessKeyId"],
            "secret_key": found["SecretAccessKey"],
            "token": found["SessionToken"],
            "expiry_time": found["Expiration"].isoformat(),
        }

    core = botocore.session.get_session()
    # botocore has no public way to give a session credentials that renew themselves.
    core._credentials = DeferredRefreshableCredentials(refresh, "sts-assume-role")  # type: ignore[attr-defined] # noqa: SLF001
    return boto3.Session(botocore_session=core)


def session_of(role: str | None, external_id: str | None, session_name: str) -> Any:
    """A session of this role; without one, of the credentials that the machine has."""
    import boto3

    return assumed(role, external_id, session_name) if role else boto3.Session()


def _ambient(account: str) -> Any:
    """A session with the machine's own credentials, once it is certain whose they are."""
    import boto3

    session = boto3.Session()
    sts = session.client("sts", region_name="eu-central-1")
    found = answer(f"account {account}", sts.get_caller_identity)
    if found is None or found["Account"] != account:
        raise Refused(
            f"The credentials at hand do not belong to account {account}; give it a role in the settings."
        )
    return session


def code_of(error: BaseException) -> str:
    """The provider's error code, or an empty text."""
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


@contextmanager
def changing(target: str) -> Iterator[None]:
    """Around one mutating call: say whether a failure is definite or the outcome is unknown.

    Raises:
        ActionFailed: the cloud refused with a code of its own, or the call was never sent.
        OutcomeUnknown: a time-out, a line cut after sending, a 5xx, an answer that cannot be read.
    """
    from botocore import exceptions
    from botocore.parsers import ResponseParserError

    unsent = (
        exceptions.EndpointConnectionError,
        exceptions.ConnectTimeoutError,
        exceptions.ProxyConnectionError,
        exceptions.ParamValidationError,
        exceptions.NoCredentialsError,
        exceptions.CredentialRetrievalError,
        exceptions.NoRegionError,
    )
    try:
        yield
    except exceptions.ClientError as error:
        code = code_of(error)
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        # A bare number is the status of something between us and the cloud, not the cloud's word. EC2
        # throttles with a 503, but in its own words.
        refused = 400 <= status < 500 and code and not code.isdigit()  # noqa: PLR2004 - HTTP's client errors
        if not refused and code not in THROTTLED:
            raise OutcomeUnknown(target, f"the cloud answered with an error of its own ({error})") from error
        raise ActionFailed(target, code, str(error.response["Error"].get("Message", ""))) from error
    except unsent as error:
        raise ActionFailed(target, "NotSent", f"the call could not be sent ({error})") from error
    except (exceptions.BotoCoreError, ResponseParserError) as error:
        raise OutcomeUnknown(target, f"the answer did not arrive whole ({type(error).__name__})") from error


def patiently(call: Callable[[], R], rest: Callable[[], None]) -> R:
    """The answer of a call that is sent again after a rest, as long as the cloud refuses it as too many.

    Only such a call is: it was refused before it did anything.
    """
    from botocore.exceptions import ClientError

    while True:
        try:
            return call()
        except ClientError as error:
            if code_of(error) not in THROTTLED:
                raise
        rest()


def answer(what: str, call: Callable[[], R], *, gone: tuple[str, ...] = ()) -> R | None:
    """The answer of a reading call, or None where the cloud says with one of these codes: no such thing.

    Raises:
        Unreadable: anything else went wrong; a failed answer is never evidence.
    """
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    try:
        return call()
    except (BotoCoreError, ClientError, ResponseParserError) as error:
        if code_of(error) in gone:
            return None
        raise Unreadable(f"{what} could not be read: {error}") from error


def pages(what: str, client: Any, operation: str, key: str, **request: Any) -> Iterator[Any]:
    """Every item under this key, from every page.

    Raises:
        Unreadable: a page did not come; an incomplete list is no list.
    """
    turning = iter(client.get_paginator(operation).paginate(**request))
    while (page := answer(what, lambda: next(turning, None))) is not None:
        if key not in page:
            raise Unreadable(f"{what} could not be read: the answer has no {key}")
        yield from page[key]
