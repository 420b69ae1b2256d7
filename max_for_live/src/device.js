// The device: what the buttons do, and what the status line says about it.

import { Actions } from "./actions.js";
import { LiveBridge } from "./bridge.js";
import { Face } from "./interface.js";
import { Jobs } from "./jobs.js";
import { Link } from "./link.js";
import { Listener } from "./listening.js";
import { Placer } from "./placing.js";
import { Printer } from "./printing.js";
import { orderOf, told } from "./orders.js";
import { newId } from "./protocol.js";
import { Reworking } from "./reworking.js";
import { STEMS } from "./roles.js";
import { emptyState, stateFromAtoms, stateToAtoms } from "./session.js";
import { Settings } from "./settings.js";
import { Sources } from "./sources.js";
import { Status } from "./status.js";
import { capital, failureDetail, listed } from "./words.js";

const CLOCK_MS = 1000;
const MENU_MS = 10000;

export class Device {
  // `max`: {send(atoms), receive(atoms), face(atoms), later(ms, f), now(), claim(id), browse(path),
  // folder()}: the few things of Max that the device needs.
  constructor(max) {
    this.max = max;
    this.settings = new Settings();
    this.state = emptyState(newId());
    this.stored = null;
    this.isReady = false;
    this.bridge = new LiveBridge();
    this.face = new Face(max.face);
    this.listener = new Listener(this.bridge);
    this.link = new Link(
      {
        send: max.send,
        listen: (port) => max.receive(["port", port]),
        now: max.now,
        wake: (ms) => this.wake(ms),
      },
      this.state.client,
      (verb, atoms) => this.heard(verb, atoms),
      () => this.refresh(),
    );
    this.jobs = new Jobs(this.link, this);
    this.sources = new Sources(this.bridge, this.listener, this.face, this);
    this.status = new Status(this.face, this.link, this.jobs, this.state, this.settings);
    this.placer = new Placer(this.bridge, {
      state: this.state,
      sources: () => this.settings.sources,
      later: max.later,
      changed: () => this.save(),
    });
    this.printer = new Printer(this.bridge, {
      later: max.later,
      say: (text, detail) => this.say(text, detail),
      printed: (stem, track) => this.sources.choose(stem, track),
    });
    this.actions = new Actions(this);
    this.reworking = new Reworking(this);
  }

  // live.thisdevice: from now on Live's objects exist.
  ready() {
    if (this.isReady || !this.bridge.open()) {
      return;
    }
    this.isReady = true;
    this.adopt(this.stored);
    this.max.send(["port", this.settings.port]);
    this.link.start();
    this.face.ask();
    this.sources.show();
    this.refresh();
    this.clock();
  }

  // Once a second, for good.
  clock() {
    this.max.later(CLOCK_MS, () => {
      this.tick();
      if (this.max.now() - this.sources.shownAt > MENU_MS) {
        this.sources.show();
      }
      this.clock();
    });
  }

  // Sooner, once: while an answer is awaited.
  wake(ms) {
    if (!this.isWoken) {
      this.isWoken = true;
      this.max.later(ms, () => {
        this.isWoken = false;
        this.tick();
      });
    }
  }

  tick() {
    this.link.tick();
    this.jobs.tick(this.max.now());
  }

  // The stored session, which Max may hand over before or after `ready`.
  session(atoms) {
    this.stored = atoms;
    if (this.isReady && !this.jobs.open.length && !this.state.takes.length) {
      this.adopt(atoms);
    }
  }

  adopt(atoms) {
    const found = stateFromAtoms(atoms || []);
    if (!found || found.client === this.state.client) {
      this.max.claim(this.state.client);
      return;
    }
    const isMine = this.max.claim(found.client);
    Object.assign(this.state, found, isMine ? {} : { client: newId(), takes: [], waiting: [] });
    this.max.claim(this.state.client);
    this.link.client = this.state.client;
    this.settings.sources = this.state.sources;
    for (const job of isMine ? this.state.jobs : []) {
      const fresh = { restored: true, state: "queued", seen: {}, seq: -1, replaced: [] };
      this.jobs.open.push(Object.assign(job, fresh));
    }
    this.state.jobs = [];
    if (this.isReady && this.link.port) {
      this.link.hello();
    }
  }

