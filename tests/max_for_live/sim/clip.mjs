// A clip of the imitation, with Live's documented oddities: "warping" is set later, an unwarped clip
// cannot loop and counts in seconds, its length on the timeline follows the tempo, and the last warp
// marker is one that is never shown.

import { wavInfo } from "./wav.mjs";

const SHADOW_BEATS = 1 / 32;
export const WARP_DELAY_MS = 60;

export class Clip {
  // `track` knows {live}; `options`: {path, start, slot, midi, notes, ...overrides}
  constructor(live, options) {
    this.live = live;
    this.path = options.path || "";
    this.midi = options.midi === true;
    this.notes = options.notes || [];
    const info = this.midi ? null : wavInfo(this.path);
    this.frames = options.frames ?? (info ? info.frames : 0);
    this.rate = options.rate ?? (info ? info.rate : 44100);
    this.start = options.start || 0;
    this.cutHead = 0; // beats removed from the front by an overlap
    this.cutEnd = null; // timeline end after an overlap
    this.name = options.name ?? this.path.replace(/^.*\/|\.wav$/g, "");
    this.muted = options.muted ? 1 : 0;
    this.color = 0;
    this.gainText = options.gainText || "0.0 dB";
    this.recording = 0;
    this.warping = this.midi ? 0 : options.warping ?? (live.autoWarp ? 1 : 0);
    this.warpMode = 0;
    this.looping = options.looping ? 1 : 0;
    const guess = options.fileTempo || live.guessedTempo;
    this.visible = options.markers || [{ beat_time: live.guessedOffset, sample_time: 0 }];
    this.lastTempo = guess;
    this.startMarker = options.startMarker ?? null;
    this.loopStart = options.loopStart ?? null;
    this.loopEnd = options.loopEnd ?? null;
    this.lengthBeats = options.lengthBeats ?? null;
  }

  get seconds() {
    return this.frames / this.rate;
  }

  markers() {
    const last = this.visible[this.visible.length - 1];
    const shadow = {
      beat_time: last.beat_time + SHADOW_BEATS,
      sample_time: last.sample_time + (SHADOW_BEATS * 60) / this.lastTempo,
    };
    return this.visible.concat([shadow]);
  }

  beatAt(second) {
    const markers = this.markers();
    let index = 0;
    while (index < markers.length - 2 && second >= markers[index + 1].sample_time) {
      index++;
    }
    const [a, b] = [markers[index], markers[index + 1]];
    const slope = (b.beat_time - a.beat_time) / (b.sample_time - a.sample_time);
    return a.beat_time + (second - a.sample_time) * slope;
  }

  // Clip positions: beats if warped or MIDI, seconds if not.
  inside(name) {
    const full = this.warping ? this.beatAt(this.seconds) : this.seconds;
    const begin = this.warping ? this.beatAt(0) : 0;
    const first = { startMarker: begin, loopStart: begin, loopEnd: full }[name];
    const notes = { startMarker: 0, loopStart: 0, loopEnd: this.lengthBeats ?? 4 };
    return this[name] ?? (this.midi ? notes[name] : first);
  }

  get end() {
    if (this.cutEnd !== null) {
      return this.cutEnd;
    }
    if (this.lengthBeats !== null) {
      return this.start + this.lengthBeats;
    }
    const span = this.inside("loopEnd") - this.inside("loopStart");
    const beats = this.warping || this.midi ? span : (span * this.live.tempo) / 60;
    return this.start + beats;
  }

  get(name) {
    const audioOnly = [
      "file_path", "warping", "warp_mode", "warp_markers", "gain", "gain_display_string",
      "sample_length", "sample_rate",
    ];
    if (this.midi && audioOnly.includes(name)) {
      this.live.complain(`${name} can only be read from audio clips`);
      return 0;
    }
    const values = {
      name: () => this.name,
      is_audio_clip: () => (this.midi ? 0 : 1),
      is_midi_clip: () => (this.midi ? 1 : 0),
      is_recording: () => this.recording,
      file_path: () => this.path,
      start_time: () => this.start,
      end_time: () => this.end,
      start_marker: () => this.inside("startMarker"),
      end_marker: () => this.inside("loopEnd"),
      loop_start: () => this.inside("loopStart") + (this.warping ? this.cutHead : 0),
      loop_end: () => this.inside("loopEnd"),
      looping: () => (this.warping || this.midi ? this.looping : 0),
      warping: () => this.warping,
      warp_mode: () => this.warpMode,
      warp_markers: () => JSON.stringify({ warp_markers: this.markers() }),
      gain: () => 0.4,
      gain_display_string: () => this.gainText,
      muted: () => this.muted,
      color: () => this.color,
      sample_length: () => this.frames,
      sample_rate: () => this.rate,
    };
    return values[name] ? values[name]() : undefined;
  }

  set(name, value) {
    const apply = {
      name: () => (this.name = String(value)),
      color: () => (this.color = Number(value)),
      warping: () => setTimeout(() => (this.warping = Number(value)), WARP_DELAY_MS),
      warp_mode: () => this.warping && (this.warpMode = Number(value)),
      looping: () => this.warping && (this.looping = Number(value)),
      loop_start: () => this.warping && (this.loopStart = Number(value)),
      loop_end: () => this.warping && (this.loopEnd = Number(value)),
      start_marker: () => this.warping && (this.startMarker = Number(value)),
    }[name];
    if (!apply) {
      return false;
    }
    apply();
    return true;
  }

  call(name, args) {
    if (name === "get_notes_extended") {
      const [, , from, length] = args;
      const notes = this.notes.filter((n) => n.start_time < from + length);
      return JSON.stringify({ notes });
    }
    if (name === "add_new_notes") {
      return this.midi ? this.addNotes(args[0].notes) : undefined;
    }
    if (name === "add_warp_marker") {
      return this.addMarker(args[0]);
    }
    return name === "move_warp_marker" ? this.moveMarker(args[0], args[1]) : undefined;
  }

  // Live keeps what is a note, and says nothing of the rest.
  addNotes(notes) {
    const isNote = (one) =>
      one.pitch >= 0 && one.pitch <= 127 && one.duration > 0 && one.velocity > 0 && one.velocity <= 127;
    const kept = notes.filter(isNote);
    if (kept.length < notes.length) this.live.complain("add_new_notes: some are no notes");
    this.notes = this.notes.concat(kept);
    return kept.map((_, index) => index + 1);
  }

  addMarker({ beat_time, sample_time }) {
    const next = this.visible.concat([{ beat_time, sample_time }]);
    next.sort((a, b) => a.beat_time - b.beat_time);
    return this.accept(next, "add_warp_marker");
  }

  moveMarker(beat, distance) {
    const next = this.visible.map((one) => ({ ...one }));
    const found = next.find((one) => Math.abs(one.beat_time - beat) < 1e-6);
    if (found) {
      found.beat_time += distance;
    }
    return this.accept(found ? next : [], "move_warp_marker");
  }

  accept(next, what) {
    const rises = (key) => next.every((one, i) => i === 0 || one[key] > next[i - 1][key] + 1e-6);
    if (!this.warping || !next.length || !rises("beat_time") || !rises("sample_time")) {
      this.live.complain(`${what} refused`);
      return 0;
    }
    this.visible = next;
    return 1;
  }
}
