//! Runs one case against a client and gives the verdict.

use std::time::Duration;

use longwire_wire::{Head, Peer, Pieces, RawFrame};

use crate::case::{Answered, Case, Delivery, Need, Script};
use crate::conversation::probe::Probed;
use crate::conversation::{Conversation, PAUSE, Strays};
use crate::judged::Judged;
use crate::request::{Asked, RequestRule, agree, may_be_accepted, offered_subprotocols};
use crate::step::Step;
use crate::transport::Transport;
use crate::verdict::{Finding, Stop, Verdict};

/// How long a case may take, in patiences.
const PATIENCES: u32 = 8;

/// A client that has sent its request.
pub(crate) struct Arrival {
    pub(crate) peer: Peer<Transport>,
    /// The bytes of the request.
    pub(crate) bytes: Vec<u8>,
    pub(crate) request: Head,
    /// Whether no request before had the same key.
    pub(crate) has_new_key: bool,
    pub(crate) is_secure: bool,
    pub(crate) patience: Duration,
}

/// Whether a client sends messages back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum EchoState {
    /// No case has needed to know.
    #[default]
    Unknown,
    Missing,
    /// It does, after it has sent this many messages on its own.
    After(usize),
}

impl EchoState {
    fn strays(self) -> Strays {
        match self {
            EchoState::After(greetings) => Strays::Greetings(greetings),
            EchoState::Unknown | EchoState::Missing => Strays::Any,
        }
    }
}

/// Runs a case. It ends within eight times the patience. Notes in `echo` what was found out about it.
pub(crate) async fn judge_client(case: &Case, arrival: Arrival, echo: &mut EchoState) -> Judged {
    let time = arrival.patience.saturating_mul(PATIENCES);
    match tokio::time::timeout(time, run(case, arrival, echo)).await {
        Ok(judged) => judged.without_secrets(&[]),
        Err(_) => Judged::without_dialogue(Verdict::Inconclusive, format!("it took more than {time:?}")),
    }
}

async fn run(case: &Case, mut arrival: Arrival, echo: &mut EchoState) -> Judged {
    let request = arrival.request.clone();
    if let Script::Asked(rule) = case.script {
        return run_asked(case, rule, arrival).await;
    }
    if !may_be_accepted(&request) {
        let _ended = arrival.peer.send_head(&refusal()).await;
        return unclear(case, "its request has no Sec-WebSocket-Key", &arrival.peer);
    }
    if let Some(why) = not_offered(case, &arrival, *echo) {
        return dismiss(arrival, why).await;
    }
    match &case.script {
        Script::Open(steps) => converse(case, arrival, accepting(&request), steps, echo).await,
        Script::Compressed(parameters, steps) => match agree(&request, parameters) {
            Ok(agreed) => {
                let response = accepting(&request).with("Sec-WebSocket-Extensions", agreed);
                converse(case, arrival, response, steps, echo).await
            }
            Err(why) => dismiss(arrival, why).await,
        },
        Script::Answered(answered) => run_answered(case, answered, arrival, echo).await,
        Script::Asked(_) | Script::Opening(_) | Script::Attack(_) => {
            unclear(case, "this case is one for servers", &arrival.peer)
        }
    }
}

fn not_offered(case: &Case, arrival: &Arrival, echo: EchoState) -> Option<&'static str> {
    case.needs.iter().find_map(|need| match need {
        Need::Echo if echo == EchoState::Missing => Some("it is not an echo"),
        Need::Tls if !arrival.is_secure => Some("the connection is not encrypted"),
        _ => None,
    })
}

/// The valid response. Some clients insist on a subprotocol if they have offered any.
pub(crate) fn accepting(request: &Head) -> Head {
    let response = Head::switching_protocols(request);
    match offered_subprotocols(request).into_iter().next() {
        Some(first) => response.with("Sec-WebSocket-Protocol", first),
        None => response,
    }
}

fn refusal() -> Head {
    Head::new("HTTP/1.1 400 Bad Request").with("Content-Length", "0").with("Connection", "close")
}

fn unclear(case: &Case, why: &str, peer: &Peer<Transport>) -> Judged {
    Judged::new(case, Err(Stop::Unclear(why.to_owned())), Vec::new(), peer.transcript().to_string())
}

/// Closes a connection on which the case cannot run.
async fn dismiss(mut arrival: Arrival, why: &'static str) -> Judged {
    let response = accepting(&arrival.request);
    if arrival.peer.send_head(&response).await.is_ok() {
        Conversation::new(arrival.peer, None, Strays::Any).leave().await;
    }
    Judged::without_dialogue(Verdict::NotOffered, why)
}

