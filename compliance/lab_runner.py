"""A run of the rule lab: shipments are read here, judged in processes of their own, and noted as they come back."""

import queue
import threading
import time
from collections.abc import Sequence
from typing import NamedTuple

import structlog

from coldchain.clock import Clock
from coldchain.domain.finding import Subject, SubjectKind
from coldchain.domain.profile import ProductProfile
from coldchain.errors import ColdchainError
from coldchain.registry import lab_runs
from coldchain.registry.lab_choice import Chosen
from coldchain.registry.lab_runs import Said
from coldchain.registry.store import Registry
from coldchain.telemetry.port import History
from compliance.document import Json
from compliance.lab import trial_of
from compliance.lab_process import TrialProcess
from compliance.lab_summary import Audience, Tally

PROCESSES = 2
NOTED_S = 0.5  # how long results wait to be written together, and how soon a cancelled run is noticed
_log = structlog.get_logger()


class Lab(NamedTuple):
    """Where shipments are on record, and who would be told of their alarms."""

    registry: Registry
    history: History
    clock: Clock
    audience: Audience


class LabRun:
    """One run; `work` returns when it is over, however it ends, and says so in its row."""

    def __init__(self, lab: Lab, run: str, shipments: Sequence[Chosen], draft: ProductProfile) -> None:
        self._lab = lab
        self._run = run
        self._draft = draft
        self._todo: queue.SimpleQueue[tuple[int, Chosen]] = queue.SimpleQueue()
        for place, one in enumerate(shipments):
            self._todo.put((place, one))
        self._missing = len(shipments)
        self._came: queue.SimpleQueue[Said | ColdchainError] = queue.SimpleQueue()
        self._over = threading.Event()
        self._tally = Tally()

    def work(self, processes: int = PROCESSES) -> None:
        """Replay every shipment, unless the run is cancelled or fails meanwhile."""
        threads = [threading.Thread(target=self._judge, daemon=True) for _ in range(processes)]
        for thread in threads:
            thread.start()
        failure = None
        try:
            while self._missing and self._note(self._gathered()):
                pass
        except ColdchainError as error:
            failure = str(error)
            _log.warning("lab_run_failed", run=self._run, error=failure)
        finally:
            self._over.set()
        for thread in threads:
            thread.join()
        with self._lab.registry.write() as connection:
            now_ms = self._lab.clock.now_ms()
            lab_runs.finish(connection, self._run, summary=self._tally.summary(), failure=failure, now_ms=now_ms)

    def _gathered(self) -> list[Said]:
        """What has come back within a moment."""
        found: list[Said] = []
        until = time.monotonic() + NOTED_S
        while len(found) < self._missing and (left := until - time.monotonic()) > 0:
            try:
                came = self._came.get(timeout=left)
            except queue.Empty:
                break
            if isinstance(came, ColdchainError):
                raise came
            found.append(came)
        return found

    def _note(self, said: Sequence[Said]) -> bool:
        """Write it down; False when nobody wants more."""
        self._missing -= len(said)
        with self._lab.registry.write() as connection:
            for one in said:
                subject = Subject(SubjectKind.SHIPMENT, one.shipment)
                self._tally.add(connection, subject, one.detail, self._lab.audience)
            return lab_runs.progress(connection, self._run, said, self._lab.clock.now_ms())

    def _judge(self) -> None:
        """One thread with one process: it takes shipments until there are none left."""
        try:
            with TrialProcess() as process:
                while not self._over.is_set():
                    self._came.put(self._replayed(process, *self._todo.get_nowait()))
        except queue.Empty:
            return
        except ColdchainError as error:
            self._came.put(error)
        except Exception as error:  # noqa: BLE001  a thread that died in silence would keep the run waiting for ever
            self._came.put(ColdchainError(f"{type(error).__name__}: {error}"))

    def _replayed(self, process: TrialProcess, place: int, one: Chosen) -> Said:
        with self._lab.registry.read() as connection:
            trial = trial_of(connection, self._lab.history, Subject(SubjectKind.SHIPMENT, one.id), self._draft)
        if trial is None:
            raise ColdchainError(f"shipment {one.reference} has no judgement on record any more")
        try:
            found = process.judge(trial)
        except ColdchainError as error:
            raise ColdchainError(f"shipment {one.reference}: {error}") from error
        return Said(one.id, place, found["changed"], line(one, found), found)


def line(one: Chosen, found: Json) -> Json:
    """One shipment in the list of what a run said."""
    return {
        "shipment": one.id, "reference": one.reference, "lane": one.lane, "customer": one.customer,
        "as_of": found["as_of"], "changed": found["changed"], "same_as_recorded": found["same_as_recorded"],
        "changes": [_named(change) for change in found["changes"]],
        **{side: _side(found[side]) for side in ("before", "after")},
    }  # fmt: skip


def _named(change: Json) -> Json:
    """A change by kind and name, without what is told in the detail."""
    own = change["after"] or change["before"]
    names = {name: own[name] for name in ("rule", "cause", "direction", "severity") if name in own}
    return {"kind": change["kind"], "change": change["change"], **names}


def _side(side: Json) -> Json:
    return {
        "profile": side["profile"], "status": side["status"], "suggestion_tier": side["suggestion"]["tier"],
        "excursions": len(side["excursions"]), "breaches": len(side["breaches"]), "alarms": len(side["alarms"]),
    }  # fmt: skip
