//! Cases: data with code.

use std::fmt;

use longwire_wire::{Head, RawFrame};

use crate::attack_kind::Kind;
use crate::request::RequestRule;
use crate::rule::{Family, Level, Rule};
use crate::step::{Reply, Step};

/// One case: a rule, what is sent, and what may come back.
///
/// ```
/// let cases = longwire_check::server_cases();
/// let ping = cases.iter().find(|case| case.id() == "6455/5.5/ping-126").unwrap();
/// assert_eq!(ping.paragraph(), "RFC 6455 §5.5");
/// ```
#[derive(Debug)]
pub struct Case {
    id: String,
    title: String,
    rule: Rule,
    level: Level,
    family: Family,
    pub(crate) needs: Vec<Need>,
    pub(crate) script: Script,
}

/// What a case does.
#[derive(Debug)]
pub(crate) enum Script {
    /// A request to a server, and what must become of it.
    Opening(Opening),
    /// What the request of a client must be like.
    Asked(RequestRule),
    /// A response to a client, and what must become of it.
    Answered(Answered),
    /// Steps on a connection that is open.
    Open(Vec<Step>),
    /// Steps on a connection that agreed on permessage-deflate: the extension with its parameters, which a server is offered
    /// and a client is answered with.
    Compressed(&'static str, Vec<Step>),
    /// An attack, with a well-behaved client beside it.
    Attack(Kind),
}

/// A response and what must become of it.
pub(crate) struct Answered {
    pub(crate) delivery: Delivery,
    /// Makes the bytes of the response.
    pub(crate) response: Box<MakeResponse>,
    pub(crate) steps: Vec<Step>,
}

/// Makes the bytes of a response from the request and the valid response to it. The error says what the client does not offer.
pub(crate) type MakeResponse = dyn Fn(&Head, Head) -> Result<Vec<u8>, &'static str> + Send + Sync;

/// How a response is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// At once, in one write.
    AtOnce,
    /// In writes of one byte.
    ByteByByte,
    /// After a pause, in which the client sends nothing.
    Late,
}

impl fmt::Debug for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answered").field("steps", &self.steps).finish_non_exhaustive()
    }
}

/// A request and what must become of it.
pub(crate) struct Opening {
    /// Makes the bytes of the request from the valid request to the endpoint.
    pub(crate) request: Box<dyn Fn(Head) -> Vec<u8> + Send + Sync>,
    pub(crate) answer: Answer,
}

/// What must become of a request.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// A 101 that keeps all rules, and then these steps.
    Accepted(Vec<Step>),
    /// A 101 that keeps all rules, and agrees to what `is_allowed` accepts, which gets `Sec-WebSocket-Extensions`.
    Agreed { expected: &'static str, is_allowed: fn(Option<&str>) -> bool },
    /// A 101 that keeps all rules and, preferably, chooses a subprotocol that the user has named.
    ChoosesKnown,
    /// A 101 that keeps all rules, or an error.
    Consistent,
    /// An error (4xx or 5xx), preferably one of these.
    Refused(&'static [u16]),
    /// Anything but a 101, for what may be a valid request for something else.
    NotAccepted,
    /// A 426 or another error that names the versions that the server speaks.
    OtherVersion,
}

impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opening").field("answer", &self.answer).finish_non_exhaustive()
    }
}

/// What an endpoint must offer for a case to make sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// It sends messages back.
    Echo,
    /// It accepts permessage-deflate.
    Deflate,
    /// It compresses what it sends back.
    DeflatedEcho,
    /// It checks the origin of pages.
    OriginChecks,
    /// The user has named a subprotocol.
    Subprotocol,
    /// The connection is encrypted.
    Tls,
    /// The connection is not encrypted.
    Plain,
}

impl Case {
    /// A case of a rule that is a must.
    pub(crate) fn new(rule: Rule, name: impl fmt::Display, title: impl Into<String>, script: Script) -> Case {
        Case {
            id: format!("{}/{}/{name}", rule.rfc, rule.section),
            title: title.into(),
            rule,
            level: Level::Must,
            // `families` sets it.
            family: Family::Framing,
            needs: Vec::new(),
            script,
        }
    }

    /// Steps on an open connection.
    pub(crate) fn open(
        rule: Rule,
        name: impl fmt::Display,
        title: impl Into<String>,
        steps: Vec<Step>,
    ) -> Case {
        let needs_echo = steps.iter().any(expects_message);
        let case = Case::new(rule, name, title, Script::Open(steps));
        if needs_echo { case.needing(Need::Echo) } else { case }
    }

