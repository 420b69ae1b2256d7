// OSC as Max's udpsend and udpreceive speak it: int32, float32 and string; 256 atoms at most.

const MOST_ATOMS = 256;

function padded(text) {
  const raw = Buffer.from(text, "utf-8");
  return Buffer.concat([raw, Buffer.alloc(4 - (raw.length % 4))]);
}

export function encode([address, ...atoms]) {
  let tags = ",";
  const parts = [];
  for (const atom of atoms) {
    if (typeof atom === "string") {
      tags += "s";
      parts.push(padded(atom));
    } else {
      const four = Buffer.alloc(4);
      if (Number.isInteger(atom)) {
        tags += "i";
        four.writeInt32BE(atom);
      } else {
        tags += "f";
        four.writeFloatBE(atom);
      }
      parts.push(four);
    }
  }
  return Buffer.concat([padded(address), padded(tags), ...parts]);
}

// [address, atoms...], or null for a packet Max would drop with a line in its console.
export function decode(packet) {
  if (packet.length % 4) {
    return null;
  }
  let at = 0;
  const text = () => {
    const end = packet.indexOf(0, at);
    const found = packet.toString("utf-8", at, end);
    at = end + 4 - (end % 4);
    return found;
  };
  const atoms = [text()];
  for (const tag of text().slice(1)) {
    if (tag === "s") {
      atoms.push(text());
    } else if (tag === "i" || tag === "f") {
      atoms.push(tag === "i" ? packet.readInt32BE(at) : packet.readFloatBE(at));
      at += 4;
    } else {
      return null;
    }
  }
  return atoms.slice(0, MOST_ATOMS);
}
