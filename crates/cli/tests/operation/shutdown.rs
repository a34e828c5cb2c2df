//! The end of the server, spread over time.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use longwire::WebSocket;

use crate::program::Program;

/// A client of the hub that is connected.
async fn client(program: &Program) -> WebSocket {
    let mut socket = program.connect("/connection/websocket").await;
    socket.send(r#"{"id":1,"connect":{}}"#).await.unwrap();
    socket.recv().await.unwrap().unwrap();
    socket
}

async fn close_code(socket: &mut WebSocket) -> u16 {
    while socket.recv().await.unwrap().is_some() {}
    socket.closed().code.into()
}

/// A one-way stream, whose connect reply has arrived.
fn stream(program: &Program) -> TcpStream {
    let mut stream = TcpStream::connect(&program.address).unwrap();
    let request = "POST /connection/uni_http_stream HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}";
    stream.write_all(request.as_bytes()).unwrap();
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains("\"connect\"") {
        let mut bytes = [0; 1024];
        let count = stream.read(&mut bytes).unwrap();
        assert_ne!(count, 0);
        seen.extend_from_slice(bytes.get(..count).unwrap());
    }
    stream
}

#[tokio::test]
async fn clients_are_closed_one_after_another() {
    const SPREAD: Duration = Duration::from_millis(500);
    let mut program = Program::start("[shutdown]\nspread = '500ms'\n", &[]).serving();
    let mut clients = vec![client(&program).await, client(&program).await, client(&program).await];
    let mut streams = [stream(&program), stream(&program)];
    let mut echo = program.connect("/echo").await;
    let begun = Instant::now();
    program.signal("TERM");
    for socket in &mut clients {
        assert_eq!(close_code(socket).await, 3001);
    }
    assert_eq!(close_code(&mut echo).await, 1001);
    assert!(begun.elapsed() >= SPREAD / 2, "WebSockets: {:?}", begun.elapsed());
    for stream in &mut streams {
        let mut rest = String::new();
        stream.read_to_string(&mut rest).unwrap();
        assert!(rest.contains("3001"), "{rest}");
    }
    assert!(begun.elapsed() >= SPREAD / 2, "streams: {:?}", begun.elapsed());
    assert!(program.wait().success());
}

/// With an hour to go, the first one is closed after half an hour.
#[tokio::test]
async fn new_clients_are_refused_meanwhile_and_a_second_signal_ends_the_program() {
    let mut program = Program::start("[shutdown]\nspread = '1h'\n", &[]).serving();
    let mut echo = program.connect("/echo").await;
    let _other = client(&program).await;
    program.signal("TERM");
    while TcpStream::connect(&program.address).is_ok() {}
    echo.send("still here").await.unwrap();
    assert_eq!(echo.recv().await.unwrap().unwrap(), "still here");
    program.signal("TERM");
    assert_eq!(program.wait().code(), Some(130));
}
