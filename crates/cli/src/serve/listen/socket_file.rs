//! Unix sockets, and the files by which clients find them.

use std::fs::{self, Metadata, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use tokio::net::UnixStream;

use crate::failure::Failure;

/// Who may connect: the owner and the group of the file.
const MODE: u32 = 0o660;

/// The file of a Unix socket. Dropping this removes it, unless another socket has taken its place.
pub(super) struct SocketFile {
    path: PathBuf,
    /// Device and inode.
    identity: Option<(u64, u64)>,
}

impl SocketFile {
    /// Listens at this path. The file of a server that has ended is replaced.
    pub(super) async fn bind(path: &Path) -> Result<(UnixListener, SocketFile), Failure> {
        let bound = match UnixListener::bind(path) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                make_room(path).await?;
                UnixListener::bind(path)
            }
            bound => bound,
        };
        let failed = |error: io::Error| Failure::Other(format!("cannot listen on {}: {error}", shown(path)));
        let listener = bound.map_err(failed)?;
        let identity = fs::symlink_metadata(path).ok().map(|file| identity(&file));
        let file = SocketFile { path: path.to_owned(), identity };
        fs::set_permissions(path, Permissions::from_mode(MODE)).map_err(failed)?;
        Ok((listener, file))
    }
}

/// Removes the file of a socket on which nobody listens.
async fn make_room(path: &Path) -> Result<(), Failure> {
    let problem = |why: &str| Failure::Other(format!("cannot listen on {}: {why}", shown(path)));
    let Ok(file) = fs::symlink_metadata(path) else { return Ok(()) };
    if !file.file_type().is_socket() {
        return Err(problem("the file exists and is not a socket"));
    }
    match UnixStream::connect(path).await {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(|error| problem(&format!("cannot remove the old socket: {error}")))
        }
        // Also if its queue is full, or this program may not connect.
        _ => {
            Err(problem("it is already in use; stop the other server, or choose another path with --listen"))
        }
    }
}

fn shown(path: &Path) -> String {
    crate::terminal::escape(&format!("unix:{}", path.display()))
}

fn identity(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let there = fs::symlink_metadata(&self.path).ok().map(|file| identity(&file));
        if there.is_some() && there == self.identity {
            // It is of no use any more, but harms nobody.
            let _stays = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(bound: Result<(UnixListener, SocketFile), Failure>) -> String {
        match bound {
            Err(Failure::Other(why)) => why,
            _ => panic!("it listens"),
        }
    }

    #[tokio::test]
    async fn the_file_of_a_dead_server_is_replaced_and_removed_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        drop(UnixListener::bind(&path).unwrap());
        let (listener, file) = SocketFile::bind(&path).await.unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, MODE);
        assert!(why(SocketFile::bind(&path).await).contains("already in use"));
        assert!(UnixStream::connect(&path).await.is_ok(), "the living server still has its file");
        drop((listener, file));
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn another_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        fs::write(&path, "text").unwrap();
        assert!(why(SocketFile::bind(&path).await).contains("is not a socket"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "text");
        fs::remove_file(&path).unwrap();

        let (listener, file) = SocketFile::bind(&path).await.unwrap();
        fs::remove_file(&path).unwrap();
        let _next = UnixListener::bind(&path).unwrap();
        drop((listener, file));
        assert!(path.exists(), "it is the next server's");
    }
}
