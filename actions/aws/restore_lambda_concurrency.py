"""Gives a capped function back the concurrency it had."""

from dataclasses import replace

from actions.aws import functions
from actions.base import Clouds, Grade, Params, TakesBack, Target
from actions.clouds import changing
from actions.errors import ActionFailed


class RestoreLambdaConcurrency(TakesBack):
    """Set the reserved concurrency to what it was before the run, or take it away if there was none."""

    name = "aws.restore_lambda_concurrency"
    kind = "function"
    grade = Grade.A
    repeatable = True
    no_undo = "the function has its own limit again; the runbook that capped it can propose it anew"
    permissions = (
        "lambda:GetFunction",
        "lambda:GetFunctionConcurrency",
        "lambda:ListTags",
        "lambda:PutFunctionConcurrency",
        "lambda:DeleteFunctionConcurrency",
        "lambda:TagResource",
    )

    def read(self, clouds: Clouds, target: Target) -> Target | None:
        """The function as it is now; what it had before the run is known to the record only."""
        now = functions.read_function(clouds, target)
        before = {"was": target.facts["was"]} if "was" in target.facts else {}
        return replace(now, facts={**now.facts, **before}) if now else None

    def apply(self, clouds: Clouds, target: Target, params: Params, *, run: str, key: str) -> None:
        before = target.facts.get("was", "")
        if before != functions.UNCAPPED and not before.isdigit():
            raise ActionFailed(target.id, "NothingRecorded", "the record does not say what it was before")
        client = clouds.client(target.account, "lambda", target.region, mutating=True)
        functions.mark(client, target, run)
        with changing(target.id):
            if before == functions.UNCAPPED:
                client.delete_function_concurrency(FunctionName=target.name)
            else:
                client.put_function_concurrency(
                    FunctionName=target.name, ReservedConcurrentExecutions=int(before)
                )

    def reached(self, clouds: Clouds, target: Target, params: Params, *, key: str) -> Target | None:
        now = self.read(clouds, target)
        return now if now is not None and now.state == target.facts.get("was") else None
