"""`python -m tests.mutants`: break the safety core in thousands of small ways; see what its tests notice."""

import json
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

#: The least share of the mutants that the tests have to notice, in percent.
LEAST = 90
#: How mutmut notes what a test noticed: it failed, or it ran out of time.
NOTICED = frozenset({1, 3, 24, 36, 152, 255, -24})
#: Of the messages' kit only what makes hostile text harmless is part of the core.
KIT = "bot/blocks/kit.py"
ESCAPING = ("tidy", "escape", "cut", "name", "_in_short", "clip", "prose", "sentence", "reason", "person")


def main() -> int:
    """Try all mutants anew; print the score of each file and of all of them."""
    shutil.rmtree("mutants", ignore_errors=True)
    found = subprocess.run(
        [Path(sys.executable).with_name("mutmut"), "run", "--max-children", "2"], check=False
    )
    files = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["mutmut"]["only_mutate"]
    scores = {file: score(file) for file in files}
    total = sum(scores.values(), start=Counter[bool]())
    for file, of_it in {**scores, "the safety core": total}.items():
        print(told(file, of_it))
    return found.returncode or int(100 * total[True] < LEAST * total.total())


def score(file: str) -> Counter[bool]:
    """How many mutants of a file were noticed, and how many were not."""
    codes = json.loads(Path("mutants", f"{file}.meta").read_text())["exit_code_by_key"]
    meant = tuple(f"bot.blocks.kit.x_{one}__mutmut_" for one in ESCAPING) if file == KIT else ""
    return Counter(code in NOTICED for mutant, code in codes.items() if mutant.startswith(meant))


def told(what: str, of_it: Counter[bool]) -> str:
    """A line of the report; a file that only declares things has nothing to break."""
    share = f"{of_it[True] / of_it.total():.1%}" if of_it else "-"
    return f"{what:<24}{of_it[True]:>5} of {of_it.total():>5}{share:>8}"


if __name__ == "__main__":
    sys.exit(main())