    /// Frames, after which the endpoint must fail the connection with one of these codes.
    pub(crate) fn fails(
        rule: Rule,
        name: impl fmt::Display,
        title: impl Into<String>,
        frames: impl IntoIterator<Item = RawFrame>,
        codes: &'static [u16],
    ) -> Case {
        let steps = frames.into_iter().map(Step::Send).chain([Step::Fails(codes)]);
        Case::open(rule, name, title, steps.collect())
    }

    /// Frames, after which these replies must come, in any order.
    pub(crate) fn replies(
        rule: Rule,
        name: impl fmt::Display,
        title: impl Into<String>,
        frames: impl IntoIterator<Item = RawFrame>,
        replies: Vec<Reply>,
    ) -> Case {
        let steps = frames.into_iter().map(Step::Send).chain([Step::Expect(replies)]);
        Case::open(rule, name, title, steps.collect())
    }

    /// A request that is made from the valid one, and what must become of it.
    pub(crate) fn opening(
        rule: Rule,
        name: impl fmt::Display,
        title: impl Into<String>,
        request: impl Fn(Head) -> Vec<u8> + Send + Sync + 'static,
        answer: Answer,
    ) -> Case {
        let request = Box::new(request);
        Case::new(rule, name, title, Script::Opening(Opening { request, answer }))
    }

    /// A response that is made from the valid one, and steps after it.
    pub(crate) fn answered(
        rule: Rule,
        name: impl fmt::Display,
        title: impl Into<String>,
        response: impl Fn(&Head, Head) -> Result<Vec<u8>, &'static str> + Send + Sync + 'static,
        steps: Vec<Step>,
    ) -> Case {
        let needs_echo = steps.iter().any(expects_message);
        let response = Box::new(response);
        let answered = Answered { delivery: Delivery::AtOnce, response, steps };
        let case = Case::new(rule, name, title, Script::Answered(answered));
        if needs_echo { case.needing(Need::Echo) } else { case }
    }

    /// A response that the client must accept.
    pub(crate) fn accepted_response(
        rule: Rule,
        name: impl fmt::Display,
        title: impl Into<String>,
        response: impl Fn(&Head, Head) -> Result<Head, &'static str> + Send + Sync + 'static,
    ) -> Case {
        let bytes = move |request: &Head, valid: Head| response(request, valid).map(|head| head.encode());
        Case::answered(rule, name, title, bytes, vec![Step::StaysOpen])
    }

    /// A response after which the client must fail the connection.
    pub(crate) fn refused_response(
        rule: Rule,
        name: impl fmt::Display,
        title: impl Into<String>,
        response: impl Fn(&Head, Head) -> Result<Head, &'static str> + Send + Sync + 'static,
    ) -> Case {
        let bytes = move |request: &Head, valid: Head| response(request, valid).map(|head| head.encode());
        Case::answered(rule, name, title, bytes, vec![Step::Refuses])
    }

    /// The same case, with its response sent in this way.
    pub(crate) fn delivered(self, delivery: Delivery) -> Case {
        let script = match self.script {
            Script::Answered(answered) => Script::Answered(Answered { delivery, ..answered }),
            other => other,
        };
        Case { script, ..self }
    }

    /// An attack. Its id names no RFC, because attacks are rarely about one sentence of it.
    pub(crate) fn attack(rule: Rule, name: impl fmt::Display, title: impl Into<String>, kind: Kind) -> Case {
        Case { id: format!("attack/{name}"), ..Case::new(rule, &name, title, Script::Attack(kind)) }
    }

    /// Whether the case runs alone, when no other one runs.
    pub(crate) fn runs_alone(&self) -> bool {
        matches!(self.script, Script::Attack(_))
    }

    /// The same case of a rule that is a should.
    pub(crate) fn should(self) -> Case {
        Case { level: Level::Should, ..self }
    }

    /// The same case for endpoints that offer this.
    pub(crate) fn needing(mut self, need: Need) -> Case {
        self.needs.push(need);
        self
    }

    /// The same case in this family.
    pub(crate) fn of(self, family: Family) -> Case {
        Case { family, ..self }
    }

    /// The id, which stays the same in later versions: RFC, section and name, as in `6455/5.5/ping-126`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What the case does, in a few words.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The rule, in a sentence.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        self.rule.says
    }

    /// Where the rule stands: RFC and section.
    #[must_use]
    pub fn paragraph(&self) -> String {
        self.rule.paragraph()
    }

    /// How binding the rule is.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// The family that the case belongs to.
    #[must_use]
    pub fn family(&self) -> Family {
        self.family
    }
}

fn expects_message(step: &Step) -> bool {
    let is_message = |reply: &Reply| matches!(reply, Reply::Message(..) | Reply::Compressed(..));
    matches!(step, Step::Expect(replies) if replies.iter().any(is_message))
}
