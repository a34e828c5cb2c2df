// Applies our deltas with the code of the official JavaScript client, and prints the line for fossil.sum.
//
//     npm install ws centrifuge@5.8.0
//     cargo test -p longwire-hub --test centrifuge write_the_deltas -- --ignored --nocapture | node fossil.cjs > fossil.sum
//
// Each line of the input has the old content, the delta and the new content in hexadecimal.
const { WebSocket } = require('ws');
const decoded = (bytes) => new TextDecoder('utf-8', { fatal: true }).decode(bytes);
const codec = (path) => new (require(path).Centrifuge)('ws://localhost', { websocket: WebSocket })._codec;
const [binary, json] = [codec('centrifuge/build/protobuf'), codec('centrifuge')];

const lines = require('fs').readFileSync(0, 'utf8').split('\n').filter((line) => /^[0-9a-f]+ [0-9a-f]+ [0-9a-f]*$/.test(line));
let hash = 0xcbf29ce484222325n;
for (const line of lines) {
  const [old, delta, expected] = line.split(' ').map((hex) => new Uint8Array(Buffer.from(hex, 'hex')));
  const { newData } = binary.applyDeltaIfNeeded({ delta: true, data: delta }, old);
  if (Buffer.compare(newData, expected) !== 0) throw new Error(`wrong: ${line}`);
  let text = null;
  try { text = decoded(expected); } catch { /* Not text: JSON never carries it. */ }
  if (text !== null) {
    // JSON carries deltas as strings: the delta to text has to be text.
    const parse = JSON.parse;
    JSON.parse = (whole) => whole;
    const { newData: whole } = json.applyDeltaIfNeeded({ delta: true, data: decoded(delta) }, old);
    JSON.parse = parse;
    if (whole !== text) throw new Error(`wrong in JSON: ${line}`);
  }
  for (const byte of Buffer.from(line + '\n')) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
}
console.log(`${lines.length} deltas, FNV-1a ${hash.toString(16).padStart(16, '0')}`);
