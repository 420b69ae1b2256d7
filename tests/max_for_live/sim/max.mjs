// A small Max: the boxes and cords of the built device, its script in a context of its own, real UDP.
// It drives the device as a hand would: by clicking its boxes.

import dgram from "node:dgram";
import vm from "node:vm";

import { fileClass } from "./file.mjs";
import { liveApiClass } from "./liveapi.mjs";
import { decode, encode } from "./osc.mjs";

const BANG = ["bang"];
const number = (word) => (/^-?\d+(\.\d+)?$/.test(word) ? Number(word) : word);

function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export class Max {
  // `options`: {patcher, script, live, port, loss, lossSeed, shared, stored, rate, folder}
  constructor(options) {
    this.options = options;
    this.live = options.live;
    this.boxes = new Map();
    this.cords = new Map();
    this.console = [];
    this.history = [];
    this.progress = [];
    this.packets = [];
    this.tasks = [];
    this.undoable = [];
    this.stored = null;
    this.heardAtoms = [];
    this.random = randomFrom(options.lossSeed ?? 1);
    this.target = 0;
    for (const { box } of options.patcher.boxes) {
      this.boxes.set(box.id, { box, value: this.initial(box), text: box.text, items: [] });
    }
    for (const { patchline } of options.patcher.lines) {
      const key = patchline.source.join(":");
      this.cords.set(key, (this.cords.get(key) || []).concat([patchline.destination]));
    }
    this.sender = dgram.createSocket("udp4");
    this.context = this.makeContext();
    vm.runInContext(options.script, this.context, { filename: "stembridge.js" });
  }

  initial(box) {
    const valueof = (box.saved_attribute_attributes || {}).valueof || {};
    return (valueof.parameter_initial || [0])[0];
  }

  named(varname) {
    const found = [...this.boxes.values()].find((entry) => entry.box.varname === varname);
    if (!found) throw new Error(`no box ${varname}`);
    return found;
  }

  kind(entry) {
    return entry.box.maxclass === "newobj" ? entry.box.text.split(" ")[0] : entry.box.maxclass;
  }

  // ---- the script's world -----------------------------------------------------------------

  makeContext() {
    const max = this;
    const shared = this.options.shared || {};
    class Task {
      constructor(work) {
        this.work = work;
        this.timer = null;
      }
      schedule(ms) {
        max.tasks.push(ms);
        this.timer = setTimeout(() => max.guard(() => this.work()), ms);
      }
      cancel() {
        clearTimeout(this.timer);
      }
    }
    function Global(name) {
      shared[name] = shared[name] || {};
      return shared[name];
    }
    return vm.createContext({
      inlets: 0, outlets: 0, autowatch: 0, messagename: "",
      LiveAPI: liveApiClass(this.live), Task, Global,
      File: fileClass(this.live),
      arrayfromargs: (list) => Array.from(list),
      outlet: (...args) => max.outlet(args),
      post: (...args) => max.console.push(args.join(" ")),
      error: (...args) => max.console.push("error: " + args.join(" ")),
      messnamed: (...args) => max.history.push(["messnamed", ...args]),
      patcher: { filepath: (this.options.folder || "/tmp") + "/StemBridge.amxd" },
    });
  }

  guard(work) {
    try {
      work();
    } catch (problem) {
      this.console.push(`uncaught: ${problem.stack}`);
    }
  }

  outlet([index, atoms, ...rest]) {
    if (!Array.isArray(atoms) || rest.length || atoms.some((atom) => atom === undefined)) {
      this.live.complain(`outlet wants one array: ${JSON.stringify([atoms, ...rest])}`);
      return;
    }
    const script = [...this.boxes.values()].find((entry) => this.kind(entry) === "v8");
    this.emit(script.box.id, index, atoms);
  }

  call(atoms) {
    const [name, ...args] = atoms;
    const handler = this.context[name];
    this.context.messagename = name;
    const isOwn = typeof handler === "function" && !String(name).startsWith("/");
    this.guard(() => (isOwn ? handler : this.context.anything).apply(this.context, args));
  }

  // ---- cords and boxes --------------------------------------------------------------------

  emit(id, outlet, atoms) {
    for (const [target] of this.cords.get(`${id}:${outlet}`) || []) {
      this.deliver(this.boxes.get(target), atoms);
    }
  }

  deliver(entry, atoms) {
    const kind = this.kind(entry);
    const words = (entry.box.text || "").split(" ").slice(1).map(number);
    const id = entry.box.id;
    if (kind === "v8") this.call(atoms);
    else if (kind === "message") this.emit(id, 0, entry.box.text.split(" ").map(number));
    else if (kind === "prepend") this.emit(id, 0, words.concat(atoms));
    else if (kind === "route") this.route(id, words, atoms);
    else if (kind === "udpsend") this.send(atoms);
    else if (kind === "udpreceive") this.listen(id, atoms);
    else if (kind === "pattr") this.store(id, atoms);
    else if (kind === "dspstate~") this.emit(id, 1, [this.options.rate || 44100]);
    else if (kind === "live.comment") this.comment(entry, atoms);
    else if (kind.startsWith("live.")) this.control(entry, atoms);
    else throw new Error(`nothing is known about ${kind}`);
  }

  route(id, words, [first, ...rest]) {
    const index = words.indexOf(first);
    if (index < 0) this.live.complain(`route does not know ${first}`);
    else this.emit(id, index, rest.length ? rest : BANG);
  }

  store(id, atoms) {
    this.stored = atoms;
    this.emit(id, 0, atoms);
  }

  comment(entry, [verb, ...words]) {
    if (verb !== "set") this.live.complain(`live.comment does not know ${verb}`);
    entry.text = words.join(" ");
    this.history.push([entry.box.varname, entry.text]);
  }

  control(entry, atoms) {
    const { box } = entry;
    const [verb, ...rest] = atoms;
    const isHidden = box.saved_attribute_attributes.valueof.parameter_invisible === 2;
    if (verb === "_parameter_range") {
      entry.items = rest;
    } else if (verb === "outputvalue") {
      this.emit(box.id, 0, [entry.value]);
    } else {
      if (!isHidden) this.undoable.push(box.varname);
      entry.value = verb === "set" ? rest[0] : verb;
      if (box.varname === "progress") this.progress.push(entry.value);
      if (verb !== "set") this.emit(box.id, 0, [entry.value]);
    }
  }

  // ---- a hand ------------------------------------------------------------------------------

  click(varname) {
    this.emit(this.named(varname).box.id, 0, BANG);
  }

  turn(varname, value) {
    const entry = this.named(varname);
    entry.value = value;
    this.emit(entry.box.id, 0, [value]);
  }

  type(varname, text) {
    const words = text.split(" ").map(number);
    this.emit(this.named(varname).box.id, 0, ["text", ...words]);
  }

  pick(stem, trackName) {
    const { items } = this.named(`source_${stem}`);
    const index = items.findIndex((item) => String(item).endsWith(` ${trackName}`));
    this.turn(`source_${stem}`, index);
  }

  // Sends a message to the script as a message box in the patcher would.
  message(text) {
    const entry = [...this.boxes.values()].find(
      ({ box }) => box.maxclass === "message" && box.text === text,
    );
    this.deliver(entry, BANG);
  }

  // ---- loading and the network --------------------------------------------------------------

  load() {
    if (this.options.stored) {
      const session = this.named("session");
      this.store(session.box.id, this.options.stored);
    }
    this.live.isOpen = true;
    const start = [...this.boxes.values()].find((one) => this.kind(one) === "live.thisdevice");
    this.emit(start.box.id, 0, BANG);
    this.turn("port", this.options.port);
  }

  lost() {
    return this.random() < (this.options.loss || 0);
  }

  send(atoms) {
    if (atoms[0] === "port") {
      this.target = atoms[1];
      return;
    }
    if (atoms[0] === "/stembridge/hello") this.client = atoms[1];
    const packet = encode(atoms);
    this.packets.push({ address: atoms[0], bytes: packet.length, atoms: atoms.length - 1 });
    if (!this.lost() && !this.closed) {
      this.sender.send(packet, this.target, "127.0.0.1");
    }
  }

  listen(id, [verb, port]) {
    if (verb !== "port") {
      this.live.complain(`udpreceive does not know ${verb}`);
      return;
    }
    if (this.receiver) this.receiver.close();
    const socket = dgram.createSocket("udp4");
    this.receiver = socket;
    socket.on("error", (problem) => this.console.push(`udpreceive: ${problem.code}`));
    socket.on("message", (packet) => {
      const atoms = decode(packet);
      if (atoms && !this.lost()) {
        this.heardAtoms.push(atoms);
        this.emit(id, 0, atoms);
      }
    });
    socket.bind(port, "127.0.0.1");
  }

  close() {
    this.closed = true;
    this.guard(() => this.context.notifydeleted());
    if (this.receiver) this.receiver.close();
    this.sender.close();
  }

  status() {
    return this.named("status").text;
  }

  detail() {
    return this.named("detail").text;
  }
}
