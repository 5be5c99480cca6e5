"""A supervisor over two sleeping children and one that dies at once: a program for test_processes.py to start."""

import sys
from pathlib import Path

from tvm_remediation.supervisor.lock import hold
from tvm_remediation.supervisor.logs import Logs
from tvm_remediation.supervisor.processes import Program, Stage, Supervisor

# With a child of its own, as workers have.
SLEEPER = "sleep 300 & echo $! > {pids}/{name}.child; echo $$ > {pids}/{name}; wait"
STUBBORN = "trap '' TERM; echo $$ > {pids}/{name}; while :; do sleep 1; done"


def main(folder: Path) -> None:
    lock = hold(folder)

    def program(name: str, script: str) -> Program:
        return Program(name, ["/bin/sh", "-c", script.format(pids=folder, name=name)], (folder / name).exists)

    stages = [
        Stage([program("first", SLEEPER)]),
        Stage([program("second", SLEEPER), program("stubborn", STUBBORN)], then=lambda: say("all are up")),
        Stage([program("mortal", "exit 3")], is_waited_for=False),
    ]
    Supervisor(stages, Logs(folder / "logs"), lock, say).run()


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
