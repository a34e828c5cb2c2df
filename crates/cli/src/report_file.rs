//! Where reports go. Files are looked at before the run, so that no run is in vain, and replaced as a whole after it.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::failure::Failure;
use crate::standard_output;

/// The exit code if a report cannot be written: the same before a run and after it.
const UNWRITTEN: u8 = 2;

/// A file that a report can be written to.
pub(crate) struct ReportFile {
    /// The flag that names it.
    flag: &'static str,
    /// The file itself, behind symbolic links.
    path: PathBuf,
    how: Writing,
}

/// How a file gets its new content.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Writing {
    /// Another file takes its place, so that there never is half a report.
    Replaced,
    /// It is a pipe or a device, or its folder takes no other file.
    InPlace,
}

impl ReportFile {
    /// Finds out whether the file can be written. What is in it stays until [`write`](ReportFile::write).
    pub(crate) fn check(flag: &'static str, path: &Path) -> Result<ReportFile, Failure> {
        let found = find(path);
        let (path, how) = found.map_err(|error| {
            Failure::Usage(format!("{flag} {}: it cannot be written: {error}", path.display()))
        })?;
        Ok(ReportFile { flag, path, how })
    }

    /// Refuses two reports in one file.
    pub(crate) fn check_apart<'f>(files: impl IntoIterator<Item = &'f ReportFile>) -> Result<(), Failure> {
        let mut seen: Vec<&ReportFile> = Vec::new();
        for file in files.into_iter().filter(|file| file.how == Writing::Replaced) {
            if let Some(other) = seen.iter().find(|other| other.path == file.path) {
                return Err(Failure::Usage(format!(
                    "{} and {} are the same file, {}; give each report one of its own",
                    other.flag,
                    file.flag,
                    file.path.display()
                )));
            }
            seen.push(file);
        }
        Ok(())
    }

    /// Writes the report.
    pub(crate) fn write(self, text: &str) -> Result<(), Failure> {
        let written = match self.how {
            Writing::Replaced => replace(&self.path, text),
            Writing::InPlace => fs::write(&self.path, text),
        };
        written.map_err(|error| unwritten(format!("cannot write {}: {error}", self.path.display())))
    }
}

/// Prints a report. A reader who has seen enough and closes the pipe is not a failure.
pub(crate) fn print_report(text: &str) -> Result<(), Failure> {
    standard_output::print(text.as_bytes()).map(drop).map_err(|failure| unwritten(failure.to_string()))
}

/// The failure of a report that cannot be written.
pub(crate) fn unwritten(message: String) -> Failure {
    Failure::Coded { message, code: UNWRITTEN }
}

fn find(path: &Path) -> io::Result<(PathBuf, Writing)> {
    let (path, exists) = match fs::metadata(path) {
        Ok(known) if known.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(known) if !known.is_file() => return Ok((path.to_owned(), Writing::InPlace)),
        Ok(_) => {
            fs::OpenOptions::new().write(true).open(path)?;
            (fs::canonicalize(path)?, true)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
            (fs::canonicalize(folder(path))?.join(name), false)
        }
        Err(error) => return Err(error),
    };
    match beside(&path) {
        Ok(_removed_again) => Ok((path, Writing::Replaced)),
        Err(_) if exists => Ok((path, Writing::InPlace)),
        Err(error) => Err(error),
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A new file in the same folder, which is removed unless it takes the other's place.
fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let mut new = tempfile::Builder::new();
    new.prefix(".longwire-");
    #[cfg(unix)]
    // Those of any new file: the system takes away what its mask says.
    new.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    new.tempfile_in(folder(path))
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut new = beside(path)?;
    if let Ok(old) = fs::metadata(path) {
        new.as_file().set_permissions(old.permissions())?;
    }
    new.write_all(text.as_bytes())?;
    new.as_file().sync_all()?;
    new.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_takes_the_place_of_the_old_one_and_leaves_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.json");
        for text in ["a first report", "a second"] {
            let file = ReportFile::check("--json", &path).unwrap();
            ReportFile::check_apart([&file]).unwrap();
            file.write(text).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_look_leaves_the_file_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let [old, new] = ["old", "new"].map(|name| dir.path().join(name));
        fs::write(&old, "before").unwrap();
        assert!(ReportFile::check("--json", &old).is_ok() && ReportFile::check("--json", &new).is_ok());
        assert_eq!(fs::read_to_string(&old).unwrap(), "before");
        assert!(!new.exists());
    }

    #[test]
    fn what_cannot_be_written_is_refused_with_its_flag() {
        let dir = tempfile::tempdir().unwrap();
        for path in [dir.path().join("no/a.json"), dir.path().to_owned(), "".into()] {
            let error = ReportFile::check("--json", &path).map(drop).unwrap_err().to_string();
            assert!(error.starts_with("--json ") && error.contains("it cannot be written: "), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link_and_two_names_of_a_file_are_one() {
        let dir = tempfile::tempdir().unwrap();
        let [file, link] = ["file", "link"].map(|name| dir.path().join(name));
        fs::write(&file, "before").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let [one, other] =
            [("--json", &file), ("--html", &link)].map(|(flag, path)| ReportFile::check(flag, path).unwrap());
        let error = ReportFile::check_apart([&one, &other]).unwrap_err().to_string();
        assert!(error.contains("--json and --html are the same file"), "{error}");
        other.write("after").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "after");
    }

    #[cfg(unix)]
    #[test]
    fn devices_are_written_to() {
        let [one, other] =
            ["--json", "--html"].map(|flag| ReportFile::check(flag, Path::new("/dev/null")).unwrap());
        ReportFile::check_apart([&one, &other]).unwrap();
        one.write("nobody reads it").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        drop(other);
    }
}
