// Decodes pieces, shows the pictures and plays the sound, both as much later as the network needs.

const LEAST_DELAY = 60; // milliseconds from capture to screen
const MOST_DELAY = 500;
const SPARE = 30;

export class Player {
  /** Called with the milliseconds from the capture of a picture, or of sound, to here. */
  ondelay = () => {};
  pictures = 0;

  #canvas;
  #context;
  #serverNow;
  #format;
  #video;
  #audioDecoder;
  #audio;
  #delay = LEAST_DELAY;
  #playedUntil = 0;

  constructor(canvas, serverNow) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d");
    this.#serverNow = serverNow;
  }

  /** Says why this browser cannot show the format, if it cannot. */
  start(format) {
    this.stop();
    this.#format = format;
    if (format.video) Object.assign(this.#canvas, { width: format.video.width, height: format.video.height });
    if (format.video?.codec === "vp8" && !globalThis.VideoDecoder) return "This browser cannot decode the picture.";
    if (format.video?.codec === "vp8") this.#video = this.#vp8();
    if (format.audio?.codec === "opus" && globalThis.AudioDecoder) this.#audioDecoder = this.#opus(format.audio.rate);
    return undefined;
  }

  stop() {
    for (const decoder of [this.#video, this.#audioDecoder]) if (decoder?.state !== "closed") decoder?.close();
    this.#video = this.#audioDecoder = this.#format = undefined;
  }

  get hasSound() {
    return this.#audio !== undefined;
  }

  /** Browsers play sound only after somebody has asked for it. */
  async turnSound(isOn) {
    const old = this.#audio;
    this.#audio = isOn ? new AudioContext() : undefined;
    await old?.close();
    await this.#audio?.resume();
  }

  // how it works
  receive({ isSound, isStart, captured, content }) {
    const late = this.#serverNow() - captured;
    const wanted = Math.max(LEAST_DELAY, Math.min(late + SPARE, MOST_DELAY));
    this.#delay = Math.max(wanted, this.#delay * 0.995); // grows at once, and shrinks slowly
    const chunk = { type: isStart || isSound ? "key" : "delta", timestamp: captured * 1000, data: content };
    if (!isSound && this.#video?.state === "configured") this.#video.decode(new EncodedVideoChunk(chunk));
    else if (!isSound && this.#format?.video?.codec === "jpeg") this.#showJpeg(captured, content);
    else if (this.#audioDecoder?.state === "configured") this.#audioDecoder.decode(new EncodedAudioChunk(chunk));
    else if (this.#format?.audio?.codec === "pcm") this.#play(captured, this.#format.audio.rate, samples(content));
    if (isSound && !this.#format?.video) this.ondelay(Math.max(late, this.#delay));
  }

  /** Shows a picture when it is due, at once if that has passed. */
  #show(picture, captured) {
    setTimeout(() => {
      this.#context.drawImage(picture, 0, 0, this.#canvas.width, this.#canvas.height);
      picture.close();
      this.pictures += 1;
      this.ondelay(this.#serverNow() - captured);
    }, captured + this.#delay - this.#serverNow());
  }

  /** Plays sound behind the sound before, unless that is far from when it is due; at once if that has passed. */
  #play(captured, rate, block) {
    if (this.#audio === undefined) return;
    const now = this.#audio.currentTime;
    const due = now + (captured + this.#delay - this.#serverNow()) / 1000;
    let at = Math.abs(due - this.#playedUntil) < 0.08 ? this.#playedUntil : due;
    if (at < now) at = Math.max(now, this.#playedUntil);
    if (at > Math.max(now, due) + 0.2) return; // late sound has piled up
    const buffer = new AudioBuffer({ length: block.length, sampleRate: rate });
    buffer.copyToChannel(block, 0);
    const node = new AudioBufferSourceNode(this.#audio, { buffer });
    node.connect(this.#audio.destination);
    node.start(at);
    this.#playedUntil = at + buffer.duration;
  }
  // so far

  #vp8() {
    const output = (frame) => this.#show(frame, frame.timestamp / 1000);
    const decoder = new VideoDecoder({ output, error: (error) => console.error(error) });
    decoder.configure({ codec: "vp8", optimizeForLatency: true });
    return decoder;
  }

  async #showJpeg(captured, content) {
    this.#show(await createImageBitmap(new Blob([content], { type: "image/jpeg" })), captured);
  }

  #opus(sampleRate) {
    const output = (data) => {
      const block = new Float32Array(data.numberOfFrames);
      data.copyTo(block, { planeIndex: 0, format: "f32-planar" });
      this.#play(data.timestamp / 1000, data.sampleRate, block);
      data.close();
    };
    const decoder = new AudioDecoder({ output, error: (error) => console.error(error) });
    decoder.configure({ codec: "opus", sampleRate, numberOfChannels: 1 });
    return decoder;
  }
}

/** Sound that was sent as it is. */
function samples(content) {
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  return Float32Array.from({ length: content.byteLength / 2 }, (_, at) => view.getInt16(2 * at, true) / 32_768);
}
