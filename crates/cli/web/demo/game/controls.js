// Keys, a mouse or a finger become a direction.

const KEYS = new Map([
  ["ArrowLeft", "left"], ["KeyA", "left"], ["ArrowRight", "right"], ["KeyD", "right"],
  ["ArrowUp", "up"], ["KeyW", "up"], ["ArrowDown", "down"], ["KeyS", "down"],
  ["Space", "boost"], ["ShiftLeft", "boost"], ["ShiftRight", "boost"],
]); // prettier-ignore

/** At this distance from the player, in pixels, the pointer asks for full speed. */
const FULL_SPEED = 70;

export class Controls {
  isActive = false;

  #held = new Set();
  #pointer;
  #touches = new Set();
  #boostButton = false;

  constructor(canvas, boost) {
    canvas.addEventListener("keydown", (event) => this.#key(event, true));
    canvas.addEventListener("keyup", (event) => this.#key(event, false));
    canvas.addEventListener("blur", () => this.#held.clear());
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const type of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(type, (event) => this.#touches.delete(event.pointerId));
    }
    for (const [type, held] of [["pointerdown", true], ["pointerup", false], ["pointercancel", false], ["pointerleave", false]]) {
      boost.addEventListener(type, () => (this.#boostButton = held));
    }
  }

  /** The direction, from the place of the player in the canvas. Keys come before the pointer. */
  steering(own) {
    const held = (name) => (this.#held.has(name) ? 1 : 0);
    const boosts = this.#held.has("boost") || this.#boostButton || this.#touches.size > (this.#isTouch ? 1 : 0);
    const keys = { right: held("right") - held("left"), down: held("down") - held("up") };
    if (keys.right || keys.down) return { ...shortened(keys), boosts };
    if (this.#pointer === undefined || own === undefined) return { right: 0, down: 0, boosts };
    const way = { right: this.#pointer.x - own.x, down: this.#pointer.y - own.y };
    return { ...shortened({ right: way.right / FULL_SPEED, down: way.down / FULL_SPEED }), boosts };
  }

  #isTouch = false;

  #key(event, isDown) {
    const name = KEYS.get(event.code);
    if (name === undefined || !this.isActive || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault(); // the page does not scroll
    if (isDown) this.#held.add(name);
    else this.#held.delete(name);
    if (name !== "boost") this.#pointer = undefined;
  }

  /** The mouse's button boosts, and so does a second finger. */
  #down(event) {
    this.#isTouch = event.pointerType === "touch";
    this.#touches.add(event.pointerId);
    if (this.#isTouch && event.isPrimary) this.#point(event);
  }

  #move(event) {
    if (event.isPrimary) this.#point(event);
  }

  #point({ offsetX: x, offsetY: y }) {
    this.#pointer = { x, y };
  }
}

/** Not longer than 1. */
function shortened({ right, down }) {
  const length = Math.max(1, Math.hypot(right, down));
  return { right: right / length, down: down / length };
}
