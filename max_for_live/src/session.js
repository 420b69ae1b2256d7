// What survives a reload: the session's state as Max atoms in a stored parameter.
//
// Symbols go through Max's own text parser in places, so the JSON is percent-encoded (no space,
// comma, quote, backslash or dollar sign remains) and cut into short symbols.

const VERSION_TAG = "sb1";
const SYMBOL_SIGNS = 200;
const MAX_SYMBOLS = 240;

export function emptyState(clientId) {
  return {
    client: clientId, sources: {}, tracks: {}, takes: [], jobs: [], waiting: [],
    midiTracks: {}, before: {},
  };
}

export function stateToAtoms(state) {
  const text = encodeURIComponent(JSON.stringify(state)).replace(
    /[!'()*]/g,
    (sign) => "%" + sign.charCodeAt(0).toString(16),
  );
  const atoms = [VERSION_TAG];
  for (let at = 0; at < text.length; at += SYMBOL_SIGNS) {
    atoms.push("_" + text.slice(at, at + SYMBOL_SIGNS));
  }
  if (atoms.length <= MAX_SYMBOLS || (state.takes.length < 2 && !state.waiting.length)) {
    return atoms;
  }
  const fewer = Math.max(1, Math.floor(state.takes.length / 2));
  return stateToAtoms(Object.assign({}, state, { takes: state.takes.slice(-fewer), waiting: [] }));
}

// The state, or null if the atoms are not ours (a new device, an older version).
export function stateFromAtoms(atoms) {
  if (!atoms.length || atoms[0] !== VERSION_TAG) {
    return null;
  }
  try {
    const text = atoms.slice(1).map((atom) => String(atom).slice(1)).join("");
    const state = JSON.parse(decodeURIComponent(text));
    const empty = emptyState(String(state.client));
    for (const key of Object.keys(empty)) {
      empty[key] = state[key] === undefined ? empty[key] : state[key];
    }
    return empty;
  } catch (error) {
    return null;
  }
}
