// Java's java.net.http as a client: `java JavaClient.java URL FRAGMENTS-URL`.

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

public class JavaClient {
    static final String TEXT = "text, κόσμε, 世界, 🦀";
    static final String LONG_TEXT = "all work and no play makes a dull test. ".repeat(500);

    static URI url;
    static URI fragmentsUrl;

    interface Check {
        /** Gives why the cell does not apply, or null. */
        String run(Listener heard, WebSocket socket) throws Exception;
    }

    /** Collects what arrives: a message as it is, other things by their names. */
    static class Listener implements WebSocket.Listener {
        final BlockingQueue<Object> events = new LinkedBlockingQueue<>();
        private final StringBuilder text = new StringBuilder();
        private final java.io.ByteArrayOutputStream bytes = new java.io.ByteArrayOutputStream();

        public CompletionStage<?> onText(WebSocket socket, CharSequence data, boolean last) {
            text.append(data);
            if (last) {
                events.add(text.toString());
                text.setLength(0);
            }
            socket.request(1);
            return null;
        }

        public CompletionStage<?> onBinary(WebSocket socket, ByteBuffer data, boolean last) {
            byte[] part = new byte[data.remaining()];
            data.get(part);
            bytes.writeBytes(part);
            if (last) {
                events.add(bytes.toByteArray());
                bytes.reset();
            }
            socket.request(1);
            return null;
        }

        public CompletionStage<?> onPong(WebSocket socket, ByteBuffer data) {
            events.add("pong " + new String(data.array(), 0, data.remaining()));
            socket.request(1);
            return null;
        }

        public CompletionStage<?> onClose(WebSocket socket, int code, String reason) {
            events.add("closed " + code + " " + reason);
            return null;
        }

        public void onError(WebSocket socket, Throwable error) {
            events.add("error " + error);
        }

        Object next() throws Exception {
            return events.poll(30, TimeUnit.SECONDS);
        }
    }

    static byte[] octets(int length) {
        byte[] octets = new byte[length];
        for (int place = 0; place < length; place++) octets[place] = (byte) (place * 31 + (place >> 8));
        return octets;
    }

    static void expect(Object found, Object wanted) {
        if (!Objects.deepEquals(found, wanted)) throw new AssertionError("found " + found + ", wanted " + wanted);
    }

    static void cell(String name, Check check, String... protocols) {
        String outcome;
        try {
            Listener heard = new Listener();
            WebSocket.Builder builder = HttpClient.newHttpClient().newWebSocketBuilder();
            if (protocols.length > 0) {
                builder.subprotocols(protocols[0], Arrays.copyOfRange(protocols, 1, protocols.length));
            }
            URI at = name.equals("fragments") ? fragmentsUrl : url;
            WebSocket socket = builder.buildAsync(at, heard).get(30, TimeUnit.SECONDS);
            String why = check.run(heard, socket);
            outcome = why == null ? "\"ok\":true" : "\"ok\":null,\"why\":\"" + why + "\"";
            // Fails if the server has closed it already.
            socket.sendClose(1000, "").exceptionally(closed -> null).get(30, TimeUnit.SECONDS);
        } catch (Throwable error) {
            String why = String.valueOf(error).replaceAll("[^ -~]|[\"\\\\]", "?");
            outcome = "\"ok\":false,\"why\":\"" + why.substring(0, Math.min(why.length(), 200)) + "\"";
        }
        System.out.println("{\"cell\":\"" + name + "\"," + outcome + "}");
    }

    public static void main(String[] arguments) {
        url = URI.create(arguments[0]);
        fragmentsUrl = URI.create(arguments[1]);
        System.out.println("{\"peer\":\"java.net.http of Java " + System.getProperty("java.version") + "\"}");
        cell("text", (heard, socket) -> {
            socket.sendText(TEXT, true).get();
            expect(heard.next(), TEXT);
            return null;
        });
        for (int length : new int[] {256, 1 << 20}) {
            cell(length == 256 ? "binary" : "megabyte", (heard, socket) -> {
                socket.sendBinary(ByteBuffer.wrap(octets(length)), true).get();
                expect(heard.next(), octets(length));
                return null;
            });
        }
        cell("fragments", (heard, socket) -> {
            socket.sendText("one ", false).get();
            socket.sendPing(ByteBuffer.wrap("between".getBytes())).get();
            socket.sendText("message", true).get();
            expect(heard.next(), "pong between");
            expect(heard.next(), "one message");
            socket.sendText("fragments", true).get();
            expect(heard.next(), "in fragments");
            return null;
        });
        cell("deflate", (heard, socket) -> "it does not offer permessage-deflate");
        cell("plain", (heard, socket) -> {
            socket.sendText(LONG_TEXT, true).get();
            expect(heard.next(), LONG_TEXT);
            return null;
        });
        cell("subprotocol", (heard, socket) -> {
            expect(socket.getSubprotocol(), "interop.v1");
            return null;
        }, "interop.v0", "interop.v1");
        cell("closes", (heard, socket) -> {
            socket.sendClose(4000, "bye").get();
            expect(heard.next(), "closed 4000 bye");
            return null;
        });
        cell("closed", (heard, socket) -> {
            socket.sendText("close 4321 see you", true).get();
            expect(heard.next(), "closed 4321 see you");
            return null;
        });
        cell("ping", (heard, socket) -> {
            socket.sendPing(ByteBuffer.wrap("here".getBytes())).get();
            expect(heard.next(), "pong here");
            socket.sendText("ping", true).get();
            expect(heard.next(), "ponged");
            return null;
        });
        System.exit(0);
    }
}
