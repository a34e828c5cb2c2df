//! What a server or a client can do wrong on purpose.

/// One thing that a server or a client does wrong.
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
    /// A server takes frames that are not masked, a client those that are.
    TakesWronglyMasked,
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
    /// A server masks its frames, a client does not.
    MasksWrongly,
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
    /// A client takes each response for a 101, whatever it says.
    TakesAnyResponse,
    /// A client takes each response for one that it cannot use.
    TakesNoResponse,
    /// A client's request breaks each rule that a response can still answer.
    WrongRequest,
    /// A client does not compare `Sec-WebSocket-Accept`.
    TakesAnyAccept,
    /// A client offers no compression, and takes whatever the response agrees to.
    TakesAnyExtension,
    /// A client takes each subprotocol.
    TakesAnySubprotocol,
    /// A client sends a frame before the response.
    SendsEarly,
    /// A client masks all frames with one key.
    SameKey,
    /// A client counts its masking keys.
    CountsKeys,
    /// A client ends the connection as soon as it has answered a Close frame, which is allowed.
    EndsFirst,
    /// A client offers no window of its own, which is allowed.
    OffersNoWindow,
    /// A client offers no compression, which is allowed.
    OffersNoCompression,
    /// A client sends no message back, which is allowed.
    NoEcho,
}

impl Fault {
    /// Those that, together, make every case for servers fail.
    pub(crate) const BROAD: [Fault; 6] = [
        Fault::AcceptsAnything,
        Fault::RefusesEverything,
        Fault::ChoosesUnoffered,
        Fault::AgreesWrongly,
        Fault::NeverFails,
        Fault::Silent,
    ];

    /// Those that, together, make every case for clients fail.
    pub(crate) const BROAD_OF_CLIENTS: [Fault; 8] = [
        Fault::TakesAnyResponse,
        Fault::TakesNoResponse,
        Fault::WrongRequest,
        Fault::SendsEarly,
        Fault::NeverFails,
        Fault::Silent,
        Fault::SameKey,
        Fault::TakesAnyExtension,
    ];
}
