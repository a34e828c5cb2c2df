use super::*;
use crate::tidy::fake_tree::FakeTree;

/// The floors of a small protocol crate.
fn rules() -> CrateRules {
    toml::from_str(
        r#"floors = [["opcode", "mask"], ["header", "handshake::request"], ["handshake::server"], ["protocol"]]"#,
    )
    .unwrap()
}

/// A crate without findings. Tests replace one of its files.
const CLEAN: [(&str, &str); 8] = [
    ("lib.rs", "mod opcode; mod mask; mod header; mod handshake; mod protocol; pub use protocol::Protocol;"),
    ("opcode.rs", "pub enum Opcode {}"),
    ("mask.rs", ""),
    (
        "header.rs",
        "use crate::opcode::Opcode;\nfn f(_: crate::mask::Key, _: self::Own) -> Vec<Opcode> { Vec::new() }",
    ),
    (
        "handshake.rs",
        "//! Both sides.\nmod request; mod server; pub use crate::opcode::Opcode; pub use request::Request; pub use self::server::Server;",
    ),
    ("handshake/request.rs", "use crate::opcode;"),
    ("handshake/server.rs", "use super::request; use super::Request; use crate::header::Header;"),
    ("protocol.rs", "use crate::handshake::Server; use crate::{header, mask::Key};"),
];

fn check_with(path: &str, text: &str) -> Vec<String> {
    let mut tree: Vec<_> = CLEAN.into_iter().filter(|(other, _)| *other != path).collect();
    tree.push((path, text));
    check("proto", &FakeTree::new(&tree).files(), &rules())
}

#[test]
fn a_clean_tree_passes() {
    assert_eq!(check("proto", &FakeTree::new(&CLEAN).files(), &rules()), [""; 0]);
}

#[test]
fn a_reference_upwards_names_both_floors_and_the_line() {
    assert_eq!(
        check_with("opcode.rs", "\nuse crate::header::Header;"),
        [
            "src/opcode.rs:2: opcode (floor 0) refers to header (floor 1); only lower floors may be named: move what \
         is needed down, or place the two anew"
        ]
    );
}

#[test]
fn a_reference_on_the_same_floor_is_found() {
    let findings = check_with("mask.rs", "use crate::opcode::Opcode;");
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(findings[0].contains("mask (floor 0) refers to opcode (floor 0)"), "{findings:?}");
}

#[test]
fn every_way_to_write_a_reference_is_seen() {
    for text in [
        "use crate::{mask, protocol::Protocol};",
        "use super::protocol;",
        "fn f() { crate::protocol::run() }",
        "fn f(p: &super::protocol::Protocol) {}",
        "type P = Vec<crate::protocol::Protocol>;",
        "impl From<crate::protocol::Error> for u8 {}",
        "fn f() { vec![1, crate::protocol::CONSTANT] }",
        "mod inner { use super::super::protocol; }",
        "mod inner { fn f() { super::super::protocol::run() } }",
    ] {
        let findings = check_with("header.rs", text);
        assert_eq!(findings.len(), 1, "{text}: {findings:?}");
        assert!(findings[0].contains("header (floor 1) refers to protocol (floor 3)"), "{findings:?}");
    }
}

#[test]
fn a_path_that_begins_with_an_imported_module_is_followed() {
    let text = "use crate::handshake;\n\nfn f() { handshake::request::parse() }\nfn g() { handshake::server::run() }";
    let findings = check_with("header.rs", text);
    let lines: Vec<&str> = findings.iter().filter_map(|finding| finding.split(':').nth(1)).collect();
    assert_eq!(lines, ["1", "3", "4"], "{findings:?}");
}

#[test]
fn a_name_from_a_module_root_counts_as_the_module_it_comes_from() {
    assert_eq!(check_with("header.rs", "use crate::handshake::Opcode;"), [""; 0]);
    assert_eq!(check_with("handshake/server.rs", "use crate::handshake::Request;"), [""; 0]);
    let findings = check_with("handshake/request.rs", "use crate::handshake::Server;");
    assert!(
        findings[0].contains("handshake::request (floor 1) refers to handshake::server (floor 2)"),
        "{findings:?}"
    );
}

#[test]
fn a_module_root_with_items_of_its_own_needs_a_floor() {
    let findings =
        check_with("handshake.rs", "mod request; mod server; pub use request::Request; pub struct Agreed;");
    assert!(
        findings.contains(
            &"src/handshake.rs:1: handshake stands on no floor: add it to [crate.proto] in floors.toml"
                .to_owned()
        )
    );
}

#[test]
fn the_crate_s_root_is_above_all() {
    let findings = check_with("protocol.rs", "use crate::Protocol;");
    assert_eq!(
        findings,
        [
            "src/protocol.rs:1: protocol (floor 3) refers to the crate's root (above all floors); name the module \
         that the item lives in"
        ]
    );
}

#[test]
fn tests_may_refer_to_anything() {
    for text in [
        "#[cfg(test)]\nmod tests { use crate::protocol::Protocol; }",
        "#[cfg(all(test, unix))]\nuse crate::protocol::Protocol;",
        "#[cfg(test)]\nmod simulator;",
    ] {
        assert_eq!(check_with("mask.rs", text), [""; 0], "{text}");
    }
    assert_eq!(check_with("mask/tests.rs", "use crate::protocol::Protocol;"), [""; 0]);
}

#[test]
fn visibility_is_no_reference() {
    assert_eq!(
        check_with("handshake/request.rs", "pub(in crate::handshake) struct Line; pub(super) fn f() {}"),
        [""; 0]
    );
}

#[test]
fn a_file_without_a_floor_and_a_floor_without_a_file_are_found() {
    let mut tree: Vec<_> = CLEAN.into_iter().filter(|(path, _)| *path != "mask.rs").collect();
    tree.push(("utf8.rs", ""));
    let findings = check("proto", &FakeTree::new(&tree).files(), &rules());
    assert!(
        findings.contains(&"floors.toml: proto has no file for mask: take it off floor 0".to_owned()),
        "{findings:?}"
    );
    assert!(findings.contains(
        &"src/utf8.rs:1: utf8 stands on no floor: add it to [crate.proto] in floors.toml".to_owned()
    ));
}

#[test]
fn a_module_on_two_floors_is_found() {
    let rules = toml::from_str(r#"floors = [["opcode"], ["opcode"]]"#).unwrap();
    let tree = FakeTree::new(&[("lib.rs", "mod opcode;"), ("opcode.rs", "")]);
    assert_eq!(
        check("proto", &tree.files(), &rules),
        ["floors.toml: opcode of proto stands on floors 0 and 1: keep one"]
    );
}
