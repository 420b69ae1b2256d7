// Which track plays which part: a guess from the names that producers give their tracks. The same
// rules as stembridge/roles.py, on the same table.

import { PLAIN_WORDS, ROLE_TABLE } from "./tables.js";

export const STEMS = Object.keys(ROLE_TABLE);
export const ROLE_MAKE = 0;
export const ROLE_LOCK = 1;
export const ROLE_OFF = 2;

const NO_ROLE = { words: [], precedence: 1, colour: 0x9a9a9a, pitched: true };

export function roleOf(stem) {
  return STEMS.indexOf(stem) < 0 ? NO_ROLE : ROLE_TABLE[stem];
}

// Words and numbers: "EGtr_2" is e, gtr, 2; accents do not count.
function tokensOf(name) {
  const plain = String(name).normalize("NFD").replace(/[\u0300-\u036f]/g, "");
  const apart = plain.replace(/([a-z])([A-Z])|([A-Z])([A-Z][a-z])/g, (_, a, b, c, d) =>
    a ? a + " " + b : c + " " + d,
  );
  return apart.toLowerCase().match(/[a-z]+|[0-9]+/g) || [];
}

// Roles of a word that is written together from known words: "kickdrum", "bassline".
function rolesIn(token, known) {
  const words = Object.keys(known).concat(PLAIN_WORDS).filter((word) => word.indexOf(" ") < 0);
  const heard = { 0: [] }; // where known words can end, and the roles up to there
  for (let at = 0; at < token.length; at++) {
    for (const word of heard[at] ? words : []) {
      const end = at + word.length;
      if (!heard[end] && token.slice(at, end) === word) {
        heard[end] = heard[at].concat(known[word] ? [known[word]] : []);
      }
    }
  }
  return heard[token.length] || [];
}

// What a name says: [{stem, precedence, at, place}], `place` being the word's in its role's list.
function heardIn(name) {
  const tokens = tokensOf(name);
  const found = [];
  const known = {};
  for (const stem of STEMS) {
    const { words, precedence } = ROLE_TABLE[stem];
    words.forEach((word, place) => {
      const parts = word.split(" ");
      if (word.length > 2) {
        known[word] = { stem, precedence, place };
      }
      for (let at = 0; at + parts.length <= tokens.length; at++) {
        if (parts.every((part, index) => tokens[at + index] === part)) {
          found.push({ stem, precedence, at, place });
        }
      }
    });
  }
  tokens.forEach((token, at) => {
    for (const one of rolesIn(token, known)) {
      found.push(Object.assign({ at }, one));
    }
  });
  return found;
}

// The stem a track's name speaks of most clearly, or null.
export function guessStem(name) {
  const found = heardIn(name).sort(
    (a, b) => b.precedence - a.precedence || b.at - a.at || (b.stem < a.stem ? -1 : 1),
  );
  return found.length ? found[0].stem : null;
}

// How near a name comes to the whole of its stem; small is near: "Drums" before "Kick".
function distance(stem, name) {
  return Math.min(...heardIn(name).filter((one) => one.stem === stem).map((one) => one.place));
}

// Tracks that may hold a stem, best first; folders and return tracks never do.
export function candidates(stem, tracks) {
  return tracks
    .filter((track) => !track.foldable && guessStem(track.name) === stem)
    .map((track, index) => ({ track, index, far: distance(stem, track.name) }))
    .sort((a, b) => a.far - b.far || a.index - b.index)
    .map((entry) => entry.track);
}
