"""One Sparkplug message: what it measured, what to remember of it, and whether to ask its node for a rebirth."""

from collections.abc import Iterable, Mapping
from typing import Any

from coldchain.domain.message import Arrival, Command, Decoded, Envelope, Refusal
from sensors.carriers import sparkplug_session as session
from sensors.carriers import sparkplug_wire as wire
from sensors.carriers.port import Context, DeviceProfile
from sensors.carriers.sample import Head, Stamp, decoded
from sensors.carriers.sparkplug_metrics import Value, declared, measures, profiled, quality_of, unitless
from sensors.carriers.sparkplug_session import Birth, Flow, Place, Session
from sensors.carriers.sparkplug_wire import Payload
from sensors.faults import NATIVE

NAME = "sparkplug@1"
NAMESPACE = "spBv1.0"
_LARGEST_SEQ = 255


class Message:
    """One message on its way from payload to arrival."""

    def __init__(self, envelope: Envelope, context: Context, place: Place, logger: str, payload: Payload) -> None:
        """Take what the carrier found out already: whose message this is, and what its bytes hold."""
        self._envelope = envelope
        self._context = context
        self._memory: Mapping[str, Any] = context.memory
        self._place = place
        self._payload = payload
        self._logger = logger
        self._refusals: list[Refusal] = [Refusal(wrong, "metrics") for wrong in payload.wrong]
        self._undeclared = False  # a metric by an alias that no birth declared
        self._seq = payload.seq
        if payload.seq is not None and payload.seq > _LARGEST_SEQ:
            self._refusals.append(Refusal(f"seq {payload.seq} is not within 0 and 255", "seq", str(payload.seq)))
            self._seq = None

    def arrival(self) -> Arrival:
        """The message with what follows from it."""
        if self._place.kind == "NDEATH":
            return self._node_death()
        # A number proves nothing where the broker kept the message, or says that it sends it once more.
        flow = session.follow(self._place, self._payload, self._memory, again=self._sent_before)
        if flow.lost is not None:
            self._refusals.append(_lost(flow, self._place, self._seq))
        rebirth = flow.resumed or flow.lost is not None
        match self._place.kind:
            case "DDEATH":
                message = self._said(session.session_of(self._place, self._memory), {"online": False})
                return self._arrived(message, (*flow.memory, *session.forgotten(self._place)), rebirth=rebirth)
            case "NBIRTH" | "DBIRTH":
                return self._birth(flow, rebirth=rebirth)
            case _:
                return self._data(flow, rebirth=rebirth)

    @property
    def _sent_before(self) -> bool:
        return self._envelope.dup or self._envelope.retain

    def _birth(self, flow: Flow, *, rebirth: bool) -> Arrival:
        birth = session.birth_of(self._place, self._payload, self._memory)
        known = session.remembered(self._place, birth, self._memory)
        nodeless = self._place.device is not None and birth.session == (None, None)
        message = self._measured(birth, {"online": True})
        return self._arrived(message, (*flow.memory, *known), rebirth=rebirth or nodeless)

    def _data(self, flow: Flow, *, rebirth: bool) -> Arrival:
        birth = session.born(self._place, self._memory)
        if birth is None:
            return self._arrived(self._unborn(), flow.memory, rebirth=True)
        message = self._measured(birth, None)
        return self._arrived(message, flow.memory, rebirth=rebirth or self._undeclared)

    def _node_death(self) -> Arrival:
        """The will of a session counts only while that session is the known one, else it is that of an older one."""
        dead = session.bd_seq(self._payload)
        present = session.session_of(self._place, self._memory)
        current = self._memory.get(self._place.node_key) is not None and present[0] == dead
        message = self._said((dead, None), {"online": False} if current else None)
        return self._arrived(message, session.forgotten(self._place) if current else (), rebirth=False)

    def _arrived(self, message: Decoded, memory: session.Memory, *, rebirth: bool) -> Arrival:
        commands: tuple[Command, ...] = ()
        if rebirth and not self._sent_before:
            topic = f"{NAMESPACE}/{self._place.group}/NCMD/{self._place.node}"
            commands = (Command(topic, wire.rebirth(self._envelope.received_at_ms)),)
        return Arrival(self._envelope, (message,), memory=memory, commands=commands)

    # --- what it says ---------------------------------------------------------------------------------------------

    def _said(self, of: Session, status: Mapping[str, Any] | None = None) -> Decoded:
        return decoded(self._head(of), (), self._envelope.payload, refusals=self._refusals, status=status)

    def _unborn(self) -> Decoded:
        """Data before its birth: an alias means nothing yet, and a name has no unit."""
        who, kind = ("edge node", "NBIRTH") if self._place.device is None else ("device", "DBIRTH")
        reason = f"{who} {self._place.key} sent data before the {kind} of this session: kept, a rebirth is asked for"
        self._refusals.insert(0, Refusal(reason, "alias"))
        return self._said(session.session_of(self._place, self._memory))._replace(undecoded=True)

    def _measured(self, birth: Birth, status: Mapping[str, Any] | None) -> Decoded:
        own = declared(self._values(birth))
        head, samples = self._head(birth.session), own.samples
        left = tuple(value for value in own.left if measures(value))
        profile = self._profile() if left else None
        reason = self._doubt(profile) if left else None
        if profile is None and samples:
            self._refusals += unitless(left)
        elif profile is not None and profile.counts:
            extract, known = profiled(own.left, profile)
            samples = (*samples, *extract.samples)
            self._refusals += extract.refusals
            if known:
                limits = {**NATIVE, **profile.limits}
                head = head._replace(device_profile=profile.label, interval_ms=profile.interval_ms, limits=limits)
            # A report by exception holds what changed, so only a birth shows that a profile knows nothing at all.
            reason = None if known or status is None else reason
        if samples or reason is None:
            return decoded(head, samples, self._envelope.payload, refusals=self._refusals, status=status)
        self._refusals.insert(0, Refusal(reason, "device_profile"))
        return self._said(birth.session, status)._replace(undecoded=True)

    def _profile(self) -> DeviceProfile | None:
        hints = {"sparkplug.group": self._place.group, "sparkplug.node": self._place.node}
        if self._place.device is not None:
            hints["sparkplug.device"] = self._place.device
        return self._context.profiles.of(self._logger, hints)

    def _doubt(self, profile: DeviceProfile | None) -> str:
        """Why metrics that declare no unit are not understood."""
        if profile is None:
            return f"no device profile fits logger {self._logger}, and its metrics declare no unit: choose or make one"
        if not profile.counts:
            return f"device profile {profile.label} is untested: confirm it for logger {self._logger} before it counts"
        return f"device profile {profile.label} knows none of these metrics: choose another for {self._logger}"

    def _values(self, birth: Birth) -> Iterable[Value]:
        stamp = self._stamp()
        for place, metric in enumerate(self._payload.metrics):
            found = session.resolved(metric, birth)
            if found is None:
                reason = f"metrics[{place}].alias {metric.alias} was declared by no birth: a rebirth is asked for"
                self._refusals.append(Refusal(reason, "alias", str(metric.alias)))
                self._undeclared = True
                continue
            name, typed, unit = found
            at = stamp if typed.at_ms is None else Stamp(typed.at_ms, "device", str(typed.at_ms))
            value, quality = None if typed.null else typed.value, quality_of(typed.properties)
            yield Value(name, value, at, typed.historical, unit, quality, typed.single, f"metrics[{place}]")

    def _head(self, of: Session) -> Head:
        return Head(self._logger, self._key(of), NAME, self._stamp(), self._envelope.received_at_ms, self._seq)

    def _stamp(self) -> Stamp:
        at_ms = self._payload.at_ms
        if at_ms is None:
            return Stamp(self._envelope.received_at_ms, "arrival")
        return Stamp(at_ms, "device", str(at_ms))

    def _key(self, of: Session) -> str:
        """Unique for ever: `seq` wraps after 256 messages, so the session and the message's own stamp stand beside it.

        "" where the message has no stamp: then its content tells it apart.
        """
        if self._payload.at_ms is None:
            return ""
        number = "-" if of[0] is None else of[0]
        seq = "-" if self._payload.seq is None else self._payload.seq
        return f"{self._place.kind}:{number}:{seq}:{self._payload.at_ms}"


def _lost(flow: Flow, place: Place, seq: int | None) -> Refusal:
    assert flow.lost is not None
    first, last = flow.lost
    which = f"message {first}" if first == last else f"messages {first} to {last}"
    told = f"{which} of edge node {place.node_key} did not arrive; a rebirth is asked for"
    return Refusal(f"seq {seq} follows {flow.last}: {told}", "seq", str(seq))
