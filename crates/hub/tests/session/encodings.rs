//! Protobuf, and clients of both encodings in one channel.

use longwire_hub::centrifuge::{
    Command, ConnectRequest, Encoding, PublishRequest, Request, SubscribeRequest,
};
use longwire_hub::{Data, Frame, PublishCall, Transport, TransportKind};

use crate::support::{World, config};

pub(crate) fn frame(commands: impl IntoIterator<Item = Request>) -> Frame {
    let mut bytes = Vec::new();
    for (request, id) in commands.into_iter().zip(1..) {
        bytes.extend_from_slice(Command { id, request }.encode(Encoding::Protobuf).as_bytes());
    }
    Frame::Binary(bytes.into())
}

/// A field with bytes in it, as protobuf writes it; shorter than 128 bytes.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2, u8::try_from(content.len()).unwrap()];
    out.extend_from_slice(content);
    out
}

#[test]
fn both_encodings_meet_in_a_channel() {
    let mut world = World::new(config());
    let json = world.subscribed("demo:tea");
    let protobuf = world.open_as(Transport::new(TransportKind::WebSocket, Encoding::Protobuf));
    let subscribe = SubscribeRequest { channel: "demo:tea".into(), ..Default::default() };
    world
        .send(protobuf, &frame([Request::Connect(ConnectRequest::default()), Request::Subscribe(subscribe)]));
    let replies = world.received(protobuf);
    let [Frame::Binary(replies)] = &replies[..] else { panic!("{replies:?}") };
    // Both replies are in one frame, the second one with id 2 and an empty result.
    assert!(replies.ends_with(&[4, 0x08, 2, 0x32, 0]), "{replies:?}");

    let publish =
        PublishRequest { channel: "demo:tea".into(), data: vec![0, 1].into(), ..Default::default() };
    world.settle();
    world.send(protobuf, &frame([Request::Publish(publish)]));
    world.settle();
    let got = world.received(protobuf);
    assert_eq!(got.len(), 2);
    let client = world.id("C1");
    // The time, in milliseconds, is the varint of field 9.
    let time = vec![0x48, 0x80, 0xa0, 0x94, 0xa5, 0x8d, 0x1d];
    let info = field(5, &field(2, client.as_bytes()));
    let publication = [field(4, &[0, 1]), info, vec![0x30, 1], time].concat();
    let push = [field(2, b"demo:tea"), field(4, &publication)].concat();
    let reply = field(4, &push);
    let expected = [vec![u8::try_from(reply.len()).unwrap()], reply].concat();
    assert_eq!(got[1].as_bytes(), expected);
    world.expect(json, &[
        r#"{"push":{"channel":"demo:tea","pub":{"data":"AAE=","info":{"user":"","client":"C1"},"offset":1}}}"#,
    ]);

    let text = PublishCall::new(Data::from_text("{\"a\": 1}"));
    let _ = world.hub.publish("demo:tea", text, world.now);
    world.expect(json, &[r#"{"push":{"channel":"demo:tea","pub":{"data":{"a": 1},"offset":2}}}"#]);
    assert!(world.received(protobuf)[0].as_bytes().windows(8).any(|window| window == b"{\"a\": 1}"));
}

#[test]
fn a_malformed_protobuf_frame_is_a_bad_request() {
    let mut world = World::new(config());
    let client = world.open_as(Transport::new(TransportKind::WebSocket, Encoding::Protobuf));
    world.send(client, &Frame::Binary(vec![9, 1].into()));
    assert_eq!(world.end(client), Some(3501));
}
