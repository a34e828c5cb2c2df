//! What the server or client makes of frames: bytes in, bytes out.

use longwire_wire::bits::{BINARY, CLOSE, CONTINUATION, FIN, PING, PONG, RSV1, TEXT};
use longwire_wire::{DeclaredLen, Mask, RawFrame, Role};

use crate::deflate::{Agreement, Deflater, Inflater};
use crate::fault::Fault;

/// The longest message that it takes.
const LIMIT: u64 = 16 << 20;

pub(crate) struct Engine {
    role: Role,
    fault: Option<Fault>,
    compression: Option<(Inflater, Deflater)>,
    buffer: Vec<u8>,
    message: Option<(u8, bool, Vec<u8>)>,
    late_pongs: Vec<Vec<u8>>,
    /// The masking key of the last frame.
    key: u32,
    pub(crate) out: Vec<u8>,
    pub(crate) state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Open,
    /// A Close frame was sent: nothing is read any more.
    Closed,
    /// The connection ends at once.
    Gone,
}

struct Header {
    first: u8,
    len: u64,
    is_shortest: bool,
    key: Option<[u8; 4]>,
    size: usize,
}

impl Header {
    fn of(bytes: &[u8]) -> Option<Header> {
        let (&first, &second) = (bytes.first()?, bytes.get(1)?);
        let (len, size) = match second & 0x7f {
            126 => (u64::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)), 4),
            127 => (u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?), 10),
            len => (u64::from(len), 2),
        };
        let is_shortest = match size {
            4 => len > 125,
            10 => len > 65_535,
            _ => true,
        };
        let key = if second & 0x80 == 0 { None } else { Some(bytes.get(size..size + 4)?.try_into().ok()?) };
        Some(Header { first, len, is_shortest, key, size: size + if key.is_some() { 4 } else { 0 } })
    }

    fn opcode(&self) -> u8 {
        self.first & 0xf
    }
}

impl Engine {
    pub(crate) fn new(role: Role, agreement: Option<Agreement>, fault: Option<Fault>) -> Engine {
        let compression = agreement.map(|agreement| {
            let ours = if fault == Some(Fault::KeepsContext) {
                Agreement {
                    server_no_context_takeover: false,
                    client_no_context_takeover: false,
                    ..agreement
                }
            } else {
                agreement
            };
            (Inflater::of(role.other(), agreement), Deflater::of(role, ours))
        });
        Engine {
            role,
            fault,
            compression,
            buffer: Vec::new(),
            message: None,
            late_pongs: Vec::new(),
            key: 1,
            out: Vec::new(),
            state: State::Open,
        }
    }

    fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    /// How many bytes to read at a time. The engine looks at the whole of an unfinished message after each read, so reads are
    /// large, unless each is taken for a frame: then they are records of TLS.
    pub(crate) fn longest_read(&self) -> usize {
        if self.is(Fault::TakesReadsForFrames) { 16 << 10 } else { 1 << 20 }
    }

