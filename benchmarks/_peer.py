"""The peer of `approvals`: a Bolt app with its defaults, whose listener does the work after its ack."""

import os
import sys

import boto3
import uvicorn
from botocore.config import Config
from slack_bolt import Ack, App
from slack_bolt.adapter.starlette.handler import to_bolt_request, to_starlette_response
from slack_sdk import WebClient
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tests.bot.slack import SIGNING


def build() -> Starlette:
    """The app. Its web server is as good as ours: what differs is Bolt's pool of five listener threads."""
    client = WebClient("xoxb-benchmark", base_url=os.environ["SLACK_API_URL"])
    app = App(client=client, signing_secret=SIGNING, token_verification_enabled=False)
    cloud = boto3.client("ec2", config=Config(retries={"total_max_attempts": 1}, max_pool_connections=64))

    @app.action("approval.approve")
    def approve(ack: Ack, body: dict[str, list[dict[str, str]]]) -> None:
        ack()
        cloud.stop_instances(InstanceIds=[body["actions"][0]["value"]])

    async def events(request: Request) -> Response:
        asked = to_bolt_request(request, await request.body())
        return to_starlette_response(await run_in_threadpool(app.dispatch, asked))

    async def ready(_: Request) -> Response:
        return PlainTextResponse("ready\n")

    return Starlette(
        routes=[Route("/slack/events", events, methods=["POST"]), Route("/readyz", ready, methods=["GET"])]
    )


if __name__ == "__main__":
    uvicorn.run(build(), host="127.0.0.1", port=int(sys.argv[1]), lifespan="off", log_level="error")
