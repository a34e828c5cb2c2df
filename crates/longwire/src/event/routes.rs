//! Several handlers on one server, chosen by path.

use std::any::Any;
use std::borrow::Cow;
use std::pin::Pin;
use std::sync::Arc;

use longwire_proto::Received;
use longwire_proto::handshake::Refusal;
use matchit::{InsertError, Router};

use super::application::{Application, DeliveryPause, HandlerCall};
use super::handler::{Handler, SocketParts};
use crate::admission::decision::{Accept, Upgrade, percent_decoded};
use crate::error::InvalidSetting;

const ROUTE: &str = "Server::route";

/// Handlers by path. A path that cannot be added is reported when the server starts.
#[derive(Default)]
pub(crate) struct Routes {
    by_path: Router<Box<dyn RouteHandler>>,
    invalid: Option<InvalidSetting>,
}

/// A handler of any type.
trait RouteHandler: Send + Sync {
    fn decide<'a>(&'a self, request: &'a Upgrade<'_>) -> RouteDecision<'a>;
}

type RouteDecision<'a> =
    Pin<Box<dyn Future<Output = Result<Accept<Box<dyn RoutedConnection>>, Refusal>> + Send + 'a>>;

struct HandlerRoute<H>(Arc<H>);

/// The data that is kept for a connection: its state, of any type, and the handler that the type belongs to.
pub(crate) trait RoutedConnection: Send {
    fn give(&mut self, parts: SocketParts<'_>, received: &mut Received<'_>) -> DeliveryPause;
    fn call(&mut self, parts: SocketParts<'_>, call: HandlerCall<'_>);
    fn handler_state(&self) -> &dyn Any;
}

struct OfHandler<H: Handler> {
    handler: Arc<H>,
    state: H::State,
}

impl Routes {
    /// Lets `handler` serve the paths that match a pattern.
    pub(crate) fn add(&mut self, path: &str, handler: impl Handler) {
        if let Err(possible) = self.insert(path, Box::new(HandlerRoute(Arc::new(handler)))) {
            let invalid = InvalidSetting { setting: ROUTE, given: format!("\"{path}\""), possible };
            self.invalid.get_or_insert(invalid);
        }
    }

    fn insert(&mut self, path: &str, route: Box<dyn RouteHandler>) -> Result<(), String> {
        let pattern =
            "a path that begins with `/`, whose segments are literal, `{name}`, or at the end `{*rest}`";
        if !path.starts_with('/') {
            return Err(pattern.to_owned());
        }
        self.by_path.insert(path, route).map_err(|error| match error {
            InsertError::Conflict { with } => {
                format!("a path that \"{with}\", which has a handler already, does not match")
            }
            _ => pattern.to_owned(),
        })
    }

    /// Reports the first path that could not be added.
    ///
    /// # Errors
    ///
    /// If a path could not be added.
    pub(crate) fn check(&self) -> Result<(), InvalidSetting> {
        self.invalid.clone().map_or(Ok(()), Err)
    }
}

impl Application for Routes {
    type State = Box<dyn RoutedConnection>;

    async fn decide(&self, request: &Upgrade<'_>) -> Result<Accept<Box<dyn RoutedConnection>>, Refusal> {
        let found = self.by_path.at(request.path());
        let found = found.map_err(|_| Refusal::not_found("there is no WebSocket at this path"))?;
        let parameters: Vec<(&str, Cow<'_, str>)> =
            found.params.iter().map(|(name, value)| (name, percent_decoded(value))).collect();
        found.value.decide(&request.with_parameters(&parameters)).await
    }

    fn give(
        &self,
        parts: SocketParts<'_>,
        state: &mut Box<dyn RoutedConnection>,
        received: &mut Received<'_>,
    ) -> DeliveryPause {
        state.give(parts, received)
    }

    fn call(&self, parts: SocketParts<'_>, state: &mut Box<dyn RoutedConnection>, call: HandlerCall<'_>) {
        state.call(parts, call);
    }

    fn handler_state(state: &Box<dyn RoutedConnection>) -> &dyn Any {
        (**state).handler_state()
    }
}

impl<H: Handler> RouteHandler for HandlerRoute<H> {
    fn decide<'a>(&'a self, request: &'a Upgrade<'_>) -> RouteDecision<'a> {
        Box::pin(async move {
            let accept = self.0.on_upgrade(request).await?;
            Ok(accept.map(|state| {
                let connection: Box<dyn RoutedConnection> =
                    Box::new(OfHandler { handler: Arc::clone(&self.0), state });
                connection
            }))
        })
    }
}

impl<H: Handler> RoutedConnection for OfHandler<H> {
    fn give(&mut self, parts: SocketParts<'_>, received: &mut Received<'_>) -> DeliveryPause {
        self.handler.give(parts, &mut self.state, received)
    }

    fn call(&mut self, parts: SocketParts<'_>, call: HandlerCall<'_>) {
        self.handler.call(parts, &mut self.state, call);
    }

    fn handler_state(&self) -> &dyn Any {
        &self.state
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::handler::Socket;
    use crate::event::message_ref::MessageRef;

    struct Silent;

    impl Handler for Silent {
        type State = ();

        async fn on_upgrade(&self, _: &Upgrade<'_>) -> Result<Accept<()>, Refusal> {
            Ok(Accept::new())
        }

        fn on_message(&self, _: &mut Socket<'_, Self>, _: MessageRef<'_>) {}
    }

    fn problem(paths: &[&str]) -> Option<String> {
        let mut routes = Routes::default();
        for path in paths {
            routes.add(path, Silent);
        }
        routes.check().err().map(|invalid| invalid.to_string())
    }

    #[test]
    fn literal_segments_come_before_parameters() {
        assert_eq!(problem(&["/", "/echo", "/chat/lobby", "/chat/{name}", "/files/{*rest}"]), None);
    }

    #[test]
    fn paths_that_cannot_be_added_are_named() {
        for path in ["", "chat", "/{", "/{}", "/{*rest}/more"] {
            let problem = problem(&[path]).unwrap();
            assert!(problem.starts_with(&format!("`Server::route` cannot be \"{path}\"")), "{problem}");
        }
        let problem = problem(&["/chat/{name}", "/chat/{id}", "nonsense"]).unwrap();
        assert!(problem.contains("\"/chat/{id}\"") && problem.contains("\"/chat/{name}\""), "{problem}");
    }
}
