// The track menus: which track each stem comes from or goes to.

import { STEMS } from "./roles.js";

const BEFORE_TRACKS = ["Auto", "New track"];

export class Sources {
  constructor(bridge, listener, face, host) {
    this.bridge = bridge;
    this.listener = listener;
    this.face = face;
    this.host = host;
    this.tracks = [];
    this.shownAt = 0;
  }

  show() {
    this.shownAt = this.host.max.now();
    this.tracks = this.bridge.tracks().filter((track) => !track.foldable);
    const names = this.tracks.map((track, index) => index + 1 + " " + track.name);
    for (const stem of STEMS) {
      const choice = this.host.settings.sources[stem];
      const track = choice ? this.listener.chosen(choice, this.tracks) : null;
      const index = track ? this.tracks.findIndex((one) => one.id === track.id) : -1;
      const shown = index < 0 ? 0 : index + BEFORE_TRACKS.length;
      this.face.menu(stem, BEFORE_TRACKS.concat(names), shown);
    }
  }

  // A menu was used. "New track": the stem's next take starts a track of its own.
  picked(stem, index) {
    if (index === 1) {
      delete this.host.state.tracks[stem];
    }
    this.choose(stem, this.tracks[index - BEFORE_TRACKS.length] || null);
  }

  choose(stem, track) {
    this.host.settings.sources[stem] = null;
    if (track) {
      const same = this.bridge.tracks().filter((one) => one.name === track.name);
      const nth = Math.max(0, same.findIndex((one) => one.id === track.id));
      this.host.settings.sources[stem] = { id: track.id, name: track.name, nth };
    }
    this.host.save();
    this.show();
  }
}
