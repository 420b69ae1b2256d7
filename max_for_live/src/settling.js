// Making a fresh clip's settings hold: written, read back a moment later, mended once, reported.

import { beatsToSeconds, secondsToBeats } from "./beats.js";
import { secondsAt } from "./geometry.js";
import { roleOf } from "./roles.js";

const SETTLE_MS = 120;
// At the file's own tempo Beats and Tones play it unchanged; the Complex modes colour it even then.
const BEATS = 0;
const TONES = 1;

export function wantsWarp(order) {
  return order.place === "session" || order.follow;
}

export class Settler {
  constructor(bridge, later) {
    this.bridge = bridge;
    this.later = later;
  }

  // Read back, mend once, read back again; `then(notes)` with what did not take.
  verify(order, id, then) {
    this.later(SETTLE_MS, () => {
      this.settle(order, id);
      this.later(SETTLE_MS, () => {
        if (!this.faults(order, id).length) {
          then([]);
          return;
        }
        this.bridge.set(id, "warping", wantsWarp(order) ? 1 : 0);
        this.later(SETTLE_MS, () => {
          this.settle(order, id);
          this.later(SETTLE_MS, () => then(this.faults(order, id)));
        });
      });
    });
  }

  // Settings that only hold once "warping" has taken effect.
  settle(order, id) {
    if (!wantsWarp(order) || !this.bridge.exists(id)) {
      return;
    }
    this.bridge.set(id, "warp_mode", roleOf(order.stem).pitched ? TONES : BEATS);
    this.straighten(order, id);
    if (order.place === "session") {
      this.bridge.set(id, "looping", 1);
      this.bridge.set(id, "loop_end", order.beats);
      this.bridge.set(id, "loop_start", 0);
      this.bridge.set(id, "start_marker", 0);
    }
  }

  // Whether the file plays at its own speed from beat 0 to its end. The last marker is one that
  // Live does not show (it only holds the tempo after the last visible one) and says nothing.
  isStraight(order, markers) {
    if (markers.length < 2) {
      return false;
    }
    const isRight = (beat) =>
      Math.abs(secondsAt(markers, beat) - beatsToSeconds(beat, order.bpm)) < 1e-3;
    const visible = markers.slice(0, -1).map((one) => one.beat);
    return visible.concat([0, order.beats]).every(isRight);
  }

  // Live guesses a tempo for new files; ours is known. Every marker that Live made is moved to the
  // beat where its second belongs, then the end is pinned.
  straighten(order, id) {
    let markers = this.bridge.warpMarkers(id);
    if (this.isStraight(order, markers)) {
      return;
    }
    const moves = markers.slice(0, -1).map((one) => ({
      beat: one.beat,
      distance: secondsToBeats(one.second, order.bpm) - one.beat,
    }));
    // Markers must not pass each other: those that go right start from the right.
    const rights = moves.filter((move) => move.distance > 1e-6).reverse();
    const lefts = moves.filter((move) => move.distance < -1e-6);
    for (const move of rights.concat(lefts)) {
      this.bridge.moveWarpMarker(id, move.beat, move.distance);
    }
    markers = this.bridge.warpMarkers(id);
    if (!this.isStraight(order, markers)) {
      const seconds = order.frames / order.rate;
      this.bridge.addWarpMarker(id, secondsToBeats(seconds, order.bpm), seconds);
    }
  }

  faults(order, id) {
    if (!this.bridge.exists(id)) {
      return ["The clip has vanished."];
    }
    const clip = this.bridge.clip(id);
    const tempo = this.bridge.songInfo().tempo;
    const warped = wantsWarp(order);
    const beats = warped ? order.beats : secondsToBeats(order.frames / order.rate, tempo);
    const faults = [];
    const check = (isRight, text) => (isRight ? 0 : faults.push(text));
    check(clip.path === order.path, "Live shows another file in the clip.");
    check(clip.warping === warped, warped ? "Warp did not switch on." : "Warp did not switch off.");
    check(!clip.frames || clip.frames === order.frames, "Live sees another file length.");
    if (warped) {
      const markers = this.bridge.warpMarkers(id);
      check(this.isStraight(order, markers), "Live warps the clip; set its tempo by hand.");
    }
    if (order.place === "session") {
      check(clip.looping, "Loop did not switch on.");
    } else {
      check(Math.abs(clip.start - order.start) < 1e-3, "The clip starts at another beat.");
      check(Math.abs(clip.end - clip.start - beats) < 2e-3, "The clip is not its full length.");
    }
    return faults;
  }
}
