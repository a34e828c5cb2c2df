// Waiting for events: always with an end, never by sleeping.

/** Milliseconds; generous, as they are only spent when something is broken. */
export const PATIENCE = Number(process.env.PATIENCE ?? 60_000);

/** The promise's outcome, or an error that says what did not come. `details` is asked only then. */
export async function within(promise, what, details = () => "") {
  let timer;
  const tooLate = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${what} within ${PATIENCE / 1000} s${details()}`)), PATIENCE);
  });
  try {
    return await Promise.race([promise, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
