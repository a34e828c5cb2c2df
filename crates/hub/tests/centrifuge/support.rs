//! What the tests share.

use longwire_hub::centrifuge::{Command, Commands, Encoding, FrameError, FrameLimits};

/// The commands of a frame.
pub(crate) fn read(encoding: Encoding, frame: &[u8]) -> Result<Vec<Command>, FrameError> {
    Commands::new(encoding, frame, FrameLimits::default()).collect()
}

/// Bytes from hexadecimal.
pub(crate) fn unhex(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        hex.chars().map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap()).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// Hexadecimal of bytes.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
