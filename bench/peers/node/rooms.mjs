// Socket.IO: events that are echoed or acknowledged, and channels as rooms: node rooms.mjs PORT.
import { createServer } from "node:http";
import { Server } from "socket.io";

const server = createServer();
const io = new Server(server, { transports: ["websocket"], serveClient: false });

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
