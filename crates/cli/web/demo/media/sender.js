// Captures, encodes, and hands out pieces. WebCodecs encodes VP8 and Opus; where a browser does not have it, or the page came
// over plain http://, each picture is a JPEG, and sound is sent as it is.

const WIDTH = 640;
const HEIGHT = 360;
const PICTURES_PER_SECOND = 24;
const KEY_FRAME_EVERY = 1_000; // milliseconds: so long a viewer that fell behind waits at most
const BLOCK = 0.04; // seconds of sound in a piece

export class Sender {
  onpiece = () => {};
  /** Called if an encoder gives up. */
  onerror = () => {};
  /** Whether the network has more to do than it can. Pictures are left out then, before they are encoded. */
  isCongested = () => false;
  leftOut = 0;

  #source;
  #serverNow;
  #canvas;
  #context;
  #clock = new Worker("/demo/media/clock.js");
  #encoder; // of pictures; none: they are sent as JPEG
  #audio;
  #lastStart = -Infinity;

  /** Draws into `canvas` what it sends. */
  constructor(source, canvas, serverNow) {
    this.#source = source;
    this.#serverNow = serverNow;
    this.#canvas = Object.assign(canvas, { width: WIDTH, height: HEIGHT });
    this.#context = canvas.getContext("2d");
  }

  /** Begins, and says in which format. */
  async start() {
    const format = { video: null, audio: null };
    if (this.#source.hasPictures) format.video = await this.#startVideo();
    if (this.#source.hasSound && globalThis.AudioWorkletNode) format.audio = await this.#startAudio().catch(() => null);
    this.#clock.onmessage = () => this.#takePicture();
    this.#clock.postMessage(1000 / PICTURES_PER_SECOND);
    return format;
  }

  /** Whoever gets the next picture can start with it. */
  restart() {
    this.#lastStart = -Infinity;
  }

  stop() {
    this.#clock.terminate();
    this.#source.stop();
    if (this.#encoder?.state !== "closed") this.#encoder?.close();
    this.#audio?.close();
    this.onpiece = this.onerror = () => {};
  }

  async #startVideo() {
    const config = { codec: "vp8", width: WIDTH, height: HEIGHT, bitrate: 500_000, latencyMode: "realtime" };
    const support = await globalThis.VideoEncoder?.isConfigSupported(config);
    if (support?.supported) this.#encoder = this.#vp8(config);
    return { codec: this.#encoder ? "vp8" : "jpeg", width: WIDTH, height: HEIGHT };
  }

  // how it works
  #vp8(config) {
    const output = (chunk) => {
      const content = new Uint8Array(chunk.byteLength);
      chunk.copyTo(content);
      this.onpiece({ isStart: chunk.type === "key", captured: chunk.timestamp / 1000, content });
    };
    const encoder = new VideoEncoder({ output, error: (error) => this.onerror(error) });
    encoder.configure(config);
    return encoder;
  }

  #takePicture() {
    if (!this.#source.hasPictures) return;
    this.#source.draw(this.#context, this.#canvas);
    const captured = this.#serverNow();
    if (this.isCongested() || this.#encoder?.encodeQueueSize > 2) this.leftOut += 1;
    else if (this.#encoder) this.#encode(captured);
    else this.#sendJpeg(captured);
  }

  #encode(captured) {
    const keyFrame = captured - this.#lastStart >= KEY_FRAME_EVERY;
    if (keyFrame) this.#lastStart = captured;
    const frame = new VideoFrame(this.#canvas, { timestamp: Math.round(captured * 1000) });
    this.#encoder.encode(frame, { keyFrame });
    frame.close();
  }
  // so far

  /** Half of the pictures, as each is a key frame; one at a time. */
  #sendJpeg(captured) {
    if (captured - this.#lastStart < 1_900 / PICTURES_PER_SECOND) return;
    this.#lastStart = Infinity;
    const send = async (blob) => {
      this.onpiece({ isStart: true, captured, content: new Uint8Array(await blob.arrayBuffer()) });
      this.#lastStart = captured;
    };
    this.#canvas.toBlob(send, "image/jpeg", 0.6);
  }

  async #startAudio() {
    const codec = globalThis.AudioEncoder ? "opus" : "pcm";
    const rate = codec === "opus" ? 48_000 : 16_000;
    this.#audio = new AudioContext({ sampleRate: rate, latencyHint: "interactive" });
    await this.#audio.audioWorklet.addModule("/demo/media/capture.js");
    const capture = new AudioWorkletNode(this.#audio, "capture", { processorOptions: { samples: rate * BLOCK } });
    const send = codec === "opus" ? this.#opus(rate) : (block, captured) => this.#sendSound(pcm(block), captured);
    capture.port.onmessage = ({ data }) => send(data, this.#serverNow() - 1000 * BLOCK);
    this.#source.sound(this.#audio).connect(capture).connect(this.#audio.destination); // it puts out silence
    return { codec, rate };
  }

  #opus(rate) {
    const times = []; // a block in, a piece out
    const output = (chunk) => {
      const content = new Uint8Array(chunk.byteLength);
      chunk.copyTo(content);
      this.#sendSound(content, times.shift());
    };
    const encoder = new AudioEncoder({ output, error: (error) => this.onerror(error) });
    const opus = { frameDuration: BLOCK * 1_000_000 };
    encoder.configure({ codec: "opus", sampleRate: rate, numberOfChannels: 1, bitrate: 48_000, opus });
    return (data, captured) => {
      times.push(captured);
      const timestamp = Math.round(captured * 1000);
      const shape = { format: "f32", sampleRate: rate, numberOfFrames: data.length, numberOfChannels: 1 };
      encoder.encode(new AudioData({ ...shape, timestamp, data }));
    };
  }

  /** Without pictures, a viewer can start with any sound. */
  #sendSound(content, captured) {
    this.onpiece({ isSound: true, isStart: !this.#source.hasPictures, captured, content });
  }
}

/** 16 bits for each sample. */
const pcm = (block) => Int16Array.from(block, (sample) => Math.max(-1, Math.min(1, sample)) * 32_767);
