// A take's notes as a MIDI clip: on a MIDI track of the stem's name, at the exact beat. The
// musician's own clips are never touched.

import { overlaps } from "./beats.js";
import { bytesOf, notesOf } from "./midi_file.js";
import { roleOf } from "./roles.js";
import { capital } from "./words.js";

const NEARLY = 1e-3;

export class MidiPlacer {
  // `host`: as the Placer's.
  constructor(bridge, host) {
    this.bridge = bridge;
    this.host = host;
  }

  // Answers {problem, notes, clip: {track, name, start, beats}, replaced}.
  place(order, name) {
    const refused = (problem) => ({ problem, notes: [], replaced: [] });
    const notes = notesOf(bytesOf(order.midi));
    if (!notes) {
      return refused("The MIDI file of the " + order.stem + " cannot be read.");
    }
    const { track, problem } = this.target(order);
    if (problem) {
      return refused(problem);
    }
    const made = order.place === "session" ? this.inSlot(order, track) : this.onBar(order, track);
    if (!made.id) {
      return refused(made.problem || 'Live refused a MIDI clip on "' + track.name + '".');
    }
    this.bridge.addNotes(made.id, notes.filter((note) => note.start < order.beats));
    this.bridge.set(made.id, "name", name);
    this.bridge.set(made.id, "color", roleOf(order.stem).colour);
    const clip = { track: track.name, name, start: order.start, beats: order.beats };
    return { problem: "", notes: this.faults(made.id, notes, order), clip, replaced: made.replaced };
  }

  // Our own track, else one of the stem's name without a clip in the way, else a new one.
  target(order) {
    const title = capital(order.stem);
    const isUsable = (track) => track.midi && !track.audio && !track.foldable;
    const tracks = this.bridge.tracks().filter(isUsable);
    const known = this.host.state.midiTracks[order.stem];
    const own = known && tracks.find((one) => one.id === known.id || one.name === known.name);
    const named = tracks.find((one) => one.name === title && !one.frozen && this.isFree(one, order));
    const track = own || named || this.created(order.stem, title);
    if (!track) {
      return { problem: "Live made no new MIDI track." };
    }
    if (track.frozen) {
      return { problem: '"' + track.name + '" is frozen: unfreeze it, then press Place.' };
    }
    this.host.state.midiTracks[order.stem] = { id: track.id, name: track.name };
    return { track };
  }

  created(stem, title) {
    const id = this.bridge.createTrack("midi");
    if (!id || !this.bridge.exists(id)) {
      return null;
    }
    this.bridge.set(id, "name", title);
    this.bridge.set(id, "color", roleOf(stem).colour);
    return this.bridge.track(id);
  }

  isFree(track, order) {
    return order.place === "session" || !this.inTheWay(track, order).theirs.length;
  }

  inTheWay(track, order) {
    const end = order.start + order.beats;
    const found = this.bridge
      .arrangementClips(track.id)
      .filter((clip) => overlaps(clip.start, clip.end, order.start, end));
    const takeOf = (clip) =>
      this.host.state.takes.find((one) => one.midiClip && one.midiClip.name === clip.name);
    return {
      ours: found.map((clip) => ({ clip, take: takeOf(clip) })).filter((one) => one.take),
      theirs: found.filter((clip) => !takeOf(clip)),
    };
  }

  onBar(order, track) {
    const way = this.inTheWay(track, order);
    if (way.theirs.length) {
      const name = way.theirs[0].name || "a clip";
      return { problem: '"' + name + '" is in the way on "' + track.name + '": move it, press Place.' };
    }
    for (const { clip } of way.ours) {
      this.bridge.deleteClip(track.id, clip.id);
    }
    const id = this.bridge.createMidiClip(track.id, order.start, order.beats);
    return { id, replaced: way.ours.map((one) => one.take) };
  }

  inSlot(order, track) {
    let free = this.bridge.slots(track.id).find((slot) => !slot.hasClip);
    if (!free) {
      this.bridge.at(this.bridge.song).call("create_scene", -1);
      free = this.bridge.slots(track.id).find((slot) => !slot.hasClip);
    }
    return { id: free ? this.bridge.createMidiSlotClip(free.id, order.beats) : 0, replaced: [] };
  }

  // What Live holds, read back: every note at its beat.
  faults(id, notes, order) {
    const wanted = notes.filter((note) => note.start < order.beats);
    const held = this.bridge.midiNotes(id, 0, order.beats);
    const isThere = (note) =>
      held.some((one) => one.pitch === note.pitch && Math.abs(one.start - note.start) < NEARLY);
    return held.length === wanted.length && wanted.every(isThere)
      ? []
      : ["Live holds other notes than the take has."];
  }

  // Take a MIDI clip of ours back; answers whether it was found.
  remove(take) {
    const { midiClip } = take;
    const tracks = midiClip ? this.bridge.tracks().filter((one) => one.midi && !one.audio) : [];
    let found = false;
    for (const track of tracks) {
      for (const clip of this.bridge.arrangementClips(track.id)) {
        if (clip.name === midiClip.name && Math.abs(clip.start - midiClip.start) < NEARLY) {
          this.bridge.deleteClip(track.id, clip.id);
          found = true;
        }
      }
      for (const slot of this.bridge.slots(track.id)) {
        if (slot.clip && !slot.path && this.bridge.text(slot.clip, "name") === midiClip.name) {
          this.bridge.deleteSlotClip(slot.id);
          found = true;
        }
      }
    }
    return found;
  }
}
