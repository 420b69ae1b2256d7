// The line to the daemon: hello until welcome, heartbeat, repeats until an answer comes (UDP loses
// packets), and what the line's state is in words. No LiveAPI here.

import {
  API_MAJOR, API_MINOR, fits, heardVerb, message, SENDS,
} from "./protocol.js";

const HELLO_MS = 2000;
const PING_MS = 2000;
const DEAD_MS = 5000;
const REPEAT_MS = 400;
const PORT_FIRST = 20000;
const PORT_COUNT = 10000;
const HELLOS_PER_PORT = 3;

export class Link {
  // `wire`: {send(atoms), listen(port), now(), wake(ms)}; `heard(verb, atoms)` and `changed()` are
  // told.
  constructor(wire, clientId, heard, changed) {
    this.wire = wire;
    this.client = clientId;
    this.heard = heard;
    this.changed = changed;
    this.state = "connecting";
    this.bootId = "";
    this.outFolder = "";
    this.version = "";
    this.problem = "";
    this.waiting = [];
    this.lastHeard = -Infinity;
    this.lastSent = -Infinity;
    this.hellos = 0;
    this.pings = 0;
  }

  start() {
    this.pickPort();
    this.hello();
  }

  // Nobody says whether a port was free: pick at random, and another one when no answer comes.
  pickPort() {
    this.port = PORT_FIRST + Math.floor(Math.random() * PORT_COUNT);
    this.wire.listen(this.port);
  }

  hello() {
    if (this.hellos > 0 && this.hellos % HELLOS_PER_PORT === 0) {
      this.pickPort();
    }
    this.hellos += 1;
    this.lastSent = this.wire.now();
    this.wire.send(
      message("hello", [this.client, this.port, API_MAJOR, API_MINOR, ":message:"]),
    );
  }

  connected() {
    return ["connecting", "no daemon", "wrong version"].indexOf(this.state) < 0;
  }

  // Send now, and again until `drop(id)` says that it was answered.
  ask(id, verb, fixed, pairs) {
    const atoms = message(verb, fixed, pairs);
    if (!fits(atoms) || SENDS[verb] === undefined) {
      return false;
    }
    this.drop(id);
    this.waiting.push({ id, atoms, at: this.wire.now() });
    this.wire.send(atoms);
    this.wire.wake(REPEAT_MS);
    return true;
  }

  tell(verb, fixed) {
    this.wire.send(message(verb, fixed));
  }

  drop(id) {
    this.waiting = this.waiting.filter((entry) => entry.id !== id);
  }

  dropAll(prefix) {
    this.waiting = this.waiting.filter((entry) => entry.id.indexOf(prefix) !== 0);
  }

  asks(prefix) {
    return this.waiting.some((entry) => entry.id.indexOf(prefix) === 0);
  }

  tick() {
    const now = this.wire.now();
    if (this.connected() && now - this.lastHeard > DEAD_MS) {
      this.become("no daemon", "");
    }
    const silent = now - this.lastSent;
    if (!this.connected()) {
      if (silent >= HELLO_MS) {
        this.become(this.state === "connecting" ? "no daemon" : this.state, this.problem);
        this.hello();
      }
      return;
    }
    if (silent >= PING_MS) {
      this.pings += 1;
      this.lastSent = now;
      this.wire.send(message("ping", [this.client, this.pings]));
    }
    this.repeat(now);
  }

  // What has not been answered goes out again; the clock runs quicker only while there is such.
  repeat(now) {
    for (const entry of this.waiting) {
      if (now - entry.at >= REPEAT_MS - 20) {
        entry.at = now;
        this.wire.send(entry.atoms);
      }
    }
    if (this.waiting.length) {
      this.wire.wake(REPEAT_MS);
    }
  }

  // Everything udpreceive hands over.
  receive(address, atoms) {
    const verb = heardVerb(address, atoms);
    if (verb === null) {
      return;
    }
    this.lastHeard = this.wire.now();
    if (verb === "welcome") {
      this.welcome(atoms);
    } else if (verb === "pong") {
      this.pong(atoms);
    } else if (verb === "error" && atoms[3] === "INCOMPATIBLE_API") {
      this.become("wrong version", atoms[4]);
    } else {
      this.heard(verb, atoms);
    }
  }

  welcome([bootId, version, major, , , , outFolder]) {
    this.hellos = 0;
    this.version = version;
    this.outFolder = outFolder;
    if (major !== API_MAJOR) {
      this.become("wrong version", "Daemon " + version + " speaks API " + major + ".");
      return;
    }
    const restarted = this.bootId !== "" && this.bootId !== bootId;
    this.bootId = bootId;
    this.become(this.state === "working" ? "working" : "ready", "");
    this.heard("welcome", [restarted ? 1 : 0]);
    this.lastSent = -Infinity;
  }

  pong([, bootId, , , state]) {
    if (bootId !== this.bootId || !this.connected()) {
      this.hello();
      return;
    }
    this.become(state === "failed" ? "model failed" : state, "");
  }

  become(state, problem) {
    const known = ["ready", "loading", "working", "model failed", "no daemon", "wrong version"];
    const next = known.indexOf(state) >= 0 ? state : "ready";
    if (next !== this.state || problem !== this.problem) {
      this.state = next;
      this.problem = problem;
      this.changed();
    }
  }
}
