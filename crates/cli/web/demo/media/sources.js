// Where pictures and sound come from: a camera and a microphone, or a test pattern and its tone.

const BARS = ["#c8c8c8", "#c8c800", "#00c8c8", "#00c800", "#c800c8", "#c80000", "#0000c8"];

/** Whatever of camera and microphone there is. Throws if there is neither, or the user refuses. */
export async function openCamera() {
  const devices = navigator.mediaDevices; // only on https:// and localhost
  if (devices === undefined) throw new Error("This page has to come over https:// for that");
  const video = { width: 640, height: 360 };
  const stream = await devices
    .getUserMedia({ video, audio: true })
    .catch(() => devices.getUserMedia({ video }))
    .catch(() => devices.getUserMedia({ audio: true }));
  return new Camera(stream);
}

class Camera {
  name = "camera and microphone";
  #stream;
  #video = document.createElement("video");

  constructor(stream) {
    this.#stream = stream;
    this.hasPictures = stream.getVideoTracks().length > 0;
    this.hasSound = stream.getAudioTracks().length > 0;
    if (!this.hasPictures) this.name = "microphone";
    else if (!this.hasSound) this.name = "camera";
    Object.assign(this.#video, { srcObject: stream, muted: true, playsInline: true });
    this.#video.play();
  }

  /** As large as fits, without distortion. */
  draw(context, { width, height }) {
    const { videoWidth, videoHeight } = this.#video;
    if (videoWidth === 0) return;
    const scale = Math.max(width / videoWidth, height / videoHeight);
    const [shownWidth, shownHeight] = [videoWidth * scale, videoHeight * scale];
    context.drawImage(this.#video, (width - shownWidth) / 2, (height - shownHeight) / 2, shownWidth, shownHeight);
  }

  sound(audio) {
    return audio.createMediaStreamSource(this.#stream);
  }

  stop() {
    for (const track of this.#stream.getTracks()) track.stop();
  }
}

/** Colour bars, a clock, a ball, and once a second a flash with a beep: whether picture and sound are together can be seen. */
export class TestPattern {
  name = "test pattern";
  hasPictures = true;
  hasSound = true;
  #gain;
  #second;

  draw(context, { width, height }) {
    const now = Date.now();
    const phase = (now % 1000) / 1000;
    BARS.forEach((colour, index) => {
      context.fillStyle = colour;
      context.fillRect(Math.floor((index * width) / BARS.length), 0, Math.ceil(width / BARS.length), height);
    });
    context.fillStyle = "#101418";
    context.fillRect(0, height * 0.62, width, height * 0.38);
    context.fillStyle = phase < 0.12 ? "#fff" : "#5cc7bb";
    context.beginPath();
    context.arc(width * (0.06 + 0.88 * Math.abs(1 - 2 * phase)), height * 0.5, height * 0.08, 0, 2 * Math.PI);
    context.fill();
    context.fillStyle = "#fff";
    context.font = `600 ${height * 0.17}px ui-monospace, monospace`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(new Date(now).toISOString().slice(11, 23), width / 2, height * 0.81);
    this.#beep(Math.floor(now / 1000));
  }

  sound(audio) {
    this.#gain = new GainNode(audio, { gain: 0 });
    const tone = new OscillatorNode(audio, { frequency: 880 });
    tone.connect(this.#gain);
    tone.start();
    return this.#gain;
  }

  #beep(second) {
    if (second === this.#second || this.#gain === undefined) return;
    this.#second = second;
    const now = this.#gain.context.currentTime;
    this.#gain.gain.setValueAtTime(0.2, now).setTargetAtTime(0, now + 0.08, 0.01);
  }

  stop() {}
}
