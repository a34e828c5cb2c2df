//! Runs a program for each message: `connect --exec`.

use std::process::Stdio;

use longwire::Message;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Stands for a text message in an argument.
const PLACE: &str = "{}";

/// A program and its arguments.
#[derive(Debug, Clone)]
pub(super) struct External {
    program: String,
    arguments: Vec<String>,
}

impl External {
    /// `None` if the words are empty.
    pub(super) fn new(words: &[String]) -> Option<External> {
        let (program, arguments) = words.split_first()?;
        Some(External { program: program.clone(), arguments: arguments.to_vec() })
    }

    /// Runs the program with this message, and waits for its end.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the program is killed.
    ///
    /// # Errors
    ///
    /// A sentence, if the program cannot be run or fails.
    pub(super) async fn run(&self, message: &Message) -> Result<(), String> {
        let opcode = if message.as_text().is_some() { "text" } else { "binary" };
        let mut command = Command::new(&self.program);
        command
            .args(self.arguments_for(message)?)
            .env("LONGWIRE_OPCODE", opcode)
            .stdin(Stdio::piped())
            .kill_on_drop(true);
        let cannot = |error| format!("cannot run {}: {error}", self.program);
        let mut child = command.spawn().map_err(cannot)?;
        if let Some(mut input) = child.stdin.take() {
            // A program need not read its input: then this fails, and its exit code says how it went.
            let _unread = input.write_all(message.as_bytes()).await;
        }
        let status = child.wait().await.map_err(cannot)?;
        if status.success() { Ok(()) } else { Err(format!("{} failed: {status}", self.program)) }
    }

    fn arguments_for(&self, message: &Message) -> Result<Vec<String>, String> {
        if !self.arguments.iter().any(|argument| argument.contains(PLACE)) {
            return Ok(self.arguments.clone());
        }
        match message.as_text() {
            Some(text) if !text.contains('\0') => {
                Ok(self.arguments.iter().map(|argument| argument.replace(PLACE, text)).collect())
            }
            Some(_) => Err(format!(
                "{} was not run: the message has a NUL character, which no argument can have",
                self.program
            )),
            None => Err(format!("{} was not run: a binary message cannot be an argument", self.program)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn external(words: &[&str]) -> External {
        External::new(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_message_is_one_argument_whatever_is_in_it() {
        let external = external(&["echo", "--", "<{}>", "x"]);
        let arguments = external.arguments_for(&Message::from("a b; rm $HOME `x` {}")).unwrap();
        assert_eq!(arguments, ["--", "<a b; rm $HOME `x` {}>", "x"]);
        assert!(external.arguments_for(&Message::from("a\0b")).unwrap_err().contains("NUL"));
        assert!(external.arguments_for(&Message::from(vec![1])).unwrap_err().contains("binary"));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn failures_are_said() {
        let message = Message::from("hello");
        assert_eq!(external(&["grep", "-q", "hello"]).run(&message).await, Ok(()));
        let failed = external(&["grep", "-q", "bye"]).run(&message).await.unwrap_err();
        assert!(failed.starts_with("grep failed: exit status: 1"), "{failed}");
        let missing = external(&["/nonexistent/program"]).run(&message).await.unwrap_err();
        assert!(missing.starts_with("cannot run /nonexistent/program"), "{missing}");
        // It ends without reading more than a pipe holds.
        assert_eq!(external(&["true"]).run(&Message::from("x".repeat(1 << 20))).await, Ok(()));
    }
}
