// What the device shows. Each line is sent only when it changes: every text becomes a Max symbol
// that stays in memory for good, and nothing here may be a parameter that Live's undo records.

import { cut, DETAIL_SIGNS, STATUS_SIGNS } from "./words.js";

export class Face {
  constructor(send) {
    this.send = send;
    this.shown = {};
  }

  show(name, message) {
    const key = message.join(" ");
    if (this.shown[name] !== key) {
      this.shown[name] = key;
      this.send([name].concat(message));
    }
  }

  status(text, detail) {
    this.show("status", ["set", cut(text, STATUS_SIGNS)]);
    if (detail !== undefined) {
      this.show("detail", ["set", cut(detail, DETAIL_SIGNS)]);
    }
  }

  progress(fraction) {
    this.show("progress", [Math.round(Math.min(1, Math.max(0, fraction)) * 100) / 100]);
  }

  seed(value) {
    this.shown.seed = undefined;
    this.show("seed", ["set", value]);
  }

  // The choices of a track menu, and which of them is chosen.
  menu(stem, names, index) {
    this.show("source_" + stem, ["_parameter_range"].concat(names));
    this.send(["source_" + stem, "set", index]);
  }

  session(atoms) {
    this.show("session", atoms);
  }

  // Ask every control for its value: after a script reload Max does not send them by itself.
  ask() {
    this.send(["ask", "bang"]);
  }
}
