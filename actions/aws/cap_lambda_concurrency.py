"""Caps functions that run away."""

from collections.abc import Iterator
from dataclasses import replace

from actions.aws import functions
from actions.aws.runaways import CapParams, running_away
from actions.base import Action, Clouds, Grade, Scope, Target
from actions.clouds import changing, pages


class CapLambdaConcurrency(Action):
    """Reserve a small concurrency for a function that has none, so that it cannot run more at once."""

    name = "aws.cap_lambda_concurrency"
    kind = "function"
    grade = Grade.A
    repeatable = True
    saves = False
    undo = "aws.restore_lambda_concurrency"
    permissions = (
        "lambda:ListFunctions",
        "lambda:GetFunction",
        "lambda:GetFunctionConcurrency",
        "lambda:ListTags",
        "lambda:PutFunctionConcurrency",
        "lambda:TagResource",
        "cloudwatch:GetMetricData",
    )
    Params = CapParams

    def find(self, clouds: Clouds, scope: Scope, params: CapParams) -> Iterator[Target]:
        for account in scope.accounts:
            for region in scope.regions:
                client = clouds.client(account, "lambda", region)
                where = f"the functions of {account} in {region}"
                rows = {
                    row["FunctionName"]: row for row in pages(where, client, "list_functions", "Functions")
                }
                cloudwatch = clouds.client(account, "cloudwatch", region)
                for name, why in running_away(cloudwatch, where, [*rows], params, scope.now).items():
                    limit = functions.reserved(client, name)
                    tags = functions.tags_of(client, rows[name]["FunctionArn"])
                    if tags is not None and limit is None:
                        yield functions.function(
                            rows[name], limit, tags, account=account, region=region, why=why
                        )

    def fleet(self, clouds: Clouds, scope: Scope) -> Iterator[Target]:
        return functions.fleet(clouds, scope)

    def read(self, clouds: Clouds, target: Target) -> Target | None:
        return functions.read_function(clouds, target)

    def apply(self, clouds: Clouds, target: Target, params: CapParams, *, run: str, key: str) -> None:
        client = clouds.client(target.account, "lambda", target.region, mutating=True)
        functions.mark(client, target, run)
        with changing(target.id):
            client.put_function_concurrency(
                FunctionName=target.name, ReservedConcurrentExecutions=params.limit
            )

    def reached(self, clouds: Clouds, target: Target, params: CapParams, *, key: str) -> Target | None:
        now = self.read(clouds, target)
        if now is None or now.state != str(params.limit):
            return None
        return replace(now, facts={**now.facts, "was": target.state})
