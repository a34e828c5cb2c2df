//! Files, and comparisons.

use crate::program::{load, serve, text};

#[test]
fn a_report_is_written_in_every_form_and_compared() {
    let server = serve(&[]);
    let url = format!("127.0.0.1:{}/echo", server.port);
    let dir = tempfile::tempdir().unwrap();
    let [json, html, hgrm] =
        ["a.json", "a.html", "a.hgrm"].map(|name| dir.path().join(name).to_str().unwrap().to_owned());
    let shape = [&url, "--rate", "200", "--for", "1s"];
    let output = load(&[&shape[..], &["--json", &json, "--html", &html, "--hgrm", &hgrm]].concat());
    let printed = text(&output.stdout);
    assert!(printed.contains("messages    sent 200 · received 200 · lost 0\n"), "{printed}");
    assert!(!printed.contains('\x1b'), "a pipe is no terminal");
    let page = std::fs::read_to_string(&html).unwrap();
    assert_eq!(page.matches("<svg ").count(), 3);
    let percentiles = std::fs::read_to_string(&hgrm).unwrap();
    assert!(percentiles.contains("Total count    =          200]"), "{percentiles}");
    let output = load(&[&shape[..], &["--compare", &json]].concat());
    let printed = text(&output.stdout);
    assert!(printed.contains("this run / the earlier run"), "{printed}");
    assert!(
        printed.lines().any(|line| line.starts_with("p99 ") && line.contains('×') && line.contains("95 %")),
        "{printed}"
    );
}

#[test]
fn two_endpoints_take_turns() {
    let server = serve(&[]);
    let [one, other] = ["echo", "echo?other"].map(|path| format!("127.0.0.1:{}/{path}", server.port));
    let output = load(&[&one, "--versus", &other, "--rate", "200", "--for", "3s", "--rounds", "5"]);
    let printed = text(&output.stdout);
    assert!(printed.contains("the last of 5 rounds"), "{printed}");
    assert!(printed.lines().any(|line| line.starts_with("rate ") && line.contains("95 %")), "{printed}");
}
