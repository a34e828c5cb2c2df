// `longwire connect` against servers made with Node's `ws`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { certificates } from "../support/environment.mjs";
import { VACANT, echo, listen } from "../support/peer-server.mjs";
import { Program } from "../support/program.mjs";

const longwireConnect = (t, url, ...args) => new Program(t, ["connect", url, ...args]);

test("one line there and back", async (t) => {
  const server = await listen(t, echo);
  const program = longwireConnect(t, server.url, "--count", "1").write("hello\n").endInput();
  assert.equal(await program.exit(), 0);
  assert.equal(program.stdout, "hello\n");
});

test("1,000 lines in a pipe come back in order", async (t) => {
  const server = await listen(t, echo);
  const lines = Array.from({ length: 1000 }, (_, line) => `line ${line} · ${"é".repeat(line)}\n`).join("");
  const program = longwireConnect(t, server.url, "--count", "1000").write(lines).endInput();
  assert.equal(await program.exit(), 0);
  assert.equal(program.stdout, lines);
});

test("the end of the input closes with 1000, after all of it was sent and answered", async (t) => {
  const received = [];
  const server = await listen(t, (socket) => {
    socket.on("message", (data) => received.push(data.toString()));
    echo(socket);
  });
  const client = server.connection();
  const lines = Array.from({ length: 1000 }, (_, line) => `line ${line}`);
  const program = longwireConnect(t, server.url).write(lines.join("\n")).endInput();
  assert.equal(await program.exit(), 0);
  assert.equal((await (await client).closed()).code, 1000);
  assert.deepEqual(received, lines); // the last one too, which has no line end
  assert.equal(program.stdout, lines.map((line) => `${line}\n`).join(""));
});

test("--subprotocol offers each, and --header is seen by the server", async (t) => {
  const server = await listen(t, undefined, { handleProtocols: (offered) => [...offered].at(-1) });
  const offers = ["--subprotocol", "chat.v2", "--subprotocol", "chat.v1"];
  const headers = ["--header", "Authorization: Bearer t0ken", "--header", "X-Room: blue: sky"];
  const client = server.connection();
  const program = longwireConnect(t, server.url, ...offers, ...headers);
  const { socket, request } = await client;
  assert.equal(request.headers["sec-websocket-protocol"].replaceAll(" ", ""), "chat.v2,chat.v1");
  assert.equal(socket.protocol, "chat.v1");
  assert.equal(request.headers.authorization, "Bearer t0ken");
  assert.equal(request.headers["x-room"], "blue: sky");
  program.endInput();
  assert.equal(await program.exit(), 0);
});

for (const [args, expected] of [
  [[], "text"],
  [["--binary"], "binary"],
]) {
  test(`lines are sent as ${expected} with ${args.join(" ") || "no option"}`, async (t) => {
    const server = await listen(t, (socket) => {
      socket.on("message", (data, isBinary) => socket.send(`${isBinary ? "binary" : "text"} ${data}`));
    });
    const program = longwireConnect(t, server.url, ...args, "--count", "1").write("abc").endInput();
    assert.equal(await program.exit(), 0);
    assert.equal(program.stdout, `${expected} abc\n`);
  });
}

for (const [how, close, exitCode] of [
  ["1000", (socket) => socket.close(1000, "bye"), 0],
  ["1001", (socket) => socket.close(1001), 0],
  ["no code", (socket) => socket.close(), 0],
  ["1011", (socket) => socket.close(1011, "out of tea"), 1],
  ["4000", (socket) => socket.close(4000), 1],
  ["no Close frame at all", (socket) => socket.terminate(), 1],
]) {
  test(`the server closes with ${how}: exit code ${exitCode}`, async (t) => {
    const server = await listen(t, close);
    // Its input stays open: only the server ends this.
    const program = longwireConnect(t, server.url);
    assert.equal(await program.exit(), exitCode, program.stderr);
  });
}

test("an abnormal end says what happened", async (t) => {
  const server = await listen(t, (socket) => socket.close(1011, "out of tea"));
  const program = longwireConnect(t, server.url);
  assert.equal(await program.exit(), 1);
  assert.match(program.stderr, /1011/);
  assert.match(program.stderr, /out of tea/);
});

