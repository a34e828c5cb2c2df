//! Why a request is rejected, under axum's names.
//!
//! The names say what is wrong. Status and text are Longwire's own: 426 with `Sec-WebSocket-Version` if the request
//! is for another version or not for a WebSocket (RFC 6455 §4.2.2), 505 over HTTP/2.

use std::fmt;

use axum_core::body::Body;
use axum_core::response::{IntoResponse, Response};
use http::header::{CONNECTION, SEC_WEBSOCKET_KEY};
use http::{HeaderMap, Method, StatusCode, Version};
use longwire_proto::handshake::{Refusal, RefusedRequest, is_upgrade};

macro_rules! rejections {
    ($($(#[$documentation:meta])* $name:ident,)*) => {
        $(
            $(#[$documentation])*
            #[derive(Debug, Clone, PartialEq, Eq)]
            pub struct $name(Refusal);

            impl $name {
                /// The response to the client: its status and reason.
                #[must_use]
                pub fn refusal(&self) -> &Refusal {
                    &self.0
                }

                /// The status of the response.
                #[must_use]
                pub fn status(&self) -> StatusCode {
                    self.0.status()
                }

                /// The text of the response.
                #[must_use]
                pub fn body_text(&self) -> String {
                    self.0.reason().to_owned()
                }
            }

            impl IntoResponse for $name {
                fn into_response(self) -> Response {
                    self.0.response().map(Body::from)
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str(self.0.reason())
                }
            }

            impl std::error::Error for $name {}

            impl From<$name> for WebSocketUpgradeRejection {
                fn from(rejection: $name) -> WebSocketUpgradeRejection {
                    WebSocketUpgradeRejection::$name(rejection)
                }
            }
        )*

        /// Why a request is rejected.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum WebSocketUpgradeRejection {
            $($(#[$documentation])* $name($name),)*
        }

        impl WebSocketUpgradeRejection {
            /// The response to the client: its status and reason.
            #[must_use]
            pub fn refusal(&self) -> &Refusal {
                match self {
                    $(WebSocketUpgradeRejection::$name(rejection) => rejection.refusal(),)*
                }
            }
        }
    };
}

rejections! {
    /// The method is not GET.
    MethodNotGet,
    /// Over HTTP/2, the method is not CONNECT.
    MethodNotConnect,
    /// `Connection` does not list `upgrade`.
    InvalidConnectionHeader,
    /// `Upgrade` does not list `websocket`.
    InvalidUpgradeHeader,
    /// Over HTTP/2, a CONNECT that is not for a WebSocket. Not used yet: over HTTP/2 every CONNECT is
    /// [`ConnectionNotUpgradable`].
    InvalidProtocolPseudoheader,
    /// `Sec-WebSocket-Version` is not 13.
    InvalidWebSocketVersionHeader,
    /// `Sec-WebSocket-Key` is missing.
    WebSocketKeyHeaderMissing,
    /// The HTTP server does not support upgrades, or the request came over HTTP/1.0 or HTTP/2, where Longwire has no
    /// WebSockets.
    ConnectionNotUpgradable,
    /// Another violation of RFC 6455 §4.2.1, such as an invalid key or two keys.
    InvalidRequest,
}

impl WebSocketUpgradeRejection {
    /// The status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.refusal().status()
    }

    /// The text of the response.
    #[must_use]
    pub fn body_text(&self) -> String {
        self.refusal().reason().to_owned()
    }

    /// Classifies a refused request, with the checks in the same order as axum's.
    pub(super) fn of(refused: RefusedRequest) -> WebSocketUpgradeRejection {
        let RefusedRequest { refusal, request, .. } = refused;
        let Some(request) = request else { return InvalidRequest(refusal).into() };
        let headers = request.headers();
        if request.version() > Version::HTTP_11 && request.method() != Method::CONNECT {
            MethodNotConnect(refusal).into()
        } else if request.version() != Version::HTTP_11 {
            ConnectionNotUpgradable(refusal).into()
        } else if request.method() != Method::GET {
            MethodNotGet(refusal).into()
        } else if !lists_upgrade(headers) {
            InvalidConnectionHeader(refusal).into()
        } else if !is_upgrade(&request) {
            InvalidUpgradeHeader(refusal).into()
        } else if !headers.contains_key(SEC_WEBSOCKET_KEY) {
            WebSocketKeyHeaderMissing(refusal).into()
        } else if refusal.status() == StatusCode::UPGRADE_REQUIRED {
            InvalidWebSocketVersionHeader(refusal).into()
        } else {
            InvalidRequest(refusal).into()
        }
    }

    pub(super) fn not_upgradable(refusal: Refusal) -> WebSocketUpgradeRejection {
        ConnectionNotUpgradable(refusal).into()
    }
}

fn lists_upgrade(headers: &HeaderMap) -> bool {
    let options =
        headers.get_all(CONNECTION).iter().flat_map(|line| line.as_bytes().split(|&byte| byte == b','));
    options.map(<[u8]>::trim_ascii).any(|option| option.eq_ignore_ascii_case(b"upgrade"))
}

impl IntoResponse for WebSocketUpgradeRejection {
    fn into_response(self) -> Response {
        self.refusal().response().map(Body::from)
    }
}

impl fmt::Display for WebSocketUpgradeRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.refusal().reason())
    }
}

impl std::error::Error for WebSocketUpgradeRejection {}
