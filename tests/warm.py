"""Commands without the seconds that PyTorch takes to be imported: forks of one process.

Each command is still a process of its own, with its own arguments, folder, environment, standard
streams and exit code. Only the importing is not repeated.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import runpy
import socket
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
CLIENT = """#!{python} -IS
import json, os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect({address!r})
asked = {{"program": {program!r}, "arguments": sys.argv[1:], "cwd": os.getcwd()}}
asked["environment"] = dict(os.environ)
socket.send_fds(server, [b"!"], [0, 1, 2])
server.sendall(json.dumps(asked).encode())
server.shutdown(socket.SHUT_WR)
sys.exit(int(server.recv(9) or b"70"))
"""


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Path]:
    """The address of a process that is ready to be forked."""
    address = folder / "warm"
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": paths, "HF_HUB_OFFLINE": "1", "HOME": str(folder)}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.warm", str(address)],
        env=environment,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        try:
            yield address
        finally:
            process.kill()


def client(path: Path, address: Path, program: str) -> None:
    """A program at this path that runs `unidiff`, or a Python file, as a fork."""
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(CLIENT.format(python=sys.executable, address=str(address), program=program))
    path.chmod(0o755)


def serve(address: str) -> None:
    """Fork for each that connects, for ever."""
    _import()
    server = socket.socket(socket.AF_UNIX)
    server.bind(address)
    server.listen()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        connection, _ = server.accept()
        if os.fork() == 0:
            server.close()
            _answer(connection)
            os._exit(0)
        connection.close()
        # Those that ended while nobody came.
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _import() -> None:
    """All that a command imports, without computing anything: a fork has no other threads."""
    for name in ("unidiff_cli.cli.app", "unidiff_cli.walks.chain"):
        importlib.import_module(name)
    from unidiff_cli.cli.shelf import Shelf

    list(Shelf().values())  # each command's own module
    from unidiff_cli.storage.layout import PARTS
    from unidiff_cli.storage.open import open_checkpoint
    from unidiff_cli.storage.parts import hollow

    config = open_checkpoint("tiny").config
    for part in PARTS:  # imports what builds it
        hollow(part, config)


def _answer(connection: socket.socket) -> None:
    """Run what is asked in one more fork, so that its end can be told however it ends."""
    _, streams, _, _ = socket.recv_fds(connection, 1, 3)
    with connection.makefile("rb") as stream:
        asked = json.loads(stream.read())
    process = os.fork()
    if process == 0:
        connection.close()
        for number, stream_number in enumerate(streams):
            os.dup2(stream_number, number)
            os.close(stream_number)
        os._exit(_run(**asked))
    for number in streams:
        os.close(number)
    _, status = os.waitpid(process, 0)
    code = os.waitstatus_to_exitcode(status)
    connection.sendall(str(code if code >= 0 else 128 - code).encode())


def _run(program: str, arguments: list[str], cwd: str, environment: dict[str, str]) -> int:
    """As the interpreter would: the program's exit code."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [program, *arguments]
    try:
        if program == "unidiff":
            from unidiff_cli.cli.app import main

            main()
        else:
            runpy.run_path(program, run_name="__main__")
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - as the interpreter does
        traceback.print_exc()
        code = 1
    else:
        code = 0
    sys.stdout.flush()
    sys.stderr.flush()
    return code if isinstance(code, int) else int(code is not None)


if __name__ == "__main__":
    serve(sys.argv[1])
