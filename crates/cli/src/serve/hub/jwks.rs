//! `tokens.jwks_url`: the keys of an identity provider.

use bytes::Bytes;
use http::{HeaderMap, Method, Uri};
use longwire_hub::{BoxFuture, KeySource, RefreshPolicy, RefusedKey};
use tokio::runtime::Handle;

use crate::http_client::{HttpClient, HttpRequest};

/// Fetches a JWK set.
pub(super) struct JwksUrl {
    pub(super) client: HttpClient,
    pub(super) url: Uri,
    pub(super) runtime: Handle,
}

impl KeySource for JwksUrl {
    fn fetch(&self, policy: &RefreshPolicy) -> BoxFuture<Result<Bytes, String>> {
        let request = HttpRequest {
            method: Method::GET,
            url: self.url.clone(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            is_repeatable: true,
            timeout: policy.timeout,
            max_answer: policy.max_len,
        };
        let client = self.client.clone();
        let fetched = self.runtime.spawn(async move {
            let answer = client.send(&request).await.map_err(|failure| failure.to_string());
            if let Err(problem) = &answer {
                tracing::warn!("cannot fetch the keys of tokens.jwks_url: {}", problem.escape_debug());
            }
            answer
        });
        Box::pin(async move { fetched.await.unwrap_or_else(|_| Err("the program shuts down".into())) })
    }

    fn refused(&self, keys: &[RefusedKey]) {
        for key in keys {
            tracing::warn!("tokens.jwks_url: {key} is not used");
        }
    }
}
