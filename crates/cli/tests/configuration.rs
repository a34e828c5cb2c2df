//! `longwire config` and `longwire token`.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use longwire_hub::{Algorithm, Call, ConnectionToken, Keys, Millis, TokenVerifier};
use tempfile::TempDir;

const SECRET: &str = "a secret that has at least 32 bytes";

/// The keys of `[broker]` that need another one.
const OF_SHARED_BROKERS: [&str; 12] = [
    "urls",
    "token",
    "nkey",
    "credentials",
    "cluster",
    "sentinel_master",
    "ca",
    "certificate",
    "key",
    "storage",
    "stream_bytes",
    "alone_after",
];

/// The program in a folder, with these environment variables alone.
fn run(folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_longwire"));
    program.args(args).current_dir(folder).stdin(Stdio::null()).env_clear().envs(variables.iter().copied());
    program.output().unwrap()
}

/// What the program prints.
fn printed(folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> String {
    let output = run(folder, args, variables);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The exit code and what the program complains about.
fn refused(folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let output = run(folder, args, variables);
    assert!(output.stdout.is_empty());
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

fn folder(text: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("longwire.toml"), text).unwrap();
    folder
}

/// The lines below the first one for a file with this text.
fn wrong(text: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let folder = folder(text);
    let (code, complaint) = refused(folder.path(), &["config", "check"], variables);
    let mut lines = complaint.lines().map(str::to_owned);
    assert_eq!(lines.next().as_deref(), Some("longwire: the configuration is wrong"));
    assert_eq!(code, Some(1));
    lines.collect()
}

fn valid(text: &str, variables: &[(&str, &str)]) -> String {
    printed(folder(text).path(), &["config", "check", "longwire.toml"], variables)
}

#[test]
fn the_example_is_valid_as_it_is_and_with_every_key_set() {
    let here = tempfile::tempdir().unwrap();
    let example = printed(here.path(), &["config", "example"], &[]);
    assert!(valid(&example, &[]).contains("namespaces  chat\n"));
    let all: String = example.lines().fold(String::new(), |all, line| {
        let line = match line.strip_prefix('#') {
            // These keys exclude each other, or need another one.
            Some(line) if line.starts_with("behind_tls_proxy") => "",
            Some(line) if OF_SHARED_BROKERS.iter().any(|key| line.starts_with(&format!("{key} ="))) => "",
            Some(line) if line.starts_with(|first: char| first.is_ascii_lowercase() || first == '[') => line,
            _ => line,
        };
        all + line + "\n"
    });
    assert!(valid(&all, &[]).contains("tokens      verified\n"));
}

#[test]
fn what_is_wrong_is_told_with_file_line_column_and_key() {
    for (text, expected) in [
        (
            "[limits]\nmax_mesage = 1",
            "longwire.toml:2:1: limits.max_mesage: there is no such key; did you mean max_message?",
        ),
        ("\n  lissten = []", "longwire.toml:2:3: lissten: there is no such key; did you mean listen?"),
        (
            "[limits]\nmax_connections = 'many'",
            "longwire.toml:2:19: limits.max_connections: invalid type: string \"many\", expected usize",
        ),
        ("listen = ['nowhere']", "longwire.toml:1:11: listen.0: give host and port"),
        ("metrics = yes", "longwire.toml:1:11: "),
        ("[tls]\ncertificate = 'a.pem'", "longwire.toml:2:1: tls.certificate: needs tls.key"),
        ("[tokens]\nhmac_secret = 'short'", "longwire.toml:2:1: tokens.hmac_secret: the secret has 5 bytes"),
        ("[[tokens.keys]]\nfile = 'none.pem'", "longwire.toml:2:1: tokens.keys.0.file: cannot read none.pem"),
        (
            "[[tokens.keys]]\nalgorithm = 'none'",
            "longwire.toml:2:13: tokens.keys.0.algorithm: \"none\" is not a supported algorithm",
        ),
        ("[tokens]\njwks_url = 'http://example.com/'", "longwire.toml:2:1: tokens.jwks_url: use https://"),
        (
            "[limits]\nkeepalive = 30",
            "longwire.toml:2:13: limits.keepalive: invalid type: integer `30`, expected a time such as \"30s\"",
        ),
        (
            "[namespaces.chat]\nrecovery = 'forced'",
            "longwire.toml:2:1: namespaces.chat.recovery: needs history",
        ),
        (
            "[namespaces.chat]\npublish = ['everyone']",
            "longwire.toml:2:12: namespaces.chat.publish.0: unknown variant `everyone`, expected one of `anonymous`",
        ),
        (
            "[namespaces.chat]\nsubscribe = ['hook']",
            "longwire.toml:2:1: namespaces.chat.subscribe: \"hook\" needs hooks.subscribe",
        ),
        (
            "[namespaces.chat]\nname = '('",
            "longwire.toml:2:8: namespaces.chat.name: this is not a regular expression",
        ),
        ("[namespaces.'a:b']", "longwire.toml:1:13: namespaces.a:b: a namespace's name has"),
        ("[api]\nkeys = ['short']", "longwire.toml:2:9: api.keys.0: must have at least 16 bytes"),
        ("[admin]\nenabled = true", "longwire.toml:2:1: admin.enabled: needs admin.password or admin.token"),
        (
            "[broker]\ntype = 'kafka'",
            "longwire.toml:2:8: broker.type: unknown variant `kafka`, expected one of `memory`",
        ),
        (
            "[broker]\nurls = ['redis://a']",
            "longwire.toml:2:9: broker.urls.0: needs type = \"redis\" or \"nats\"",
        ),
        (
            "[broker]\ncluster = true",
            "longwire.toml:2:1: broker.cluster: has no effect without type = \"redis\"",
        ),
        (
            "[broker]\nwhen_down = 'alone'",
            "longwire.toml:2:1: broker.when_down: has no effect without type = \"redis\" or \"nats\"",
        ),
        (
            "[broker]\nwhen_down = 'panic'",
            "longwire.toml:2:13: broker.when_down: unknown variant `panic`, expected `wait` or `alone`",
        ),
    ] {
        let lines = wrong(text, &[]);
        assert!(
            lines.len() == 1 && lines.iter().all(|line| line.starts_with(expected)),
            "{expected}\n{lines:?}"
        );
    }
}

#[cfg(all(feature = "nats", feature = "redis"))]
#[test]
fn a_broker_is_checked_without_a_connection_and_its_secrets_stay_secret() {
    for (rest, expected) in [
        ("type = 'redis'", "longwire.toml:1:2: broker.urls: name a server, such as redis://127.0.0.1"),
        (
            "type = 'redis'\nurls = ['nats://:secret@a']",
            "longwire.toml:3:9: broker.urls.0: begins with redis:// or rediss://",
        ),
        (
            "type = 'redis'\nurls = ['redis://a']\ntoken = 't'",
            "longwire.toml:4:1: broker.token: has no effect without type = \"nats\"",
        ),
        (
            "type = 'redis'\nurls = ['redis://a']\ncluster = true\nsentinel_master = 'm'",
            "longwire.toml:4:1: broker.cluster: not together with sentinel_master",
        ),
        (
            "type = 'nats'\nurls = ['tls://a']\npassword = 'p'\ntoken = 't'",
            "longwire.toml:4:1: broker.password: only one of password, token, nkey and credentials",
        ),
        (
            "type = 'nats'\nurls = ['tls://a']\nnkey = 'secret'\ncredentials = 'c'",
            "longwire.toml:4:1: broker.nkey: only one of password, token, nkey and credentials",
        ),
        (
            "type = 'redis'\nurls = ['redis://a']\nca = 'ca.pem'",
            "longwire.toml:4:1: broker.ca: has no effect without rediss:// in urls",
        ),
        (
            "type = 'redis'\nurls = ['rediss://a']\ncertificate = 'a.pem'",
            "longwire.toml:4:1: broker.certificate: needs broker.key",
        ),
        (
            "type = 'redis'\nurls = ['redis://a']\nstorage = 'memory'",
            "longwire.toml:4:1: broker.storage: has no effect without type = \"nats\"",
        ),
        (
            "type = 'nats'\nurls = ['nats://a']\nstream_bytes = 0",
            "longwire.toml:4:1: broker.stream_bytes: must be above 0",
        ),
        (
            "type = 'nats'\nurls = ['nats://a']\ncheck_interval = '0s'",
            "longwire.toml:4:1: broker.check_interval: must be above 0",
        ),
        (
            "type = 'nats'\nurls = ['nats://a']\ntimeout = '0s'",
            "longwire.toml:4:1: broker.timeout: must be above 0",
        ),
        (
            "type = 'nats'\nurls = ['nats://a']\nalone_after = '5s'",
            "longwire.toml:4:1: broker.alone_after: has no effect without when_down = \"alone\"",
        ),
        (
            "type = 'nats'\nurls = ['nats://a']\nwhen_down = 'alone'\nalone_after = '0s'",
            "longwire.toml:5:1: broker.alone_after: must be above 0",
        ),
    ] {
        let lines = wrong(&format!("[broker]\n{rest}"), &[]);
        assert!(
            lines.len() == 1 && lines[0].starts_with(expected) && !lines[0].contains("secret"),
            "{lines:?}"
        );
    }
    valid("[broker]\ntype = 'redis'\nurls = ['redis://a', 'rediss://b/1']\nca = 'ca.pem'", &[]);
    let nats = "[broker]\ntype = 'nats'\nurls = ['nats://a']\nnkey = 'SU'\nstorage = 'memory'\nstream_bytes = '1GiB'\n\
                certificate = 'a.pem'\nkey = 'a.key'\nping_interval = '1s'\ncheck_interval = '10s'";
    valid(nats, &[]);
    valid("", &[("LONGWIRE_BROKER_TYPE", "nats"), ("LONGWIRE_BROKER_URLS", "nats://a, tls://b")]);
}

#[cfg(not(feature = "redis"))]
#[test]
fn a_program_without_redis_says_how_to_build_one_with_it() {
    let lines = wrong("[broker]\ntype = 'redis'\nurls = ['redis://a']", &[]);
    assert!(
        lines[0].contains("this program was built without redis: build it with --features redis"),
        "{lines:?}"
    );
}

#[test]
fn everything_that_contradicts_itself_is_told_at_once() {
    let lines = wrong("[admin]\nenabled = true\n[api]\nlisten = ['9000']\n[tls]\nkey = 'a.key'", &[]);
    assert_eq!(lines.len(), 3, "{lines:?}");
}

#[test]
fn a_variable_goes_before_the_file_and_is_named_if_it_is_wrong() {
    let text = "[admin]\nenabled = true";
    assert!(!wrong(text, &[]).is_empty());
    valid(text, &[("LONGWIRE_ADMIN_ENABLED", "false")]);
    valid(text, &[("LONGWIRE_ADMIN_PASSWORD", "12345678901234567890")]);
    valid(text, &[("LONGWIRE_ADMIN_TOKEN", "12345678901234567890")]);
    valid(text, &[("LONGWIRE_TOKENS_INSECURE", "true")]);
    valid("", &[("LONGWIRE_LISTEN", "8080, [::1]:9000"), ("LONGWIRE_LIMITS_MAX_MESSAGE", "1MiB")]);
    for (variable, value, expected) in [
        ("LONGWIRE_LISTEN", "8080,nowhere", "LONGWIRE_LISTEN: listen: give host and port"),
        ("LONGWIRE_METRICS", "yes", "LONGWIRE_METRICS: metrics: invalid type"),
        ("LONGWIRE_LIMITS_KEEPALIVE", "0s", "LONGWIRE_LIMITS_KEEPALIVE: limits.keepalive: must be above 0"),
        (
            "LONGWIRE_TOKENS_HMAC_SECRET",
            "short",
            "LONGWIRE_TOKENS_HMAC_SECRET: tokens.hmac_secret: the secret has 5 bytes",
        ),
    ] {
        let lines = wrong("", &[(variable, value)]);
        assert!(lines.len() == 1 && lines.iter().all(|line| line.starts_with(expected)), "{lines:?}");
    }
}

#[test]
fn a_misspelt_variable_is_told_and_those_of_others_are_left_alone() {
    let lines = wrong("", &[("LONGWIRE_TOKENS_HMAC_SECRETS", SECRET)]);
    let expected =
        "LONGWIRE_TOKENS_HMAC_SECRETS: there is no such variable; did you mean LONGWIRE_TOKENS_HMAC_SECRET?";
    assert_eq!(lines, [expected]);
    let others = [
        "LONGWIRE_LOG",
        "LONGWIRE_PORT",
        "LONGWIRE_SERVICE_HOST",
        "LONGWIRE_PORT_8080_TCP",
        "LONGWIRE_CERTS",
    ];
    valid("", &others.map(|name| (name, "tcp://10.0.0.1:8080")));
}

/// A secret in the wrong place would otherwise end up in a log.
#[test]
fn a_secret_is_not_printed() {
    let text =
        format!("[tokens]\nhmac_secret = '{SECRET}'\n[admin]\nenabled = true\npassword = 'tellnobody'");
    let lines = wrong(&text, &[]).concat();
    assert!(!lines.contains("tellnobody") && !lines.contains(SECRET), "{lines}");
    let lines = wrong("[api]\nkeys = 'tellnobody'", &[]);
    assert_eq!(lines, ["longwire.toml:2:8: api.keys: invalid type: string \"…\", expected a sequence"]);
}

fn verify(token: &str, now: Millis) -> ConnectionToken {
    let keys = Keys::new().hmac(Algorithm::Hs256, SECRET.as_bytes()).unwrap();
    match TokenVerifier::new(keys).audience("chat").connection(token.trim_end(), now) {
        Call::Ready(verified) => verified.unwrap(),
        Call::Later(_) => panic!("there is nothing to wait for"),
    }
}

fn now() -> Millis {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Millis(u64::try_from(now.as_millis()).unwrap())
}

#[test]
fn a_token_is_what_the_configuration_demands() {
    let here = folder(&format!("[tokens]\nhmac_secret = '{SECRET}'\naudience = 'chat'"));
    let args =
        ["token", "--user", "42", "--channels", "news,chat:tea", "--ttl", "1h", "--info", r#"{"a":1}"#];
    let token = verify(&printed(here.path(), &args, &[]), now());
    assert_eq!(token.user, "42");
    assert_eq!(token.info.as_deref(), Some(r#"{"a":1}"#));
    let channels: Vec<&str> = token.subscriptions.keys().map(|name| &**name).collect();
    assert_eq!(channels, ["chat:tea", "news"]);
    let lifetime = token.expires_at.unwrap().since(token.issued_at.unwrap());
    assert_eq!(lifetime.as_secs(), 3_600);
}

#[test]
fn a_subscription_token_is_for_its_channel() {
    let here = tempfile::tempdir().unwrap();
    let variables = [("LONGWIRE_TOKENS_HMAC_SECRET", SECRET)];
    let token = printed(here.path(), &["token", "--user", "42", "--subscribe", "$dialogs:7"], &variables);
    let keys = Keys::new().hmac(Algorithm::Hs256, SECRET.as_bytes()).unwrap();
    let Call::Ready(verified) = TokenVerifier::new(keys).subscription(token.trim_end(), now()) else {
        panic!("there is nothing to wait for")
    };
    assert_eq!(verified.unwrap().check(&"$dialogs:7".parse().unwrap(), "42", "any"), Ok(()));
}

#[test]
fn without_a_secret_the_missing_key_is_named() {
    let here = tempfile::tempdir().unwrap();
    let (code, complaint) = refused(here.path(), &["token", "--user", "42"], &[]);
    assert_eq!(code, Some(1));
    assert!(
        complaint.starts_with(
            "longwire: there is no secret to sign with; add hmac_secret = \"…\" to [tokens] of longwire.toml"
        ),
        "{complaint}"
    );
}

#[test]
fn arguments_of_a_token_that_make_no_sense_exit_with_2() {
    let here = folder(&format!("[tokens]\nhmac_secret = '{SECRET}'"));
    for (args, word) in [
        (&["token"][..], "--user"),
        (&["token", "--user", "42", "--ttl", "10"], "90s"),
        (&["token", "--user", "42", "--channels", "a\nb"], "is not a channel"),
        (&["token", "--user", "42", "--channels", "a", "--subscribe", "b"], "--subscribe"),
        (&["token", "--user", "42", "--info", "{"], "--info is not JSON"),
    ] {
        let (code, complaint) = refused(here.path(), args, &[]);
        assert!(code == Some(2) && complaint.contains(word), "{args:?}: {complaint}");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let here = tempfile::tempdir().unwrap();
    let (code, complaint) = refused(here.path(), &["config", "check", "other.toml"], &[]);
    assert_eq!(code, Some(1));
    assert!(complaint.starts_with("longwire: cannot read other.toml: "), "{complaint}");
}
