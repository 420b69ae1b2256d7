// "Print this track": MIDI instruments and effects exist only while Live plays them, so their sound
// is recorded in real time to a track of its own, under the very bars that were asked for. Guided:
// the first press sets up, the second records.

import { barNumber } from "./beats.js";

const POLL_MS = 500;
const PATIENCE_MS = 15000;

export class Printer {
  // `host`: {later(ms, f), say(status, detail), printed(stem, track)}
  constructor(bridge, host) {
    this.bridge = bridge;
    this.host = host;
    this.plan = null;
  }

  // `wanted`: {stem, track} that cannot be read from files, or null.
  press(wanted, span, song) {
    if (this.plan && this.plan.recording) {
      this.host.say("Printing", "Wait for the end, or press Cancel.");
    } else if (this.plan && this.ready(this.plan)) {
      this.record(this.plan, song);
    } else if (!wanted) {
      this.host.say("Nothing to print", "All locked stems are audio tracks without effects.");
    } else {
      this.prepare(wanted, span, song);
    }
  }

  ready(plan) {
    return this.bridge.exists(plan.slot) && this.bridge.exists(plan.trackId);
  }

  prepare({ stem, track }, span, song) {
    const id = this.bridge.createTrack();
    const slot = id ? this.bridge.slots(id).find((one) => !one.hasClip) : null;
    if (!slot) {
      this.host.say("Print failed", "Live made no new audio track.");
      return;
    }
    const name = "Print " + track.name;
    this.bridge.set(id, "name", name);
    const isRouted =
      this.bridge.route(id, "input_routing_type", track.name) &&
      this.bridge.route(id, "input_routing_channel", "Post FX");
    this.bridge.set(id, "current_monitoring_state", 2);
    this.bridge.set(id, "arm", 1);
    this.plan = { stem, source: track.name, trackId: id, slot: slot.id, span, recording: false };
    const bar = barNumber(span.start, song.beatsPerBar);
    const bars = Math.round(span.beats / song.beatsPerBar);
    const what = bars + " bars of " + track.name + " from bar " + bar;
    this.host.say(
      "Print is set up",
      isRouted
        ? "Press Print again: Live plays and records " + what + "."
        : 'Set the input of "' + name + '" to ' + track.name + ", Post FX; then press Print again.",
    );
  }

  record(plan, song) {
    plan.recording = true;
    this.bridge.stopSong();
    this.bridge.seek(plan.span.start);
    this.bridge.record(plan.slot, plan.span.beats);
    const length = (plan.span.beats * 60000) / song.tempo;
    this.host.say("Printing", plan.source + " is being recorded: let Live play.");
    this.watch(plan, length + PATIENCE_MS);
  }

  watch(plan, left) {
    this.host.later(POLL_MS, () => {
      if (this.plan !== plan) {
        return;
      }
      const clip = this.bridge.child(plan.slot, "clip");
      const isOver = clip && this.bridge.number(clip, "is_recording") === 0;
      if (isOver && this.bridge.text(clip, "file_path")) {
        this.finish(plan, this.bridge.clip(clip));
      } else if (left <= 0) {
        this.abandon("Print failed", "Nothing was recorded. Is the track armed and its input set?");
      } else {
        this.watch(plan, left - POLL_MS);
      }
    });
  }

  // The recording is laid under its bars, unwarped, on its (muted) track: from there it is heard
  // like any audio clip.
  finish(plan, recorded) {
    this.bridge.stopSong();
    this.bridge.set(plan.trackId, "arm", 0);
    this.bridge.set(plan.trackId, "mute", 1);
    const id = this.bridge.createClip(plan.trackId, recorded.path, plan.span.start);
    if (id) {
      this.bridge.set(id, "warping", 0);
      this.bridge.set(id, "name", "Print " + plan.source);
    }
    this.plan = null;
    if (id) {
      this.host.printed(plan.stem, this.bridge.track(plan.trackId));
      this.host.say("Printed", plan.source + " is recorded; " + plan.stem + " listens to it now.");
    } else {
      this.host.say("Print failed", "The recording is in its slot, but Live refused to place it.");
    }
  }

  abandon(status, detail) {
    const plan = this.plan;
    this.plan = null;
    if (plan) {
      if (plan.recording) {
        this.bridge.stopSong();
      }
      if (this.bridge.exists(plan.trackId)) {
        this.bridge.set(plan.trackId, "arm", 0);
      }
      this.host.say(status, detail);
    }
    return plan !== null;
  }
}
