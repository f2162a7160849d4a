"""A server that can be killed with SIGKILL and started again in a moment, on the same port.

A process that has everything imported forks a server each time: what is killed is a real server, and only the imports
are not repeated. Run as a script it is that process: it reads words from its standard input and answers on its output.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Killable:
    """The page of `samui serve`, with these options, at `url`; not running at first."""

    def __init__(self, options: Sequence[str], environment: dict[str, str], log: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url, self._pid, self.data = f"http://127.0.0.1:{port}/", 0, Path()
        self._log = log.open("ab")
        command = [sys.executable, "-m", "tests.browser.killable", "--model", "bundled", "--port", str(port), *options]
        self._parent = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "HF_HUB_OFFLINE": "1", **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def start(self) -> None:
        """Start a server; returns when it takes requests."""
        self._pid = int(self._ask("start"))

    def kill(self) -> None:
        """End it as a power cut would: nothing of it runs any more."""
        os.kill(self._pid, signal.SIGKILL)
        self._ask("wait")

    def stop(self) -> None:
        """Let it stand still, so that it takes connections and answers none."""
        os.kill(self._pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        os.kill(self._pid, signal.SIGCONT)

    def close(self) -> None:
        """End the server and the process behind it."""
        with contextlib.suppress(ProcessLookupError, BrokenPipeError):
            if self._pid:
                self.kill()
        for pipe in (self._parent.stdin, self._parent.stdout):
            assert pipe is not None
            pipe.close()
        self._parent.wait(timeout=30)
        self._log.close()

    def _ask(self, word: str) -> str:
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.write(word + "\n")
        self._parent.stdin.flush()
        told = self._parent.stdout.readline().strip()
        assert told, f"{word}: the server has ended; {self._log.name} says more"
        return told


def _serve(options: list[str], ready: int) -> None:
    """Run the command `serve`, and say so once the page is there."""
    from samui import cli
    from samui.ui import launch

    original = launch.launch

    def launched(service: object, **keywords: object) -> object:
        page, address = original(service, **{**keywords, "block": False})
        os.write(ready, b"1")
        page.block_thread()
        return page, address

    launch.launch = launched
    sys.exit(cli.main(["serve", *options]))


def _words() -> Iterator[str]:
    for line in sys.stdin:
        yield line.strip()


def _main(options: list[str]) -> None:
    # All that a server imports, and nothing that starts a thread, which would not live on in what is forked.
    import gradio  # noqa: F401
    from transformers import SamModel  # noqa: F401

    import samui.models.load
    import samui.serve.service
    import samui.ui.launch  # noqa: F401

    pid = 0
    for word in _words():
        if word == "wait":
            os.waitpid(pid, 0)
            print("gone", flush=True)
            continue
        told, ready = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(told)
            os.dup2(2, 1)  # nothing but the answers above goes to the output
            _serve(options, ready)
        os.close(ready)
        print(pid if os.read(told, 1) else "", flush=True)
        os.close(told)


if __name__ == "__main__":
    _main(sys.argv[1:])
