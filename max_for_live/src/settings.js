// What the controls are set to.

import { tempoText } from "./beats.js";
import { DEFAULT_PORT } from "./protocol.js";
import { ROLE_LOCK, STEMS } from "./roles.js";

const LENGTHS = [2, 4, 8, 16, "loop", "clip"];
const STEPS = [8, 0, 40, 100];
const CHORDS = ["context", "clip", "typed"];
const PLACES = ["arrangement", "session"];
const SEED_MODES = ["new", "same"];
const SOUNDS = ["", "model"];
const CLIPS = ["audio", "midi", "both"];
const SEEDS = 1000000;
const NAME_SIGNS = 24;

function item(list, index, otherwise) {
  return list[Math.round(index)] === undefined ? otherwise : list[Math.round(index)];
}

export class Settings {
  constructor() {
    this.roles = {};
    this.sources = {};
    for (const stem of STEMS) {
      this.roles[stem] = ROLE_LOCK;
      this.sources[stem] = null;
    }
    Object.assign(this, {
      length: 8, takes: 1, port: DEFAULT_PORT, seed: 1, seedMode: "new", steps: 0, guidance: 1,
      chordsMode: "context", chordsText: "", prompt: "", place: "arrangement", follow: false, rate: 44100,
      sound: "", clipsAs: "audio", loop: false, best: 1, reworked: "", likeness: 0.7, moreBars: 4,
    });
  }

  // A control's value by its selector; answers whether there is such a control.
  take(selector, value) {
    const takers = {
      span: () => (this.length = item(LENGTHS, value, 8)),
      takes: () => (this.takes = Math.min(8, Math.max(1, Math.round(value)))),
      seed: () => (this.seed = Math.max(0, Math.round(value))),
      seed_mode: () => (this.seedMode = item(SEED_MODES, value, "new")),
      quality: () => (this.steps = item(STEPS, value, 0)),
      closeness: () => (this.guidance = Math.max(0, value) / 100),
      follow_tempo: () => (this.follow = value === 1),
      chords_mode: () => (this.chordsMode = item(CHORDS, value, "context")),
      sound: () => (this.sound = item(SOUNDS, value, "")),
      clips_as: () => (this.clipsAs = item(CLIPS, value, "audio")),
      loop_take: () => (this.loop = value === 1),
      best: () => (this.best = Math.min(8, Math.max(1, Math.round(value)))),
      rework_stem: () => (this.reworked = item([""].concat(STEMS), value, "")),
      likeness: () => (this.likeness = Math.min(100, Math.max(0, value)) / 100),
      more_bars: () => (this.moreBars = Math.min(64, Math.max(1, Math.round(value)))),
      place_in: () => (this.place = item(PLACES, value, "arrangement")),
      rate: () => (this.rate = value >= 8000 ? Math.round(value) : this.rate),
    };
    const taker = takers[selector];
    if (taker) {
      taker();
    }
    return Boolean(taker);
  }

  // New: another for each run.
  drawnSeed() {
    return this.seedMode === "new" ? Math.floor(Math.random() * SEEDS) : this.seed;
  }

  // The part of a request that does not depend on the set's clips.
  plan(song) {
    const slug = song.name.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "");
    return {
      bpm: Number(tempoText(song.tempo)),
      signature: song.numerator + "/" + song.denominator,
      rate: this.rate,
      takes: this.takes,
      steps: this.steps,
      guidance: this.guidance,
      prompt: this.prompt,
      place: this.place,
      follow: this.follow,
      sound: this.sound,
      clipsAs: this.clipsAs,
      loop: this.loop,
      best: this.best,
      name: slug.slice(0, NAME_SIGNS) || "live-set",
    };
  }
}