  save() {
    const kept = Object.assign({}, this.state, { tracks: {}, sources: {}, midiTracks: {} });
    kept.jobs = this.jobs.open.map(({ id, plan, state }) => ({ id, plan: lean(plan), state }));
    for (const stem of STEMS) {
      const track = this.state.tracks[stem];
      const source = this.settings.sources[stem];
      const midiTrack = this.state.midiTracks[stem];
      if (midiTrack) {
        kept.midiTracks[stem] = { name: midiTrack.name };
      }
      if (track) {
        kept.tracks[stem] = { name: track.name };
      }
      if (source) {
        kept.sources[stem] = { name: source.name, nth: source.nth };
      }
    }
    this.face.session(stateToAtoms(kept));
  }

  refresh() {
    if (this.isReady) {
      this.status.show();
    }
  }

  say(text, detail) {
    this.status.note = { text, detail };
    this.refresh();
  }

  // ---- what the daemon says ---------------------------------------------------------------

  receive(address, atoms) {
    if (this.isReady) {
      this.link.receive(address, atoms);
    }
  }

  heard(verb, atoms) {
    if (verb === "welcome") {
      this.jobs.resume(atoms[0] === 1);
      this.refresh();
    } else {
      this.jobs.heard(verb, atoms);
    }
  }

  moved() {
    this.refresh();
  }

  stem(job, info) {
    const order = orderOf(job, info);
    if (!this.isInside(info.path)) {
      job.trouble = "The daemon named a file outside its folder: not placed.";
      this.jobs.placed(job, info);
    } else if (job.plan.parent && job.plan.stems.indexOf(info.stem) < 0) {
      job.kept = (job.kept || []).concat([order]); // it sounds on, from its own clip
      this.jobs.placed(job, info);
    } else if (job.restored) {
      this.wait(order);
      this.jobs.placed(job, info);
    } else {
      job.state = "placing";
      job.placing = info.stem;
      this.refresh();
      const live = Object.assign({}, order, { cancelled: () => job.cancelled === true });
      this.placer.place(live, (result) => this.settled(job, info, order, result));
    }
  }

  isInside(path) {
    const folder = this.link.outFolder.replace(/[/\\]+$/, "");
    const rest = path.slice(folder.length);
    return folder !== "" && path.indexOf(folder) === 0 && /^[/\\]/.test(rest) && !/\.\./.test(rest);
  }

  wait(order) {
    const others = this.state.waiting.filter((one) => one.path !== order.path);
    this.state.waiting = others.concat([order]);
  }

  settled(job, info, order, result) {
    if (job.cancelled) {
      if (result.take) {
        job.replaced = job.replaced.concat(result.replaced || []);
        this.takeBack(job);
      }
      return;
    }
    job.replaced = job.replaced.concat(result.replaced || []);
    if (result.ok) {
      this.reworking.placed(order, result);
      job.reports = (job.reports || []).concat(result.notes, told(info, "warnings"));
      job.made = (job.made || []).concat(told(info, "made"));
    } else {
      job.trouble = result.problem;
      this.wait(order);
    }
    this.sources.show();
    this.jobs.placed(job, info);
    this.save();
    this.refresh();
  }

  finished(job) {
    const made = listed(job.plan.stems);
    this.reworking.kept(job.kept || []);
    if (job.restored) {
      this.say("Done while you were away", capital(made) + " waits: press Place.");
    } else if (job.trouble) {
      this.say("Done, but not placed", job.trouble);
    } else {
      const unsaved = this.bridge.songInfo().file === "" ? ["Save the set to keep it."] : [];
      const reports = unsaved.concat(job.plan.notes || [], job.reports || []);
      const where = [capital(made) + " in " + job.plan.where + "."].concat(job.made || []);
      const words = reports.length ? reports : where;
      this.say(reports.length ? "Done, with a remark" : "Done", words.join(" "));
    }
    this.save();
  }

  failed(job, symbol, sentence) {
    if (symbol === "CANCELLED") {
      this.takeBack(job);
      this.say("Cancelled", "No clip was left behind.");
    } else {
      const reason = symbol.toLowerCase().replace(/_/g, " ");
      this.say("Failed: " + reason, failureDetail(symbol, sentence));
    }
    this.save();
  }

  // A cancelled run leaves no clip; what it had replaced comes back.
  takeBack(job) {
    for (const take of this.state.takes.filter((one) => one.job === job.id)) {
      this.placer.remove(take);
    }
    for (const take of job.replaced) {
      const order = Object.assign({}, take, { cancelled: () => false });
      this.placer.place(order, () => this.refresh());
    }
    job.replaced = [];
    this.save();
  }
}

// A plan small enough to be stored: the clips have been sent, the daemon's journal has them.
function lean(plan) {
  return Object.assign({}, plan, { clips: [], notes: [] });
}
