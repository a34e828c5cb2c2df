// An audio worklet: collects sound in blocks and hands them to the page.

class Capture extends AudioWorkletProcessor {
  #block;
  #filled = 0;

  constructor({ processorOptions: { samples } }) {
    super();
    this.#block = new Float32Array(samples);
  }

  process([input]) {
    const samples = input[0]; // the first channel; none while there is no sound
    for (let at = 0; samples && at < samples.length; at += 1) {
      this.#block[this.#filled++] = samples[at];
      if (this.#filled === this.#block.length) {
        this.port.postMessage(this.#block);
        this.#filled = 0;
      }
    }
    return true;
  }
}

registerProcessor("capture", Capture);
