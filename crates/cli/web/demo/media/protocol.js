// The pieces of picture and sound: `media/message.rs` of the server has their layout.

const SOUND = 1;
const START = 2;

/** As the sender sends it: flags, when it was captured (milliseconds of the server's clock), content. */
export function piece({ isSound = false, isStart, captured, content }) {
  const message = new Uint8Array(9 + content.byteLength);
  const view = new DataView(message.buffer);
  view.setUint8(0, (isSound ? SOUND : 0) | (isStart ? START : 0));
  view.setFloat64(1, captured);
  message.set(new Uint8Array(content.buffer ?? content, content.byteOffset ?? 0, content.byteLength), 9);
  return message;
}

/** As viewers get it: the server has put a number before it. A gap in the numbers was skipped. */
export function readPiece(buffer) {
  const view = new DataView(buffer);
  const flags = view.getUint8(8);
  return {
    number: Number(view.getBigUint64(0)),
    isSound: (flags & SOUND) !== 0,
    isStart: (flags & START) !== 0,
    captured: view.getFloat64(9),
    content: new Uint8Array(buffer, 17),
  };
}
