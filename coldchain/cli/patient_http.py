"""HTTP that does not wait for ever: whoever opens a connection has to say what it wants, and to go on saying it."""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

# A head is a few hundred bytes: on the worst line that anybody would use it is there within seconds.
HEAD_S = 20.0
# Between two pieces of a body, such as a file sent from a lorry.
BODY_S = 60.0


class PatientHttp(H11Protocol):
    """uvicorn's protocol, and a connection is closed when its client owes us something for too long.

    uvicorn itself only ends connections that are idle between two requests; half a head would hold one for ever.
    """

    _due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The clock of the first head starts with the connection, not with its first byte."""
        super().connection_made(transport)
        self._expect(HEAD_S)

    def data_received(self, data: bytes) -> None:
        """A head has one deadline however it dribbles in; each piece of a body has its own."""
        super().data_received(data)
        owes = self.conn.their_state
        if owes is h11.SEND_BODY:
            self._expect(BODY_S)
        elif owes is not h11.IDLE:
            self._expect(None)
        elif self._due is None:
            self._expect(HEAD_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is owed any more."""
        self._expect(None)
        super().connection_lost(exc)

    def _expect(self, within_s: float | None) -> None:
        if self._due is not None:
            self._due.cancel()
        self._due = None if within_s is None else self.loop.call_later(within_s, self.transport.close)
