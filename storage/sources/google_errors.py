"""What Google's libraries raise, as sentences that name the way out."""

from collections.abc import Iterator
from contextlib import contextmanager

from storage.sources.problems import BillRefused, refusal

LONGEST = 300
#: What BigQuery calls a query that would be billed for more than it may.
TOO_LARGE = "bytesBilledLimitExceeded"


@contextmanager
def in_words(place: str, *, missing: str, denied: str, large: str = "") -> Iterator[None]:
    """Around calls of Google: whatever they raise becomes a refusal of this place.

    Args:
        missing: what to do about something that is not there.
        denied: what to do about permissions that are missing.
        large: what to do about a query that would cost too much.

    Raises:
        BillRefused: Google refuses, or does not answer.
    """
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
    from requests.exceptions import RequestException

    try:
        yield
    except DefaultCredentialsError as error:
        reason = (
            "this machine has no credentials of Google Cloud; let GOOGLE_APPLICATION_CREDENTIALS name the "
            "key of a service account, or run gcloud auth application-default login"
        )
        raise refusal(place, "no_credentials", reason) from error
    except GoogleAuthError as error:
        reason = f"Google does not take these credentials ({_first_line(error)}); renew them"
        raise refusal(place, "no_credentials", reason) from error
    except GoogleAPIError as error:
        raise _told(place, error, missing, denied, large) from error
    except RequestException as error:
        raise refusal(place, "unreachable", f"Google cannot be reached ({_first_line(error)})") from error


def _told(place: str, error: Exception, missing: str, denied: str, large: str) -> BillRefused:
    from google.api_core.exceptions import Forbidden, NotFound, RetryError, Unauthorized

    reasons = {str(one.get("reason")) for one in getattr(error, "errors", ()) if isinstance(one, dict)}
    if TOO_LARGE in reasons:
        return refusal(place, "too_large", large)
    match error:
        case NotFound():
            return refusal(place, "not_found", f"there is no such thing; {missing}")
        case Forbidden() | Unauthorized():
            return refusal(place, "denied", f"Google denies it ({_first_line(error)}); {denied}")
        case RetryError():
            reason = f"Google does not answer ({_first_line(error.cause)}); try again later"
            return refusal(place, "unreachable", reason)
    return refusal(place, "unreadable", f"Google says: {_first_line(error)}")


def _first_line(error: BaseException) -> str:
    said = getattr(error, "message", None) or str(error)
    return (said.strip().splitlines() or [type(error).__name__])[0][:LONGEST]
