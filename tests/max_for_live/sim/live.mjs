// An imitation of Live's object model, as far as the device may use it. What it does not know, or
// what Live would refuse, is written down in `complaints`.

import { Clip } from "./clip.mjs";

const MOST_BEATS = 1576800;

export class FakeLive {
  // `set`: {tempo, numerator, denominator, time, loopStart, loopLength, file, autoWarp, tracks: [...]}
  constructor(set) {
    this.objects = new Map();
    this.nextId = 7;
    this.complaints = [];
    this.changes = 0;
    this.tempo = Math.fround(set.tempo ?? 120);
    this.set = set;
    this.time = set.time ?? 0;
    this.playing = 0;
    this.autoWarp = set.autoWarp === true;
    this.guessedTempo = set.guessedTempo ?? 120;
    this.guessedOffset = set.guessedOffset ?? 0;
    this.printed = set.printed || {};
    this.recordMs = set.recordMs ?? 300;
    this.isOpen = false;
    this.notifying = false;
    this.song = this.add({ kind: "song" });
    this.view = this.add({ kind: "view", detail: 0 });
    this.app = this.add({ kind: "app" });
    this.tracks = (set.tracks || []).map((one) => this.makeTrack(one));
    this.scenes = set.scenes ?? 2;
  }

  complain(text) {
    this.complaints.push(text);
  }

  add(object) {
    const id = this.nextId;
    this.nextId += 3;
    this.objects.set(id, object);
    object.id = id;
    return object;
  }

  makeTrack(one) {
    const track = this.add({
      kind: "track", name: one.name, audio: one.audio !== false && !one.midi && !one.group,
      midi: one.midi === true, group: one.group === true, frozen: one.frozen === true,
      recording: one.recording === true, devices: [], clips: [], lanes: [], slots: [],
      arm: one.arm ? 1 : 0, mute: 0, color: 0, monitoring: 1, playing: one.playing ?? -2,
      routing: { type: "Ext. In", channel: "1" },
    });
    for (let index = 0; index < (one.devices ?? 0); index++) {
      track.devices.push(this.add({ kind: "device" }));
    }
    for (let index = 0; index < (this.set.scenes ?? 2); index++) {
      track.slots.push(this.add({ kind: "slot", track, clip: null }));
    }
    for (const clip of one.clips || []) {
      track.clips.push(this.add(Object.assign(new Clip(this, clip), { kind: "clip" })));
    }
    (one.session || []).forEach((clip, index) => {
      track.slots[index].clip = this.add(Object.assign(new Clip(this, clip), { kind: "clip" }));
    });
    return track;
  }

  find(name) {
    return this.tracks.find((track) => track.name === name);
  }

  // Only inside what is not a notification may the set be changed.
  change() {
    if (this.notifying) {
      throw new Error("the Live Set must not be changed inside a notification");
    }
    this.changes += 1;
  }

  // A new clip takes the span it covers; what was there before keeps its head or its tail.
  lay(list, clip) {
    for (const other of [...list]) {
      if (other.start >= clip.end - 1e-6 || other.end <= clip.start + 1e-6) {
        continue;
      }
      if (other.start >= clip.start - 1e-6 && other.end <= clip.end + 1e-6) {
        list.splice(list.indexOf(other), 1);
        this.objects.delete(other.id);
      } else if (other.start < clip.start) {
        other.cutEnd = clip.start;
      } else {
        other.cutEnd = other.end;
        other.start = clip.end;
      }
    }
    list.push(clip);
  }

  createClip(track, list, path, beats) {
    const clip = new Clip(this, { path, start: beats });
    const isRefused = !track.audio || track.frozen || track.recording || !(beats >= 0);
    if (isRefused || beats > MOST_BEATS || !clip.frames) {
      return ["id", 0];
    }
    this.add(Object.assign(clip, { kind: "clip" }));
    this.lay(list, clip);
    return ["id", clip.id];
  }

  createSlotClip(slot, path) {
    const clip = new Clip(this, { path });
    if (!slot.track.audio || slot.track.frozen || slot.clip || !clip.frames) {
      return ["id", 0];
    }
    slot.clip = this.add(Object.assign(clip, { kind: "clip" }));
    return ["id", clip.id];
  }

  // An empty MIDI clip; Live puts it on MIDI tracks only.
  createMidiClip(track, list, beats, length) {
    const isRefused = !track.midi || track.frozen || track.recording || !(beats >= 0) || !(length > 0);
    if (isRefused) {
      return ["id", 0];
    }
    const clip = new Clip(this, { midi: true, start: beats, lengthBeats: length, name: "" });
    this.add(Object.assign(clip, { kind: "clip" }));
    this.lay(list, clip);
    return ["id", clip.id];
  }

  createMidiSlotClip(slot, length) {
    if (!slot.track.midi || slot.track.frozen || slot.clip) {
      return 0;
    }
    const clip = new Clip(this, { midi: true, lengthBeats: length, looping: 1, name: "" });
    slot.clip = this.add(Object.assign(clip, { kind: "clip" }));
    return 0;
  }

  createTrack(midi) {
    const name = `${this.tracks.length + 1}-${midi ? "MIDI" : "Audio"}`;
    const track = this.makeTrack({ name, midi });
    this.tracks.push(track);
    return ["id", track.id];
  }

  // fire(record_length): an armed track records what its input is set to.
  fire(slot, beats) {
    const source = slot.track.routing.type;
    const path = this.printed[source];
    this.playing = 1;
    if (!slot.track.arm || !path || !beats) {
      return;
    }
    const clip = this.add(Object.assign(new Clip(this, { path, warping: 1 }), { kind: "clip" }));
    clip.recording = 1;
    slot.clip = clip;
    setTimeout(() => (clip.recording = 0), this.recordMs);
  }
}
