"""A process that judges trials: they come as pickles on standard input, the answers leave as pickles.

`python -m compliance.lab_process` is started by `TrialProcess` and ends with whoever started it: its input ends then.
"""

import pickle
import subprocess
import sys
from types import TracebackType
from typing import Any, BinaryIO, Self

from coldchain.errors import ColdchainError
from compliance.document import Json
from compliance.lab import Trial, replay


class TrialProcess:
    """One such process. The pickles never leave this machine, and both ends are this program."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "compliance.lab_process"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def judge(self, trial: Trial) -> Json:
        """What `compliance.lab.replay` says of the trial.

        Raises:
            ColdchainError: the process died, or judging failed there; the text says how.
        """
        try:
            _send(_pipe(self._process.stdin), trial)
            answer = pickle.load(_pipe(self._process.stdout))  # noqa: S301  written by our own process
        except (EOFError, OSError) as error:
            raise ColdchainError(f"the process that replays shipments ended ({self._process.poll()})") from error
        if isinstance(answer, str):
            raise ColdchainError(answer)
        found: Json = answer
        return found

    def close(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _pipe(pipe: Any) -> BinaryIO:
    found: BinaryIO = pipe
    return found


def _send(pipe: BinaryIO, value: object) -> None:
    pickle.dump(value, pipe, pickle.HIGHEST_PROTOCOL)
    pipe.flush()


def main(source: BinaryIO, target: BinaryIO) -> None:
    """Judge until the input ends. What fails is told as text, and the next trial is taken."""
    while True:
        try:
            trial: Trial = pickle.load(source)  # noqa: S301  written by the process that started this one
        except EOFError:
            return
        try:
            answer: Json | str = replay(trial)
        except Exception as error:  # noqa: BLE001  told to the starter, which records it with the run
            answer = f"{type(error).__name__}: {error}"
        _send(target, answer)


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)
