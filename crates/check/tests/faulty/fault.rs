//! What a server can do wrong on purpose.

/// One thing that a server does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Accepts whatever ends in an empty line.
    AcceptsAnything,
    RefusesEverything,
    /// Chooses a subprotocol that nobody offered.
    ChoosesUnoffered,
    /// Agrees to a window that is larger than any.
    AgreesWrongly,
    /// Makes `Sec-WebSocket-Accept` of another key.
    AcceptOfAnotherKey,
    /// Takes a token for one that contains it.
    FindsTokensAnywhere,
    ComparesHeadersByCase,
    TakesAnyKey,
    TakesAnyVersion,
    /// Compares only the beginning of the origin.
    OriginByPrefix,
    /// Goes on after a violation as if the frame had not come.
    NeverFails,
    /// Reads everything and sends nothing.
    Silent,
    TakesUnmasked,
    TakesReservedBits,
    TakesReservedOpcodes,
    TakesLongControlFrames,
    TakesLongerLengths,
    TakesAnyOrder,
    /// Sends text back without looking at it.
    TakesAnyText,
    /// Looks at text when its message is whole.
    JudgesTextAtTheEnd,
    TakesAnyCloseCode,
    TakesAnyReason,
    /// Fails connections with 1000.
    FailsWith1000,
    /// Fails connections with 1011.
    FailsWith1011,
    /// Fails connections without a Close frame.
    FailsAbruptly,
    /// Answers Close frames, and keeps the connection.
    NeverEnds,
    /// Ignores what a Close frame should end.
    GoesOnAfterClose,
    EmptyPongs,
    PongsAfterTheMessage,
    MasksItsFrames,
    SendsLongerLengths,
    /// Swaps text and binary.
    SwapsTypes,
    /// Loses the last byte of messages longer than 65,535 bytes.
    CutsLongMessages,
    /// Loses what came behind the request.
    LosesEarlyBytes,
    /// Keeps its context although it agreed not to.
    KeepsContext,
    /// Takes RSV1 on any frame.
    TakesRsv1Anywhere,
    /// Takes no message of more than 32 KiB, which is allowed.
    TakesUpTo32Kib,
    /// Sends a pong before each answer, which is allowed.
    PongsUnasked,
    /// Answers each Close frame with 1001, which is allowed.
    AnswersCloseWith1001,
    ChoosesNoSubprotocol,
    /// Takes what a read returns for a frame: loses the rest of a longer read, and frames that come in several.
    TakesReadsForFrames,
    /// Sends a message back in fragments that never end.
    EndlessFragments,
}

impl Fault {
    /// Those that, together, make every case fail.
    pub(crate) const BROAD: [Fault; 6] = [
        Fault::AcceptsAnything,
        Fault::RefusesEverything,
        Fault::ChoosesUnoffered,
        Fault::AgreesWrongly,
        Fault::NeverFails,
        Fault::Silent,
    ];
}
