"""The desk: one handler per incoming address of the table.

Handlers raise; `take` translates an error into one `/stembridge/error` message, here and nowhere
else. Nothing here waits: what takes time happens in the worker.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import stembridge
from stembridge.audio.allowed_roots import AllowedRoots
from stembridge.daemon.admission import ClipTable, payload_of
from stembridge.daemon.barriers import Barriers
from stembridge.daemon.caller import Caller, envelope
from stembridge.daemon.files_gate import TakesFolder
from stembridge.daemon.jobs import JobRow, Journal
from stembridge.daemon.news import Ended, Item
from stembridge.daemon.orders import Orders
from stembridge.daemon.outbox import Outbox
from stembridge.daemon.rate import PerSecond
from stembridge.daemon.records import ModelFacts
from stembridge.daemon.runner import Runner
from stembridge.daemon.sessions import Address, ClientSessions, as_text
from stembridge.errors import (
    BadArgsError,
    IncompatibleApiError,
    NotNowError,
    StembridgeError,
    UnknownIdError,
)
from stembridge.wire import bodies, osc, protocol, schema
from stembridge.wire.addresses import BY_ADDRESS

_log = logging.getLogger(__name__)

CAPABILITIES = ":clips:sync:message:rework:separate:"
_MOST_LISTED = 256
_RELAYS_PER_S = 200


@dataclass(frozen=True)
class House:
    """What the desk must know about its daemon."""

    boot_id: str
    takes: TakesFolder
    roots: AllowedRoots
    state: Callable[[], str]
    model: Callable[[], ModelFacts | None]
    quit: Callable[[], None]


class Desk:
    """Answers messages."""

    def __init__(
        self,
        house: House,
        journal: Journal,
        sessions: ClientSessions,
        outbox: Outbox,
        runner: Runner,
    ) -> None:
        self._house = house
        self._journal = journal
        self._sessions = sessions
        self._outbox = outbox
        self._runner = runner
        self._clips = ClipTable()
        self._orders = Orders(house.takes, house.roots, house.model, journal)
        self._barriers = Barriers()
        self._relays = PerSecond(_RELAYS_PER_S)
        self._handlers: dict[str, Callable[[protocol.Call, Caller], None]] = {
            "hello": self._hello,
            "ping": self._ping,
            "model": self._model,
            "clip": self._clip,
            "generate": self._order,
            "rework": self._order,
            "separate": self._order,
            "status": self._status,
            "cancel": self._cancel,
            "list": self._list,
            "sync": self._sync,
            "received": self._received,
            "goodbye": self._goodbye,
            "quit": self._quit,
        }

    def take(self, message: osc.Message, source: Address) -> None:
        """Answer one message."""
        row = BY_ADDRESS.get(message.address)
        if row is not None and row.direction == "out":
            return  # never answer an answer: two daemons would talk for ever
        request_id, client, port = envelope(message)
        is_hello = message.address == "/stembridge/hello"
        if is_hello:  # says where answers go from now on
            port = port or source[1]
        caller = Caller(client, source, self._sessions.reply_to(client, source, port))
        call: protocol.Call | None = None
        try:
            if self._outbox.is_own(caller.reply):
                caller = Caller(client, source, source)
                raise BadArgsError("Answers cannot go to the daemon's own port; name yours.")
            call = protocol.bind(message)
            if not is_hello:  # which may come from somebody else of the same name
                self._sessions.touch(client, source)
            if call.row.direction == "relay":
                self._relay(call, message, caller)
            else:
                self._handlers[message.address.removeprefix(schema.PREFIX)](call, caller)
        except StembridgeError as error:
            # What cannot be read may name a wrong port, too: whoever sent it hears of it as well.
            for to in dict.fromkeys((caller.reply, caller.reply if call else source)):
                self.refuse(error, to, request_id, message.address)
        except Exception:  # noqa: BLE001 - one message must not end the daemon
            _log.exception("answering %s", message.address)
            unexpected = StembridgeError("Something unexpected failed; see the daemon's log.")
            self.refuse(unexpected, caller.reply, request_id, message.address)

    def refuse(
        self, error: StembridgeError, to: Address, request_id: str = "", address: str = ""
    ) -> None:
        """Say what cannot be done."""
        _log.debug("refused %s: %s", address, error)
        values = (error.code, error.symbol, error.sentence, error.retry_after_ms)
        self._outbox.post(to, "/stembridge/error", request_id[:64], address[:100], *values)

    def _hello(self, call: protocol.Call, caller: Caller) -> None:
        if call.args["api_major"] != schema.API_MAJOR:
            raise IncompatibleApiError(
                f"This daemon speaks API {schema.API_MAJOR}.{schema.API_MINOR}, the client "
                f"{call.args['api_major']}.{call.args['api_minor']}; update the older of the two."
            )
        capabilities = call.args.get("capabilities", "")
        self._sessions.hello(caller.client, caller.source, caller.reply, capabilities)
        self._outbox.post(
            caller.reply,
            "/stembridge/welcome",
            self._house.boot_id,
            stembridge.__version__,
            schema.API_MAJOR,
            schema.API_MINOR,
            CAPABILITIES,
            int(self._sessions.lease_s),
            str(self._house.takes.path),
        )
        self._outbox.owe_all(caller.client, at_once=True)

    def _ping(self, call: protocol.Call, caller: Caller) -> None:
        counts = self._journal.counts()
        values = (call.args["n"], self._house.boot_id, *counts, self._house.state())
        self._outbox.post(caller.reply, "/stembridge/pong", *values)

    def _model(self, _call: protocol.Call, caller: Caller) -> None:
        facts = self._house.model()
        if facts is None:
            raise NotNowError("The model is still loading.", retry_after_ms=1000)
        self._outbox.post(caller.reply, "/stembridge/model.info", *bodies.model_info(vars(facts)))

    def _clip(self, call: protocol.Call, caller: Caller) -> None:
        request_id, index = call.args["request_id"], call.args["index"]
        pairs = {key: value for key, value in call.pairs.items() if key != "reply_port"}
        known = self._known_clips(request_id, caller.client)
        if index >= len(known) or known[index] != pairs:  # else a late repeat: nothing to keep
            self._clips.hold(request_id, caller.client, index, pairs)
        self._outbox.post(caller.reply, "/stembridge/clip.held", request_id, index)

    def _order(self, call: protocol.Call, caller: Caller) -> None:
        """A job of any kind."""
        request_id, payload = call.args["request_id"], self._payload(call, caller)
        if self._journal.get(request_id) is None:
            verb = call.row.address.removeprefix(schema.PREFIX)
            payload["request"] = self._orders.read(verb, request_id, payload)
        self._accept(payload, call, caller)

    def _accept(self, payload: dict[str, Any], call: protocol.Call, caller: Caller) -> None:
        """Commit a job, answer, and see that it runs."""
        if self._runner.trouble is not None:
            raise self._runner.trouble
        request_id = call.args["request_id"]
        try:
            reply = as_text(caller.reply)
            job, is_new = self._journal.accept(request_id, caller.client, payload, reply)
        finally:
            self._clips.drop(request_id, caller.client)
        position = self._journal.position(job)
        self._outbox.post(
            caller.reply, "/stembridge/accepted", request_id, position, self._house.boot_id
        )
        if "reply_port" in call.pairs:
            self._sessions.move(caller.client, caller.source, caller.reply)
        if is_new:
            self._journal.file.regain_ballast()
        if job.is_final:
            self._outbox.post_final(job, caller.reply)
        self._runner.pump()

    def _payload(self, call: protocol.Call, caller: Caller) -> dict[str, Any]:
        request_id, count = call.args["request_id"], call.pairs.get("clips", 0)
        known = self._known_clips(request_id, caller.client)
        if len(known) != count:
            known = []
        return payload_of(call.pairs, self._clips.take(request_id, caller.client, count, known))

    def _known_clips(self, request_id: str, client: str) -> list[dict[str, Any]]:
        job = self._journal.get(request_id)
        return job.payload["clips"] if job is not None and job.client == client else []

    def _status(self, call: protocol.Call, caller: Caller) -> None:
        job = self._journal.get(call.args["request_id"])
        if job is None:
            self._state(caller.reply, call.args["request_id"], "unknown", 0)
            return
        for to in self._about(job, caller):
            self._state(to, job.id, job.state, self._runner.seq_of(job))
            if job.is_final:
                self._outbox.post_final(job, to)

    def _cancel(self, call: protocol.Call, caller: Caller) -> None:
        job = self._journal.get(call.args["request_id"])
        if job is None:
            raise UnknownIdError(f"No job has the id {call.args['request_id']}.")
        self._runner.cancel(job)
        job = self._journal.get(job.id) or job
        for to in self._about(job, caller):
            self._state(to, job.id, job.state, self._runner.seq_of(job))

    def _list(self, _call: protocol.Call, caller: Caller) -> None:
        jobs = self._journal.of_client(caller.client, _MOST_LISTED)
        for job in jobs:
            self._state(caller.reply, job.id, job.state, self._runner.seq_of(job))
        self._outbox.post(caller.reply, "/stembridge/list.end", caller.client, len(jobs))

    def _sync(self, call: protocol.Call, caller: Caller) -> None:
        self._barriers.add(call.args["token"], caller.reply, self._journal.newest())
        self._lift_barriers()

    def hear(self, item: Item) -> None:
        """Answer what waited for the end of a job."""
        if isinstance(item, Ended):
            self._lift_barriers()

    def _lift_barriers(self) -> None:
        if self._barriers:
            for token, to in self._barriers.fallen(self._journal.oldest_open()):
                self._outbox.post(to, "/stembridge/synced", token)

    def _received(self, call: protocol.Call, _caller: Caller) -> None:
        job = self._journal.get(call.args["request_id"])
        self._outbox.settle(call.args["request_id"])
        if job is not None and not job.received:
            self._journal.receive(job.id)
            self._outbox.owe_all(job.client, at_once=False)

    def _goodbye(self, _call: protocol.Call, caller: Caller) -> None:
        self._sessions.forget(caller.client)
        self._outbox.post(caller.reply, "/stembridge/farewell")

    def _quit(self, call: protocol.Call, caller: Caller) -> None:
        if call.args["boot_id"] != self._house.boot_id:
            raise BadArgsError("The boot id is not this daemon's; take it from welcome or pong.")
        self._outbox.post(caller.reply, "/stembridge/farewell")
        self._house.quit()

    def _relay(self, call: protocol.Call, message: osc.Message, caller: Caller) -> None:
        if not self._relays.admit():  # two daemons that know each other could talk for ever
            raise NotNowError("Too many messages are handed on.", retry_after_ms=1000)
        listeners = self._sessions.with_capability(call.row.capability)
        if not listeners and call.row.must_arrive:
            raise NotNowError(
                f"Nobody who can do that ({call.row.capability}) is connected to the daemon."
            )
        for listener in listeners:
            if listener != caller.reply:
                self._outbox.post(listener, message.address, *call.args.values())

    def _state(self, to: Address, request_id: str, state: str, seq: int) -> None:
        self._outbox.post(to, "/stembridge/state", request_id, state, seq)

    def _about(self, job: JobRow, caller: Caller) -> set[Address]:
        """Status and cancel name no client: a stranger's question is answered to the job's too.

        (`oscsend` closes its socket at once; whoever uses it listens where the job's news go.)
        """
        stranger = caller.reply == caller.source
        return {caller.reply, *self._outbox.addresses_of(job)} if stranger else {caller.reply}
