//! The requests of the admin page.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::StatusCode;
use http::header::{CACHE_CONTROL, RETRY_AFTER, SET_COOKIE};
use http::request::Parts;
use longwire::PeerAddr;

use super::access::{Denied, Operator, no_cookie};
use super::page::Admin;
use super::request::SignInParams;
use super::{files, methods};
use crate::serve::hub::{answer_of_api, read_body, respond};

pub(crate) fn router(admin: Arc<Admin>) -> Router {
    Router::new().route("/admin/api/{method}", post(handle)).with_state(admin).merge(files::router())
}

async fn handle(State(admin): State<Arc<Admin>>, Path(method): Path<String>, request: Request) -> Response {
    let client = request.extensions().get().and_then(|PeerAddr(client)| *client);
    let (head, body) = request.into_parts();
    if method == "sign_in" {
        return sign_in(&admin, client, &head, body).await;
    }
    // Before anything is read.
    let operator = match admin.access.judge(client, &head.uri, &head.headers) {
        Ok(operator) => operator,
        Err(denied) => return denied.into_response(),
    };
    if method == "sign_out" {
        return sign_out(&admin, operator);
    }
    let body = match read_body(body).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    if methods::METHODS_OF_THE_API.contains(&method.as_str()) {
        tracing::info!(%method, "an operator calls a method of the API");
        return answer_of_api(&admin.node, &method, &body).await;
    }
    respond(methods::call(&admin, &method, &body).await)
}

async fn sign_in(admin: &Admin, client: Option<SocketAddr>, head: &Parts, body: Body) -> Response {
    let params = match read_body(body).await {
        Ok(body) => serde_json::from_slice::<SignInParams>(&body),
        Err(refusal) => return refusal,
    };
    let Ok(SignInParams { secret }) = params else {
        return (StatusCode::BAD_REQUEST, "send {\"secret\": …}\n").into_response();
    };
    match admin.access.sign_in(client, &head.uri, &head.headers, &secret) {
        Ok(signed_in) => {
            admin.close_pages(&signed_in.ended);
            no_content(signed_in.cookie)
        }
        Err(denied) => {
            if let Some(unreported) = admin.failures.take(Instant::now()) {
                let client = client.map(tracing::field::display);
                tracing::warn!(unreported, client, ?denied, "somebody failed to sign in at the admin page");
            }
            denied.into_response()
        }
    }
}

fn sign_out(admin: &Admin, operator: Operator) -> Response {
    if let Operator::SignedIn(session) = operator {
        admin.access.sessions.end(session);
        admin.close_pages(&[session]);
    }
    no_content(no_cookie())
}

fn no_content(cookie: String) -> Response {
    let headers = [(SET_COOKIE, cookie), (CACHE_CONTROL, "no-store".to_owned())];
    (StatusCode::NO_CONTENT, headers).into_response()
}

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        match self {
            Denied::Foreign => {
                (StatusCode::FORBIDDEN, "only the admin page may do this, or a program with its token\n")
                    .into_response()
            }
            Denied::Name => {
                let problem =
                    "without a password, the admin page works only at localhost or at an IP address\n";
                (StatusCode::FORBIDDEN, problem).into_response()
            }
            Denied::SignIn => (StatusCode::UNAUTHORIZED, "sign in first\n").into_response(),
            Denied::TooManyTries(wait) => {
                let seconds = wait.as_secs().saturating_add(1).to_string();
                (StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, seconds)], "too many tries\n").into_response()
            }
            Denied::Unavailable => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        }
    }
}
