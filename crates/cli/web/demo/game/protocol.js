// The messages of the game: binary, big endian. `game/message.rs` of the server is the other end.

const UNIT = 16; // places are in sixteenths of a unit
const NOBODY = 255;

export const WIDTH = 1600;
export const HEIGHT = 1000;
export const TICKS_PER_SECOND = 30;

/** `key` are 8 bytes by which the server gives the seat back over another connection. */
export function join(key, colour, name) {
  const text = new TextEncoder().encode([...name].slice(0, 16).join(""));
  return Uint8Array.of(1, ...key, colour, ...text);
}

/** Where to: `right` and `down` from -1 to 1. */
export const steer = ({ right, down, boosts }) =>
  Int8Array.of(2, Math.round(right * 127), Math.round(down * 127), boosts ? 1 : 0);

export function ping(now) {
  const message = new DataView(new ArrayBuffer(9));
  message.setUint8(0, 3);
  message.setFloat64(1, now);
  return message.buffer;
}

/** Reads numbers one after the other. */
class Reader {
  #view;
  #at = 0;

  constructor(buffer) {
    this.#view = new DataView(buffer);
  }

  u8 = () => this.#view.getUint8(this.#skip(1));
  u16 = () => this.#view.getUint16(this.#skip(2));
  u32 = () => this.#view.getUint32(this.#skip(4));
  f64 = () => this.#view.getFloat64(this.#skip(8));

  text(length) {
    return new TextDecoder().decode(new Uint8Array(this.#view.buffer, this.#skip(length), length));
  }

  /** As many items as the next byte says. */
  items(read) {
    return Array.from({ length: this.u8() }, read);
  }

  #skip(bytes) {
    this.#at += bytes;
    return this.#at - bytes;
  }
}

// how it works
/** A message of the server as an object. */
export function read(buffer) {
  const reader = new Reader(buffer);
  switch (reader.u8()) {
    case 1: // everything that moves, as of this tick
      return { kind: "snapshot", tick: reader.u32(), players: reader.items(() => player(reader)), dots: reader.items(() => place(reader)) };
    case 2: // who plays
      return { kind: "roster", newest: reader.u32(), players: reader.items(() => entry(reader)) };
    case 3:
      return { kind: "pong", sent: reader.f64() };
    case 4:
      return { kind: "seated", seat: reader.u8(), turn: reader.u32() };
    case 5:
      return { kind: "full" };
    default:
      return { kind: "unknown" }; // of a newer server
  }
}
// so far

const place = (reader) => ({ x: reader.u16() / UNIT, y: reader.u16() / UNIT });

function player(reader) {
  const [seat, life] = [reader.u8(), reader.u8()];
  const { x, y } = place(reader);
  const [radius, mass, flags, by] = [reader.u16() / UNIT, reader.u16(), reader.u8(), reader.u8()];
  const has = (flag) => (flags & flag) !== 0;
  const eatenBy = by === NOBODY ? undefined : by;
  return { seat, life, x, y, radius, mass, boosts: has(1), shielded: has(2), absent: has(4), eaten: has(8), eatenBy };
}

function entry(reader) {
  const [seat, turn, flags, colour] = [reader.u8(), reader.u32(), reader.u8(), reader.u8()];
  return { seat, turn, colour, isBot: (flags & 1) !== 0, name: reader.text(reader.u8()) };
}
