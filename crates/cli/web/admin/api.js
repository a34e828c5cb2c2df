// Calls methods of the server.

/** Nobody has signed in, or the session has ended. */
export class SignedOut extends Error {}

/** The server refuses, or cannot be reached. The message is for a person. */
export class CallError extends Error {}

async function post(method, params) {
  try {
    return await fetch(`/admin/api/${method}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(params),
      cache: "no-store",
    });
  } catch {
    throw new CallError("The server cannot be reached.");
  }
}

async function explained(response) {
  const text = (await response.text()).trim();
  return new CallError(text || `The server answers with ${response.status}.`);
}

/** The result of a method. */
export async function call(method, params = {}) {
  const response = await post(method, params);
  if (response.status === 401) throw new SignedOut();
  if (response.status !== 200) throw await explained(response);
  const { error, result } = await response.json();
  if (error) throw new CallError(`${error.message} (${error.code})`);
  return result;
}

/** Begins a session. */
export async function signIn(secret) {
  const response = await post("sign_in", { secret });
  if (response.status === 401) throw new CallError("This is not the password.");
  if (response.status === 429) {
    const seconds = response.headers.get("Retry-After");
    throw new CallError(`Too many tries. The next one is allowed in ${seconds} s.`);
  }
  if (response.status !== 204) throw await explained(response);
}

/** Ends the session. */
export async function signOut() {
  await post("sign_out", {});
}
