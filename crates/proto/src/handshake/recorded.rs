//! Heads that real peers send, with the key of RFC 6455 §1.3.

pub(super) const CHROME: &str = "GET /chat?room=1 HTTP/1.1\r\n\
    Host: localhost:8080\r\n\
    Connection: Upgrade\r\n\
    Pragma: no-cache\r\n\
    Cache-Control: no-cache\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n\
    Upgrade: websocket\r\n\
    Origin: http://localhost:8080\r\n\
    Sec-WebSocket-Version: 13\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Accept-Language: en-US,en;q=0.9\r\n\
    Cookie: theme=dark; session=0123456789abcdef\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\
    Sec-WebSocket-Protocol: chat.v2, chat.v1\r\n\
    \r\n";

pub(super) const FIREFOX: &str = "GET /chat HTTP/1.1\r\n\
    Host: localhost:8080\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n\
    Accept: */*\r\n\
    Accept-Language: en-US,en;q=0.5\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Sec-WebSocket-Version: 13\r\n\
    Origin: http://localhost:8080\r\n\
    Sec-WebSocket-Protocol: chat.v2, chat.v1\r\n\
    Sec-WebSocket-Extensions: permessage-deflate\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Connection: keep-alive, Upgrade\r\n\
    Sec-Fetch-Dest: empty\r\n\
    Sec-Fetch-Mode: websocket\r\n\
    Sec-Fetch-Site: same-origin\r\n\
    Pragma: no-cache\r\n\
    Cache-Control: no-cache\r\n\
    Upgrade: websocket\r\n\
    \r\n";

pub(super) const SAFARI: &str = "GET /chat HTTP/1.1\r\n\
    Host: localhost:8080\r\n\
    Origin: http://localhost:8080\r\n\
    Pragma: no-cache\r\n\
    Cache-Control: no-cache\r\n\
    Sec-Fetch-Mode: websocket\r\n\
    Sec-Fetch-Site: same-origin\r\n\
    Sec-Fetch-Dest: websocket\r\n\
    Accept-Language: en-GB,en;q=0.9\r\n\
    Sec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Extensions: permessage-deflate\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    User-Agent: Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15\r\n\
    Connection: Upgrade\r\n\
    Upgrade: websocket\r\n\
    Sec-WebSocket-Protocol: chat.v2,chat.v1\r\n\
    Accept-Encoding: gzip, deflate\r\n\
    \r\n";

/// The package `ws` for Node.
pub(super) const NODE_WS: &str = "GET / HTTP/1.1\r\n\
    Sec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Connection: Upgrade\r\n\
    Upgrade: websocket\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\
    Sec-WebSocket-Protocol: chat.v2,chat.v1\r\n\
    Host: localhost:8080\r\n\
    \r\n";

pub(super) const CURL: &str = "GET /chat HTTP/1.1\r\n\
    Host: localhost:8080\r\n\
    User-Agent: curl/8.14.1\r\n\
    Accept: */*\r\n\
    Upgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Connection: Upgrade\r\n\
    \r\n";

/// Behind `proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";`.
pub(super) const NGINX: &str = "GET /chat HTTP/1.1\r\n\
    Upgrade: websocket\r\n\
    Connection: upgrade\r\n\
    Host: backend_1:8080\r\n\
    X-Real-IP: 203.0.113.7\r\n\
    X-Forwarded-For: 203.0.113.7\r\n\
    X-Forwarded-Proto: https\r\n\
    origin: https://example.com\r\n\
    sec-websocket-version: 13\r\n\
    sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    sec-websocket-extensions: permessage-deflate; client_max_window_bits\r\n\
    sec-websocket-protocol: chat.v2, chat.v1\r\n\
    \r\n";

pub(super) const REQUESTS: [&str; 6] = [CHROME, FIREFOX, SAFARI, NODE_WS, CURL, NGINX];

/// The response of RFC 6455 §1.3, as Node's `ws` sends it.
pub(super) const SWITCHING: &str = "HTTP/1.1 101 Switching Protocols\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
    Sec-WebSocket-Protocol: chat.v2\r\n\
    \r\n";

/// A refusal as nginx sends it; its body is not part of the head.
pub(super) const BAD_GATEWAY: &str = "HTTP/1.1 502 Bad Gateway\r\n\
    Server: nginx/1.26.3\r\n\
    Date: Fri, 14 Nov 2025 08:12:31 GMT\r\n\
    Content-Type: text/html\r\n\
    Content-Length: 157\r\n\
    Connection: keep-alive\r\n\
    \r\n";

pub(super) const RESPONSES: [&str; 2] = [SWITCHING, BAD_GATEWAY];