test("a refusal prints the status and the reason", async (t) => {
  const verifyClient = (_client, answer) => answer(false, 401, "sign in first");
  const server = await listen(t, undefined, { verifyClient });
  const program = longwireConnect(t, server.url);
  assert.equal(await program.exit(), 5);
  assert.match(program.stderr, /401/);
  assert.match(program.stderr, /sign in first/);
  assert.equal(program.stdout, "");
});

test("a server's ping gets its pong", async (t) => {
  const server = await listen(t, (socket) => {
    socket.on("pong", (payload) => socket.send(`pong ${payload}`));
    socket.ping("longwire");
  });
  const program = longwireConnect(t, server.url, "--count", "1");
  assert.equal(await program.exit(), 0);
  assert.equal(program.stdout, "pong longwire\n");
});

test("fragments from the server are one message", async (t) => {
  const server = await listen(t, (socket) => {
    socket.send("frag", { fin: false });
    socket.ping();
    socket.send("men", { fin: false });
    socket.send("ted", { fin: true });
  });
  const program = longwireConnect(t, server.url, "--count", "1");
  assert.equal(await program.exit(), 0);
  assert.equal(program.stdout, "fragmented\n");
});

test("a server that would compress is understood", async (t) => {
  const server = await listen(t, echo, { perMessageDeflate: { threshold: 0 } });
  const line = "again and ".repeat(1000);
  const program = longwireConnect(t, server.url, "--count", "1").write(`${line}\n`).endInput();
  assert.equal(await program.exit(), 0);
  assert.equal(program.stdout, `${line}\n`);
});

test("in a pipe, control characters are printed as they are", async (t) => {
  const message = "\u001b[31mred\u0007\ttab";
  const server = await listen(t, (socket) => socket.send(message));
  const program = longwireConnect(t, server.url, "--count", "1");
  assert.equal(await program.exit(), 0);
  assert.equal(program.stdout, `${message}\n`);
});

test("-v shows pings and the close on stderr, and leaves stdout to the messages", async (t) => {
  const server = await listen(t, (socket) => {
    socket.ping("beat");
    socket.send("hello");
    socket.close(1000, "that was all");
  });
  const program = longwireConnect(t, server.url, "-v");
  assert.equal(await program.exit(), 0);
  assert.equal(program.stdout, "hello\n");
  assert.match(program.stderr, /ping/i);
  assert.match(program.stderr, /beat/);
  assert.match(program.stderr, /1000/);
  assert.match(program.stderr, /that was all/);
});

test("wss: --ca trusts one more certificate authority", async (t) => {
  const server = await listen(t, echo, { tls: true });
  const url = server.url.replace("127.0.0.1", "localhost");
  for (const address of [server.url, url]) {
    const program = longwireConnect(t, address, "--ca", certificates().ca, "--count", "1").write("hi\n").endInput();
    assert.equal(await program.exit(), 0, program.stderr);
    assert.equal(program.stdout, "hi\n");
  }
});

test("wss: without it the certificate is refused, and the message says so", async (t) => {
  const server = await listen(t, echo, { tls: true });
  const program = longwireConnect(t, server.url);
  assert.equal(await program.exit(), 4);
  assert.match(program.stderr, /certificate/i);
});

test("nobody listens: the message says so", async (t) => {
  const program = longwireConnect(t, VACANT);
  assert.equal(await program.exit(), 3);
  assert.match(program.stderr, /refused/i);
});

for (const args of [
  [],
  ["ftp://127.0.0.1/"],
  ["ws://127.0.0.1/#part"],
  ["ws://127.0.0.1/", "--count", "x"],
]) {
  test(`connect ${args.join(" ") || "without a URL"}: exit code 2`, async (t) => {
    const program = new Program(t, ["connect", ...args]);
    assert.equal(await program.exit(), 2);
    assert.notEqual(program.stderr, "");
    assert.equal(program.stdout, "");
  });
}
