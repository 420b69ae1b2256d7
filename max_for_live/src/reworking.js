// Working on takes that lie in the set: another, more like it, some bars, longer, busier, as before.

import { spanText, tempoText } from "./beats.js";
import { current } from "./takes.js";
import { capital, listed } from "./words.js";

const BUSIER = 1.5;
const SIMPLER = 0.6;

export class Reworking {
  constructor(device) {
    this.device = device;
  }

  another() {
    this.anew("Another", [["redo", 1]]);
  }

  likeThis() {
    const strength = Math.round(100 - 100 * this.device.settings.likeness) / 100;
    this.anew("More like it", [["like", strength]]);
  }

  goOn() {
    const bars = this.device.settings.moreBars;
    this.anew("Going on", [["more_bars", bars]], (take, song) => ({
      beats: take.beats + bars * song.beatsPerBar,
    }));
  }

  // The bars of the take under the loop brace.
  redoBrace() {
    this.anew("These bars anew", (take, song) => {
      const bars = braceBars(take, song);
      return bars ? [["bars", bars]] : null;
    });
  }

  busier(isMore) {
    const factor = isMore ? BUSIER : SIMPLER;
    this.start(isMore ? "Busier" : "Simpler", [["density", factor]]);
  }

  // Exact and without the model: what is played is played again at the set's tempo.
  retime(takes, song) {
    const bpm = tempoText(song.tempo);
    this.begin(takes, song, "Re-timed", [["bpm", bpm]], { bpm: Number(bpm) });
  }

  anew(what, changes, more) {
    const { settings } = this.device;
    const best = settings.best > 1 ? [["best", settings.best]] : [];
    const always = [["seed", settings.drawnSeed()]].concat(best);
    this.start(what, changes, more, always);
  }

  // `changes`: keys of a rework, or what gives them for a take; null where there are none.
  start(what, changes, more, always) {
    const { bridge, settings, state, link } = this.device;
    const song = bridge.songInfo();
    const takes = this.chosen(current(state.takes), settings.reworked);
    if (!takes.length) {
      const name = settings.reworked ? "the " + settings.reworked : "yours";
      this.device.say("No take to work on", "No take of " + name + " was placed by this device.");
      return;
    }
    if (!link.connected()) {
      this.device.status.note = null;
      this.device.refresh();
      return;
    }
    const off = takes.find((take) => Math.abs(take.bpm / song.tempo - 1) > 1e-5);
    if (off) {
      const bpm = tempoText(off.bpm) + " bpm";
      this.device.say("Another tempo", "The take is at " + bpm + ": press Re-time first.");
      return;
    }
    const own = typeof changes === "function" ? changes(takes[0], song) : changes;
    if (!own) {
      this.device.say("No bars", "Put the loop brace over the bars of the take to make anew.");
      return;
    }
    const where = more ? more(takes[0], song) : {};
    this.begin(takes, song, what, own.concat(always || []), where);
  }

  begin(takes, song, what, changes, where) {
    const [take] = takes;
    const plan = Object.assign({
      parent: take.folder, number: take.number, stems: takes.map((one) => one.stem), changes,
      start: take.start, beats: take.beats, bpm: take.bpm, seed: take.seed, place: take.place,
      follow: take.follow, more: take.more, clipsAs: this.device.settings.clipsAs,
      clips: [], heard: [], notes: [],
    }, where);
    plan.where = spanText({ start: plan.start, beats: plan.beats }, song.beatsPerBar);
    plan.what = what + ": " + listed(plan.stems) + ", " + plan.where + ".";
    this.device.status.note = null;
    if (!this.device.jobs.start(plan)) {
      this.device.say("Failed: too long", "The take's file path is too long to send.");
      return;
    }
    this.device.save();
    this.device.refresh();
  }

  // The take of a stem, or all stems of the newest take.
  chosen(takes, stem) {
    if (stem) {
      return takes.filter((take) => take.stem === stem);
    }
    const placed = this.device.state.takes.filter((take) => takes.indexOf(take) >= 0);
    const last = placed[placed.length - 1];
    return takes.filter((take) => take.folder === last.folder);
  }

  // A stem that stayed as it was sounds in the new take, too: what comes next hears that one.
  kept(orders) {
    for (const { stem, folder, number } of orders) {
      const sounding = current(this.device.state.takes).filter((take) => take.stem === stem);
      sounding.forEach((take) => Object.assign(take, { folder, number }));
    }
  }

  // What a new clip replaced can come back.
  placed(order, result) {
    const last = result.replaced.filter((take) => take.stem === order.stem).pop();
    if (last && order.variation === 0) {
      this.device.state.before[order.stem] = last;
    }
  }

  // A/B: the take before, and back again.
  swap() {
    const { placer, settings, state } = this.device;
    const stems = Object.keys(state.before).filter(
      (stem) => !settings.reworked || stem === settings.reworked,
    );
    if (!stems.length) {
      this.device.say("No take before", "Make another first; in the Session both are in slots.");
      return;
    }
    for (const stem of stems) {
      const order = Object.assign({}, state.before[stem], { cancelled: () => false });
      placer.place(order, (result) => {
        if (result.ok) {
          this.placed(order, result);
        }
        const detail = result.ok ? "Press again for the other one." : result.problem;
        const shown = result.ok ? " take " + order.number : " stays";
        this.device.say(capital(stem) + shown, detail);
        this.device.save();
      });
    }
  }
}

// "2-3": the take's own bars that the loop brace covers; "" if it covers none.
export function braceBars(take, song) {
  const bar = song.beatsPerBar;
  const first = Math.floor((song.loopStart - take.start) / bar + 1e-6) + 1;
  const end = song.loopStart + song.loopLength - take.start;
  const last = Math.ceil(Math.min(end, take.beats) / bar - 1e-6);
  const from = Math.max(1, first);
  return last >= from && end > 0 ? from + "-" + last : "";
}
