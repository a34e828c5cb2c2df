//! `POST /demo/token` and `POST /demo/api/publish`: what a back end does for its users, for the visitors of the demos.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use serde::Deserialize;
use serde_json::json;

use super::rate::DemoRate;
use super::visitors::{Visitor, Visitors};
use crate::config::Secret;
use crate::failure::Failure;
use crate::serve::hub::{ApiKeys, Node, answer_of_api, read_short_body};

/// The longest request, in bytes.
const MAX_REQUEST: usize = 16 << 10;

/// The longest name of a visitor, in characters.
const MAX_NAME: usize = 40;

/// The namespaces to which `/demo/api/publish` publishes. To those of the other demos, only the server may.
const NAMESPACES: [&str; 3] = ["demo", "demo-latest", "demo-inbox"];

/// What all requests share.
struct Desk {
    visitors: Arc<Visitors>,
    node: Arc<Node>,
    /// The key of `/demo/api`. It is given to every visitor.
    api_key: String,
    keys: ApiKeys,
    tokens: DemoRate,
    publications: DemoRate,
}

pub(crate) fn router(visitors: Arc<Visitors>, node: Arc<Node>) -> Result<Router, Failure> {
    let api_key = visitors.random_text()?;
    let keys = ApiKeys::new(&[Secret::from(api_key.clone())])?;
    let desk = Desk {
        visitors,
        node,
        api_key,
        keys,
        tokens: DemoRate::new(200, Duration::from_millis(50)),
        publications: DemoRate::new(200, Duration::from_millis(20)),
    };
    let router = Router::new().route("/demo/token", post(token)).route("/demo/api/publish", post(publish));
    Ok(router.with_state(Arc::new(desk)))
}

/// What a page asks for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TokenRequest {
    /// The name that others see.
    name: String,
    /// The token of the user that the visitor is and stays.
    token: String,
}

/// Answers with a token, its user, and the key of the API.
async fn token(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    if !desk.tokens.take(Instant::now()) {
        return too_many();
    }
    let body = match read_short_body(request.into_body(), MAX_REQUEST).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    let TokenRequest { name, token } = match serde_json::from_slice(&body) {
        Ok(asked) => asked,
        Err(error) => return bad_request(&format!("send {{\"name\": \"…\"}}: {error}")),
    };
    if name.chars().count() > MAX_NAME {
        return bad_request(&format!("a name has at most {MAX_NAME} characters"));
    }
    match desk.visitors.admit(name.trim(), &token, desk.node.now()).await {
        Ok(Visitor { user, token }) => {
            let answer = json!({ "token": token, "user": user, "api_key": desk.api_key }).to_string();
            ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")], answer).into_response()
        }
        Err(failure) => (StatusCode::SERVICE_UNAVAILABLE, format!("{failure}\n")).into_response(),
    }
}

/// What is read of a publication before the API takes it.
#[derive(Debug, Deserialize)]
struct PublicationHead {
    channel: String,
}

/// The API's method `publish`, for channels of the demos.
async fn publish(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    if !desk.keys.open(&head.headers) {
        let problem = "send the key that /demo/token gives as X-API-Key\n";
        return (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "apikey")], problem).into_response();
    }
    if !desk.publications.take(Instant::now()) {
        return too_many();
    }
    let body = match read_short_body(body, MAX_REQUEST).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    match serde_json::from_slice(&body) {
        Ok(PublicationHead { channel }) if is_of_visitors(&channel) => {
            answer_of_api(&desk.node, "publish", &body).await
        }
        Ok(PublicationHead { .. }) => {
            (StatusCode::FORBIDDEN, "this key is for the namespaces demo, demo-latest and demo-inbox\n")
                .into_response()
        }
        Err(error) => bad_request(&format!("send {{\"channel\": \"…\", \"data\": …}}: {error}")),
    }
}

/// Whether visitors may publish to a channel as a back end.
fn is_of_visitors(channel: &str) -> bool {
    let namespace = channel.split_once(':').map(|(namespace, _)| namespace);
    namespace.is_some_and(|namespace| NAMESPACES.contains(&namespace))
}

fn too_many() -> Response {
    (StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, "1")], "too many requests; try again in a second\n")
        .into_response()
}

fn bad_request(problem: &str) -> Response {
    (StatusCode::BAD_REQUEST, format!("{problem}\n")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visitors_publish_to_their_own_channels_only() {
        for channel in ["demo:tea", "demo-inbox:#42"] {
            assert!(is_of_visitors(channel), "{channel}");
        }
        for channel in
            ["news", "demo", "demo-ticker:EURUSD", "demonstration:tea", "$demo:tea", "news:demo:tea", ""]
        {
            assert!(!is_of_visitors(channel), "{channel}");
        }
    }
}
