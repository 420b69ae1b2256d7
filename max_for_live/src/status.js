// The status line: what is going on, in the words of words.js.

import {
  capital, failureDetail, listed, PATH_SIGNS, shortPath, stageWord, START_HELP,
} from "./words.js";

export class Status {
  constructor(face, link, jobs, state, settings) {
    this.face = face;
    this.link = link;
    this.jobs = jobs;
    this.state = state;
    this.settings = settings;
    this.note = null;
  }

  show() {
    const [text, detail] = this.words();
    this.face.status(text, detail);
    const job = this.jobs.active()[0];
    this.face.progress(job ? (job.state === "placing" ? 1 : job.fraction) : 0);
  }

  words() {
    const job = this.jobs.active()[0];
    if (this.link.state === "connecting") {
      return ["Connecting", "Looking for the daemon on port " + this.settings.port + "."];
    }
    if (this.link.state === "no daemon") {
      return ["No daemon", job ? "Your job is kept; waiting for the daemon." : START_HELP];
    }
    if (this.link.state === "wrong version") {
      return ["Wrong version", failureDetail("INCOMPATIBLE_API", this.link.problem)];
    }
    if (job) {
      return this.working(job);
    }
    if (this.note) {
      return [this.note.text, this.note.detail];
    }
    return this.idle();
  }

  working(job) {
    const { plan } = job;
    const heard = plan.heard && plan.heard.length ? ", listening to " + listed(plan.heard) : "";
    const what = plan.what || capital(listed(plan.stems)) + " for " + plan.where + heard + ".";
    if (job.cancelled) {
      return ["Cancelling", "The daemon is told to stop."];
    }
    if (job.state === "sending") {
      return job.refused === "QUEUE_FULL"
        ? ["Daemon is busy", "Its queue is full; trying again by itself."]
        : ["Sending", what];
    }
    if (job.state === "placing") {
      return ["Placing " + job.placing, what];
    }
    if (this.link.state === "loading") {
      return ["Loading the model", what];
    }
    if (job.state === "queued") {
      return ["Queued " + (Number(job.position || 0) + 1), what];
    }
    const stage = job.stage ? ": " + stageWord(job.stage) : "";
    return ["Working " + Math.round(job.fraction * 100) + " %" + stage, what];
  }

  idle() {
    if (this.link.state === "loading") {
      return ["Loading the model", "A few seconds."];
    }
    if (this.link.state === "model failed") {
      return ["Model did not load", "Ask in a terminal: stembridge doctor"];
    }
    const waiting = this.state.waiting.length;
    if (waiting) {
      return ["Ready", waiting + (waiting > 1 ? " takes wait" : " take waits") + ": press Place."];
    }
    return ["Ready", "Files go to " + shortPath(this.link.outFolder, PATH_SIGNS)];
  }
}
