//! Recordings are read back.

use super::*;
use crate::har::read;

fn handshake() -> Handshake {
    let mut request_headers = HeaderMap::new();
    request_headers.insert(header::AUTHORIZATION, "Bearer 1234".parse().unwrap());
    request_headers.insert(header::ORIGIN, "https://a.example".parse().unwrap());
    Handshake {
        url: "wss://a.example/feed?room=a%20b".into(),
        began: SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_250),
        took: Duration::from_millis(12),
        request_headers,
        status: 101,
        response_headers: HeaderMap::new(),
    }
}

fn recorder(path: &Path, secrets: SecretValues) -> Recorder {
    Recorder::create(path, Existing::Kept, secrets, 1 << 20).unwrap()
}

#[test]
fn a_file_is_complete_after_every_step() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.har");
    let mut recorder = recorder(&path, SecretValues::Redacted);
    assert!(read(&path).unwrap_err().contains("there is no WebSocket connection"));
    recorder.begin(&handshake()).unwrap();
    assert_eq!(read(&path).unwrap()[0].messages.len(), 0);
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    recorder.message(Direction::Sent, time, &Message::from("\"é\n\u{1b}")).unwrap();
    assert_eq!(read(&path).unwrap()[0].messages.len(), 1);
    let later = time + Duration::from_millis(1500);
    recorder.message(Direction::Received, later, &Message::from(vec![0, 1, 255])).unwrap();
    recorder.begin(&handshake()).unwrap();
    recorder.message(Direction::Received, later, &Message::from("again")).unwrap();

    let recordings = read(&path).unwrap();
    assert_eq!(recordings.len(), 2);
    let [sent, received] = &recordings[0].messages[..] else { panic!("{recordings:?}") };
    assert_eq!((sent.direction, &sent.message), (Direction::Sent, &Message::from("\"é\n\u{1b}")));
    assert_eq!(received.message, Message::from(vec![0, 1, 255]));
    assert_eq!(received.at, Duration::from_millis(1500));
    assert_eq!(recordings[1].messages[0].message, Message::from("again"));
    assert_eq!(recordings[0].started, "2023-11-14T22:13:20.250Z");
}

#[test]
fn how_a_connection_ended_is_recorded_behind_its_messages() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.har");
    let mut recorder = recorder(&path, SecretValues::Redacted);
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let later = time + Duration::from_secs(2);
    let closed = RecordedEnd {
        by: Some(Direction::Received),
        code: longwire::CloseCode::from(4000),
        reason: "\"bye\"".to_owned(),
        was_clean: true,
    };
    for end in [&closed, &RecordedEnd::lost("reset")] {
        recorder.begin(&handshake()).unwrap();
        recorder.message(Direction::Sent, time, &Message::from("hi")).unwrap();
        recorder.end(later, end).unwrap();
        recorder.message(Direction::Sent, time, &Message::from("too late")).unwrap();
        recorder.end(later, end).unwrap();
    }
    recorder.begin(&handshake()).unwrap();
    let recordings = read(&path).unwrap();
    let ends: Vec<_> = recordings.iter().map(|recording| recording.end.clone()).collect();
    let second = Duration::from_secs(2);
    assert_eq!(ends, [Some((second, closed)), Some((second, RecordedEnd::lost("reset"))), None]);
    assert!(recordings[..2].iter().all(|recording| recording.messages.len() == 1));
}

#[test]
fn secrets_are_left_out_unless_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.har");
    for (secrets, shown) in [(SecretValues::Redacted, REDACTED), (SecretValues::Kept, "Bearer 1234")] {
        let mut recorder = Recorder::create(&path, Existing::Replaced, secrets, 1 << 20).unwrap();
        recorder.begin(&handshake()).unwrap();
        let headers = &read(&path).unwrap()[0].request_headers;
        assert!(headers.contains(&("authorization".into(), shown.into())), "{headers:?}");
        assert!(headers.contains(&("origin".into(), "https://a.example".into())));
    }
}

#[test]
fn a_full_file_stays_complete_and_says_so_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.har");
    let mut recorder = Recorder::create(&path, Existing::Kept, SecretValues::Redacted, 2000).unwrap();
    recorder.begin(&handshake()).unwrap();
    let message = Message::from("x".repeat(600));
    let mut record = || recorder.message(Direction::Sent, SystemTime::now(), &message);
    let mut kept = 0;
    let stopped = loop {
        match record() {
            Ok(()) => kept += 1,
            Err(stopped) => break stopped,
        }
    };
    assert!(stopped.0.contains("limit of 2000 bytes"), "{stopped:?}");
    assert_eq!(record(), Ok(()));
    assert_eq!(read(&path).unwrap()[0].messages.len(), kept);
    assert!(std::fs::metadata(&path).unwrap().len() <= 2000);
}

#[test]
fn a_file_is_replaced_only_if_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.har");
    std::fs::write(&path, "precious").unwrap();
    let create = |existing| Recorder::create(&path, existing, SecretValues::Redacted, 1 << 20);
    assert!(create(Existing::Kept).unwrap_err().contains("a.har exists already; --overwrite"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    create(Existing::Replaced).unwrap().begin(&handshake()).unwrap();
    assert_eq!(read(&path).unwrap().len(), 1);
}

#[test]
fn a_folder_is_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let error = Recorder::create(folder.path(), Existing::Replaced, SecretValues::Redacted, 1 << 20);
    assert!(error.unwrap_err().contains("it is not a regular file"));
}

/// As if the disk were full: some of the bytes have been written over the end of the document.
#[test]
fn a_failed_write_leaves_what_was_recorded_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.har");
    let mut recorder = recorder(&path, SecretValues::Redacted);
    let DocumentState::Empty { at } = recorder.state else { panic!("{recorder:?}") };
    recorder.write(at, &[b'x'; 100]).unwrap();
    recorder.restore(at).unwrap();
    assert!(read(&path).unwrap_err().contains("there is no WebSocket connection"));
    recorder.begin(&handshake()).unwrap();
    recorder.message(Direction::Sent, SystemTime::now(), &Message::from("kept")).unwrap();
    let DocumentState::Connected { at, .. } = recorder.state else { panic!("{recorder:?}") };
    for written in [3, 100] {
        recorder.write(at, &vec![b'x'; written]).unwrap();
        recorder.restore(at).unwrap();
        assert_eq!(read(&path).unwrap()[0].messages[0].message, Message::from("kept"));
    }
}

#[cfg(unix)]
#[test]
fn others_may_not_read_a_recording() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let (new, old) = (folder.path().join("new.har"), folder.path().join("old.har"));
    std::fs::write(&old, "old").unwrap();
    std::fs::set_permissions(&old, std::fs::Permissions::from_mode(0o644)).unwrap();
    for path in [new, old] {
        let _recorder = Recorder::create(&path, Existing::Replaced, SecretValues::Kept, 1 << 20).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{path:?}");
    }
}
