"""Asks a Prometheus one instant query: one fresh number, or no answer at all."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlencode, urlsplit

from actions.errors import Unreadable
from actions.readers.asking import Address, ask

#: How far the moment of an answer may lie from ours. Of the figures themselves Prometheus is the
#: judge: what was not scraped for five minutes, or belongs to a target that is gone, is not there.
FRESH = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Sample:
    """A number and the moment that it is of."""

    value: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A Prometheus server, or what speaks its query API."""

    address: Address

    def query(self, expression: str, now: datetime) -> Sample:
        """The one number that this expression gives at this moment.

        Raises:
            Unreadable: no answer; or no series, several, no finite number, or one of another time.
        """
        base = urlsplit(self.address.url).path.rstrip("/")
        path = f"{base}/api/v1/query?{urlencode({'query': expression, 'time': now.timestamp()})}"
        sample = self._sample(ask(self.address, path))
        if abs(now - sample.at) > FRESH:
            raise Unreadable(f"{self.address.host} answered for {sample.at:%Y-%m-%d %H:%M} UTC, not for now")
        return sample

    def _sample(self, answer: Any) -> Sample:
        match answer:
            case {"status": "success", "data": {"resultType": "scalar", "result": pair}}:
                return self._number(pair)
            case {"status": "success", "data": {"resultType": "vector", "result": [{"value": pair}]}}:
                return self._number(pair)
            case {"status": "success", "data": {"resultType": "vector", "result": list(series)}}:
                many = f"{len(series)} series instead of one number" if series else "no data"
                raise Unreadable(f"{self.address.host} has {many} for the query")
        raise Unreadable(f"{self.address.host} gave no answer that can be read")

    def _number(self, pair: Any) -> Sample:
        try:
            at, text = pair
            value, moment = Decimal(text), datetime.fromtimestamp(float(at), UTC)
        except (TypeError, ValueError, InvalidOperation, OverflowError, OSError) as error:
            raise Unreadable(f"{self.address.host} gave no answer that can be read") from error
        if not value.is_finite():
            raise Unreadable(f"{self.address.host} has no number for the query ({text})")
        return Sample(value, moment)