async fn run_asked(case: &Case, rule: RequestRule, mut arrival: Arrival) -> Judged {
    let Arrival { bytes, request, has_new_key, .. } = &arrival;
    let outcome = rule(&Asked { bytes, head: request, has_new_key: *has_new_key });
    let outcome = outcome.map_err(|got| Stop::Broke(Finding::new("a request that keeps the rule", got)));
    let dialogue = arrival.peer.transcript().to_string();
    if may_be_accepted(&arrival.request) {
        let response = accepting(&arrival.request);
        if arrival.peer.send_head(&response).await.is_ok() {
            Conversation::new(arrival.peer, None, Strays::Any).leave().await;
        }
    } else {
        let _ended = arrival.peer.send_head(&refusal()).await;
    }
    Judged::new(case, outcome, Vec::new(), dialogue)
}

async fn converse(
    case: &Case,
    mut arrival: Arrival,
    response: Head,
    steps: &[Step],
    echo: &mut EchoState,
) -> Judged {
    if let Err(failure) = arrival.peer.send_head(&response).await {
        return unclear(case, &failure.problem().to_string(), &arrival.peer);
    }
    let extensions = response.field("Sec-WebSocket-Extensions");
    let mut conversation = Conversation::new(arrival.peer, extensions, echo.strays());
    if case.needs.contains(&Need::Echo) && *echo == EchoState::Unknown {
        match conversation.probe().await {
            Probed::Echo(greetings) => *echo = EchoState::After(greetings),
            Probed::Open | Probed::Ended => {
                *echo = EchoState::Missing;
                conversation.leave().await;
                return Judged::without_dialogue(Verdict::NotOffered, "it is not an echo");
            }
        }
    }
    let outcome = conversation.run(steps).await;
    let dialogue = conversation.dialogue();
    Judged::new(case, outcome, conversation.weaknesses, dialogue)
}

async fn run_answered(
    case: &Case,
    answered: &Answered,
    mut arrival: Arrival,
    echo: &mut EchoState,
) -> Judged {
    let response = match (answered.response)(&arrival.request, accepting(&arrival.request)) {
        Ok(response) => response,
        Err(why) => return dismiss(arrival, why).await,
    };
    if answered.delivery == Delivery::Late
        && let Some(early) = early_frame(&mut arrival.peer).await
    {
        let finding = Finding::new("nothing before the response", early);
        let dialogue = arrival.peer.transcript().to_string();
        return Judged::new(case, Err(Stop::Broke(finding)), Vec::new(), dialogue);
    }
    if answered.delivery == Delivery::ByteByByte {
        arrival.peer.cut_into(Pieces::Bytes);
    }
    // A client that refuses early may end the connection before it has read everything. The steps say what it did.
    let _ended = match Head::parse(&response) {
        Some((head, _)) if head.encode() == response => arrival.peer.send_head(&head).await,
        _ => arrival.peer.send_bytes(&response).await,
    };
    arrival.peer.cut_into(Pieces::Whole);
    let extensions = Head::parse(&response).and_then(|(head, _)| {
        let value = head.field("Sec-WebSocket-Extensions")?;
        Some(value.to_owned())
    });
    let mut conversation = Conversation::new(arrival.peer, extensions.as_deref(), echo.strays());
    let outcome = conversation.run(&answered.steps).await;
    let needs_to_know = case.needs.contains(&Need::Echo) && *echo == EchoState::Unknown;
    if outcome.is_err() && needs_to_know && conversation.probe().await == Probed::Open {
        *echo = EchoState::Missing;
        conversation.leave().await;
        return Judged::without_dialogue(Verdict::NotOffered, "it is not an echo");
    }
    let dialogue = conversation.dialogue();
    Judged::new(case, outcome, conversation.weaknesses, dialogue)
}

/// What a client sends before the response, if that comes a little late.
async fn early_frame(peer: &mut Peer<Transport>) -> Option<String> {
    match tokio::time::timeout(PAUSE, peer.frame_or_end()).await {
        Err(_) => None,
        Ok(Ok(Some(frame))) => Some(RawFrame::to_string(&frame)),
        Ok(Ok(None)) => Some("the end of the connection".to_owned()),
        Ok(Err(failure)) => Some(failure.problem().to_string()),
    }
}
