//! Messages that are compressed once for several connections.

use std::sync::OnceLock;

use bytes::Bytes;

use super::agreement::WindowBits;

/// The compressed payloads of one message: one per window, compressed when the first connection with that window needs
/// it. No payload refers to earlier data.
#[derive(Debug, Default)]
pub(crate) struct OncePerWindow {
    /// Indexed by [`WindowBits`], from 9 bits on. Inner `None`: send the message uncompressed.
    payloads: [OnceLock<Option<Bytes>>; WINDOWS],
}

const WINDOWS: usize = 7;

impl OncePerWindow {
    /// The payload for `window`, made by `compress` on first use.
    pub(super) fn get(&self, window: WindowBits, compress: impl FnOnce() -> Option<Bytes>) -> Option<&Bytes> {
        let index = window.get().checked_sub(WindowBits::MIN_COMPRESS.get())?;
        self.payloads.get(usize::from(index))?.get_or_init(compress).as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_window_is_compressed_for_once() {
        let once = OncePerWindow::default();
        for bits in 9..=15 {
            let window = WindowBits::new(bits).unwrap();
            let payload = Bytes::from(vec![bits]);
            assert_eq!(once.get(window, || Some(payload.clone())), Some(&payload));
            assert_eq!(once.get(window, || panic!("{bits} bits again")), Some(&payload));
        }
    }

    #[test]
    fn what_could_not_be_compressed_is_not_tried_again() {
        let once = OncePerWindow::default();
        assert_eq!(once.get(WindowBits::MAX, || None), None);
        assert_eq!(once.get(WindowBits::MAX, || panic!("again")), None);
        assert_eq!(once.get(WindowBits::MIN, || panic!("zlib has no such window")), None);
    }
}
