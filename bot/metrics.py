"""What a monitoring system may ask: answers to Slack, refused signatures, and what waits."""

from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily

from storage import deliveries, waiting
from storage.store import Store

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
#: Seconds; Slack gives up at 3.
BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0)


class Metrics:
    """The figures of one process, in a registry of their own; what waits is counted when asked."""

    def __init__(self, store: Store | None = None) -> None:
        self.registry = CollectorRegistry()
        self.acks = Histogram(
            "bursar_ack_seconds",
            "From a request's arrival to its answer",
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.refused = Counter(
            "bursar_refused_requests", "Requests turned away", ["reason"], registry=self.registry
        )
        if store is not None:
            self.registry.register(Waiting(store))

    def turned_away(self) -> dict[str, int]:
        """How many requests were turned away since the start, by reason."""
        (family,) = self.refused.collect()
        return {one.labels["reason"]: int(one.value) for one in family.samples if one.name.endswith("_total")}

    def text(self) -> bytes:
        """All figures in the text format of Prometheus."""
        return generate_latest(self.registry)


class Waiting:
    """Counts rows by state at the moment of asking."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def describe(self) -> list[Any]:
        """Nothing is known before it is counted."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One family per kind of record."""
        with self._store.reading() as session:
            counted, lost = waiting.counts(session), waiting.lost(session)
            arrived = deliveries.newest(session)
        for name, states in counted.items():
            family = GaugeMetricFamily(f"bursar_{name}", f"{name} by state", labels=["state"])
            for state, number in sorted(states.items()):
                family.add_metric([state], number)
            yield family
        told = "Messages that were given up; the audit log has each as message.drop"
        yield GaugeMetricFamily("bursar_messages_lost", told, value=lost)
        told = "When a source of bills last told something new, in seconds since 1970"
        family = GaugeMetricFamily("bursar_last_delivery_timestamp_seconds", told, labels=["source"])
        for source, at in sorted(arrived.items()):
            family.add_metric([source], at.timestamp())
        yield family
