//! Runs one case against a server and gives the verdict.

use std::sync::Arc;
use std::time::{Duration, Instant};

use longwire_wire::{Failure, Head, Peer, Problem};

use crate::answer::{self, is_error, status};
use crate::attack::mounting::{Mounted, mount};
use crate::attack_kind::Kind;
use crate::case::{Answer, Case, Need, Opening, Script};
use crate::conversation::{Conversation, Strays, dial, open};
use crate::judged::{Judged, Reach};
use crate::setting::Setting;
use crate::step::Step;
use crate::target::Target;
use crate::transport::Transport;
use crate::verdict::{Finding, Stop, Verdict};

/// How long a case may take, in patiences.
const PATIENCES: u32 = 8;

/// Runs a case. It ends within eight times the patience, and three times the time of an attack.
pub(crate) async fn judge(case: &Case, setting: &Arc<Setting>) -> Judged {
    if let Some(why) = not_offered(case, setting) {
        return Judged::without_dialogue(Verdict::NotOffered, why);
    }
    let attack_time = if case.runs_alone() { setting.attack.time.saturating_mul(3) } else { Duration::ZERO };
    let time = setting.patience.saturating_mul(PATIENCES).saturating_add(attack_time);
    match tokio::time::timeout(time, run(case, setting)).await {
        Ok(judged) => judged.without_secrets(setting.target.headers()),
        Err(_) => Judged::without_dialogue(Verdict::Inconclusive, format!("it took more than {time:?}")),
    }
}

fn not_offered(case: &Case, setting: &Setting) -> Option<&'static str> {
    let endpoint = &setting.endpoint;
    case.needs.iter().find_map(|need| match need {
        Need::Echo if !endpoint.is_echo => Some("it is not an echo"),
        Need::Deflate if endpoint.deflate.is_none() => Some("it does not accept permessage-deflate"),
        Need::DeflatedEcho if !endpoint.deflates_echo => Some("it sends back nothing that is compressed"),
        Need::OriginChecks if !endpoint.checks_origin => Some("pages of every origin may connect"),
        Need::Subprotocol if setting.target.subprotocols().is_empty() => {
            Some("--subprotocol names none that the endpoint speaks")
        }
        Need::Tls if !setting.target.is_secure() => Some("the connection is not encrypted"),
        Need::Plain if setting.target.is_secure() => Some("the connection is encrypted"),
        _ => None,
    })
}

async fn run(case: &Case, setting: &Arc<Setting>) -> Judged {
    match &case.script {
        Script::Opening(opening) => run_opening(case, opening, setting).await,
        Script::Open(steps) => run_open(case, setting.target.request(), steps, setting).await,
        Script::Compressed(parameters, steps) => {
            let request = setting.target.request().with("Sec-WebSocket-Extensions", *parameters);
            run_open(case, request, steps, setting).await
        }
        Script::Attack(kind) => run_attack(case, *kind, setting).await,
        Script::Asked(_) | Script::Answered(_) => {
            Judged::without_dialogue(Verdict::Inconclusive, "this case is one for clients")
        }
    }
}

async fn run_attack(case: &Case, kind: Kind, setting: &Arc<Setting>) -> Judged {
    let connected = Reach::Connected(Instant::now());
    match mount(kind, setting).await {
        Err(stop) => Judged::not_connected(case, stop),
        Ok(Mounted { verdict, finding, figures }) => {
            let dialogue = figures.to_string();
            Judged { verdict, finding, dialogue, reach: connected, figures: Some(figures) }
        }
    }
}

async fn run_open(case: &Case, request: Head, steps: &[Step], setting: &Setting) -> Judged {
    let mut peer = match dial(&*setting.dialer, setting.patience).await {
        Ok(peer) => peer,
        Err(stop) => return Judged::not_connected(case, stop),
    };
    let response = match open(&mut peer, &request).await {
        Ok(response) => response,
        Err(stop) => {
            let dialogue = peer.transcript().to_string();
            return Judged { reach: Reach::Unanswered, ..Judged::new(case, Err(stop), Vec::new(), dialogue) };
        }
    };
    let connected = Reach::Connected(Instant::now());
    let has_declined = response.field("Sec-WebSocket-Extensions").is_none();
    if matches!(case.script, Script::Compressed(..)) && has_declined {
        return Judged::without_dialogue(Verdict::NotOffered, "it declines this offer of permessage-deflate");
    }
    Judged { reach: connected, ..converse(case, peer, &response, steps, setting).await }
}

async fn converse(
    case: &Case,
    peer: Peer<Transport>,
    response: &Head,
    steps: &[Step],
    setting: &Setting,
) -> Judged {
    let strays =
        if setting.endpoint.is_echo { Strays::Greetings(setting.endpoint.greetings) } else { Strays::Any };
    let mut conversation = Conversation::new(peer, response.field("Sec-WebSocket-Extensions"), strays);
    let outcome = conversation.run(steps).await;
    let dialogue = conversation.dialogue();
    Judged::new(case, outcome, conversation.weaknesses, dialogue)
}

