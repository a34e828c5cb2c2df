//! Hides secrets in what a report shows.

/// Headers whose values are secrets, whoever sends them.
const SECRET: [&str; 4] = ["Authorization", "Cookie", "Proxy-Authorization", "Set-Cookie"];

/// What stands where a secret was.
const HIDDEN: &str = "…";

/// A shorter value is hidden in its header only: elsewhere, the same characters are rarely it.
const TELLING: usize = 6;

/// The text of a dialogue without the values of these headers and of those that are always secret.
pub(crate) fn without_secrets(text: &str, headers: &[(String, String)]) -> String {
    let names = SECRET.into_iter().chain(headers.iter().map(|(name, _)| name.as_str()));
    let hidden = names.fold(text.to_owned(), |text, name| without_value_of(&text, name));
    headers.iter().fold(hidden, |text, (_, value)| {
        // A server may send a credential back without the scheme before it.
        let last = value.rsplit(' ').next().unwrap_or_default();
        let telling = [value.as_str(), last].into_iter().filter(|secret| secret.len() >= TELLING);
        telling.fold(text, |text, secret| {
            text.replace(secret, HIDDEN).replace(&secret.escape_debug().to_string(), HIDDEN)
        })
    })
}

/// Hides each value of the header: heads are shown as lines in quotes, or as one text with the escapes `\r\n`.
fn without_value_of(text: &str, name: &str) -> String {
    // Lower case in ASCII changes no positions.
    let lower = text.to_ascii_lowercase();
    let name = name.to_ascii_lowercase();
    let mut shown = String::with_capacity(text.len());
    let mut kept = 0;
    for (place, _) in lower.match_indices(&name) {
        let after = place + name.len();
        let rest = text.get(after..).unwrap_or_default();
        let Some((space, _)) = rest.split_once(':') else { break };
        let is_name = is_line_start(text.get(..place).unwrap_or_default());
        if place < kept || !is_name || !space.chars().all(char::is_whitespace) {
            continue;
        }
        let value = after + space.len() + 1;
        shown.push_str(text.get(kept..value).unwrap_or_default());
        shown.push(' ');
        shown.push_str(HIDDEN);
        kept = value + value_len(text.get(value..).unwrap_or_default());
    }
    shown.push_str(text.get(kept..).unwrap_or_default());
    shown
}

/// Whether a line of a head begins behind this text.
fn is_line_start(before: &str) -> bool {
    let before = before.trim_end_matches(' ');
    before.is_empty() || before.ends_with(['"', '\n']) || before.ends_with("\\n")
}

/// How long a value is: it ends with the line, or with the quote that ends the text.
fn value_len(text: &str) -> usize {
    let mut is_escaped = false;
    for (place, character) in text.char_indices() {
        match character {
            // The backslash before it stays with what follows.
            'r' | 'n' if is_escaped => return place - 1,
            '"' if !is_escaped => return place,
            '\n' => return place,
            _ => is_escaped = character == '\\' && !is_escaped,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use longwire_wire::{Head, Peer};

    use super::*;

    fn secret() -> Vec<(String, String)> {
        vec![("X-Token".to_owned(), "open\"sesame".to_owned()), ("X-Short".to_owned(), "7".to_owned())]
    }

    #[tokio::test]
    async fn heads_keep_their_names_and_lose_their_secrets() {
        let head =
            secret().iter().fold(Head::upgrade("/", "a"), |head, (name, value)| head.with(name, value));
        let head = head.with("Authorization", "Basic dXNlcjpwYXNz").with("cookie", "sid=hush-hush; b=c");
        let (ours, _theirs) = tokio::io::duplex(10_000);
        let mut peer = Peer::client(ours);
        peer.send_head(&head).await.unwrap();
        for (name, value) in &head.fields {
            let alone = Head::new("GET /").with(name, value).encode();
            peer.send_bytes(&alone).await.unwrap();
            peer.send_bytes(&[&[0xff], alone.as_slice()].concat()).await.unwrap();
        }
        let shown = without_secrets(&peer.transcript().to_string(), &secret());
        for word in ["sesame", "dXNlcjpwYXNz", "hush", "Basic", ": 7"] {
            assert!(!shown.contains(word), "{word}: {shown}");
        }
        for word in ["X-Token: …", "Authorization: …", "cookie: …", "Upgrade: websocket"] {
            assert_eq!(shown.matches(word).count(), 3, "{word}: {shown}");
        }
    }

    #[test]
    fn a_secret_that_comes_back_is_hidden() {
        let headers = [("Authorization".to_owned(), "Bearer 123456".to_owned())];
        let shown = without_secrets("  received TEXT \"you are 123456\"\n", &headers);
        assert_eq!(shown, "  received TEXT \"you are …\"\n");
    }

    #[test]
    fn what_is_no_header_stays() {
        let text =
            "  sent     TEXT \"a cookie is: sweet\"\n  received \"HTTP/1.1 200 OK\", \"X-Cookies: 3\"\n";
        assert_eq!(without_secrets(text, &[]), text);
    }
}
