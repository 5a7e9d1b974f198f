"""Google's Cloud Billing API on the loopback, made of the library's messages: in pages, and it may deny."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc  # type: ignore[import-untyped] # it ships no types
from google.cloud import billing_v1 as api
from google.cloud.billing_v1.services.cloud_billing.transports import CloudBillingGrpcTransport
from google.cloud.billing_v1.services.cloud_catalog.transports import CloudCatalogGrpcTransport

from storage.sources.gcp_billing import Billing

#: Of each call: what it asks, what it answers, where the answer has its list, and of what.
CALLS: dict[str, tuple[Any, Any, str, str]] = {
    "ListBillingAccounts": (
        api.ListBillingAccountsRequest,
        api.ListBillingAccountsResponse,
        "billing_accounts",
        "parent",
    ),
    "ListProjectBillingInfo": (
        api.ListProjectBillingInfoRequest,
        api.ListProjectBillingInfoResponse,
        "project_billing_info",
        "name",
    ),
    "ListServices": (api.ListServicesRequest, api.ListServicesResponse, "services", ""),
    "ListSkus": (api.ListSkusRequest, api.ListSkusResponse, "skus", "parent"),
}


@dataclass
class CloudBilling:
    """What is there, by the call and what it is asked of; and of what the caller may not know.

    Attributes:
        pages: how many were asked for.
        page: how many things are on one.
    """

    lists: dict[tuple[str, str], Sequence[Any]] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    pages: int = 0
    page: int = 2

    def answer(self, call: str, asked: Any, context: Any) -> Any:
        """One page, or a status as Google gives them."""
        _, response, place, of = CALLS[call]
        name = getattr(asked, of) if of else ""
        if name in self.denied:
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "The caller does not have permission")
        if (call, name) not in self.lists:
            context.abort(grpc.StatusCode.NOT_FOUND, "Requested entity was not found")
        self.pages += 1
        start = int(asked.page_token or 0)
        end = start + self.page
        found = self.lists[call, name]
        return response(**{place: found[start:end]}, next_page_token=str(end) if end < len(found) else "")


class _Door(grpc.GenericRpcHandler):  # type: ignore[misc] # it ships no types
    def __init__(self, held: CloudBilling) -> None:
        self._held = held

    def service(self, details: Any) -> Any:
        call = details.method.rpartition("/")[2]
        request, response, _, _ = CALLS[call]
        return grpc.unary_unary_rpc_method_handler(
            lambda asked, context: self._held.answer(call, asked, context),
            request_deserializer=request.deserialize,
            response_serializer=response.serialize,
        )


@contextmanager
def serving(held: CloudBilling) -> Iterator[Billing]:
    """The API with what it holds, until the block ends; yields what asks it."""
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((_Door(held),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Billing(
            api.CloudBillingClient(transport=CloudBillingGrpcTransport(channel=channel)),
            api.CloudCatalogClient(transport=CloudCatalogGrpcTransport(channel=channel)),
        )
    server.stop(None).wait()