async fn run_opening(case: &Case, opening: &Opening, setting: &Setting) -> Judged {
    let mut peer = match dial(&*setting.dialer, setting.patience).await {
        Ok(peer) => peer,
        Err(stop) => return Judged::not_connected(case, stop),
    };
    let connected = Reach::Connected(Instant::now());
    let request = (opening.request)(setting.target.request());
    // A server that refuses early may end the connection before it has read everything. The response says why.
    let _ended = peer.send_bytes(&request).await;
    let head = Head::parse(&request).map(|(head, _)| head).unwrap_or_else(|| setting.target.request());
    let response = peer.head().await;
    if let (Ok(response), Answer::Accepted(steps)) = (&response, &opening.answer)
        && answer::judge(&head, response).is_ok()
    {
        return Judged { reach: connected, ..converse(case, peer, response, steps, setting).await };
    }
    let (outcome, weaknesses) = answered(&opening.answer, &head, response, &setting.target);
    let dialogue = peer.transcript().to_string();
    Judged { reach: connected, ..Judged::new(case, outcome, weaknesses, dialogue) }
}

/// Judges the response to a request.
fn answered(
    answer: &Answer,
    request: &Head,
    response: Result<Head, Failure>,
    target: &Target,
) -> (Result<(), Stop>, Vec<Finding>) {
    let expected = expectation(answer);
    let broke = |got: String| (Err(Stop::Broke(Finding::new(&expected, got))), Vec::new());
    let must_accept = matches!(answer, Answer::Accepted(_) | Answer::Agreed { .. } | Answer::ChoosesKnown);
    let response = match response {
        Ok(response) => response,
        Err(failure) => {
            return match failure.problem() {
                Problem::Ended if !must_accept => {
                    let got = "the end of the connection without a response";
                    (Ok(()), vec![Finding::new(&expected, got)])
                }
                Problem::Io(error) => (Err(Stop::Unclear(error.to_string())), Vec::new()),
                problem => broke(problem.to_string()),
            };
        }
    };
    if matches!(answer, Answer::Agreed { .. } | Answer::ChoosesKnown) && is_error(&response) {
        // It agrees to nothing wrong. But it was to decline what was offered, not the connection.
        return (Ok(()), vec![Finding::new(&expected, format!("{:?}", response.start))]);
    }
    if must_accept || (matches!(answer, Answer::Consistent) && status(&response) == 101) {
        return match answer::judge(request, &response).and_then(|()| agrees(answer, &response, target)) {
            Ok(()) => (Ok(()), weakness_of(answer, &response, &expected)),
            Err(why) => broke(why),
        };
    }
    refused(answer, &response, &expected)
}

/// Judges the agreement of a response that is valid.
fn agrees(answer: &Answer, response: &Head, target: &Target) -> Result<(), String> {
    let (field, agrees) = match answer {
        Answer::Agreed { is_allowed, .. } => {
            let value = response.field("Sec-WebSocket-Extensions");
            (value, is_allowed(value))
        }
        Answer::ChoosesKnown => {
            let value = response.field("Sec-WebSocket-Protocol");
            (value, value.is_none_or(|value| target.subprotocols().iter().any(|known| known == value)))
        }
        _ => return Ok(()),
    };
    if agrees { Ok(()) } else { Err(field.map_or("no agreement".into(), |value| format!("{value:?}"))) }
}

/// A server may choose no subprotocol (RFC 6455 §4.2.2), even one that it is said to speak.
fn weakness_of(answer: &Answer, response: &Head, expected: &str) -> Vec<Finding> {
    let chooses_none = response.field("Sec-WebSocket-Protocol").is_none();
    if matches!(answer, Answer::ChoosesKnown) && chooses_none {
        vec![Finding::new(expected, "no subprotocol")]
    } else {
        Vec::new()
    }
}

/// Judges a response to a request that must not be accepted.
fn refused(answer: &Answer, response: &Head, expected: &str) -> (Result<(), Stop>, Vec<Finding>) {
    let finding = || Finding::new(expected, format!("{:?}", response.start));
    let status = status(response);
    let is_error = is_error(response);
    let is_kept = match answer {
        Answer::NotAccepted | Answer::Consistent => status != 101,
        Answer::OtherVersion => is_error && response.field("Sec-WebSocket-Version").is_some(),
        _ => is_error,
    };
    if !is_kept {
        return (Err(Stop::Broke(finding())), Vec::new());
    }
    match answer {
        Answer::Refused(best) if !best.is_empty() && !best.contains(&status) => (Ok(()), vec![finding()]),
        _ => (Ok(()), Vec::new()),
    }
}

fn expectation(answer: &Answer) -> String {
    match answer {
        Answer::Accepted(_) => "101 Switching Protocols".into(),
        Answer::Agreed { expected, .. } => format!("101 with {expected}"),
        Answer::ChoosesKnown => "101 with a subprotocol of --subprotocol".into(),
        Answer::Consistent => "101 that keeps all rules, or an error".into(),
        Answer::Refused([]) => "an error: a status of 4xx or 5xx".into(),
        Answer::Refused(best) => {
            let best: Vec<String> = best.iter().map(u16::to_string).collect();
            format!("an error: {}", best.join(" or "))
        }
        Answer::NotAccepted => "any response but 101".into(),
        Answer::OtherVersion => "426, or another error, with Sec-WebSocket-Version: 13".into(),
    }
}
