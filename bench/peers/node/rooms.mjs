// Socket.IO: events that are echoed or acknowledged, and channels as rooms: node rooms.mjs PORT. With BROKER_URL, it is one
// of several nodes over Redis streams.
import { createServer } from "node:http";
import { Server } from "socket.io";

const server = createServer();
const io = new Server(server, { transports: ["websocket"], serveClient: false, adapter: await adapter() });

io.on("connection", (socket) => {
  socket.on("echo", (quote) => {
    socket.emit("echo", quote);
  });
  socket.on("ask", (quote, done) => {
    done(quote);
  });
  socket.on("join", (room, done) => {
    socket.join(room);
    done();
  });
  socket.on("publish", (room, content) => {
    io.to(room).emit("message", content);
  });
});
server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });

async function adapter() {
  const url = process.env.BROKER_URL;
  if (url === undefined) return undefined; // a single server does not load what it does not need
  const [{ createAdapter }, { createClient }] = await Promise.all([import("@socket.io/redis-streams-adapter"), import("redis")]);
  const redis = createClient({ url });
  await redis.connect();
  return createAdapter(redis);
}