    /// Receives what a read returned.
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        let taken = if self.is(Fault::TakesReadsForFrames) {
            RawFrame::parse(bytes).map_or(0, |(_, used)| used)
        } else {
            bytes.len()
        };
        self.buffer.extend_from_slice(bytes.get(..taken).unwrap_or_default());
        if self.is(Fault::Silent) {
            return;
        }
        while self.state == State::Open && self.step().is_some() {}
    }

    /// Handles one frame, or notices early that it cannot become a valid one. `None` until more arrives.
    fn step(&mut self) -> Option<()> {
        let header = Header::of(&self.buffer)?;
        let broken = self.broken(&header);
        let there = self.buffer.get(header.size..).unwrap_or_default();
        let len = usize::try_from(header.len).unwrap_or(usize::MAX);
        let is_whole = there.len() >= len;
        let payload: Vec<u8> = unmask(there.get(..len.min(there.len())).unwrap_or_default(), header.key);
        if let Some(code) = broken {
            if !self.is(Fault::NeverFails) {
                self.fail(code);
                return Some(());
            }
        } else if self.is_bad_text(&header, &payload) {
            self.fail(1007);
            return Some(());
        }
        if !is_whole {
            return None;
        }
        self.buffer.drain(..header.size + len);
        if broken.is_none() || !self.is(Fault::NeverFails) {
            self.frame(&header, payload);
        }
        Some(())
    }

    /// The code for a header that breaks a rule.
    fn broken(&self, header: &Header) -> Option<u16> {
        let opcode = header.opcode();
        let is_control = opcode & 8 != 0;
        let rsv1_is_meant = self.compression.is_some() && matches!(opcode, TEXT | BINARY);
        let allowed = match () {
            () if self.is(Fault::TakesReservedBits) => 0x70,
            () if rsv1_is_meant || self.is(Fault::TakesRsv1Anywhere) => RSV1,
            () => 0,
        };
        let is_reserved = matches!(opcode, 3..=7 | 11..=15);
        let is_out_of_order =
            !is_control && !is_reserved && self.message.is_some() != (opcode == CONTINUATION);
        let is_masked_wrongly = header.key.is_some() != (self.role == Role::Server);
        let is_wrong = (is_masked_wrongly && !self.is(Fault::TakesWronglyMasked))
            || header.first & 0x70 & !allowed != 0
            || (is_reserved && !self.is(Fault::TakesReservedOpcodes))
            || (is_control
                && (header.len > 125 || header.first & FIN == 0)
                && !self.is(Fault::TakesLongControlFrames))
            || (!header.is_shortest && !self.is(Fault::TakesLongerLengths))
            || (is_out_of_order && !self.is(Fault::TakesAnyOrder));
        match () {
            () if is_wrong || header.len >> 63 != 0 => Some(1002),
            () if header.len > LIMIT => Some(1009),
            () if self.is(Fault::TakesUpTo32Kib) && !is_control && self.would_have(header) > 32 << 10 => {
                Some(1009)
            }
            () => None,
        }
    }

    /// How long the message is with this frame.
    fn would_have(&self, header: &Header) -> u64 {
        let begun = self.message.as_ref().map_or(0, |(_, _, payload)| payload.len());
        header.len.saturating_add(begun as u64)
    }

    /// Whether text that is not compressed cannot become UTF-8 any more.
    fn is_bad_text(&self, header: &Header, payload: &[u8]) -> bool {
        let lenient = [Fault::NeverFails, Fault::TakesAnyText, Fault::JudgesTextAtTheEnd];
        if lenient.iter().any(|fault| self.is(*fault)) {
            return false;
        }
        let before = match (&self.message, header.opcode()) {
            (Some((TEXT, false, before)), CONTINUATION) => before.as_slice(),
            (None, TEXT) if header.first & RSV1 == 0 => &[],
            _ => return false,
        };
        let text = [before, payload].concat();
        matches!(std::str::from_utf8(&text), Err(error) if error.error_len().is_some())
    }

    fn frame(&mut self, header: &Header, payload: Vec<u8>) {
        match header.opcode() {
            PING if self.is(Fault::EmptyPongs) => self.send(FIN | PONG, Vec::new()),
            PING if self.is(Fault::PongsAfterTheMessage) && self.message.is_some() => {
                self.late_pongs.push(payload);
            }
            PING => self.send(FIN | PONG, payload),
            PONG => {}
            CLOSE => self.close(&payload),
            3..=7 | 11..=15 => {}
            opcode => self.data(header, opcode, payload),
        }
    }

    fn data(&mut self, header: &Header, opcode: u8, payload: Vec<u8>) {
        let (opcode, is_compressed, message) = match self.message.take() {
            Some((opcode, is_compressed, before)) => (opcode, is_compressed, [before, payload].concat()),
            None => (opcode, header.first & RSV1 != 0 && self.compression.is_some(), payload),
        };
        if header.first & FIN == 0 {
            self.message = Some((opcode, is_compressed, message));
            return;
        }
        for payload in std::mem::take(&mut self.late_pongs) {
            self.send(FIN | PONG, payload);
        }
        let inflated = match &mut self.compression {
            Some((inflater, _)) if is_compressed => inflater.inflate(&message),
            _ => Some(message),
        };
        let is_lenient = self.is(Fault::TakesAnyText) || self.is(Fault::NeverFails);
        match inflated {
            None if self.is(Fault::NeverFails) => {}
            None => self.fail(1007),
            Some(text) if opcode == TEXT && std::str::from_utf8(&text).is_err() && !is_lenient => {
                self.fail(1007);
            }
            Some(message) if self.is(Fault::TakesUpTo32Kib) && message.len() > 32 << 10 => self.fail(1009),
            Some(message) => self.echo(opcode, message, is_compressed),
        }
    }

    fn echo(&mut self, opcode: u8, mut message: Vec<u8>, is_compressed: bool) {
        if self.is(Fault::NoEcho) {
            return;
        }
        let opcode = if self.is(Fault::SwapsTypes) { opcode ^ 3 } else { opcode };
        if self.is(Fault::CutsLongMessages) && message.len() > 65_535 {
            message.pop();
        }
        if self.is(Fault::EndlessFragments) {
            self.send(opcode, vec![b'x'; 32 << 20]);
            (0..3).for_each(|_| self.send(CONTINUATION, vec![b'x'; 32 << 20]));
            return;
        }
        match &mut self.compression {
            Some((_, deflater)) if is_compressed => {
                let payload = deflater.compress(&message);
                self.send(FIN | RSV1 | opcode, payload);
            }
            _ => self.send(FIN | opcode, message),
        }
    }

    fn close(&mut self, payload: &[u8]) {
        let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
        let may_be_sent = |code| matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
        let reason = payload.get(2..).unwrap_or_default();
        match code {
            None if payload.len() == 1 => self.fail_unless(Fault::TakesAnyReason, 1002),
            Some(code) if !may_be_sent(code) => self.fail_unless(Fault::TakesAnyCloseCode, 1002),
            Some(_) if std::str::from_utf8(reason).is_err() => self.fail_unless(Fault::TakesAnyReason, 1007),
            Some(_) if self.is(Fault::AnswersCloseWith1001) => self.send_close(Some(1001)),
            code => self.send_close(code),
        }
    }

    fn fail_unless(&mut self, fault: Fault, code: u16) {
        match () {
            () if self.is(fault) => self.send_close(Some(1000)),
            () if self.is(Fault::NeverFails) => {}
            () => self.fail(code),
        }
    }

    fn fail(&mut self, code: u16) {
        match self.fault {
            Some(Fault::FailsAbruptly) => self.state = State::Gone,
            Some(Fault::FailsWith1000) => self.send_close(Some(1000)),
            Some(Fault::FailsWith1011) => self.send_close(Some(1011)),
            _ => self.send_close(Some(code)),
        }
    }

    fn send_close(&mut self, code: Option<u16>) {
        self.send(FIN | CLOSE, code.map_or(Vec::new(), |code| code.to_be_bytes().to_vec()));
        if !self.is(Fault::GoesOnAfterClose) {
            self.state = State::Closed;
        }
    }

    fn send(&mut self, first: u8, payload: Vec<u8>) {
        if self.is(Fault::PongsUnasked) {
            let pong = RawFrame::pong("still here").masked(self.mask());
            self.out.extend(pong.encode(self.role));
        }
        let mut frame = RawFrame::new(first, payload).masked(self.mask());
        if self.is(Fault::SendsLongerLengths) {
            let len = DeclaredLen::In64Bits(frame.payload.len() as u64);
            frame = frame.declaring(len);
        }
        self.out.extend(frame.encode(self.role));
    }

    /// The mask of the next frame.
    fn mask(&mut self) -> Mask {
        let is_masked = (self.role == Role::Client) != self.is(Fault::MasksWrongly);
        let last = self.key;
        self.key = match self.fault {
            Some(Fault::CountsKeys) => last.wrapping_add(1),
            Some(Fault::SameKey) => last,
            _ => last.wrapping_mul(1_664_525).wrapping_add(1_013_904_223),
        };
        if is_masked { Mask::Key(self.key.to_be_bytes()) } else { Mask::Absent }
    }
}

fn unmask(payload: &[u8], key: Option<[u8; 4]>) -> Vec<u8> {
    let key = key.unwrap_or_default();
    payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect()
}
