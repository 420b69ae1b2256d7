// Requests on their way: clips first, then the request, until accepted; then progress, stems and
// the final answer. The daemon owns the jobs; this only follows them. No LiveAPI here.

import { decimal, tempoText } from "./beats.js";
import { newId } from "./protocol.js";

const RESEND_MS = 1500;

// What `generate` carries, from a plan {stems, start, beats, bpm, signature, rate, seed, takes,
// steps, guidance, chords, clips}.
export function generatePairs(plan) {
  return [
    ["generate", plan.stems.join(",")],
    ["bpm", tempoText(plan.bpm)],
    ["length_beats", decimal(plan.beats)],
    ["time_signature", plan.signature],
    ["start_beats", decimal(plan.start)],
    ["session_rate", plan.rate],
    ["seed", plan.seed],
    ["variations", plan.takes],
    ["steps", plan.steps || undefined],
    ["guidance", plan.guidance === 1 ? undefined : decimal(plan.guidance)],
    ["chords", plan.chords || undefined],
    ["prompt", plan.prompt || undefined],
    ["sound", plan.sound || undefined],
    ["midi", plan.clipsAs === "audio" ? undefined : 1],
    ["loop", plan.loop ? 1 : undefined],
    ["best", plan.best > 1 ? plan.best : undefined],
    ["name", plan.name],
    ["clips", plan.clips.length],
  ];
}

// What `rework` carries, from a plan {parent, number, stems, changes, ...}.
export function reworkPairs(plan) {
  return [
    ["parent", plan.parent],
    ["take", plan.number],
    ["stems", plan.stems.join(",")],
    ["midi", plan.clipsAs === "audio" ? undefined : 1],
  ].concat(plan.changes);
}

export function clipPairs(clip) {
  return Object.keys(clip).map((key) => [
    key,
    typeof clip[key] === "number" ? decimal(clip[key]) : clip[key],
  ]);
}

export class Jobs {
  // `host` is told: stem(job, info), finished(job), failed(job, symbol, sentence), moved(job).
  constructor(link, host) {
    this.link = link;
    this.host = host;
    this.open = [];
  }

  find(id) {
    return this.open.find((job) => job.id === id);
  }

  active() {
    return this.open.filter((job) => !job.restored);
  }

  // Answers the job, or null when a packet would be too large.
  start(plan) {
    const job = { id: newId(), plan, state: "sending", fraction: 0, seq: -1 };
    Object.assign(job, { seen: {}, replaced: [] });
    this.open.push(job);
    if (!this.send(job)) {
      this.close(job);
      return null;
    }
    return job;
  }

  send(job) {
    const { clips } = job.plan;
    job.state = "sending";
    job.sentAt = this.link.wire.now();
    if (!clips.length) {
      return this.request(job);
    }
    return clips.every((clip, index) => {
      const fixed = [job.id, this.link.client, index];
      return this.link.ask("clip/" + job.id + "/" + index, "clip", fixed, clipPairs(clip));
    });
  }

  request(job) {
    const { plan } = job;
    const [verb, pairs] = plan.parent
      ? ["rework", reworkPairs(plan)]
      : ["generate", generatePairs(plan)];
    return this.link.ask("gen/" + job.id, verb, [job.id, this.link.client], pairs);
  }

  cancel(job) {
    job.cancelled = true;
    this.link.dropAll("clip/" + job.id);
    this.link.drop("gen/" + job.id);
    this.link.ask("cancel/" + job.id, "cancel", [job.id]);
  }

  close(job) {
    this.open = this.open.filter((one) => one !== job);
    for (const prefix of ["clip/", "gen/", "cancel/", "status/"]) {
      this.link.dropAll(prefix + job.id);
    }
  }

  // After a hello was answered: ask after every open job; begin again those never accepted.
  resume(restarted) {
    for (const job of this.open) {
      if (job.state !== "sending") {
        this.link.ask("status/" + job.id, "status", [job.id]);
      } else if (restarted) {
        this.send(job);
      }
    }
  }

  tick(now) {
    for (const job of this.open) {
      if (job.resendAt && now >= job.resendAt) {
        job.resendAt = 0;
        this.send(job);
      }
    }
  }

  heard(verb, atoms) {
    const id = String(atoms[0]);
    const job = this.find(id);
    if (!job) {
      if (verb === "done" || (verb === "error" && id !== "")) {
        this.link.tell("received", [id]);
      }
      return;
    }
    const handler = {
      "clip.held": this.held,
      accepted: this.accepted,
      state: this.stated,
      progress: this.progressed,
      stem: this.stem,
      done: this.done,
      error: this.error,
    }[verb];
    if (handler) {
      handler.call(this, job, atoms);
    }
  }

  held(job, [, index]) {
    this.link.drop("clip/" + job.id + "/" + index);
    const more = this.link.asks("clip/" + job.id + "/");
    if (!more && job.state === "sending" && !job.cancelled && !this.link.asks("gen/" + job.id)) {
      this.request(job);
    }
  }

  accepted(job, [, position]) {
    this.link.drop("gen/" + job.id);
    if (job.state === "sending") {
      job.state = "queued";
      job.position = position;
      this.host.moved(job);
    }
  }

  stated(job, [, state]) {
    this.link.drop("status/" + job.id);
    this.link.drop("cancel/" + job.id);
    if (state === "cancelled" || (job.cancelled && state === "unknown")) {
      this.error(job, [job.id, "", 0, "CANCELLED", "Cancelled.", 0]);
    } else if (state === "unknown" && job.state !== "sending") {
      this.fail(job, "UNKNOWN_ID", "The daemon does not know this job any more: press again.");
    } else if (state === "queued" || state === "running") {
      if (job.state !== "placing") {
        job.state = state;
      }
      this.host.moved(job);
    }
  }

  progressed(job, [, seq, stage, fraction]) {
    if (seq <= job.seq || job.cancelled) {
      return;
    }
    job.seq = seq;
    job.state = job.state === "placing" && fraction > 0.97 ? "placing" : "running";
    job.stage = stage;
    job.fraction = fraction;
    this.host.moved(job);
  }

  stem(job, [, , stem, variation, path, , frames, rate, verdict]) {
    const key = stem + "/" + variation;
    if (!job.seen[key] && !job.cancelled) {
      job.seen[key] = "arrived";
      this.host.stem(job, { stem, variation, path, frames, rate, verdict });
    }
  }

  done(job, [, , folder, stems]) {
    job.folder = folder;
    job.expected = stems;
    this.settle(job);
  }

  // A stem has found its place (or waits for one): with the last of them the job is over.
  placed(job, info) {
    job.seen[info.stem + "/" + info.variation] = "placed";
    this.settle(job);
  }

  settle(job) {
    const placed = Object.keys(job.seen).filter((key) => job.seen[key] === "placed").length;
    const isAll = job.expected !== undefined && placed >= job.expected;
    if (isAll && !job.cancelled && this.find(job.id)) {
      this.link.tell("received", [job.id]);
      this.close(job);
      this.host.finished(job);
    }
  }

  error(job, [, , , symbol, sentence, retryMs]) {
    if (retryMs > 0 && job.state === "sending" && !job.cancelled) {
      this.link.drop("gen/" + job.id);
      job.resendAt = this.link.wire.now() + Math.max(retryMs, RESEND_MS / 10);
      job.refused = symbol;
      this.host.moved(job);
      return;
    }
    this.link.tell("received", [job.id]);
    this.fail(job, job.cancelled ? "CANCELLED" : symbol, sentence);
  }

  fail(job, symbol, sentence) {
    this.close(job);
    this.host.failed(job, symbol, sentence);
  }
}
