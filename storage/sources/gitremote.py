"""A branch of a git remote, as a place for small files: read from a fresh copy, added to by commits alone."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from spend.errors import NotFound

BRANCH = "refs/heads/bursar"
#: A password has no place in a settings file, and no other protocol is meant.
URL = re.compile(r"file:///\S+|https://\w[^\s@/]*/\S+|ssh://(?:\w[\w.-]*@)?\w[\w.-]*(?::\d+)?/\S+")
#: Seconds that one call may take: a start waits for the first one.
PATIENCE = 30
#: All that git is told of this machine: no settings, no prompt, no program but itself and ssh.
ENVIRONMENT: Mapping[str, str] = {
    "GIT_ALLOW_PROTOCOL": "file:https:ssh",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_SSH_COMMAND": "ssh -o BatchMode=yes -o ConnectTimeout=5",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
    "PATH": os.defpath,
}


class Copy:
    """The newest commit of the branch; what is added to it is pushed at once, and never forced.

    Attributes:
        tip: the id of that commit, or None where there is no such branch yet.
    """

    def __init__(self, url: str, folder: str, patience: float) -> None:
        self._url, self._folder, self._patience = url, folder, patience
        self.tip: str | None = None

    def fetch(self, *, whole: bool) -> None:
        """Bring the newest commit here, with the files' texts or, where the remote can, without."""
        self._git("init", "--quiet", "--bare", "--template=", ".")
        self._git("remote", "add", "origin", self._url)
        if not self._git("ls-remote", "origin", BRANCH):
            return
        part = () if whole else ("--filter=blob:none",)
        self._git("fetch", "--quiet", "--depth=1", *part, "origin", f"{BRANCH}:{BRANCH}")
        self.tip = self._git("rev-parse", BRANCH).decode().strip()

    def names(self) -> list[str]:
        """The files that are there."""
        return [name for name, _ in self._files()]

    def text(self, name: str) -> str:
        """What one file holds."""
        return self._git("cat-file", "blob", f"{BRANCH}:{name}").decode(errors="replace")

    def texts(self, names: Sequence[str]) -> list[str]:
        """What these files hold, read at once."""
        blobs = dict(self._files())
        asked = "".join(f"{blobs[name]}\n" for name in names)
        rest, found = self._git("cat-file", "--batch", feed=asked), []
        for _ in names:
            head, _, rest = rest.partition(b"\n")
            size = int(head.split()[-1])
            found.append(rest[:size].decode(errors="replace"))
            rest = rest[size + 1 :]
        return found

    def add(self, name: str, text: str, *, says: str, at: int) -> None:
        """Add a file in a commit of its own, and push it.

        Args:
            at: the second of the commit, since 1970.
        """
        parts = [
            f"commit {BRANCH}",
            f"committer Bursar <bursar> {at} +0000",
            *_data(says),
            *([f"from {self.tip}"] if self.tip else []),
            f"M 100644 inline {name}",
            *_data(text),
            "done\n",
        ]
        self._git("fast-import", "--quiet", "--done", feed="\n".join(parts))
        self._git("push", "--quiet", "origin", f"{BRANCH}:{BRANCH}")
        self.tip = self._git("rev-parse", BRANCH).decode().strip()

    def _files(self) -> Iterator[tuple[str, str]]:
        if self.tip is None:
            return
        for entry in self._git("ls-tree", "-r", "-z", BRANCH).decode(errors="replace").split("\0"):
            about, _, name = entry.partition("\t")
            if " blob " in about:
                yield name, about.split()[-1]

    def _git(self, *words: str, feed: str = "") -> bytes:
        with self._started(words) as git:
            try:
                out, said = git.communicate(feed.encode(), self._patience)
            except subprocess.TimeoutExpired as error:
                os.killpg(git.pid, signal.SIGKILL)  # what git started would hold its pipes open
                raise NotFound(f"{self._url} did not answer `git {words[0]}` in time.") from error
        if git.returncode:
            raise NotFound(f"{self._url} refused `git {words[0]}`: {_reason(said)}.")
        return out

    def _started(self, words: Sequence[str]) -> "subprocess.Popen[bytes]":
        try:
            return subprocess.Popen(  # noqa: S603 - our own words, and a URL that has to look like one
                ["git", *words],  # noqa: S607 - where it is differs; PATH is ours
                cwd=self._folder,
                env={**ENVIRONMENT, "HOME": str(Path.home())},  # where ssh has its key, and https its .netrc
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise NotFound(f"{self._url} needs git, which is not on this machine: install it.") from error


def _data(text: str) -> tuple[str, str]:
    return f"data {len(text.encode())}", text


def _reason(said: bytes) -> str:
    """The line that says what is wrong: git adds hints after it."""
    lines = said.decode(errors="replace").splitlines()
    telling = (line.strip() for line in lines if line.startswith(("fatal:", "error:", " ! ")))
    return next(telling, lines[-1].strip() if lines else "without a reason").rstrip(".")


@contextmanager
def copy(url: str, *, whole: bool = False, patience: float = PATIENCE) -> Iterator[Copy]:
    """A copy of the branch, for as long as the block lasts; empty where there is no such branch yet.

    Args:
        whole: with the texts of all files, for whoever reads them all.

    Raises:
        NotFound: this is no git remote, or it does not answer.
    """
    if not URL.fullmatch(url):
        raise NotFound("A git remote is git+ssh://, git+https:// or git+file:///, without a password.")
    with TemporaryDirectory(prefix="bursar-git-") as folder:
        made = Copy(url, folder, patience)
        made.fetch(whole=whole)
        yield made
