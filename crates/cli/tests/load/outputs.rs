//! Files, and comparisons.

use serde_json::Value;

use crate::program::{load, serve, text};

#[test]
fn a_report_is_written_in_every_form_and_compared() {
    let server = serve(&[]);
    let url = format!("127.0.0.1:{}/echo", server.port);
    let dir = tempfile::tempdir().unwrap();
    let [json, html, hgrm] =
        ["a.json", "a.html", "a.hgrm"].map(|name| dir.path().join(name).to_str().unwrap().to_owned());
    let shape = [&url, "--rate", "2k", "--for", "1s"];
    let output = load(&[&shape[..], &["--json", &json, "--html", &html, "--hgrm", &hgrm]].concat());
    let printed = text(&output.stdout);
    assert!(printed.contains("messages    sent 2,000 · received 2,000 · lost 0\n"), "{printed}");
    assert!(!printed.contains('\x1b'), "a pipe is no terminal");
    let page = std::fs::read_to_string(&html).unwrap();
    assert_eq!(page.matches("<svg ").count(), 3);
    let percentiles = std::fs::read_to_string(&hgrm).unwrap();
    assert!(percentiles.contains("Total count    =         2000]"), "{percentiles}");
    let output = load(&[&shape[..], &["--compare", &json]].concat());
    let printed = text(&output.stdout);
    assert!(printed.contains("this run / the earlier run"), "{printed}");
    // How certain it is depends on how many parts a busy machine had time for.
    assert!(printed.lines().any(|line| line.starts_with("p99 ") && line.contains('×')), "{printed}");
    // Standard output has the JSON alone, so the comparison would not be seen.
    let output = load(&[&shape[..], &["--compare", &json, "--json", "-"]].concat());
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), String::new()));
    assert!(text(&output.stderr).contains("--compare"), "{}", text(&output.stderr));
}

#[test]
fn a_comparison_names_what_was_different() {
    let server = serve(&[]);
    let url = format!("127.0.0.1:{}/echo", server.port);
    let dir = tempfile::tempdir().unwrap();
    let json = dir.path().join("a.json").to_str().unwrap().to_owned();
    load(&[&url, "--rate", "100", "--for", "200ms", "--json", &json]);
    let compare = |args: &[&str]| {
        let printed = text(&load(&[&[url.as_str(), "--compare", &json], args].concat()).stdout);
        let cautions =
            printed.lines().filter_map(|line| line.strip_prefix("caution     ").map(str::to_owned));
        cautions.filter(|caution| !caution.starts_with("the earlier run has no verdict")).collect::<Vec<_>>()
    };
    assert_eq!(compare(&["--rate", "100", "--for", "200ms"]), [""; 0]);
    let unlike = compare(&["--rate", "200", "--for", "200ms", "-c", "5", "--engine", "readiness"]);
    assert!(unlike.contains(&"connections: 10 → 5".to_owned()), "{unlike:?}");
    assert!(unlike.contains(&"pace: 100 a second → 200 a second".to_owned()), "{unlike:?}");
}

#[test]
fn two_endpoints_take_turns() {
    let server = serve(&[]);
    let [one, other] = ["echo", "echo?other"].map(|path| format!("127.0.0.1:{}/{path}", server.port));
    let dir = tempfile::tempdir().unwrap();
    let json = dir.path().join("a.json").to_str().unwrap().to_owned();
    let shape = ["--rate", "200", "--for", "3s", "--rounds", "5", "--timeout", "60s"];
    let args = [&[one.as_str(), "--versus", &other, "--json", &json], &shape[..]].concat();
    let printed = text(&load(&args).stdout);
    assert!(printed.contains("/echo?other, 5 rounds\n"), "{printed}");
    // What is shown and written is of all rounds.
    assert_eq!(printed.matches("messages    sent 600 · received 600 · lost 0\n").count(), 2, "{printed}");
    let report: Value = serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    assert_eq!(
        (&report["messages"]["sent"], &report["versus"]["messages"]["sent"]),
        (&600.into(), &600.into())
    );
    // How certain the ratio is depends on how many answers came before the end of their round.
    assert!(printed.lines().any(|line| line.starts_with("rate ") && line.contains('×')), "{printed}");
}

#[test]
fn a_report_without_histograms_is_not_compared() {
    let server = serve(&[]);
    let url = format!("127.0.0.1:{}/echo", server.port);
    let dir = tempfile::tempdir().unwrap();
    let json = dir.path().join("a.json");
    let output = load(&[&url, "--rate", "200", "--for", "200ms", "--json", "-"]);
    let mut report: Value = serde_json::from_slice(&output.stdout).unwrap();
    for part in report["intervals"].as_array_mut().unwrap() {
        part.as_object_mut().unwrap().remove("histogram");
    }
    std::fs::write(&json, report.to_string()).unwrap();
    let output = load(&[&url, "--compare", json.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("it has no histograms; measure again"), "{}", text(&output.stderr));
}
