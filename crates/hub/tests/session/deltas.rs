//! Deltas: every subscriber can apply what it receives.

use longwire_hub::centrifuge::fossil;
use longwire_hub::{Data, PublishCall};
use serde_json::Value;

use crate::support::{World, config};

/// A client that applies deltas.
struct Reader {
    client: usize,
    base: Option<String>,
    seen: Vec<String>,
    deltas: usize,
}

impl Reader {
    fn new(world: &mut World, request: &str) -> Reader {
        let client = world.connected();
        world.say(
            client,
            &format!(r#"{{"id":2,"subscribe":{{"channel":"demo:tea","delta":"fossil"{request}}}}}"#),
        );
        let mut reader = Reader { client, base: None, seen: Vec::new(), deltas: 0 };
        reader.read(world);
        reader
    }

    fn read(&mut self, world: &mut World) {
        for frame in world.heard(self.client) {
            let frame: Value = serde_json::from_str(&frame).unwrap();
            let recovered = frame["subscribe"]["publications"].as_array().cloned().unwrap_or_default();
            if frame["subscribe"].is_object() {
                assert_eq!(frame["subscribe"]["delta"], true);
            }
            let pushed = &frame["push"]["pub"];
            for publication in recovered.iter().chain(pushed.is_object().then_some(pushed)) {
                let text = publication["data"].as_str().expect("a string").to_owned();
                let text = if publication["delta"] == true {
                    self.deltas += 1;
                    let base = self.base.as_ref().expect("a base");
                    String::from_utf8(fossil::apply(base.as_bytes(), text.as_bytes(), 10_000).unwrap())
                        .unwrap()
                } else {
                    text
                };
                self.base = Some(text.clone());
                self.seen.push(text);
            }
        }
    }
}

fn text(number: usize) -> String {
    format!(r#"{{"text":"It rains in Bern, and it has rained for days","number":{number}}}"#)
}

fn publish(world: &World, number: usize) {
    let _ = world.hub.publish("demo:tea", PublishCall::new(Data::from_text(text(number))), world.now);
}

#[test]
fn every_reader_sees_the_same_whenever_it_comes() {
    let mut world = World::new(config());
    let mut readers = Vec::new();
    for number in 0..12 {
        if number % 3 == 0 {
            readers.push((number, Reader::new(&mut world, "")));
        }
        publish(&world, number);
    }
    for (since, reader) in &mut readers {
        reader.read(&mut world);
        let expected: Vec<String> = (*since..12).map(text).collect();
        assert_eq!(reader.seen, expected);
    }
    // A publication is whole only after somebody has come.
    assert_eq!(readers[0].1.deltas, 8);
}

#[test]
fn what_is_recovered_is_a_base() {
    let mut world = World::new(config());
    let mut reader = Reader::new(&mut world, r#","recoverable":true"#);
    publish(&world, 0);
    publish(&world, 1);
    reader.read(&mut world);
    world.cut(reader.client);
    publish(&world, 2);
    let epoch = world.id("EPOCH");
    let request = format!(r#","recoverable":true,"recover":true,"offset":1,"epoch":"{epoch}""#);
    let mut reader = Reader::new(&mut world, &request);
    publish(&world, 3);
    publish(&world, 4);
    reader.read(&mut world);
    assert_eq!(reader.seen, [text(1), text(2), text(3), text(4)]);
}

#[test]
fn a_publication_without_history_in_between_does_no_harm() {
    let mut world = World::new(config());
    let mut reader = Reader::new(&mut world, "");
    publish(&world, 0);
    publish(&world, 1);
    let mut call = PublishCall::new(Data::from_text(text(2)));
    call.skip_history = true;
    let _ = world.hub.publish("demo:tea", call, world.now);
    publish(&world, 3);
    publish(&world, 4);
    reader.read(&mut world);
    assert_eq!(reader.seen, [text(0), text(1), text(2), text(3), text(4)]);
    assert_eq!(reader.deltas, 2);
}
