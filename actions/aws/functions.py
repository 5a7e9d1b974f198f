"""Lambda functions as targets."""

from collections.abc import Iterator, Mapping
from typing import Any

from actions.base import RUN_TAG, Clouds, Scope, Target
from actions.clouds import answer, changing, pages
from actions.errors import ActionFailed, OutcomeUnknown

UNCAPPED = "uncapped"
GONE = "ResourceNotFoundException"


def function(
    row: Mapping[str, Any],
    limit: int | None,
    tags: Mapping[str, str],
    *,
    account: str,
    region: str,
    why: str = "",
) -> Target:
    """A function as a target. Lambda does not tell its creation, so its code speaks for its identity."""
    return Target(
        id=row["FunctionArn"],
        account=account,
        region=region,
        kind="function",
        name=row["FunctionName"],
        identity=row["FunctionArn"],
        state=UNCAPPED if limit is None else str(limit),
        tags=dict(tags),
        facts={"code": row["CodeSha256"], "memory": str(row["MemorySize"])},
        why=why,
    )


def fleet(clouds: Clouds, scope: Scope) -> Iterator[Target]:
    """Every function that is there. Its concurrency is not asked: a share needs only tags."""
    for account in scope.accounts:
        for region in scope.regions:
            client = clouds.client(account, "lambda", region)
            where = f"the functions of {account} in {region}"
            for row in pages(where, client, "list_functions", "Functions"):
                if (tags := tags_of(client, row["FunctionArn"])) is not None:
                    yield function(row, None, tags, account=account, region=region)


def reserved(client: Any, name: str) -> int | None:
    """The reserved concurrency of a function, or None where it has none."""
    found = answer(name, lambda: client.get_function_concurrency(FunctionName=name), gone=(GONE,))
    limit = (found or {}).get("ReservedConcurrentExecutions")
    return None if limit is None else int(limit)


def read_function(clouds: Clouds, target: Target) -> Target | None:
    """One function as it is now, or None where Lambda says that there is none."""
    client = clouds.client(target.account, "lambda", target.region)
    found = answer(target.id, lambda: client.get_function(FunctionName=target.name), gone=(GONE,))
    if found is None:
        return None
    row, tags = found["Configuration"], found.get("Tags", {})
    limit = reserved(client, target.name)
    return function(row, limit, tags, account=target.account, region=target.region, why=target.why)


def tags_of(client: Any, arn: str) -> dict[str, str] | None:
    """The tags of a function, or None where it is gone."""
    found = answer(arn, lambda: client.list_tags(Resource=arn), gone=(GONE,))
    return None if found is None else dict(found["Tags"])


def mark(client: Any, target: Target, run: str) -> None:
    """Tag the function with the run before the change; `ec2.mark` says why in this order.

    Raises:
        ActionFailed: the tag is not certain, so the change is not made.
    """
    try:
        with changing(target.id):
            client.tag_resource(Resource=target.id, Tags={RUN_TAG: run})
    except OutcomeUnknown as error:
        raise ActionFailed(
            target.id, "TagUnknown", f"the run's tag is not certain; {error.detail}"
        ) from error
