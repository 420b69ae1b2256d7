// The memory of what this device has placed: pure lists, so that no clip of the user is ever
// mistaken for one of ours.
//
// A take: {job, stem, variation, number, path, midi, midiClip, folder, start, beats, bpm, seed, place,
// track, sound}; `folder` holds the newest take in which it sounds, `number` is its number there.

import { overlaps } from "./beats.js";

const KEPT = 48;

export function remember(takes, take) {
  const others = takes.filter((one) => one.path !== take.path);
  return others.concat([take]).slice(-KEPT);
}

export function forget(takes, path) {
  return takes.filter((one) => one.path !== path);
}

export function isOurs(takes, path) {
  return takes.some((one) => one.path === path);
}

// What lies in the way of a new clip: ours may be replaced, the user's never.
export function inTheWay(clips, takes, start, end) {
  const found = clips.filter((clip) => overlaps(clip.start, clip.end, start, end));
  return {
    ours: found.filter((clip) => isOurs(takes, clip.path)),
    theirs: found.filter((clip) => !isOurs(takes, clip.path)),
  };
}

// Whether a take plays before or after the bars that a new one takes over, in the same tempo.
export function outlasts(take, order) {
  const isLonger =
    take.start < order.start - 1e-3 || take.start + take.beats > order.start + order.beats + 1e-3;
  return take.bpm === order.bpm && isLonger;
}

// The first free slot, but after the last one that holds a take of ours.
export function freeSlot(slots, takes) {
  let from = 0;
  slots.forEach((slot, index) => {
    if (slot.path && isOurs(takes, slot.path)) {
      from = index + 1;
    }
  });
  for (let index = from; index < slots.length; index++) {
    if (!slots[index].hasClip) {
      return index;
    }
  }
  return slots.findIndex((slot) => !slot.hasClip);
}

// What sounds now, of every stem: its newest take in the track itself, not in a take lane.
export function current(takes) {
  return newest(takes.filter((take) => take.variation === 0));
}

// The takes of the last run of every stem, newest only: what "Re-time" makes again.
export function newest(takes) {
  const byStem = {};
  for (const take of takes) {
    byStem[take.stem] = take;
  }
  return Object.keys(byStem).map((stem) => byStem[stem]);
}
