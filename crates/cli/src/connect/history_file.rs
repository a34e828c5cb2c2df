//! Where the lines are kept that were typed: for the next run, readable by this user only.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

/// Names the file, or keeps none if it is empty.
const VARIABLE: &str = "LONGWIRE_HISTORY";

/// The file of this user, in a folder that exists. `None`: nothing is kept.
pub(super) fn path() -> Option<PathBuf> {
    let path = place(|name| env::var_os(name))?;
    // If this fails, opening the file will, too.
    let _created = path.parent().map(std::fs::create_dir_all);
    Some(path)
}

fn place(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    if let Some(path) = variable(VARIABLE) {
        return (!path.is_empty()).then(|| path.into());
    }
    let folder = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = if cfg!(windows) {
        folder("LOCALAPPDATA")
    } else {
        // XDG Base Directory Specification.
        folder("XDG_STATE_HOME").or_else(|| folder("HOME").map(|home| home.join(".local/state")))
    };
    state.map(|state| state.join("longwire").join("history"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn the_file_is_where_the_user_or_the_system_keeps_such_files() {
        let with = |variables: &[(&str, &str)]| {
            place(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()))
        };
        let home = ("HOME", "/home/me");
        assert_eq!(with(&[home]), Some("/home/me/.local/state/longwire/history".into()));
        assert_eq!(with(&[home, ("XDG_STATE_HOME", "/state")]), Some("/state/longwire/history".into()));
        assert_eq!(
            with(&[home, ("XDG_STATE_HOME", "")]),
            Some("/home/me/.local/state/longwire/history".into())
        );
        assert_eq!(with(&[home, (VARIABLE, "/tmp/lines")]), Some("/tmp/lines".into()));
        assert_eq!(with(&[home, (VARIABLE, "")]), None);
        assert_eq!(with(&[]), None);
    }
}
