"""A Spark cluster on the loopback: a master and a worker, each a JVM of its own."""

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

#: Where master, worker and the driver in this process listen.
LOOPBACK = "127.0.0.1"


@contextmanager
def cluster(home: Path) -> Iterator[str]:
    """Its address, from when the worker has registered until the block ends."""
    with ExitStack() as stack:
        ui = ("--host", LOOPBACK, "--port", "0", "--webui-port", "0")
        address = stack.enter_context(_daemon("master.Master", *ui, until="Starting Spark master at "))
        room = ("--cores", "2", "--memory", "1g", "--work-dir", str(home))
        until = "Successfully registered with master "
        stack.enter_context(_daemon("worker.Worker", *ui, *room, address, until=until))
        yield address


@contextmanager
def _daemon(kind: str, *options: str, until: str) -> Iterator[str]:
    """A daemon that has said this, and what it said after it."""
    spec = find_spec("pyspark")
    assert spec is not None
    assert spec.origin is not None
    command = [
        str(Path(spec.origin).parent / "bin" / "spark-class"),
        f"org.apache.spark.deploy.{kind}",
        *options,
    ]
    environ = os.environ | {"SPARK_LOCAL_IP": LOOPBACK}
    with subprocess.Popen(
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if until in line:
                break
        else:
            raise AssertionError("".join(said))
        drain = threading.Thread(target=process.stdout.read)
        drain.start()
        yield said[-1].partition(until)[2].strip()
        process.terminate()
        drain.join()
