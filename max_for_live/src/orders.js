// From a finished stem's message to the order for the Placer.

import { beside, folderOf } from "./paths.js";
import { capital } from "./words.js";

// `job.plan` says where it goes; a reworked take lies where its parent lay, not in a take lane.
export function orderOf(job, info) {
  const { plan } = job;
  const verdict = verdictOf(info);
  const midi = /^[^/\\]+$/.test(verdict.midi || "") ? beside(info.path, verdict.midi) : "";
  return {
    job: job.id, stem: info.stem, variation: plan.parent ? 0 : info.variation,
    number: info.variation + 1, path: info.path, midi, folder: folderOf(info.path),
    frames: info.frames, rate: info.rate, start: plan.start, beats: plan.beats, bpm: plan.bpm,
    seed: verdict.seed === undefined ? plan.seed : verdict.seed, place: plan.place,
    follow: plan.follow, clips: plan.clipsAs, sound: verdict.sound || "",
    more: plan.more || {
      steps: plan.steps, guidance: plan.guidance, chords: plan.chords, prompt: plan.prompt,
    },
  };
}

function verdictOf(info) {
  try {
    return JSON.parse(info.verdict) || {};
  } catch (error) {
    return {};
  }
}

// What a musician should know of a stem ("warnings"), and what was heard and chosen ("made").
export function told(info, which) {
  return (verdictOf(info)[which] || []).map((text) => capital(text) + ".");
}
