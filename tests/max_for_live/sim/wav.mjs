// What Live reads of a WAV file: its rate and its length.

import fs from "node:fs";

export function wavInfo(path) {
  let data;
  try {
    data = fs.readFileSync(path);
  } catch {
    return null;
  }
  let rate = 0;
  let frameBytes = 1;
  for (let at = 12; at + 8 <= data.length; ) {
    const tag = data.toString("latin1", at, at + 4);
    const size = data.readUInt32LE(at + 4);
    if (tag === "fmt ") {
      rate = data.readUInt32LE(at + 12);
      frameBytes = data.readUInt16LE(at + 20);
    } else if (tag === "data") {
      return { rate, frames: size / frameBytes };
    }
    at += 8 + size + (size % 2);
  }
  return null;
}
