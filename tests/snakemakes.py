"""Snakemake called many times and imported once: by a process that has it imported, and forks.

Half of a dry run is Python reading Snakemake and its plugins. A call is a process of its own all the same, with the
folder, environment and arguments that it is given. What it shares with other calls is Snakemake's modules, and none of
ours: each imports the copy of the project that it runs on.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import pkgutil
import runpy
import select
import signal
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path


def snakemake(
    arguments: list[str], folder: Path, environment: dict[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """What ``subprocess.run`` gives of ``python -m snakemake``, output and all."""
    command = [sys.executable, "-m", "snakemake", *arguments]
    server = _server()
    with tempfile.TemporaryDirectory() as temporary:
        streams = [Path(temporary, name) for name in ("out", "err")]
        call = {
            "arguments": arguments,
            "folder": str(folder),
            "environment": environment,
            "streams": [str(path) for path in streams],
        }
        server.stdin.write(json.dumps(call).encode() + b"\n")
        process = int(server.stdout.readline())
        in_time, _, _ = select.select([server.stdout], [], [], timeout)
        if not in_time:
            os.kill(process, signal.SIGKILL)
        code = int(server.stdout.readline())
        printed = [path.read_text() for path in streams]
    if not in_time:
        raise subprocess.TimeoutExpired(command, timeout, *printed)
    return subprocess.CompletedProcess(command, code, *printed)


@cache
def _server() -> subprocess.Popen[bytes]:
    """One for each process of tests, to whose end it lives."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    server = subprocess.Popen(
        [sys.executable, __file__], env=environment, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    atexit.register(lambda: (server.stdin.close(), server.stdout.close(), server.wait()))
    return server


def _serve() -> None:
    """Fork for each line of standard input; say the id of the process and, once it has ended, its exit code."""
    import jsonschema  # noqa: F401 - a call imports them, and nothing that is ours with them
    import smart_open  # noqa: F401
    from snakemake.cli import get_argument_parser

    _list_modules_once()
    get_argument_parser()  # imports the plugins
    assert "mine" not in sys.modules
    gc.freeze()  # no call has to look through what is imported here
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            _become_snakemake(**json.loads(line))
            return
        print(process, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)


def _list_modules_once() -> None:
    """Snakemake lists every module there is for each kind of plugin, two dozen times a call."""
    list_modules = pkgutil.iter_modules
    listed = cache(lambda _searched: list(list_modules()))
    pkgutil.iter_modules = lambda *which: list_modules(*which) if which else iter(listed(tuple(sys.path)))


def _become_snakemake(arguments: list[str], folder: str, environment: dict[str, str], streams: list[str]) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, path in enumerate(streams, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.dont_write_bytecode = bool(environment.get("PYTHONDONTWRITEBYTECODE"))
    sys.path[:1] = [folder, *environment["PYTHONPATH"].split(os.pathsep)]
    sys.argv[1:] = arguments
    runpy.run_module("snakemake", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _serve()
